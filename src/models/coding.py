"""Between images and models: what a model is given, and encoding and decoding batch by batch."""

import numpy as np
import torch
from torch import Tensor

from src.arithmetic.threads import divided
from src.models.networks import Model

BATCH = 1_000  # images encoded or decoded at a time: bounds the memory, and stays in the caches


@divided()
def greys(images: Tensor) -> Tensor:
    """What a model takes, (n, 1, 28, 28) in [0, 1], of images (n, 28, 28) of bytes.

    It takes four times the memory of the bytes.
    """
    return images.unsqueeze(1).float().div_(255)


@torch.no_grad()
def encode(model: Model, images: Tensor) -> np.ndarray:
    """The codes (n, latent_dims) of images, (n, 28, 28) of bytes. Nothing is sampled.

    For a VAE they are the posterior means.
    """
    codes = torch.empty(len(images), int(model.config["latent_dims"]))
    # Copied batch by batch: keeping every result alive fragments the heap and costs 100 MB.
    for part, batch in zip(codes.split(BATCH), images.split(BATCH), strict=True):
        part.copy_(model.encode(greys(batch)))
    return codes.numpy()


@torch.no_grad()
def decode(model: Model, codes: np.ndarray) -> np.ndarray:
    """The images (n, 28, 28) that codes (n, latent_dims) decode to, greys in (0, 1)."""
    device = next(model.parameters()).device
    images = torch.empty(len(codes), 28, 28)
    points = torch.as_tensor(codes, dtype=torch.float32)
    for part, batch in zip(images.split(BATCH), points.split(BATCH), strict=True):
        part.copy_(model.decoder(batch.to(device)).reshape(part.shape))
    return images.numpy()
