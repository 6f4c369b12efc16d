"""Arrays as text that a page holds and a browser unpacks; the other half is page/data.js."""

import base64

import numpy as np

from src.explore.deflate import deflate

# Of the images in the page, which page/greys.js unpacks: 256 greys would be twice as large as all
# the rest.
GREYS = 8


def pack(array: np.ndarray) -> str:
    """An array as text: its bytes in planes, deflated, in base 85.

    Planes, the first byte of every number, then the second, put the exponents beside each other,
    which compress. Base 85 needs 25 percent more characters than bytes, base 64 a third more.
    """
    little = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
    planes = little.view(np.uint8).reshape(-1, array.itemsize).T.tobytes()
    text = base64.b85encode(deflate(planes)).decode()
    return text.replace("<", ",")  # so it cannot end the script


def few_greys(images: np.ndarray) -> np.ndarray:
    """Images (n, 28, 28) of bytes -> two pixels of eight greys in a byte: (n, 14, 28)."""
    greys = levels(images)
    return greys[:, ::2] * GREYS + greys[:, 1::2]


def levels(images: np.ndarray) -> np.ndarray:
    """The grey of each byte, a whole number below `GREYS`."""
    return np.round(images / 255 * (GREYS - 1)).astype(np.uint8)


def fixed_point(coordinates: np.ndarray) -> tuple[np.ndarray, list[float], list[float]]:
    """Coordinates (n, k) -> whole numbers of two bytes (n, k); each axis' lowest value and step.

    At equal size they are finer than float16 far from zero, where many codes of an autoencoder lie.
    """
    low, high = coordinates.min(0), coordinates.max(0)
    step = (high - low) / (2**16 - 1)
    numbers = np.round((coordinates - low) / np.where(step > 0, step, 1)).astype(np.uint16)
    return numbers, low.tolist(), step.tolist()
