"""Reads the tables of losses that are drawn."""

import io

import numpy as np
import pandas as pd

from src.base.errors import unlike_committed


def read_losses(path: str, content: bytes, column: str) -> np.ndarray:
    """A column of the CSV file `path` with this content: a loss an epoch, (epochs,). UserError if it has none."""
    try:
        table = pd.read_csv(io.BytesIO(content))
        return table[column].to_numpy(dtype=float)
    except (ValueError, KeyError):  # pandas' own errors are ValueErrors
        raise unlike_committed(
            path, f"no column {column!r} with a number for every epoch"
        ) from None
