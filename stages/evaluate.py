"""Encodes all images with each model into data/latents, and measures it on the test images."""

import json
from typing import TYPE_CHECKING

from torch import Tensor

from src.base.seeding import generator
from src.data import idx, sets
from src.evaluate import metrics
from src.evaluate.sampling import sampling
from src.latent.codes import Codes, dump_codes
from src.machine import devices
from src.models.coding import encode
from src.models.networks import Model
from src.models.registry import MODELS, load_model
from stages.guard import Inputs, read_tracked

if TYPE_CHECKING:
    from src.preflight.schema import Params


def main(inputs: Inputs) -> dict[str, bytes]:
    params = inputs.params
    device = devices.use(params.evaluate.device, params.threads, inputs.kind)
    raw = f"data/{params.dataset}/raw"
    train_images, train_labels = idx.load(raw, "train", device)
    test_images, test_labels = idx.load(raw, "test", device)
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    for labels in (train_labels, test_labels):
        idx.check_labels(labels, data_set)

    loss = params.reconstruction_loss
    models = {
        name: load_model(f"data/models/{name}.pt", device, reconstruction_loss=loss)
        for name in MODELS
    }
    codes = {
        name: Codes(
            encode(model, train_images), train_labels, encode(model, test_images), test_labels
        )
        for name, model in models.items()
    }
    pca = {
        dims: metrics.pca_mse(train_images, test_images, dims)
        for dims in {each.latent_dims for each in codes.values()}
    }
    outputs: dict[str, bytes] = {}
    for name, model in models.items():
        values, kls = _measure(model, codes[name], test_images, params)
        values["pca_test_mse"] = pca[codes[name].latent_dims]
        outputs[f"data/latents/{name}.npz"] = dump_codes(codes[name])
        outputs[f"reports/{name}/metrics.json"] = _json(values)
        if kls:
            outputs[f"reports/{name}/kl.csv"] = _csv(kls)
    return outputs


def _measure(
    model: Model, codes: Codes, test_images: Tensor, params: "Params"
) -> tuple[dict[str, float], list[float]]:
    """All metrics of one model; the KL divergence of each latent dimension if it has a prior."""
    noise = generator(params.seed, "evaluation", device=test_images.device)
    samples = params.evaluate.importance_samples
    bounds, kls = metrics.variational(model, test_images, samples, noise)
    values = {
        **metrics.reconstruction_error(model, codes.test, test_images),
        **metrics.class_accuracy(codes),
        "latent_std_mean": metrics.latent_std_mean(codes.test),
        **sampling(model, codes, test_images, generator(params.seed, "sampling")),
        **bounds,
    }
    return values, kls


def _csv(kls: list[float]) -> bytes:
    """A CSV file with the KL divergence of each latent dimension, in nats an image."""
    rows = [f"z{number},{kl:.6g}" for number, kl in enumerate(kls, start=1)]
    return "\n".join(("dimension,kl", *rows, "")).encode()


def _json(values: dict[str, float]) -> bytes:
    """A JSON file of metrics with six significant digits.

    Further digits differ from run to run on a GPU.
    """
    rounded = {
        name: float(f"{value:.6g}") if isinstance(value, float) else value
        for name, value in values.items()
    }
    return (json.dumps(rounded, indent=2, sort_keys=True) + "\n").encode()
