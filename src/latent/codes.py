"""The file that holds the codes of all images."""

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.base.errors import unusable


class Codes(NamedTuple):
    """Codes (n, latent_dims) of the training and of the test images, and their labels (n,)."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def dump_codes(codes: Codes) -> bytes:
    """An .npz file with the fields of `Codes`."""
    file = io.BytesIO()
    np.savez(file, **codes._asdict())
    return file.getvalue()


def load_codes(path: str | Path) -> Codes:
    """The codes in a file from `dump_codes`. Loads arrays only, no pickle."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            return Codes(**arrays)
    except FileNotFoundError:
        raise unusable(path, None) from None
    except (ValueError, TypeError, EOFError, zipfile.BadZipFile):
        raise unusable(path, "codes") from None
