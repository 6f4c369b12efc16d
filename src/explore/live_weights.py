"""Whether the page can compute a model itself: if so, the weights for page/network.js."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from src.models.coding import decode, encode, greys
from src.models.networks import Model

MODEL_TOLERANCE = 0.02  # of a grey from 0 to 1: more than rounding, less than another arithmetic
FLOAT16_TOLERANCE = 0.01  # of a grey: what float16 may change; beyond, the page gets float32

Layer = tuple[np.ndarray, np.ndarray]  # weight (outputs, inputs) and bias (outputs,)


class Weights(NamedTuple):
    """What page/network.js needs of a model."""

    shapes: dict[str, list[list[int]]]  # inputs and outputs, for "encoder" and "decoder"
    # All weights, (inputs, outputs), and biases in a row, float16 or float32.
    numbers: np.ndarray
    difference: float  # the largest of a pixel, of 255, between torch's decoder and the page's


def weights_of(model: Model, images: np.ndarray, codes: np.ndarray) -> Weights | None:
    """The weights, if the page gets what torch gets for these images and codes; None if not.

    Images are bytes, (n, 28, 28), codes (n, latent_dims). The page knows linear layers with a ReLU
    between each two, a sigmoid at the end of the decoder, and with a prior two last layers of the
    encoder beside each other. It is tried, as the class of a module does not say what it computes.
    """
    parts = {part: _linear_layers(getattr(model, part, None)) for part in ("encoder", "decoder")}
    heads = 1 if model.prior_std is None else 2
    if not _fits(parts, heads, images[0].size, codes.shape[1]):
        return None
    encoder = parts["encoder"] if heads == 1 else parts["encoder"][:-1]  # without that of sigma
    inputs = greys(torch.from_numpy(images)).flatten(1).numpy()
    expected_codes = encode(model, torch.from_numpy(images))
    expected_pixels = decode(model, codes).reshape(len(codes), -1)
    scale = np.abs(expected_codes).max() + 1e-6
    for dtype, tolerance in ((np.float16, FLOAT16_TOLERANCE), (np.float32, MODEL_TOLERANCE)):
        with np.errstate(over="ignore", invalid="ignore"):
            found_codes = _chain(encoder, inputs, dtype)
            logits = _chain(parts["decoder"], codes.astype(np.float32), dtype)
            found_pixels = torch.sigmoid(torch.from_numpy(logits)).numpy()
            code_error = np.abs(found_codes - expected_codes).max() / scale
            pixel_error = float(np.abs(found_pixels - expected_pixels).max())
        if code_error <= tolerance and pixel_error <= tolerance:
            break
    else:
        return None
    layers = [layer for part in parts.values() for layer in part]
    numbers = [array.T.ravel() for layer in layers for array in layer]
    shapes = {part: [[*weight.T.shape] for weight, _ in layers] for part, layers in parts.items()}
    difference = float(f"{255 * pixel_error:.2g}")
    return Weights(shapes, np.concatenate(numbers, dtype=dtype), difference)


def _linear_layers(part: nn.Module | None) -> list[Layer]:
    """Weight and bias of each linear layer in order; empty if the part has other weights too."""
    if part is None:
        return []
    layers = [module for module in part.modules() if isinstance(module, nn.Linear)]
    others = sum(1 for _ in part.parameters()) - 2 * len(layers)
    if others or any(layer.bias is None for layer in layers):
        return []
    return [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in layers]


def _fits(parts: dict[str, list[Layer]], heads: int, pixels: int, dims: int) -> bool:
    """Whether each layer takes what the one before it gives, from images to codes and back."""
    encoder, decoder = parts["encoder"], parts["decoder"]
    if len(encoder) < heads or not decoder:
        return False
    chains = [(pixels, [*encoder[:-heads], head], dims) for head in encoder[-heads:]]
    for start, layers, end in [*chains, (dims, decoder, pixels)]:
        outputs, inputs = zip(*(weight.shape for weight, _ in layers), strict=True)
        if (start, *outputs) != (*inputs, end):
            return False
    return True


def _chain(layers: list[Layer], values: np.ndarray, dtype: type) -> np.ndarray:
    """As page/network.js computes it: with weights rounded to the type, in float32."""
    for number, layer in enumerate(layers):
        weight, bias = (array.astype(dtype).astype(np.float32) for array in layer)
        inputs = np.maximum(values, 0) if number else values
        values = inputs @ weight.T + bias
    return values
