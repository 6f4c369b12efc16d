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

    Raises UserError, in which `origin` names the source, if the bytes cannot be read, are others or
    are more than LARGEST_FILE.
    """
    digest = hashlib.sha256()
    size = 0
    with open(destination, "wb") as file:
        while block := _read(source, origin):
            size += len(block)
            if size > LARGEST_FILE:
                raise UserError(f"{origin} holds more than {LARGEST_FILE >> 20} MiB")
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != checksum:
        raise UserError(f"{origin} has SHA-256 {digest.hexdigest()}, not {checksum}")


def _read(source: IO[bytes], origin: str) -> bytes:
    try:
        return source.read(2**20)
    except (OSError, EOFError, zlib.error, BadZipFile) as error:
        raise UserError(f"{origin} cannot be read: {error}") from None
