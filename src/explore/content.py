"""What the page knows of the data set and of each model: facts for JSON, arrays to be packed."""

from typing import Any, NamedTuple

import numpy as np
import torch

from src.explore.arithmetic import weights_of
from src.explore.near import spacing
from src.explore.packing import few_greys, fixed_point
from src.history.film import Film
from src.latent.codes import Codes
from src.latent.geometry import PrincipalAxes, most_varied, principal_axes
from src.models.coding import decode
from src.models.networks import Model

AXES = 32  # principal axes along which the page knows the codes; up to 32 dimensions, all
SLIDERS = 10
PROBES = 200  # images and codes with which the page's arithmetic is compared with torch's
TAKEN = 1_000  # test images that the page holds
DOTS = 50_000  # in all frames of a film together: with many frames it shows fewer images
TILES = 24  # along each side of the mosaic of a model that the page cannot decode

Facts = dict[str, Any]
Arrays = dict[str, np.ndarray]


class Images(NamedTuple):
    """The images (n, 28, 28) of bytes that the page shows, and their labels (n,)."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


def of_images(images: Images) -> Arrays:
    """The images as the page holds them, and their labels."""
    return {
        "train-images": few_greys(images.train),
        "train-labels": images.train_labels,
        "test-images": few_greys(images.test),
        "test-labels": images.test_labels,
    }


def of_model(model: Model, codes: Codes, images: Images) -> tuple[Facts, Arrays]:
    """The model and the codes of the training images that the page shows.

    Beyond `AXES` latent dimensions the page knows the codes along that many principal axes only. A
    model that it cannot compute gets images that were decoded here.
    """
    axes = principal_axes(codes.train, AXES)
    along = axes.project(codes.train[: len(images.train)])
    train, low, step = fixed_point(along)
    middles = middle_of_each_class(along, images.train_labels)
    facts = {
        "dims": codes.train.shape[1],
        "priorStd": model.prior_std,
        "train": {"low": low, "step": step},
        "stds": axes.stds.tolist(),
        "share": axes.share,
        "planeShares": axes.shares[:2].tolist(),
        "sliders": most_varied(codes.train, SLIDERS) if codes.train.shape[1] > 2 else [],
        "low": codes.train.min(0).tolist(),
        "high": codes.train.max(0).tolist(),
        "ends": list(middles),
        "spacing": spacing(along),
    }
    arrays = {
        "train": train,
        "mean": axes.mean.astype(np.float32),
        "axes": axes.axes.astype(np.float32),
        "ends": codes.train[list(middles.values())],
    }
    pixels = torch.from_numpy(images.train[:PROBES])
    weights = weights_of(model, pixels, codes.test[:PROBES])
    if weights is None:
        span, decoded = _mosaic(model, plane_points(codes, len(images.train)), axes)
        return facts | {"mosaic": span}, arrays | {"mosaic": decoded}
    facts |= {"shapes": weights.shapes, "difference": weights.difference}
    return facts, arrays | {"weights": weights.numbers}


def middle_of_each_class(codes: np.ndarray, labels: np.ndarray) -> dict[int, int]:
    """For each label the number of the image whose code (n, k) is nearest to its class' mean."""
    middles = {}
    for label in np.unique(labels).tolist():
        numbers = np.flatnonzero(labels == label)
        members = codes[numbers]
        middles[label] = int(numbers[np.square(members - members.mean(0)).sum(1).argmin()])
    return middles


def plane_points(codes: Codes, shown: int) -> np.ndarray:
    """Where the first `shown` training images lie on the page's plane: (shown, 1 or 2).

    Up to two dimensions these are the codes, beyond their coordinates on the first two principal
    axes.
    """
    return _on_plane(codes.train[:shown], codes.train)


def of_film(film: Film, codes: Codes) -> tuple[Facts, Arrays]:
    """Where the codes of a film lie on the page's plane: frame by frame, of the same images."""
    frames, n, dims = film.codes.shape
    count = max(1, min(n, DOTS // frames))
    chosen = np.arange(count) * n // count
    points = _on_plane(film.codes[:, chosen].reshape(-1, dims), codes.train)
    numbers, low, step = fixed_point(points)
    facts = {"film": {"epochs": film.epochs.tolist(), "low": low, "step": step}}
    labels = codes.train_labels[film.images[chosen]].astype(np.uint8)
    return facts, {"film": numbers, "film-labels": labels}


def _on_plane(codes: np.ndarray, train: np.ndarray) -> np.ndarray:
    """The coordinates (n, 1 or 2) of codes on the plane of the training images' codes."""
    return codes if codes.shape[1] <= 2 else principal_axes(train, 2).project(codes)


def _mosaic(model: Model, points: np.ndarray, axes: PrincipalAxes) -> tuple[Facts, np.ndarray]:
    """Decoded images on a square (or a line) around the codes: where it lies, and the images."""
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-3)
    ticks = np.linspace(-half, half, TILES)
    places = middle + (ticks[:, None] if points.shape[1] == 1 else _square(ticks))
    codes = places if len(axes.mean) <= 2 else axes.mean + places @ axes.axes[:2]
    images = np.round(255 * decode(model, codes.astype(np.float32)))
    span = {"low": (middle - half).tolist(), "step": 2 * half / (TILES - 1), "tiles": TILES}
    return span, few_greys(images)


def _square(ticks: np.ndarray) -> np.ndarray:
    """The points of a square, row by row from below: (n * n, 2)."""
    y, x = np.meshgrid(ticks, ticks, indexing="ij")
    return np.stack((x.ravel(), y.ravel()), axis=1)
