"""Metrics on the test images: reconstruction, classes read from the codes, bounds of the VAE."""

import math

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from src.arithmetic.functions import exp, log_mean_exp
from src.latent.codes import Codes
from src.models.coding import BATCH, decode, greys
from src.models.losses import kl_divergence
from src.models.networks import Model, reparameterise


def reconstruction_error(model: Model, codes: np.ndarray, images: Tensor) -> dict[str, float]:
    """Squared error of the images decoded from codes: the sum over an image, the mean over pixels.

    `test_greyness` is the mean of 4 g (1 - g) over their greys g: 0 of black and white, 1 of the
    middle grey. `images_greyness` is that of the images, which are bytes, (n, 28, 28). Decoded
    batch by batch, as all of them take four times the memory.
    """
    error = grey = images_grey = 0.0
    for start in range(0, len(codes), BATCH):
        decoded = decode(model, codes[start : start + BATCH])
        expected = images[start : start + BATCH].cpu().numpy() / np.float32(255)
        grey += _sum(4 * decoded * (1 - decoded))
        images_grey += _sum(4 * expected * (1 - expected))
        error += _sum(np.square(decoded - expected))
    return {
        "test_mse": error / images.numel(),
        "test_sse": error / len(images),
        "test_greyness": grey / images.numel(),
        "images_greyness": images_grey / images.numel(),
    }


def _sum(values: np.ndarray) -> float:
    return float(values.sum(dtype=np.float64))


def pca_mse(train_images: Tensor, test_images: Tensor, components: int) -> float:
    """Squared error per pixel of PCA fitted to the training images, which are bytes.

    PCA is the best linear autoencoder with so many latent dimensions.
    """
    train, test = (images.flatten(1).cpu().numpy() for images in (train_images, test_images))
    mean = train.mean(0, dtype=np.float64)
    _, axes = np.linalg.eigh(_products_of_pixels(train) / len(train) - np.outer(mean, mean))
    axes = axes[:, -min(components, *train.shape) :]  # of the largest variances
    error = 0.0
    for start in range(0, len(test), BATCH):
        centred = test[start : start + BATCH] - mean
        error += np.square(centred - centred @ axes @ axes.T).sum()
    return float(error / test.size / 255**2)


def _products_of_pixels(images: np.ndarray) -> np.ndarray:
    """X^T X, (pixels, pixels), for the bytes X of images (n, pixels).

    It is exact, in whatever order a library adds: of so few images at a time all sums are whole
    numbers below 2^24, which 32 bits hold.
    """
    few = 2**24 // 255**2
    total = np.zeros((images.shape[1], images.shape[1]))
    for start in range(0, len(images), few):
        batch = images[start : start + few].astype(np.float32)
        total += batch.T @ batch
    return total


def class_accuracy(codes: Codes) -> dict[str, float]:
    """The accuracy of two classifiers of the codes, on the test images."""
    neighbours = KNeighborsClassifier(5)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    return {
        name: classifier.fit(codes.train, codes.train_labels).score(codes.test, codes.test_labels)
        for name, classifier in (("knn_accuracy", neighbours), ("linear_probe_accuracy", probe))
    }


def latent_std_mean(codes: np.ndarray) -> float:
    """The standard deviation of codes (n, latent_dims), averaged over the latent dimensions."""
    return float(codes.std(0, dtype=np.float64).mean())


@torch.no_grad()
def variational(
    model: Model, images: Tensor, importance_samples: int, noise: torch.Generator
) -> tuple[dict[str, float], list[float]]:
    """Metrics that need a prior, as means over images, (n, 28, 28) of bytes; {} without a prior.

    `test_kl` is the KL divergence from the prior, `test_neg_elbo` the negative ELBO, and
    `test_iwae_bound` the importance-weighted bound: minus the log of the mean weight of
    `importance_samples` samples. `active_units` counts the dimensions whose posterior mean has a
    variance above 0.01 over the images. The last two follow Burda et al. (2015).

    Bounds of two likelihoods do not compare, so the names of all but those of the squared error,
    "sse", end in the likelihood's name, such as `_bce`. The KL divergences of the latent
    dimensions, whose sum is `test_kl`, come second.
    """
    if model.prior_std is None:
        return {}, []
    batches = []
    for batch in images.split(max(1, BATCH // importance_samples)):
        x = greys(batch)
        mu, log_sigma = model.encoder(x)
        kls = kl_divergence(mu, log_sigma, model.prior_std)
        error = -model.log_likelihood(x, reparameterise(mu, log_sigma, noise))
        shape = (importance_samples, *mu.shape)
        log_weights = _log_weights(
            model, model.prior_std, x, mu.expand(shape), log_sigma.expand(shape), noise
        )
        batches.append((mu, kls, kls.sum(1), error, -log_mean_exp(log_weights)))
    mu, kls, kl, error, bound = (
        torch.cat(parts).cpu().double() for parts in zip(*batches, strict=True)
    )
    likelihood = model.likelihood or model.reconstruction_loss.name
    suffix = "" if likelihood == "sse" else f"_{likelihood}"
    values = {
        "test_kl": kl.mean().item(),
        f"test_neg_elbo{suffix}": error.mean().item() + kl.mean().item(),
        f"test_iwae_bound{suffix}": bound.mean().item(),
        "active_units": int((mu.var(0) > 0.01).sum()),
    }
    return values, kls.mean(0).tolist()


def _log_weights(
    model: Model,
    prior_std: float,
    x: Tensor,
    mu: Tensor,
    log_sigma: Tensor,
    noise: torch.Generator,
) -> Tensor:
    """ln p(x|z) p(z) / q(z|x), up to a constant, for a z drawn from each q(z|x): (samples, batch).

    The parameters `mu` and `log_sigma` of q have the shape (samples, batch, latent_dims).
    """
    z = reparameterise(mu, log_sigma, noise)
    log_prior = _log_normal(z, 0.0, math.log(prior_std), prior_std).sum(2)
    log_posterior = _log_normal(z, mu, log_sigma, exp(log_sigma)).sum(2)
    return model.log_likelihood(x, z) + log_prior - log_posterior


def _log_normal(
    z: Tensor, mu: Tensor | float, log_sigma: Tensor | float, sigma: Tensor | float
) -> Tensor:
    """ln of the density of N(mu, sigma^2) at z, element by element."""
    return -((z - mu) / sigma).square() / 2 - log_sigma - math.log(2 * math.pi) / 2
