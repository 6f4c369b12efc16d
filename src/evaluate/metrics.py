"""Figures on held-out images: reconstruction, how much the codes tell of the class, and the VAE's bounds."""

import math
from collections.abc import Callable

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from src.arithmetic.functions import exp, log_mean_exp
from src.latent.codes import Codes
from src.models.coding import BATCH
from src.models.losses import RECONSTRUCTION_LOSSES, kl_divergence
from src.models.networks import VariationalAutoencoder, reparameterise


def reconstruction_error(decoded: np.ndarray, images: np.ndarray) -> dict[str, float]:
    """Squared error of decoded images (n, 28, 28): summed over an image's pixels, and the mean over pixels."""
    difference = decoded - images
    error = float(np.square(difference, out=difference).mean(dtype=np.float64))
    return {"test_mse": error, "test_sse": error * images[0].size}


def pca_mse(train_images: np.ndarray, test_images: np.ndarray, components: int) -> float:
    """Squared error per pixel of PCA fitted on the training images: the best linear autoencoder of this size."""
    train, test = (images.reshape(len(images), -1) for images in (train_images, test_images))
    # No more components than the data have; the covariance of the pixels is small, whatever the images' number.
    pca = PCA(min(components, *train.shape), svd_solver="covariance_eigh").fit(train)
    difference = pca.inverse_transform(pca.transform(test))
    difference -= test  # in place, as below: each copy of the test images has 31 MB
    return float(np.square(difference, out=difference).mean(dtype=np.float64))


def class_accuracy(codes: Codes) -> dict[str, float]:
    """How well a test image's class is read off its code, by 5 nearest neighbours and by logistic regression."""
    neighbours = KNeighborsClassifier(5).fit(codes.train, codes.train_labels)
    probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)).fit(
        codes.train, codes.train_labels
    )
    return {
        "knn_accuracy": neighbours.score(codes.test, codes.test_labels),
        "linear_probe_accuracy": probe.score(codes.test, codes.test_labels),
    }


def latent_std_mean(codes: np.ndarray) -> float:
    """The mean over latent dimensions of the standard deviation of codes (n, latent_dims)."""
    return float(codes.std(0, dtype=np.float64).mean())


@torch.no_grad()
def variational(
    model: VariationalAutoencoder,
    images: Tensor,
    likelihood: str,
    importance_samples: int,
    noise: torch.Generator,
) -> dict[str, float]:
    """The VAE's KL divergence from its own prior, its negative ELBO and its importance-weighted bound, per image.

    `likelihood` names the reconstruction loss, "sse" or "bce", which is a negative log-likelihood up to a
    constant; the names of the two bounds say so unless it is the squared error. `active_units` counts the
    dimensions whose posterior mean varies over the images by more than 0.01; it and the importance-weighted
    bound, minus the log of the mean weight of several samples, follow Burda et al. (2015).
    """
    reconstruction = RECONSTRUCTION_LOSSES[likelihood]
    means, kl, error, bound = [], [], [], []
    for x in images.flatten(1).split(max(1, BATCH // importance_samples)):
        mu, log_sigma = model.encoder(x)
        means.append(mu)
        kl.append(kl_divergence(mu, log_sigma, model.prior_std).sum(1))
        logits = model.decoder.logits(reparameterise(mu, log_sigma, noise))
        error.append(reconstruction(logits, x, reduction="none").sum(1))
        log_weights = _log_weights(
            model, x, mu, log_sigma, reconstruction, importance_samples, noise
        )
        bound.append(-log_mean_exp(log_weights))
    kl, error, bound = (
        torch.cat(parts).cpu().double().mean().item() for parts in (kl, error, bound)
    )
    suffix = "" if likelihood == "sse" else f"_{likelihood}"
    return {
        "test_kl": kl,
        f"test_neg_elbo{suffix}": error + kl,
        f"test_iwae_bound{suffix}": bound,
        "active_units": int((torch.cat(means).cpu().double().var(0) > 0.01).sum()),
    }


def _log_weights(
    model: VariationalAutoencoder,
    x: Tensor,
    mu: Tensor,
    log_sigma: Tensor,
    reconstruction: Callable[..., Tensor],
    samples: int,
    noise: torch.Generator,
) -> Tensor:
    """ln p(x|z) p(z) / q(z|x) for z ~ q(z|x), up to the likelihood's constant: (samples, batch)."""
    mu, log_sigma = (part.expand(samples, *part.shape) for part in (mu, log_sigma))
    z = reparameterise(mu, log_sigma, noise)
    logits = model.decoder.logits(z)
    log_likelihood = -reconstruction(logits, x.expand_as(logits), reduction="none").sum(2)
    log_prior = _log_normal(z, 0.0, math.log(model.prior_std), model.prior_std).sum(2)
    return log_likelihood + log_prior - _log_normal(z, mu, log_sigma, exp(log_sigma)).sum(2)


def _log_normal(
    z: Tensor, mu: Tensor | float, log_sigma: Tensor | float, sigma: Tensor | float
) -> Tensor:
    """ln of the density of N(mu, sigma^2) at z, element by element."""
    return -((z - mu) / sigma).square() / 2 - log_sigma - math.log(2 * math.pi) / 2
