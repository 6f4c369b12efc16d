"""Encoding and decoding many images, batch by batch."""

import numpy as np
import torch
from torch import Tensor, nn

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
