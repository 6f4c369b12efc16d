"""Reads the images and labels of a data set from IDX files, named as torchvision names them."""

import math
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from src.base.errors import UserError
from src.data.sets import DataSet

PREFIXES = {"train": "train", "test": "t10k"}  # of the file names, by split


def read_idx(path: str | Path) -> np.ndarray:
    """The array of bytes in an IDX file.

    Format: LeCun, Cortes and Burges, the MNIST database. Raises UserError for any other content.
    """
    try:
        content = np.fromfile(path, np.uint8)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; get it with `dvc repro download`") from None
    # The header: two zeros, 8 for bytes, the number of dimensions, four bytes for each length.
    has_header = len(content) > 3 and content[:3].tolist() == [0, 0, 8]
    dimensions = int(content[3]) if has_header else 0
    start = 4 + 4 * dimensions
    shape = content[4:start].view(">u4").tolist() if len(content) >= start else []
    if not shape or len(content) != start + math.prod(shape):
        raise UserError(
            f"{path} is not a whole IDX file of bytes; get it again with `dvc repro download`"
        )
    return content[start:].reshape(shape)


def load(
    raw: str | Path, split: str, device: torch.device | str = "cpu"
) -> tuple[Tensor, np.ndarray]:
    """The images and labels of a split, "train" or "test", from the folder `raw`.

    Images are bytes, (n, 28, 28), on `device`. All code passes them on in this form; only
    `src.models.coding.greys` makes of them what a model takes. Labels are whole numbers from 0,
    (n,).
    """
    prefix = Path(raw) / PREFIXES[split]
    images = read_idx(f"{prefix}-images-idx3-ubyte")
    labels = read_idx(f"{prefix}-labels-idx1-ubyte")
    if images.shape != (len(labels), 28, 28) or not len(labels):
        raise UserError(
            f"{prefix}-* hold images of shape {images.shape} and {len(labels)} labels, not n "
            "images of 28x28 and n labels; get them again with `dvc repro download`"
        )
    return torch.from_numpy(images).to(device), labels


def check_labels(labels: np.ndarray, data_set: DataSet) -> None:
    """Raise UserError if the data set has no class for one of the labels."""
    if labels.max() >= len(data_set.classes):
        raise UserError(
            f"data/{data_set.name}/raw has the label {labels.max()}, but "
            f"data/sets/{data_set.name}.yaml names classes for 0 to {len(data_set.classes) - 1}; "
            "name all classes there"
        )
