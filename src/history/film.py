"""The film of a training: the codes of the same few training images after chosen epochs.

It decides nothing in the training. `render` and the explorer show it.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from src.base.arrays import dump_arrays, load_arrays

MOST_STEPS = 50  # from frame to frame; up to so many epochs each has its frame
MOST_IMAGES = 1_500
MOST_NUMBERS = 48_000  # in a frame: at many latent dimensions it shows fewer images


class Film(NamedTuple):
    """Codes (frames, n, latent_dims) of n training images; for a VAE the posterior means."""

    epochs: np.ndarray  # (frames,), how many epochs were finished at each frame
    images: np.ndarray  # (n,), the indices of the images among the training images
    codes: np.ndarray


def empty_film(epochs: int, image_count: int, latent_dims: int) -> Film:
    """The film of a training with so many epochs and training images, its codes still zero.

    The first frame is before the first epoch, the last one after the last. The images are evenly
    spread over all training images.
    """
    steps = min(epochs, MOST_STEPS)
    n = min(image_count, MOST_IMAGES, max(1, MOST_NUMBERS // latent_dims))
    return Film(
        np.arange(steps + 1) * epochs // steps,
        np.arange(n) * image_count // n,
        np.zeros((steps + 1, n, latent_dims), np.float32),
    )


def dump_film(film: Film) -> bytes:
    """An .npz file with the fields of `Film`."""
    return dump_arrays(film._asdict())


def load_film(path: str | Path) -> Film:
    """The film in a file from `dump_film`."""
    film: Film = load_arrays(path, Film, "a film")
    return film
