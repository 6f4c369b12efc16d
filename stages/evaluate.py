"""Encodes all images with each model into data/latents, and measures the models on the test images."""

import json

from torch import Tensor, nn

from src.base import devices
from src.base.seeding import generator
from src.data import idx, sets
from src.evaluate import metrics
from src.latent.codes import Codes, dump_codes
from src.models.coding import decode, encode
from src.models.registry import MODELS, load_model
from stages.guard import read_tracked, run
from stages.records import Parameters


def main(params: Parameters) -> dict[str, bytes]:
    device = devices.use(params.evaluate.device, params.threads, params.environment.arithmetic)
    raw = f"data/{params.dataset}/raw"
    train_images, train_labels = idx.load(raw, "train", device)
    test_images, test_labels = idx.load(raw, "test", device)
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    for labels in (train_labels, test_labels):
        idx.check_labels(labels, data_set)

    pca = metrics.pca_mse(train_images.cpu().numpy(), test_images.cpu().numpy(), params.latent_dims)
    models = {name: load_model(f"data/models/{name}.pt", device) for name in MODELS}
    codes = {
        name: Codes(
            encode(model, train_images), train_labels, encode(model, test_images), test_labels
        )
        for name, model in models.items()
    }
    del train_images  # 188 MB at MNIST's size, a fifth of all that this stage takes
    outputs = {}
    for name, model in models.items():
        found = {"pca_test_mse": pca, **_measure(model, codes[name], test_images, params)}
        outputs |= {
            f"data/latents/{name}.npz": dump_codes(codes[name]),
            f"reports/{name}/metrics.json": _json(found),
        }
    return outputs


def _measure(
    model: nn.Module, codes: Codes, test_images: Tensor, params: Parameters
) -> dict[str, float]:
    """All figures of one model."""
    found = {
        **metrics.reconstruction_error(
            decode(model, codes.test), test_images.squeeze(1).cpu().numpy()
        ),
        **metrics.class_accuracy(codes),
        "latent_std_mean": metrics.latent_std_mean(codes.test),
    }
    if model.prior_std is not None:
        noise = generator(params.seed, "evaluation", device=test_images.device)
        samples = params.evaluate.importance_samples
        found |= metrics.variational(model, test_images, params.reconstruction_loss, samples, noise)
    return found


def _json(found: dict[str, float]) -> bytes:
    """A JSON file of figures with six digits, what a reader compares; on a GPU, those that follow vary by the run."""
    rounded = {
        key: float(f"{value:.6g}") if isinstance(value, float) else value
        for key, value in found.items()
    }
    return (json.dumps(rounded, indent=2, sort_keys=True) + "\n").encode()


if __name__ == "__main__":
    run(main)
