"""Writes files that are either whole or not there, and makes the system's errors name them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Add the path to errors of the system that lack one: a full disk does not say which file it has no room for."""
    try:
        yield
    except OSError as error:
        error.filename = error.filename or str(path)
        raise


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file beside its place and move it there, so that no reader and no interruption finds half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        with naming(path):
            part.write_bytes(content)
            os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
