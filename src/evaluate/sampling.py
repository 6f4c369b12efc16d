"""Metrics of new codes: draws, and points halfway between two codes, beside the codes of images."""

import numpy as np
import torch
from torch import Tensor

from src.latent import geometry
from src.latent.codes import Codes
from src.models.coding import decode
from src.models.networks import Model

POINTS = 2_000  # of each kind, and as many test images: the share of them is exact to about 1 %
NEIGHBOURS = 3  # as Kynkäänniemi et al. (2019) recommend
LEVELS = 127  # of grey; 784 * 127^2 is below 2^24
BATCH = 100  # points compared with all codes at a time: bounds the memory


def sampling(
    model: Model, codes: Codes, test_images: Tensor, noise: torch.Generator
) -> dict[str, float]:
    """How far new codes lie from the codes of images, and what they decode to from what those do.

    New codes are *draws*, from the prior or from a Gaussian fitted to the codes, and the points
    halfway between two test codes, on a straight *line* and on a *sphere* around the origin.

    `_distance` is the median distance to the nearest training code, as a multiple of that of test
    codes. `_precision` is the share of the decoded images that lie among decoded test codes, and
    `_recall` the share of the latter that lie among the former: see `precision`. The two that end
    in `_images` compare with the test images themselves. Images are (n, 28, 28) of bytes.
    """
    known = codes.test[:POINTS]
    partners = known[torch.randperm(len(known), generator=noise).numpy()]
    new_codes = {
        "draws": geometry.draw(codes.train, len(known), model.prior_std, noise),
        "line": (known + partners) / 2,
        "sphere": geometry.halfway_on_sphere(known, partners),
    }
    images = levels(test_images[:POINTS].cpu().numpy() / np.float32(255))
    reconstructions = levels(decode(model, known))
    usual = _median_distance(known, codes.train)
    values = {}
    for kind, points in new_codes.items():
        decoded = levels(decode(model, points))
        values[f"{kind}_distance"] = _median_distance(points, codes.train) / usual
        values[f"{kind}_precision"] = precision(decoded, reconstructions)
        if kind == "draws":
            values["draws_recall"] = precision(reconstructions, decoded)
            values["draws_precision_images"] = precision(decoded, images)
            values["draws_recall_images"] = precision(images, decoded)
    return values


def _median_distance(points: np.ndarray, codes: np.ndarray) -> float:
    """The median distance of points (m, latent_dims) from the nearest of the codes.

    It is above 0, so that one can divide by it where a model gives all images one code.
    """
    squares = np.square(codes).sum(1)
    nearest = [
        (squares - 2 * batch @ codes.T).argmin(1)
        for batch in np.array_split(points.astype(codes.dtype), max(1, len(points) // BATCH))
    ]
    distances = np.linalg.norm(points - codes[np.concatenate(nearest)], axis=1)
    return max(float(np.median(distances)), float(np.finfo(np.float32).tiny))


def levels(images: np.ndarray) -> np.ndarray:
    """Greys in [0, 1] of images (n, 28, 28), as whole numbers from 0 to LEVELS: (n, 784)."""
    return np.rint(images.reshape(len(images), -1) * np.float32(LEVELS))


def precision(images: np.ndarray, others: np.ndarray) -> float:
    """The share of the images that lie among the others: both are from `levels`.

    An image does if it is no farther from one of the others than that one is from the third
    nearest of its own kind. With samples and images of the data in the one order it is the
    precision of Kynkäänniemi et al. (2019, arXiv 1904.06991), in the other order their recall;
    they measure in the features of a network, not in pixels.
    """
    kth = min(NEIGHBOURS, len(others) - 1)  # the nearest, number 0, is the image itself
    radii = np.partition(_squared_distances(others, others), kth, axis=1)[:, kth]
    return float((_squared_distances(images, others) <= radii).any(1).mean())


def _squared_distances(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Between all images (n, pixels) and all others (m, pixels) from `levels`: (n, m).

    They are exact, in whatever order a library adds: every sum is a whole number below 2^24,
    which 32 bits hold.
    """
    products = images @ others.T
    squares = [np.square(each).sum(1) for each in (images, others)]
    distances: np.ndarray = squares[0][:, None] - products + (squares[1] - products)
    return distances
