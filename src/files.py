"""Writes files that are either whole or not there."""

import os
from pathlib import Path


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file beside its place and move it there, so that no reader and no interruption finds half of it."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a full disk does not say which file it has no room for
        part.unlink(missing_ok=True)
        raise
