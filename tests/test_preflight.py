"""What params.yaml may hold, and what a user reads about a wrong value."""

import difflib
import math
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from pydantic import BaseModel

from src.base.errors import UserError
from src.base.validation import section_of
from src.preflight import schema
from stages import preflight
from stages.guard import Inputs
from tools.small_project import PARAMS, ROOT

CLASSES = {"FashionMNIST": [""] * 10, "MNIST": [""] * 10}
REMOVED = object()


def params_with(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of the tests after changes {name with dots: value}."""
    params = yaml.safe_load(PARAMS)
    for key, value in changes.items():
        *sections, name = key.split(".")
        section = params
        for part in sections:
            section = section[part]
        section[name] = value
        if value is REMOVED:
            del section[name]
    return params


def faults_in(changes: Mapping[str, Any]) -> tuple[str, ...]:
    """What a user reads about wrong parameters."""
    with pytest.raises(UserError) as error:
        schema.check(params_with(changes), CLASSES)
    return error.value.faults


def fields(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The name of each section and parameter, and its field."""
    for name, field in section.model_fields.items():
        yield prefix + name, field
        subsection = section_of(field)
        if subsection is not None:
            yield from fields(subsection, f"{prefix}{name}.")


def names_in(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The names of all sections and parameters of a params.yaml."""
    for name, value in content.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from names_in(value, f"{prefix}{name}.")


FIELDS = dict(fields(schema.Params))
WHOLE_NUMBERS = [name for name, field in FIELDS.items() if field.annotation is int]
DEVICES = [name for name in FIELDS if name.endswith(".device")]
# For some parameters, values that are not allowed, and how the sentence goes on.
WRONG = {
    "latent_dims": (["2", "", 2.5, True, None, [2], {}, math.nan], "a whole number from 1 to 784"),
    "learning_rate": (
        ["fast", True, None, [1.0], 0, -0.1, 11, math.nan, math.inf],
        "a number abov",
    ),
    "download.timeout": ([0, -1, 10**30, None, "1"], "a number of seconds above 0, up to 86400"),
    "render.device": (["gpu", "CUDA", "cuda:", "cuda:-1", "cuda:0\n", "", 0, None], "auto, cpu, c"),
    "render.grid_range.ae": (
        ["automatic", 3, None, [1], [1, 2, 3], [10, -10], [1, 1], [-math.inf, 0], [-2e6, 0]],
        "auto, or [low, high] with low < high",
    ),
    "render": ([None, "fast", 3], "a section with device, "),
    "reconstruction_loss": (["mse", ["sse"], None], "sse or bce"),
    "arithmetic": (["fast"], "portable or native"),
    "train_vae.kl": (["tutoral", True], "tutorial or standard"),
    "download.sources": ([[], ["ftp"], "pypi"], "a list of one or more of folder, system, "),
    "download.folder": ([3, ""], "the path of a folder, or null"),
    "render.interpolation_classes": ([[1], ["one", "zero"]], "two numbers of classes"),
    "dataset": (["CIFAR10", "../sets/MNIST"], "FashionMNIST or MNIST"),
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"learning_rate": 1},
        {"train_ae.device": "cuda:3", "train_vae.device": "mps", "render.device": "auto"},
        {"train_vae.kl": "standard", "train_vae.beta": 0},
        {"render.grid_range.ae": "auto", "render.grid_range.vae": [-1.5, 2]},
        {"download.folder": "/some/folder", "download.sources": ["folder"]},
    ],
    ids=str,
)
def test_allowed_values_pass(changes: dict[str, Any]) -> None:
    """Each kind of value is allowed where it belongs."""
    schema.check(params_with(changes), CLASSES)


@pytest.mark.parametrize(
    ("name", "value"), [(name, value) for name, (values, _) in WRONG.items() for value in values]
)
def test_wrong_value_is_refused(name: str, value: Any) -> None:
    """The sentence names the parameter, its value and what is allowed."""
    (fault,) = faults_in({name: value})
    assert fault.startswith(f"{name} is {value!r}, allowed is {WRONG[name][1]}")


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_range_is_as_described(name: str) -> None:
    """The ends of the range that a sentence states are the last allowed values."""
    low, high = (int(word) for word in FIELDS[name].description.split() if word.isdigit())
    for value in (low, high):
        schema.check(params_with({name: value}), CLASSES)
    for value in (low - 1, high + 1):
        assert faults_in({name: value}) == (
            f"{name} is {value}, allowed is {FIELDS[name].description}",
        )


@pytest.mark.parametrize("name", DEVICES)
def test_every_device_is_checked(name: str) -> None:
    """Those of all stages alike."""
    assert "allowed is auto, cpu, cuda, cuda:N or mps" in faults_in({name: "tpu"})[0]


@pytest.mark.parametrize("name", FIELDS)
def test_missing_parameter_is_named(name: str) -> None:
    """The sentence says what is missing, and what is allowed there, in words of this project."""
    (fault,) = faults_in({name: REMOVED})
    assert fault.startswith(f"{name} is missing, allowed is ")
    assert "Field required" not in fault


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"latent_dim": 3}, "latent_dim is not a parameter, did you mean latent_dims"),
        ({"render.grid_tile": 3}, "render.grid_tile is not a parameter, did you mean grid_tiles"),
        ({"colour": 3}, "colour is not a parameter, allowed are dataset, latent_dims"),
        ({"dataset": "FashonMNIST"}, "FashionMNIST or MNIST, did you mean FashionMNIST"),
        ({"latent_dims": 1e1}, ": write 10, without point or exponent"),
        ({"render.interpolation_classes": [1, 10]}, "[1, 10], MNIST has the classes 0 to 9"),
    ],
)
def test_sentence_helps(changes: dict[str, Any], words: str) -> None:
    """It suggests the most similar name, how to write a number, or what there is."""
    assert words in faults_in(changes)[0]


def test_all_faults_in_one_line() -> None:
    """A user corrects all wrong parameters at once; a value with a line end breaks no line."""
    with pytest.raises(UserError) as error:
        schema.check(params_with({"latent_dims": 0, "train_ae.device": "cuda:0\n"}), CLASSES)
    assert str(error.value) == (
        "params.yaml: latent_dims is 0, allowed is a whole number from 1 to 784; "
        r"train_ae.device is 'cuda:0\n', allowed is auto, cpu, cuda, cuda:N or mps. "
        "Correct it there or with `dvc exp run -S`."
    )


@pytest.mark.parametrize("content", [None, [1], "text", {}])
def test_content_without_parameters(content: Any) -> None:
    """Content that has no names and values is refused in one line."""
    with pytest.raises(UserError, match=r"^params\.yaml holds [^\n]*git checkout[^\n]*$"):
        schema.check(content, CLASSES)


@pytest.mark.parametrize(
    "text", [(ROOT / "params.yaml").read_text(), PARAMS], ids=["params.yaml", "small project"]
)
def test_files_have_the_parameters(text: str) -> None:
    """The project and its small copy in the tests have every parameter, and no other."""
    assert set(names_in(yaml.safe_load(text))) == {*FIELDS}


@pytest.mark.parametrize("name", [name for name in FIELDS if section_of(FIELDS[name]) is None])
def test_experiment_changes_the_value_alone(name: str, tmp_path: Path) -> None:
    """`dvc exp run -S` writes params.yaml anew, by this function, and every other line stays."""
    path = tmp_path / "params.yaml"
    before = (ROOT / path.name).read_text()
    path.write_text(before)
    value = reduce(getitem, name.split("."), yaml.safe_load(before))
    is_list = isinstance(value, list)
    other = f"[{','.join(map(str, value))},other]" if is_list else "other"
    apply_overrides(path, [f"{name}={other}"])
    lines = difflib.ndiff(before.splitlines(), path.read_text().splitlines())
    changes = [line for line in lines if line[0] in "-+"]
    assert "".join(line[0] for line in changes) == ("+" if is_list else "-+"), changes


def test_stage_refuses_wrong_parameters() -> None:
    """The stage `preflight` checks the parameters, and the data sets of the project."""
    with pytest.raises(UserError, match=r"latent_dims is 0.*epochs is -1"):
        preflight.main(Inputs(None, params_with({"latent_dims": 0, "epochs": -1}), "", None))
