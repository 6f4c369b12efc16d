"""Files that are either whole or not there, and the project's own code as far as this process has loaded it."""

import os
import sys
import time
import zlib
from pathlib import Path


def write_whole(path: str | Path, content: bytes) -> None:
    """Write a file beside its place and move it there, so that no reader and no interruption finds half of it.

    Git takes a file for unchanged that has the length, the second and the inode of the one it knows, and a new file
    may get the inode of one just removed. So the time of modification is set back by a number of seconds that the
    content decides: versions of one second differ in it.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(content)
        modified = time.time() - zlib.crc32(content) % 86_400
        os.utime(part, (modified, modified))
        os.replace(part, path)
    except OSError as error:
        error.filename = error.filename or str(
            path
        )  # a full disk does not say which file it has no room for
        part.unlink(missing_ok=True)
        raise


def loaded_code() -> list[Path]:
    """The project's own modules that are loaded: all below the working directory that is not installed."""
    root = f"{Path.cwd()}{os.sep}"
    names = {getattr(module, "__file__", None) or "" for module in list(sys.modules.values())}
    files = [Path(name) for name in names if name.startswith(root)]
    return sorted(file for file in files if "site-packages" not in file.parts)
