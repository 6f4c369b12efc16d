"""Encodes all images with one model into data/latents, and measures it on the test images."""

import json

from src.base import devices
from src.base.seeding import generator
from src.data import idx, sets
from src.evaluation import metrics
from src.evaluation.codes import Codes, decode, dump_codes, encode
from src.models.table import load_model
from stages.guard import Parameters, read_tracked, run


def main(params: Parameters, name: str) -> dict[str, bytes]:
    device = devices.use(params.evaluate.device, params.threads, params.arithmetic)
    model = load_model(f"data/models/{name}.pt", device)
    raw = f"data/{params.dataset}/raw"
    train_images, train_labels = idx.load(raw, "train", device)
    test_images, test_labels = idx.load(raw, "test", device)
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    for labels in (train_labels, test_labels):
        idx.check_labels(labels, data_set)

    codes = Codes(encode(model, train_images), train_labels, encode(model, test_images), test_labels)
    found = {
        **metrics.reconstruction_error(decode(model, codes.test), test_images.squeeze(1).cpu().numpy()),
        "pca_test_mse": metrics.pca_mse(train_images.cpu().numpy(), test_images.cpu().numpy(), codes.test.shape[1]),
        **metrics.class_accuracy(codes),
        "latent_std_mean": metrics.latent_std_mean(codes.test),
    }
    if model.prior_std is not None:
        found |= metrics.variational(
            model,
            test_images,
            params.reconstruction_loss,
            params.evaluate.importance_samples,
            generator(params.seed, "evaluation", device=device),
        )
    # Six digits are what a reader compares; on a GPU, those that follow differ from run to run.
    rounded = {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in found.items()}
    text = json.dumps(rounded, indent=2, sort_keys=True) + "\n"
    return {f"data/latents/{name}.npz": dump_codes(codes), f"reports/{name}/metrics.json": text.encode()}


if __name__ == "__main__":
    run(main)
