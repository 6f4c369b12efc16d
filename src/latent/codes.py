"""The file that holds the codes of all images."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.base.arrays import dump_arrays, load_arrays


class Codes(NamedTuple):
    """Codes (n, latent_dims) of the training and of the test images, and their labels (n,)."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray

    @property
    def latent_dims(self) -> int:
        """How many latent dimensions the codes have. After the training all code asks here."""
        return int(self.train.shape[1])


def dump_codes(codes: Codes) -> bytes:
    """An .npz file with the fields of `Codes`."""
    return dump_arrays(codes._asdict())


def load_codes(path: str | Path) -> Codes:
    """The codes in a file from `dump_codes`."""
    codes: Codes = load_arrays(path, Codes, "codes")
    return codes
