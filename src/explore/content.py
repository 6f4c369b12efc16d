"""What the page knows of the data set and of each model: facts for JSON, arrays to be packed."""

from typing import Any

import numpy as np

from src.explore.packing import few_greys, fixed_point
from src.explore.page_model import PageModel
from src.latent.geometry import grid, most_varied
from src.models.coding import decode

SLIDERS = 10
DOTS = 50_000  # in all frames of a film together: with many frames it shows fewer images
TILES = 24  # along each side of the mosaic of a model that the page cannot decode

Facts = dict[str, Any]
Arrays = dict[str, np.ndarray]


def of_model(model: PageModel) -> tuple[Facts, Arrays]:
    """The model, the codes of the training images that the page shows, its film and results.

    Beyond `AXES` latent dimensions the page knows the codes along that many principal axes only. A
    model that it cannot compute gets images that were decoded here.
    """
    codes, axes = model.codes, model.axes
    train, train_low, train_step = fixed_point(model.along)
    film_facts, film_arrays = of_film(model)
    facts = {
        "name": model.name,
        "title": model.title,
        "dims": codes.latent_dims,
        "priorStd": model.network.prior_std,
        "trainLow": train_low,
        "trainStep": train_step,
        "stds": axes.stds.tolist(),
        "share": axes.share,
        "sliders": most_varied(codes.train, SLIDERS) if codes.latent_dims > 2 else [],
        "codeLow": codes.train.min(0).tolist(),
        "codeHigh": codes.train.max(0).tolist(),
        "endLabels": list(model.middles),
        "endNumbers": list(model.middles.values()),
        "spacing": model.spacing,
        "trainable": model.is_trainable,
        **film_facts,
        **model.results._asdict(),
    }
    arrays = {
        "train": train,
        "mean": axes.mean.astype(np.float32),
        "axes": axes.axes.astype(np.float32),
        "endCodes": model.shown[list(model.middles.values())],
        **film_arrays,
    }
    if model.weights is None:
        span, decoded = _mosaic(model)
        return facts | {"mosaic": span}, arrays | {"mosaic": decoded}
    facts |= {"shapes": model.weights.shapes, "difference": model.weights.difference}
    if model.is_trainable:
        loss = model.network.reconstruction_loss.name
        facts |= {"reconstructionLoss": loss, "beta": model.network.beta}
    return facts, arrays | {"weights": model.weights.numbers}


def of_film(model: PageModel) -> tuple[Facts, Arrays]:
    """Where the codes of a film lie on the page's plane: frame by frame, of the same images."""
    frames, n, dims = model.film.codes.shape
    count = max(1, min(n, DOTS // frames))
    chosen = np.arange(count) * n // count
    points = model.plane.project(model.film.codes[:, chosen].reshape(-1, dims))
    numbers, low, step = fixed_point(points)
    facts = {"filmEpochs": model.film.epochs.tolist(), "filmLow": low, "filmStep": step}
    labels = model.codes.train_labels[model.film.images[chosen]].astype(np.uint8)
    return facts, {"film": numbers, "film-labels": labels}


def _mosaic(model: PageModel) -> tuple[Facts, np.ndarray]:
    """Decoded images on a square (or a line) around the codes: where it lies, and the images."""
    low, high = model.points.min(0), model.points.max(0)
    middle, half = (low + high) / 2, max(float((high - low).max()) / 2, 1e-3)
    first, *second = zip(middle - half, middle + half, strict=True)
    # The page counts rows from below: the second axis is upside down.
    places = grid([first, *((top, bottom) for bottom, top in second)], TILES)
    images = np.round(255 * decode(model.network, model.plane.lift(places).astype(np.float32)))
    span = {"low": (middle - half).tolist(), "step": 2 * half / (TILES - 1), "tiles": TILES}
    return span, few_greys(images)
