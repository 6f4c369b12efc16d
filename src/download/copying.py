"""Copies one file of a data set and checks its SHA-256; errors name where the bytes came from."""

import hashlib
import zlib
from pathlib import Path
from typing import IO
from zipfile import BadZipFile

from src.base.errors import UserError

LARGEST_FILE = 512 * 2**20  # bytes: 680,000 images


def copy_checked(source: IO[bytes], destination: Path, checksum: str, origin: str) -> None:
    """Write what `source` holds to a file, if its SHA-256 is the given one.

    Raises UserError, in which `origin` names the source, if the bytes are others, or as `copy`.
    """
    actual = copy(source, destination, origin)
    if actual != checksum:
        raise UserError(f"{origin} has SHA-256 {actual}, not {checksum}")


def copy(source: IO[bytes], destination: Path, origin: str) -> str:
    """Write what `source` holds to a file; the SHA-256 of it.

    Raises UserError, in which `origin` names the source, if the bytes cannot be read or are more
    than LARGEST_FILE.
    """
    digest = hashlib.sha256()
    size = 0
    with open(destination, "wb") as file:
        while block := read(source, 2**20, origin):
            size += len(block)
            if size > LARGEST_FILE:
                raise UserError(f"{origin} holds more than {LARGEST_FILE >> 20} MiB")
            digest.update(block)
            file.write(block)
    return digest.hexdigest()


def read(source: IO[bytes], count: int, origin: str) -> bytes:
    """The next bytes of `source`, at most `count`; UserError if they cannot be read."""
    try:
        return source.read(count)
    except (OSError, EOFError, zlib.error, BadZipFile) as error:
        raise UserError(f"{origin} cannot be read: {error}") from None
