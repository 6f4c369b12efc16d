"""The file that holds the codes of all images."""

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.base.errors import unusable


class Codes(NamedTuple):
    """The codes (n, latent_dims) of the training and the test images, and their labels (n,)."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def dump_codes(codes: Codes) -> bytes:
    """An .npz file with the fields of `Codes`."""
    buffer = io.BytesIO()
    np.savez(buffer, **codes._asdict())
    return buffer.getvalue()


def load_codes(path: str | Path) -> Codes:
    """The codes of a file from `dump_codes`. Loads arrays alone, no pickle."""
    try:
        with np.load(path, allow_pickle=False) as saved:
            return Codes(**saved)
    except FileNotFoundError:
        raise unusable(path, None) from None
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile):
        raise unusable(path, "codes") from None
