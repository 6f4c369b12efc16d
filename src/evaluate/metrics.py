"""Metrics on the test images: reconstruction, classes read from the codes, bounds of the VAE."""

import math
from collections.abc import Callable

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
from src.models.losses import RECONSTRUCTION_LOSSES, kl_divergence
from src.models.networks import Model, reparameterise


def reconstruction_error(model: Model, codes: np.ndarray, images: Tensor) -> dict[str, float]:
    """Squared error of the images decoded from codes: the sum over an image, the mean over pixels.

    The images are bytes, (n, 28, 28). Decoded batch by batch, as all of them take four times the
    memory.
    """
    total = 0.0
    for start in range(0, len(codes), BATCH):
        decoded = decode(model, codes[start : start + BATCH])
        difference = decoded - images[start : start + BATCH].cpu().numpy() / np.float32(255)
        total += float(np.square(difference, out=difference).sum(dtype=np.float64))
    return {"test_mse": total / images.numel(), "test_sse": total / len(images)}


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
    model: Model,
    images: Tensor,
    reconstruction_loss: str,
    importance_samples: int,
    noise: torch.Generator,
) -> dict[str, float]:
    """Metrics that need a prior, as means over images, (n, 28, 28) of bytes; {} without a prior.

    `test_kl` is the KL divergence from the prior, `test_neg_elbo` the negative ELBO, and
    `test_iwae_bound` the importance-weighted bound: minus the log of the mean weight of
    `importance_samples` samples. `active_units` counts the dimensions whose posterior mean has a
    variance above 0.01 over the images. The last two follow Burda et al. (2015).

    `reconstruction_loss`, "sse" or "bce", is a negative log-likelihood up to a constant. Bounds
    of "bce" do not compare with those of "sse", so their names end in `_bce`.
    """
    if model.prior_std is None:
        return {}
    loss = RECONSTRUCTION_LOSSES[reconstruction_loss].term
    batches = []
    for batch in images.split(max(1, BATCH // importance_samples)):
        x = greys(batch)
        mu, log_sigma = model.encoder(x)
        x = x.flatten(1)
        kl = kl_divergence(mu, log_sigma, model.prior_std).sum(1)
        logits = model.decoder.logits(reparameterise(mu, log_sigma, noise))
        error = loss(logits, x, reduction="none").sum(1)
        shape = (importance_samples, *mu.shape)
        log_weights = _log_weights(
            model, model.prior_std, x, mu.expand(shape), log_sigma.expand(shape), loss, noise
        )
        batches.append((mu, kl, error, -log_mean_exp(log_weights)))
    mu, kl, error, bound = (torch.cat(parts).cpu().double() for parts in zip(*batches, strict=True))
    suffix = "" if reconstruction_loss == "sse" else f"_{reconstruction_loss}"
    return {
        "test_kl": kl.mean().item(),
        f"test_neg_elbo{suffix}": error.mean().item() + kl.mean().item(),
        f"test_iwae_bound{suffix}": bound.mean().item(),
        "active_units": int((mu.var(0) > 0.01).sum()),
    }


def _log_weights(
    model: Model,
    prior_std: float,
    x: Tensor,
    mu: Tensor,
    log_sigma: Tensor,
    loss: Callable[..., Tensor],
    noise: torch.Generator,
) -> Tensor:
    """ln p(x|z) p(z) / q(z|x), up to a constant, for a z drawn from each q(z|x): (samples, batch).

    The parameters `mu` and `log_sigma` of q have the shape (samples, batch, latent_dims).
    """
    z = reparameterise(mu, log_sigma, noise)
    logits = model.decoder.logits(z)
    log_likelihood = -loss(logits, x.expand_as(logits), reduction="none").sum(2)
    log_prior = _log_normal(z, 0.0, math.log(prior_std), prior_std).sum(2)
    log_posterior = _log_normal(z, mu, log_sigma, exp(log_sigma)).sum(2)
    return log_likelihood + log_prior - log_posterior


def _log_normal(
    z: Tensor, mu: Tensor | float, log_sigma: Tensor | float, sigma: Tensor | float
) -> Tensor:
    """ln of the density of N(mu, sigma^2) at z, element by element."""
    return -((z - mu) / sigma).square() / 2 - log_sigma - math.log(2 * math.pi) / 2
