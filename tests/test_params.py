"""What params.yaml may hold, and how a wrong value is told."""

import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from src import schema
from src.errors import UserError
from src.params import read_params
from stages import preflight
from stages.common import run

ROOT = Path(__file__).parent.parent
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())


def check(tmp_path, changes: dict) -> schema.Params:
    """Check the project's parameters after changes; a key is a path of names, a value of ... removes it."""
    params = yaml.safe_load(yaml.safe_dump(PARAMS))
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = params
        for part in sections:
            section = section[part]
        if value is ...:
            del section[name]
        else:
            section[name] = value
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(params))
    return schema.check(tmp_path / "params.yaml")


GOOD = [
    {},
    {"latent_dims": 1},
    {"latent_dims": 784},
    {"learning_rate": 1},
    {"train_ae.device": "cuda:3", "train_vae.device": "mps", "render.device": "cpu"},
    {"train_vae.kl": "standard", "train_vae.beta": 0},
    {"render.grid_range.ae": "auto", "render.grid_range.vae": [-1.5, 2]},
    {"download.folder": "/some/folder", "download.sources": ["folder"]},
]

WRONG = [
    ("latent_dims", "two", "a whole number from 1 to 784"),
    ("latent_dims", 0, "a whole number from 1 to 784"),
    ("latent_dims", 785, "a whole number from 1 to 784"),
    ("latent_dims", 2.0, "a whole number"),
    ("latent_dims", True, "a whole number"),
    ("latent_dims", [2, 4], "a whole number"),
    ("latent_dims", None, "a whole number"),
    ("hidden_dims", -1, "a whole number"),
    ("batch_size", 0, "a whole number"),
    ("epochs", 10**9, "a whole number"),
    ("learning_rate", 0, "a number above 0"),
    ("learning_rate", math.nan, "a number above 0"),
    ("learning_rate", math.inf, "a number above 0"),
    ("learning_rate", "fast", "a number above 0"),
    ("reconstruction_loss", "mse", "sse or bce"),
    ("seed", -1, "a whole number"),
    ("threads", 0, "a whole number"),
    ("download", None, "a section with"),
    ("download.sources", [], "a list of one or more"),
    ("download.sources", ["ftp"], "a list of one or more"),
    ("download.folder", 3, "the path of a folder, or null"),
    ("download.timeout", -5, "a number of seconds"),
    ("train_ae.device", "gpu", "cuda:N"),
    ("train_ae.device", "cuda:", "cuda:N"),
    ("train_ae.device", "cuda:0\n", "cuda:N"),
    ("train_vae.kl", "tutoral", "tutorial or standard"),
    ("train_vae.beta", -0.1, "a number from 0"),
    ("evaluate.importance_samples", 0, "a whole number"),
    ("render.grid_range.ae", [10, -10], "low < high"),
    ("render.grid_range.ae", [1, 1], "low < high"),
    ("render.grid_range.vae", [1, 2, 3], "low < high"),
    ("render.grid_range.vae", [-math.inf, 0], "low < high"),
    ("render.interpolation_digits", [1, 10], "two digits from 0 to 9"),
    ("render.interpolation_digits", [1], "two digits from 0 to 9"),
    ("render.gif_steps", 1, "a whole number"),
    ("latent_dims", "", "a whole number"),
    ("latent_dims", {}, "a whole number"),
    ("latent_dims", -math.inf, "a whole number"),
    ("latent_dims", 10**30, "a whole number"),
    ("hidden_dims", 0, "a whole number from 1 to 65536"),
    ("hidden_dims", "512", "a whole number"),
    ("batch_size", 60_001, "a whole number from 1 to 60000"),
    ("batch_size", 1.5, "a whole number"),
    ("epochs", 0, "a whole number"),
    ("epochs", False, "a whole number"),
    ("learning_rate", -0.001, "a number above 0"),
    ("learning_rate", 11, "a number above 0, up to 10"),
    ("learning_rate", True, "a number above 0"),
    ("learning_rate", None, "a number above 0"),
    ("reconstruction_loss", ["sse"], "sse or bce"),
    ("seed", 0.5, "a whole number"),
    ("threads", 10_000, "a whole number from 1 to 1024"),
    ("download.sources", "pypi", "a list of one or more"),
    ("download.timeout", math.nan, "a number of seconds"),
    ("download.timeout", "soon", "a number of seconds"),
    ("download.folder", "", "the path of a folder, or null"),
    ("train_ae", "fast", "a section with device"),
    ("train_ae.device", "CUDA", "cuda:N"),
    ("train_ae.device", "cuda:-1", "cuda:N"),
    ("train_ae.device", 0, "cuda:N"),
    ("train_vae.kl", True, "tutorial or standard"),
    ("train_vae.beta", math.nan, "a number from 0"),
    ("evaluate.device", "tpu", "cuda:N"),
    ("evaluate.importance_samples", "many", "a whole number"),
    ("render.device", "", "cuda:N"),
    ("render.scatter_images", 0, "a whole number from 1 to 60000"),
    ("render.grid_tiles", 1, "a whole number from 2 to 100"),
    ("render.grid_range.ae", "automatic", "auto, or"),
    ("render.grid_range.ae", 3, "auto, or"),
    ("render.grid_range", None, "a section with ae, vae"),
    ("render.interpolation_digits", ["one", "zero"], "two digits from 0 to 9"),
    ("render.interpolation_steps", 1, "a whole number"),
    ("epochs", ..., "missing"),
    ("train_vae", ..., "missing"),
    ("train_vae.kl", ..., "missing"),
    ("latent_dim", 3, "did you mean latent_dims"),
    ("render.grid_tile", 3, "did you mean grid_tiles"),
    ("colour", "blue", "allowed are latent_dims"),
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_what_is_allowed(tmp_path, changes):
    check(tmp_path, changes)


@pytest.mark.parametrize(("key", "value", "allowed"), WRONG, ids=[f"{key}={value!r}" for key, value, _ in WRONG])
def test_the_gate_names_a_wrong_parameter_in_one_line_and_writes_nothing(tmp_path, monkeypatch, key, value, allowed):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["preflight"])
    (tmp_path / "data").mkdir()
    with pytest.raises(UserError):
        check(tmp_path, {key: value})
    with pytest.raises(SystemExit) as told:
        run(preflight.main)
    message = told.value.code  # Python prints a text to stderr and exits with 1
    assert message.startswith("error: params.yaml: ")
    assert "\n" not in message
    assert key in message
    assert allowed in message
    if value is not ...:
        assert allowed.startswith(("did", "allowed")) or repr(value) in message
    assert not list((tmp_path / "data").iterdir())


def test_every_wrong_parameter_is_told_at_once(tmp_path):
    with pytest.raises(UserError, match=r"latent_dims is 0.*epochs is -1"):
        check(tmp_path, {"latent_dims": 0, "epochs": -1})


@pytest.mark.parametrize("content", [b"a: [", b"\xff\xfe", b"", b"- 1\n", b"a: b: c"])
def test_a_file_that_is_not_parameters_is_told_in_one_line(tmp_path, content):
    (tmp_path / "params.yaml").write_bytes(content)
    with pytest.raises(UserError, match=r"^[^\n]*params.yaml[^\n]*git checkout[^\n]*$"):
        schema.check(tmp_path / "params.yaml")


def test_numbers_are_read_as_dvc_writes_them(tmp_path):
    (tmp_path / "params.yaml").write_text("a: 1e-05\nb: {c: 2E3, d: 1.5e+2, e: e5, f: 1e5x}\n")
    params = read_params(tmp_path / "params.yaml")
    assert (params.a, params.b.c, params.b.d, params.b.e, params.b.f) == (1e-5, 2e3, 150.0, "e5", "1e5x")


def test_the_gate_ends_with_one_line_and_exit_code_1_and_writes_nothing(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(PARAMS | {"latent_dims": 0}))
    command = [sys.executable, "-m", "stages.preflight"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("error: params.yaml: latent_dims is 0")
    assert done.stderr.count("\n") == 1
    assert not list((tmp_path / "data").iterdir())
