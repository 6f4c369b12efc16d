"""Content: what the page knows of the data set and of each model, as facts for JSON and arrays to be packed."""

from typing import Any

import numpy as np
from torch import nn

from src.base.errors import UserError
from src.explore.packing import few_greys, fixed_point
from src.latent.codes import Codes
from src.latent.geometry import first_of_each_class, most_varied, principal_axes
from src.models.coding import decode

AXES = 32  # principal axes along which the page knows the codes; up to this many latent dimensions, these are all
SLIDERS = 10
PROBES = 200  # codes at which the page's arithmetic is compared with torch's

Facts = dict[str, Any]
Arrays = dict[str, np.ndarray]


def of_images(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> Arrays:
    """The images (n, 28, 28) of bytes that the page shows, and their labels (n,)."""
    return {
        "train-images": few_greys(train),
        "train-labels": train_labels,
        "test-images": few_greys(test),
        "test-labels": test_labels,
    }


def of_model(model: nn.Module, codes: Codes, shown: int) -> tuple[Facts, Arrays]:
    """The model and its codes, of all test images and of the first `shown` training images.

    Beyond `AXES` latent dimensions the page knows two coordinates of a training image, and encodes the image itself.
    """
    found = principal_axes(codes.train, AXES)
    dims, kept = codes.train.shape[1], len(found.axes)
    train = found.project(codes.train[:shown])[:, : kept if kept == dims else 2]
    train, train_low, train_step = fixed_point(train)
    test, test_low, test_step = fixed_point(found.project(codes.test))
    layers = {part: _linear_layers(getattr(model, part)) for part in ("encoder", "decoder")}
    if len(layers["encoder"]) != (2 if model.prior_std is None else 3):
        raise _not_shown(model)
    weights = np.concatenate(
        [array.ravel() for part in layers.values() for layer in part for array in layer],
        dtype=np.float16,
    )
    firsts = first_of_each_class(codes.test_labels)
    facts = {
        "dims": dims,
        "priorStd": model.prior_std,
        "shapes": {
            part: [list(weight.shape) for weight, _ in chain] for part, chain in layers.items()
        },
        "train": {"low": train_low, "step": train_step},
        "test": {"low": test_low, "step": test_step},
        "stds": found.stds.tolist(),
        "share": found.share,
        "sliders": most_varied(codes.train, SLIDERS) if dims > 2 else [],
        "low": codes.train.min(0).tolist(),
        "high": codes.train.max(0).tolist(),
        "ends": list(firsts),
        "difference": _difference(model, layers["decoder"], codes.test[:PROBES]),
    }
    arrays = {
        "weights": weights,
        "train": train,
        "test": test,
        "mean": found.mean.astype(np.float32),
        "axes": found.axes.astype(np.float32),
        "ends": codes.test[list(firsts.values())],
    }
    return facts, arrays


def _linear_layers(part: nn.Module) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weight and bias of each linear layer, in the order in which they are computed."""
    layers = [module for module in part.modules() if isinstance(module, nn.Linear)]
    return [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in layers]


def _difference(
    model: nn.Module, layers: list[tuple[np.ndarray, np.ndarray]], codes: np.ndarray
) -> float:
    """The largest difference of a pixel, of 255, between torch's decoder and the page's.

    The page takes a decoder for linear layers with a ReLU between each two, and a sigmoid at the end, with weights in
    float16. Raises UserError if the model's is nothing like that.
    """
    values = codes
    for number, (weight, bias) in enumerate(layers):
        inputs = np.maximum(values, 0) if number else values
        values = inputs @ weight.astype(np.float16).astype(np.float32).T + bias.astype(np.float16)
    pixels = 1 / (1 + np.exp(-values.astype(np.float64)))
    found = 255 * np.abs(pixels - decode(model, codes).reshape(pixels.shape)).max()
    if not found < 25:
        raise _not_shown(model)
    return float(f"{found:.2g}")


def _not_shown(model: nn.Module) -> UserError:
    return UserError(
        f"the explorer cannot show a {type(model).__name__}: its encoder has more than one hidden layer, its decoder "
        "is not linear layers, ReLUs between them and a sigmoid last, or its weights exceed float16; compare "
        "src/explore/page/network.js with it"
    )
