"""Codes: encoding and decoding all images, and the file that keeps their codes."""

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from src.base.errors import unusable

BATCH = 1_000  # images encoded or decoded at a time: bounds the memory, and stays in the caches


@torch.no_grad()
def encode(model: nn.Module, images: Tensor) -> np.ndarray:
    """The codes of images (for a VAE the posterior means, so nothing is sampled): (n, latent_dims)."""
    codes = torch.empty(len(images), model.config["latent_dims"])
    # Copied batch by batch: results kept until the end would hold the heap's large blocks between them, 100 MB.
    for part, batch in zip(codes.split(BATCH), images.split(BATCH), strict=True):
        part.copy_(model.encode(batch))
    return codes.numpy()


@torch.no_grad()
def decode(model: nn.Module, codes: np.ndarray) -> np.ndarray:
    """The images (n, 28, 28), greys in (0, 1), that codes (n, latent_dims) stand for."""
    device = next(model.parameters()).device
    images = torch.empty(len(codes), 28, 28)
    points = torch.as_tensor(codes, dtype=torch.float32)
    for part, batch in zip(images.split(BATCH), points.split(BATCH), strict=True):
        part.copy_(model.decoder(batch.to(device)).reshape(part.shape))
    return images.numpy()


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
