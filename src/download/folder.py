"""Copies a data set's files out of a folder, in the forms in which people have them."""

import gzip
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from src.base.errors import UserError
from src.download.copying import copy_checked

GZIP = b"\x1f\x8b"  # the first bytes of every gzip file; the data set's own files begin with zeros


def copy_from_folder(part: Path, files: dict[str, str], folder: str) -> None:
    """Copy the files, given as SHA-256 by name, from `folder` into the folder `part`.

    A file may be raw or gzipped, whatever its name says; the name may have a dot before `idx`, as
    in the wheel; and the file may lie in a folder of its name, as after unpacking Kaggle's zip.
    Only the SHA-256 decides. Raises UserError that says what is wrong with which file.
    """
    root = _located(folder)
    for name, checksum in files.items():
        reasons = []
        for path in _files_like(name, root):
            try:
                _copy_unpacked(path, part / name, checksum)
                break
            except UserError as error:
                reasons.append(str(error))
        else:
            raise UserError("; ".join(reasons) or f"{root} has no {name}, neither raw nor gzipped")


def _located(folder: str) -> Path:
    """The folder that the user means: with ~ expanded, and relative to the clone.

    `dvc exp run --temp` and `--queue` work in a copy of the clone, without files that git ignores.
    """
    path = Path(os.path.expanduser(folder))
    hint = "" if path.is_absolute() else "; an absolute path works everywhere"
    if hint and not os.path.isdir(path):
        path = Path(re.sub(r"(.*)/\.dvc/tmp/exps/.*", r"\1", Path.cwd().as_posix()), path)
    try:
        if path.is_dir():
            return path
        reason = "is not a folder" if path.exists() else "does not exist"
    except OSError as error:  # a folder above it may be closed to this user
        reason = f"cannot be read: {error.strerror}"
    raise UserError(f"{path} {reason}; correct download.folder{hint}")


def _files_like(name: str, root: Path) -> Iterator[Path]:
    """The files that may be the one with this name, the likely ones first.

    They are in the folder, in a folder of their name, or up to two folders deeper: torchvision's
    own folder, for example, holds MNIST/raw.
    """
    try:
        entries = sorted(path for path in root.iterdir() if _plain(path.name) == name)
        for path in entries:
            if path.is_dir():
                yield from sorted(inner for inner in path.iterdir() if _plain(inner.name) == name)
            else:
                yield path
    except OSError as error:
        raise UserError(f"{error.filename} cannot be read: {error.strerror}") from None
    for pattern in ("*/*", "*/*/*"):
        yield from sorted(path for path in root.glob(pattern) if _plain(path.name) == name)


def _plain(name: str) -> str:
    """A file's name as the data set spells it: `Train-Images.idx3-ubyte (1).GZ` is the images."""
    return re.sub(r"[._]", "-", re.sub(r"( \(\d+\)|\.gz)+$", "", name.lower()))


def _copy_unpacked(path: Path, destination: Path, checksum: str) -> None:
    try:
        file = open(path, "rb")  # noqa: SIM115, it is closed below
        packed = file.peek(len(GZIP)).startswith(GZIP)
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from None
    with file:
        content = gzip.GzipFile(fileobj=file) if packed else file
        copy_checked(cast(IO[bytes], content), destination, checksum, str(path))
