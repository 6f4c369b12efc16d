"""What params.yaml may hold, and what a user reads about a wrong value."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from src.base.errors import UserError
from src.preflight import schema
from stages import preflight
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


def error_of(changes: Mapping[str, Any]) -> str:
    """What a user reads about wrong parameters."""
    with pytest.raises(UserError) as error:
        schema.check(params_with(changes), CLASSES)
    return str(error.value)


def parameters(section: type[schema.Section], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The name of each parameter and its field; of sections, those inside."""
    for name, field in section.model_fields.items():
        subsection = schema._section_of(field)
        if subsection is None:
            yield prefix + name, field
        else:
            yield from parameters(subsection, f"{prefix}{name}.")


def names_in(content: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """The names of all sections and parameters of a params.yaml."""
    for name, value in content.items():
        yield prefix + name
        if isinstance(value, dict):
            yield from names_in(value, f"{prefix}{name}.")


FIELDS = dict(parameters(schema.Params))
SECTIONS = sorted({name.rpartition(".")[0] for name in FIELDS} - {""})
WHOLE_NUMBERS = [name for name, field in FIELDS.items() if field.annotation is int]
NUMBERS = [name for name, field in FIELDS.items() if field.annotation is float]
DEVICES = [name for name in FIELDS if name.endswith(".device")]
RANGES = [name for name in FIELDS if ".grid_range." in name]
NOT_WHOLE = ["2", "", 2.5, 2.0, True, None, [2, 4], {}, -1, 10**30, math.nan, -math.inf]
NOT_NUMBERS = ["fast", "", True, None, [1.0], {}, -0.1, 10**30, math.nan, math.inf]
NOT_DEVICES = ["gpu", "CUDA", "cuda:", "cuda:-1", "cuda:0\n", "tpu", "", 0, None]
NOT_RANGES = ["automatic", 3, None, [1], [1, 2, 3], [10, -10], [1, 1], [-math.inf, 0], [-2e6, 0]]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"latent_dims": 1},
        {"latent_dims": 784},
        {"learning_rate": 1},
        {"train_ae.device": "cuda:3", "train_vae.device": "mps", "render.device": "auto"},
        {"train_vae.kl": "standard", "train_vae.beta": 0},
        {"render.grid_range.ae": "auto", "render.grid_range.vae": [-1.5, 2]},
        {"download.folder": "/some/folder", "download.sources": ["folder"]},
    ],
    ids=str,
)
def test_allowed_values_pass(changes: dict[str, Any]) -> None:
    """Values at the ends of a range, and each kind of value, are allowed."""
    schema.check(params_with(changes), CLASSES)


@pytest.mark.parametrize("name", FIELDS)
def test_every_parameter_is_described(name: str) -> None:
    """An error can say what is allowed."""
    assert schema._allowed(FIELDS[name])


@pytest.mark.parametrize("value", NOT_WHOLE, ids=repr)
@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_wrong_whole_number_is_refused(name: str, value: Any) -> None:
    """The error names the parameter, its value and its range."""
    error = error_of({name: value})
    assert f"{name} is {value!r}, allowed is {FIELDS[name].description}" in error


@pytest.mark.parametrize("name", WHOLE_NUMBERS)
def test_numbers_beyond_range_are_refused(name: str) -> None:
    """The ends of the range that an error states are the last allowed values."""
    low, high = (int(word) for word in FIELDS[name].description.split() if word.isdigit())
    for value in (low, high):
        schema.check(params_with({name: value}), CLASSES)
    for value in (low - 1, high + 1):
        assert f"{name} is {value}, " in error_of({name: value})


@pytest.mark.parametrize("value", NOT_NUMBERS, ids=repr)
@pytest.mark.parametrize("name", NUMBERS)
def test_wrong_number_is_refused(name: str, value: Any) -> None:
    """The error names the parameter, its value and its range."""
    error = error_of({name: value})
    assert f"{name} is {value!r}, allowed is {FIELDS[name].description}" in error


@pytest.mark.parametrize("value", NOT_DEVICES, ids=repr)
@pytest.mark.parametrize("name", DEVICES)
def test_wrong_device_is_refused(name: str, value: Any) -> None:
    """The error lists all kinds of devices."""
    assert f"{name} is {value!r}, allowed is auto, cpu, cuda, " in error_of({name: value})


@pytest.mark.parametrize("value", NOT_RANGES, ids=repr)
@pytest.mark.parametrize("name", RANGES)
def test_wrong_range_is_refused(name: str, value: Any) -> None:
    """A range is `auto`, or two numbers in ascending order."""
    error = error_of({name: value})
    assert f"{name} is {value!r}, allowed is auto, or [low, high] with low < high" in error


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("reconstruction_loss", "mse", "sse or bce"),
        ("reconstruction_loss", ["sse"], "sse or bce"),
        ("arithmetic", "fast", "portable or native"),
        ("train_vae.kl", "tutoral", "tutorial or standard"),
        ("train_vae.kl", True, "tutorial or standard"),
        ("download.sources", [], "a list of one or more of folder, system, "),
        ("download.sources", ["ftp"], "a list of one or more of folder, system, "),
        ("download.sources", "pypi", "a list of one or more of folder, system, "),
        ("download.folder", 3, "the path of a folder, or null"),
        ("download.folder", "", "the path of a folder, or null"),
        ("render.interpolation_classes", [1], "two numbers of classes"),
        ("render.interpolation_classes", ["one", "zero"], "two numbers of classes"),
        ("dataset", 3, "the name of a file in data/sets"),
        ("dataset", "CIFAR10", "FashionMNIST or MNIST"),
        ("dataset", "../sets/MNIST", "FashionMNIST or MNIST"),
        ("dataset", "FashonMNIST", "FashionMNIST or MNIST, did you mean FashionMNIST"),
    ],
)
def test_wrong_word_is_refused(name: str, value: Any, allowed: str) -> None:
    """The error names the parameter, its value and the words that are allowed."""
    assert f"{name} is {value!r}, allowed is {allowed}" in error_of({name: value})


def test_class_must_exist() -> None:
    """The error names the data set and its classes."""
    error = error_of({"render.interpolation_classes": [1, 10]})
    assert "render.interpolation_classes is [1, 10], MNIST has the classes 0 to 9" in error


@pytest.mark.parametrize("name", [*FIELDS, *SECTIONS])
def test_missing_parameter_is_named(name: str) -> None:
    """The error says what is missing, and what is allowed there."""
    assert f"{name} is missing, allowed is " in error_of({name: REMOVED})


@pytest.mark.parametrize("value", [None, "fast"])
@pytest.mark.parametrize("name", SECTIONS)
def test_section_must_hold_names(name: str, value: Any) -> None:
    """The error lists the names of the section."""
    assert f"{name} is {value!r}, allowed is a section with " in error_of({name: value})


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("latent_dim", "did you mean latent_dims"),
        ("render.grid_tile", "did you mean grid_tiles"),
        ("colour", "allowed are dataset, latent_dims"),
    ],
)
def test_unknown_parameter_is_named(name: str, hint: str) -> None:
    """The error suggests the most similar name, or lists all."""
    assert f"{name} is not a parameter, {hint}" in error_of({name: 3})


def test_all_faults_in_one_line() -> None:
    """A user corrects all wrong parameters at once."""
    error = error_of({"latent_dims": 0, "epochs": -1})
    assert error.startswith("params.yaml: latent_dims is 0")
    assert "; epochs is -1" in error
    assert "\n" not in error


def test_line_ends_stay_inside_quotes() -> None:
    """A value with a line end does not break the line."""
    assert "\n" not in error_of({"train_ae.device": "cuda:0\n"})


def test_exponent_of_whole_number() -> None:
    """A whole number with an exponent is a float in YAML: the error says how to write it."""
    error = error_of({"latent_dims": 1e1})
    assert "latent_dims is 10.0, " in error
    assert ": write 10, without point or exponent" in error


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
    assert set(names_in(yaml.safe_load(text))) == {*FIELDS, *SECTIONS}


def test_stage_refuses_wrong_parameters() -> None:
    """The stage `preflight` checks the parameters, and the data sets of the project."""
    with pytest.raises(UserError, match=r"latent_dims is 0.*epochs is -1"):
        preflight.main(params_with({"latent_dims": 0, "epochs": -1}))
