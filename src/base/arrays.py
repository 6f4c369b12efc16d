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


def load_arrays(path: str | Path, kind: Any, content: str) -> Any:
    """The named tuple `kind` of the arrays in a file from `dump_arrays`; no pickle is loaded.

    Raises UserError, which says that the file is missing or no `content`.
    """
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return kind(**arrays)
    except FileNotFoundError:
        raise missing(path) from None
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile):
        raise damaged(path, content) from None
