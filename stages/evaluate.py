"""Encodes all images with one model, `ae` or `vae`, into data/latents, and measures it on the test images."""

import json

from src import devices, latent, metrics, mnist
from src.models import load_model
from src.params import read_params
from src.seeding import generator
from stages.common import lock, run


def main(name: str) -> dict[str, bytes]:
    with lock():
        params = read_params()
    device = devices.use(params.evaluate.device, params.threads)
    model = load_model(f"data/models/{name}.pt", device)
    train_images, train_labels = mnist.load("data/MNIST/raw", "train", device)
    test_images, test_labels = mnist.load("data/MNIST/raw", "test", device)

    codes = latent.Codes(
        latent.encode(model, train_images), train_labels, latent.encode(model, test_images), test_labels
    )
    found = {
        **metrics.reconstruction_error(latent.decode(model, codes.test), test_images.squeeze(1).cpu().numpy()),
        "pca_test_mse": metrics.pca_mse(train_images.cpu().numpy(), test_images.cpu().numpy(), codes.test.shape[1]),
        **metrics.digit_accuracy(codes),
        "latent_std_mean": metrics.latent_std_mean(codes.test),
    }
    if name == "vae":
        found |= metrics.variational(
            model,
            test_images,
            params.reconstruction_loss,
            params.evaluate.importance_samples,
            generator(params.seed, "evaluation", device=device),
        )
    # Six digits: what follows them differs from one kind of processor to another.
    rounded = {key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in found.items()}
    text = json.dumps(rounded, indent=2, sort_keys=True) + "\n"
    return {f"data/latents/{name}.npz": latent.dump_codes(codes), f"reports/{name}/metrics.json": text.encode()}


if __name__ == "__main__":
    run(main)
