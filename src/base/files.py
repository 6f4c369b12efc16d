"""Files that survive an interruption: either whole or not there, or whole up to their end."""

import os
from pathlib import Path
from typing import BinaryIO


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file beside its place, then move it there: nobody ever finds half of it.

    The content is on the disk before the move, so it also survives a power cut.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with open(part, "wb") as file:
            _write(file, content)
        os.replace(part, path)
        _sync_folder(path.parent)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not name the file
        part.unlink(missing_ok=True)
        raise


def write_end(path: str | Path, position: int, content: bytes) -> None:
    """Replace all of a file from a position on, which is in the file or at its end.

    The time does not depend on what is before the position. After a crash the end may be damaged.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        path.touch()
        with open(path, "r+b") as file:
            file.truncate(position)
            file.seek(position)
            _write(file, content)
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def _write(file: BinaryIO, content: bytes) -> None:
    """Write to a file, and wait until the content is on the disk."""
    file.write(content)
    file.flush()
    os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Put a folder's list of names on the disk, where the system can do that (not on Windows)."""
    if hasattr(os, "O_DIRECTORY"):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
