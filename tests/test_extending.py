"""What docs/extending.md says, followed to the letter: a third model, a data set of one's own."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from src.models.registry import MODELS
from tools.small_project import ROOT, Project, write_idx

PAGE = (ROOT / "docs/extending.md").read_text()
NAME = "conv"
QUICK_TESTS = ["models", "declarations", "preflight", "data", "documents"]


class Block(NamedTuple):
    """A block of code of the page, and the file that its heading names."""

    path: str
    language: str
    code: str


def blocks() -> list[Block]:
    """The blocks of code of the page, in their order."""
    found = []
    path = ""
    for heading, language, code in re.findall(
        r"^#### \d\. [^\n`]*`([^`]+)`|^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    ):
        path = heading or path
        if code:
            found.append(Block(path, language, code))
    return found


def with_lines(text: str, code: str) -> str:
    """A text with the lines of a block below the block's first line, which it has already."""
    if {*code.splitlines()} <= {*text.splitlines()}:  # the model of the page is really there
        return text
    first, _, others = code.partition("\n")
    assert f"{first}\n" in text, f"docs/extending.md: no line {first!r} in the file that it names"
    return text.replace(f"{first}\n", f"{first}\n{others}", 1)


def added(content: Any, addition: Any) -> Any:
    """YAML content with an addition: mappings by their names, lists by the names in them."""
    if isinstance(addition, dict):
        content = content or {}
        return content | {name: added(content.get(name), part) for name, part in addition.items()}
    if isinstance(addition, list):
        items = {name_of(item): item for item in content or []}
        items |= {name_of(item): added(items.get(name_of(item)), item) for item in addition}
        return list(items.values())
    return addition


def name_of(item: Any) -> str:
    """What an item of a list in dvc.yaml is called: itself, or the only key of a mapping."""
    return next(iter(item)) if isinstance(item, dict) else item


def follow(root: Path, block: Block) -> None:
    """Do in a copy of the project what a block of the page says."""
    path = root / block.path
    if block.language == "yaml":
        content = added(yaml.safe_load(path.read_text()), yaml.safe_load(block.code))
        path.write_text(yaml.safe_dump(content, sort_keys=False))
    elif path.exists():
        path.write_text(with_lines(path.read_text(), block.code))
    else:
        path.write_text(block.code)


@pytest.fixture(scope="module")
def extended(reproduced, tmp_path_factory) -> Project:
    """A clone of the small project, with the model of the page."""
    clone = reproduced.clone(tmp_path_factory.mktemp("extended") / "project")
    for folder in ("tests", "docs"):
        shutil.copytree(ROOT / folder, clone.root / folder)
    for block in blocks():
        follow(clone.root, block)
    clone.commit("a third model")
    return clone


def test_code_of_the_page_is_clean(extended):
    """It is formatted and free of faults, as all code here."""
    sources = sorted({block.path for block in blocks() if block.path.endswith(".py")})
    for command in (["check"], ["format", "--check"]):
        extended.run(sys.executable, "-m", "ruff", *command, "--no-cache", *sources)


def test_quick_tests_pass_with_the_model(extended):
    """Contract, declarations, schema and documents hold for it, and no further file names it."""
    files = [f"tests/test_{name}.py" for name in QUICK_TESTS]
    command = [sys.executable, "-m", "pytest", "-n0", "-vv", "-m", "not slow", *files]
    done = extended.run(*command, check=False)
    assert done.returncode == 0, done.stdout
    assert f"test_model_keeps_the_contract[{NAME}] PASSED" in done.stdout
    assert "test_losses_follow_the_published_ones[vae] SKIPPED" in done.stdout


@pytest.fixture(scope="module")
def trained(extended) -> Project:
    """The clone after `dvc repro`."""
    extended.last_run = extended.repro()
    return extended


def test_third_model_has_all_results(trained, reproduced):
    """Weights, losses, metrics and pictures as the VAE has them, and its place in both pages."""
    reports = trained.root / "reports"
    assert {f"train_{NAME}", "evaluate", "render", "explore"} <= set(trained.last_run)
    assert (trained.root / f"data/models/{NAME}.pt").exists()
    assert pd.read_csv(reports / NAME / "loss.csv")["loss"].is_monotonic_decreasing
    files = sorted(path.name for path in (reports / NAME).iterdir())
    assert files == sorted(path.name for path in (reports / "vae").iterdir())
    metrics = json.loads((reports / NAME / "metrics.json").read_text())
    assert metrics.keys() == json.loads((reports / "vae/metrics.json").read_text()).keys()
    before = Image.open(reproduced.root / "reports/overview.png").width / len(MODELS)
    after = Image.open(reports / "overview.png").width / len({*MODELS, NAME})
    assert after == before  # a column more
    assert '"title": "Convolutional VAE"' in (reports / "explorer.html").read_text()


def test_other_models_stay_the_same(trained, reproduced):
    """A change of the shared folder trains them again, to the same bytes."""
    for name in MODELS:
        path = f"data/models/{name}.pt"
        assert (trained.root / path).read_bytes() == (reproduced.root / path).read_bytes()


def test_nothing_runs_twice(trained):
    """dvc.yaml lists every input and output of the new stage."""
    assert trained.repro() == []


def test_table_of_the_page_is_true():
    """It says which stages a change re-runs: those of dvc.yaml."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    section, _, _ = PAGE.partition("## A parameter")
    rows = re.findall(r"^\| (`.+?) \| (.+?) \|$", section, re.MULTILINE)
    assert len(rows) > 5
    for paths, effect in rows:
        expected = set(re.findall(r"`(\w+)`", effect.split(";")[0]))
        expected |= {name for name in stages if effect == "every stage"}
        expected |= {name for name in stages if "every training" in effect and "train_" in name}
        for path in re.findall(r"`([^`]+)`", paths):
            listing = {name for name in stages if path in map(name_of, stages[name]["deps"])}
            assert listing == expected, f"{path}, {effect}"


# The quick command


@pytest.mark.slow
def test_small_run_checks_parameters(tmp_path):
    """`python -m tools.small -S` changes a parameter of its copy, and `preflight` checks it."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.small", "-S", "latent_dims=0", "-S", "train_vae.kl=exact"],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "latent_dims is 0, allowed is" in done.stderr
    assert "train_vae.kl is 'exact', allowed is" in done.stderr
    assert f"the small project is in {tmp_path}" in done.stderr


# A data set


@pytest.fixture
def bars(tmp_path) -> Path:
    """A folder with a made-up data set in MNIST's format: upright, level and slanted bars."""
    folder = tmp_path / "bars"
    folder.mkdir()
    rng = np.random.default_rng(0)
    rows = np.arange(28)
    for prefix, count in {"train": 300, "t10k": 90}.items():
        labels = np.arange(count) % 3
        places = rng.integers(4, 24, count)
        images = np.zeros((count, 28, 28))
        images[labels == 0, :, places[labels == 0]] = 255
        images[labels == 1, places[labels == 1], :] = 255
        images[np.ix_(labels == 2, rows)] = 255 * np.eye(28)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)
    return folder


def lines_after(words: str) -> list[str]:
    """The indented lines of the page's section on data sets that follow these words."""
    _, _, section = PAGE.partition("## A data set\n")
    block = re.search(rf"{words}.*?\n\n((?:    [^\n]*\n)+)", section, re.DOTALL)
    return [line[4:] for line in block[1].splitlines()]


def switch(project: Project, name: str, folder: Path) -> None:
    """Change to a data set whose files are in a folder."""
    project.set("dataset", name)
    project.set("download.folder", str(folder))


def test_data_set_of_ones_own(project, bars, digits):
    """Four files and the YAML of the page; the codes tell its classes apart, nothing runs twice."""
    of_digits = project.outputs()
    of_digits.pop("data/sets/Bars.yaml", None)  # of somebody who has done what the page says
    (prints_checksums,) = lines_after("prints their SHA-256")
    sums = project.run("bash", "-c", prints_checksums.replace("/data/bars", str(bars))).stdout
    description = "\n".join(lines_after("For pictures of bars")) + "\n"
    for checksum, name in map(str.split, sums.splitlines()):
        description = description.replace(f"{name}: ...", f"{name}: {checksum}")
    path = project.root / "data/sets/Bars.yaml"
    path.write_text(description.replace(", slanted", ""))
    add, experiment = lines_after("Then")
    experiment = experiment.replace("/data/bars", str(bars))
    project.run(*add.split())
    done = project.run(sys.executable, "-m", *experiment.split(), check=False)
    assert (
        "data/Bars/raw has the label 2, but data/sets/Bars.yaml names classes for 0 to 1"
        in done.stderr
    )
    path.write_text(description)
    project.run(sys.executable, "-m", *experiment.split())
    assert project.repro() == []
    of_bars = project.outputs()
    assert of_bars["reports/overview.png"] != of_digits["reports/overview.png"]
    metrics = json.loads((project.root / "reports/vae/metrics.json").read_text())
    assert metrics["knn_accuracy"] > 0.5
    switch(project, "MNIST", digits)
    assert project.repro() == ["preflight"]
    assert project.outputs() == of_bars | of_digits
    project.dvc("exp", "remove", "--all-commits")  # other tests count experiments
