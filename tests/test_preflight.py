"""What params.yaml may hold, and how a wrong value is told."""

import math

import pytest
import yaml

from src.base.errors import UserError
from src.preflight import schema
from stages import preflight
from tests.small_project import PARAMS, ROOT

CLASSES = {"FashionMNIST": [""] * 10, "MNIST": [""] * 10}


def changed(changes: dict) -> dict:
    """The tests' parameters after changes; a key is a path of names, a value of ... removes it."""
    params = yaml.safe_load(PARAMS)
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = params
        for part in sections:
            section = section[part]
        if value is ...:
            del section[name]
        else:
            section[name] = value
    return params


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
    ("render.interpolation_classes", [1, 10], "MNIST has the classes 0 to 9"),
    ("render.interpolation_classes", [1], "two numbers of classes"),
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
    ("render.interpolation_classes", ["one", "zero"], "two numbers of classes"),
    ("render.interpolation_steps", 1, "a whole number"),
    ("epochs", ..., "missing"),
    ("train_vae", ..., "missing"),
    ("train_vae.kl", ..., "missing"),
    ("latent_dim", 3, "did you mean latent_dims"),
    ("render.grid_tile", 3, "did you mean grid_tiles"),
    ("colour", "blue", "allowed are dataset, latent_dims"),
    ("dataset", "FashonMNIST", "allowed is FashionMNIST or MNIST, did you mean FashionMNIST"),
    ("dataset", "CIFAR10", "allowed is FashionMNIST or MNIST"),
    ("dataset", 3, "the name of a file in data/sets"),
    ("dataset", "../sets/MNIST", "allowed is FashionMNIST or MNIST"),
]


@pytest.mark.parametrize("changes", GOOD, ids=str)
def test_what_is_allowed(changes):
    schema.check(changed(changes), CLASSES)


@pytest.mark.parametrize(
    ("key", "value", "allowed"), WRONG, ids=[f"{key}={value!r}" for key, value, _ in WRONG]
)
def test_the_gate_names_a_wrong_parameter_in_one_line(key, value, allowed):
    with pytest.raises(UserError) as told:
        preflight.main(changed({key: value}))
    message = str(told.value)
    assert message.startswith("params.yaml: ")
    assert "\n" not in message
    assert key in message
    assert allowed in message
    if value is not ...:
        assert allowed.startswith(("did", "allowed")) or repr(value) in message


def test_every_wrong_parameter_is_told_at_once():
    with pytest.raises(UserError, match=r"latent_dims is 0.*epochs is -1"):
        schema.check(changed({"latent_dims": 0, "epochs": -1}), CLASSES)


def test_a_whole_number_with_an_exponent_is_told_how_to_be_written():
    with pytest.raises(
        UserError, match=r"latent_dims is 10\.0, .*: write 10, without point or exponent"
    ):
        schema.check(changed({"latent_dims": 1e1}), CLASSES)


@pytest.mark.parametrize("content", [None, [1], "text", {}])
def test_what_is_not_parameters_at_all_is_told_in_one_line(content):
    with pytest.raises(UserError, match=r"^params\.yaml holds [^\n]*git checkout[^\n]*$"):
        schema.check(content, CLASSES)


def test_the_tests_parameters_have_the_names_of_the_project_s():
    def names(section):
        return {
            key: names(value) if isinstance(value, dict) else None for key, value in section.items()
        }

    assert names(yaml.safe_load(PARAMS)) == names(
        yaml.safe_load((ROOT / "params.yaml").read_text())
    )
