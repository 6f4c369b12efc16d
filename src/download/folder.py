"""Copies a data set's files out of a folder, by their SHA-256, whatever their names are."""

import gzip
import os
import re
import shutil
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import IO, cast

from src.base.errors import UserError
from src.download import copying

GZIP = b"\x1f\x8b"  # the first bytes of every gzip file
IDX = b"\0\0\x08"  # the first bytes of images and labels: only files that begin so are read whole
LEVELS = ("*", "*/*", "*/*/*")  # torchvision's own folder holds MNIST/raw
MOST_PATHS = 100_000  # at each level
MOST_FAULTS = 5  # in one line


def copy_from_folder(part: Path, files: dict[str, str], folder: str) -> None:
    """Copy the files, given as SHA-256 by name, from `folder` into the folder `part`.

    They may be raw or gzipped, have any names, and lie in folders of that folder. Raises UserError
    that names the missing ones, and what cannot be read or has their names and other content.
    """
    root = _located(folder)
    candidate = part / "candidate"
    missing = dict(files)
    faults = []
    for path in _paths_below(root):
        try:
            checksum = _unpack(path, candidate)
        except UserError as error:
            faults.append(str(error))
            continue
        right = [name for name in missing if missing[name] == checksum]
        for name in right:
            shutil.copyfile(candidate, part / name)
            del missing[name]
        if not missing:
            break
        if not right and any(_letters(name) in _letters(path.name) for name in missing):
            faults.append(f"{path} has other content")
    candidate.unlink(missing_ok=True)
    if missing:
        absent = f"not found in {root}, neither raw nor gzipped: {', '.join(missing)}"
        raise UserError(*faults[:MOST_FAULTS], absent)


def _located(folder: str) -> Path:
    """The folder that the user means: with ~ expanded, and relative to the clone.

    `dvc exp run --temp` and `--queue` work in a copy of the clone, without files that git ignores.
    """
    path = Path(os.path.expanduser(folder))
    hint = "" if path.is_absolute() else "; an absolute path works everywhere"
    if hint and not os.path.isdir(path):
        path = Path(re.sub(r"(.*)/\.dvc/tmp/exps/.*", r"\1", Path.cwd().as_posix()), path)
    try:
        os.listdir(path)
    except OSError as error:
        raise UserError(
            f"{path} cannot be read: {error.strerror}; correct download.folder{hint}"
        ) from None
    return path


def _paths_below(root: Path) -> Iterator[Path]:
    """The files in a folder and in its folders, the upper ones first, and the closed folders.

    Raises UserError after MOST_PATHS: the user may have named a whole disk.
    """
    for pattern in LEVELS:
        paths = list(islice(root.glob(pattern), MOST_PATHS))
        for path in sorted(paths):
            # Other than files: a pipe could be read for ever, a link may lead nowhere.
            if os.path.isfile(path) or (os.path.isdir(path) and not os.access(path, os.R_OK)):
                yield path
        if len(paths) == MOST_PATHS:
            raise UserError(
                f"{root} holds {MOST_PATHS:,} files or more, and the data set is not among these; "
                "set download.folder to the folder that holds it"
            )


def _letters(name: str) -> str:
    """A name without what people and browsers change in it: capitals, dots, an added "(1)"."""
    return re.sub(r"[\W_]", "", name.lower())


def _unpack(path: Path, destination: Path) -> str | None:
    """Copy a file, unpacked if it is gzipped, and return its SHA-256; None if it is no IDX file."""
    try:
        file = open(path, "rb")  # noqa: SIM115, it is closed below
        packed = file.peek(len(GZIP)).startswith(GZIP)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        content = cast(IO[bytes], gzip.GzipFile(fileobj=file) if packed else file)
        if copying.read(content, len(IDX), str(path)) != IDX:
            return None
        content.seek(0)
        return copying.copy(content, destination, str(path))
