"""Files of named arrays (.npz)."""

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from src.base.errors import damaged, missing


def dump_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    """An .npz file. Equal arrays give equal bytes: no clock time is in it."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    return file.getvalue()


def load_arrays(path: str | Path, into: Any, description: str) -> Any:
    """Load a file from `dump_arrays` as the named tuple `into`; no pickle is loaded.

    Raises UserError if the file is missing, or not what `description` says, such as "a film".
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return into(**arrays)
    except FileNotFoundError:
        raise missing(path) from None
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile):
        raise damaged(path, description) from None
