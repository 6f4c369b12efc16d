"""Metrics of new codes: draws, and points halfway between two codes, beside the codes of images."""

import numpy as np
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor

from src.latent import geometry
from src.latent.codes import Codes
from src.models.coding import decode
from src.models.networks import Model

POINTS = 2_000  # of each kind, and as many test images: the share of them is exact to about 1 %
NEIGHBOURS = 3  # as Kynkäänniemi et al. (2019) recommend
LEVELS = 127  # of grey; 784 * 127^2 is below 2^24


def sampling(
    model: Model, codes: Codes, test_images: Tensor, noise: torch.Generator
) -> dict[str, float]:
    """How far new codes lie from the codes of images, and what they decode to from what those do.

    New codes are *draws*, from the prior or from a Gaussian fitted to the codes, and the points
    halfway between two test codes, on a straight *line* and on a *sphere* around the origin. (With
    one dimension the latter is the origin itself for codes on both sides of it.)

    `_distance` is the median distance to the nearest training code, as a multiple of that of test
    codes; it is left out if that is 0. `_precision` is the share of the decoded images that lie
    among decoded test codes, and `_recall` the share of the latter that lie among the former: see
    `precision`. The two that end in `_images` compare with the test images themselves. The first
    `POINTS` test images count; images are (n, 28, 28) of bytes.
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
    edges = radii(reconstructions)
    nearest = NearestNeighbors(n_neighbors=1).fit(codes.train)
    usual = _median_distance(known, nearest)
    values = {}
    for kind, points in new_codes.items():
        decoded = levels(decode(model, points))
        values[f"{kind}_precision"] = precision(decoded, reconstructions, edges)
        if usual:
            values[f"{kind}_distance"] = _median_distance(points, nearest) / usual
        if kind == "draws":
            edges_of_draws = radii(decoded)
            values["draws_recall"] = precision(reconstructions, decoded, edges_of_draws)
            values["draws_precision_images"] = precision(decoded, images, radii(images))
            values["draws_recall_images"] = precision(images, decoded, edges_of_draws)
    return values


def _median_distance(points: np.ndarray, nearest: NearestNeighbors) -> float:
    """The median distance of points (m, latent_dims) from the nearest of the fitted codes."""
    distances, _ = nearest.kneighbors(points.astype(np.float32))  # much faster in their own type
    return float(np.median(distances))


def levels(images: np.ndarray) -> np.ndarray:
    """Greys in [0, 1] of images (n, 28, 28), as whole numbers from 0 to LEVELS: (n, 784)."""
    return np.rint(images.reshape(len(images), -1) * np.float32(LEVELS))


def radii(images: np.ndarray) -> np.ndarray:
    """The squared distance of each image, (n, 784) from `levels`, from its third nearest other."""
    kth = min(NEIGHBOURS, len(images) - 1)  # the nearest, number 0, is the image itself
    distances: np.ndarray = np.partition(_squared_distances(images, images), kth, axis=1)[:, kth]
    return distances


def precision(images: np.ndarray, others: np.ndarray, edges: np.ndarray) -> float:
    """The share of the images that lie among the others, both from `levels`.

    An image does if it is no farther from one of the others than that one is from the third
    nearest of its own kind; `edges` are these `radii` of the others. With samples and images of
    the data in the one order it is the precision of Kynkäänniemi et al. (2019, arXiv 1904.06991),
    in the other order their recall; they measure in the features of a network, not in pixels.
    """
    return float((_squared_distances(images, others) <= edges).any(1).mean())


def _squared_distances(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Between all images (n, pixels) and all others (m, pixels) from `levels`: (n, m).

    They are exact, in whatever order a library adds: every sum is a whole number below 2^24,
    which 32 bits hold.
    """
    products = images @ others.T
    squares = [np.square(each).sum(1) for each in (images, others)]
    distances: np.ndarray = squares[0][:, None] - products + (squares[1] - products)
    return distances
