"""The loss terms: reconstruction, and the KL divergence in the tutorial's form and in the textbook's."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.arithmetic.functions import exp
from src.models.networks import Autoencoder, VariationalAutoencoder, reparameterise


def squared_error(logits: Tensor, x: Tensor, reduction: str = "sum") -> Tensor:
    """Squared error between sigmoid(logits) and x, of the same shape; summed, or "none" for pixel by pixel."""
    return F.mse_loss(torch.sigmoid(logits), x, reduction=reduction)


def cross_entropy(logits: Tensor, x: Tensor, reduction: str = "sum") -> Tensor:
    """Bernoulli cross-entropy of x under sigmoid(logits), in nats; summed, or "none" for pixel by pixel."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction=reduction)


def kl_divergence(mu: Tensor, log_sigma: Tensor, prior_std: float = 1.0) -> Tensor:
    """KL( N(mu, sigma^2) || N(0, prior_std^2) ) in nats, element by element (Kingma and Welling 2013, appendix B)."""
    ratio = (exp(log_sigma).square() + mu.square()) / prior_std**2
    return 0.5 * (ratio - 1) - log_sigma + math.log(prior_std)


def tutorial_kl(mu: Tensor, log_sigma: Tensor) -> Tensor:
    """The tutorial's term, sigma^2 + mu^2 - ln(sigma) - 1/2, element by element.

    It equals KL( N(mu, sigma^2) || N(0, 1/2) ) + ln(2)/2: a KL divergence from a prior of variance 1/2, plus a
    constant that moves no weight.
    """
    return exp(log_sigma).square() + mu.square() - log_sigma - 0.5


class KLForm(NamedTuple):
    """A form of the KL term, the prior it implies, and what it adds to the divergence from that prior."""

    term: Callable[[Tensor, Tensor], Tensor]
    prior_std: float
    constant: float  # nats per image and latent dimension


class Objective(NamedTuple):
    """What a training minimises over a batch: the reconstruction loss plus `beta` times the KL term."""

    terms: Callable[
        [nn.Module, Tensor, torch.Generator], tuple[Tensor, Tensor]
    ]  # the two, as scalars
    beta: float = 1.0
    kl_constant: float | None = (
        None  # what the KL term of an image has beyond a KL divergence; None: no KL term
    )


RECONSTRUCTIONS = {"sse": squared_error, "bce": cross_entropy}
KL_FORMS = {
    "tutorial": KLForm(tutorial_kl, prior_std=math.sqrt(0.5), constant=math.log(2) / 2),
    "standard": KLForm(kl_divergence, prior_std=1.0, constant=0.0),
}


def autoencoder_terms(
    model: Autoencoder,
    x: Tensor,
    noise: torch.Generator,
    *,
    reconstruction: Callable = squared_error,
) -> tuple[Tensor, Tensor]:
    """The reconstruction loss of a batch, and the KL term it does not have: two scalars. Draws no noise."""
    logits = model.decoder.logits(model.encoder(x))
    return reconstruction(logits, x.flatten(1)), torch.zeros((), device=x.device)


def variational_terms(
    model: VariationalAutoencoder,
    x: Tensor,
    noise: torch.Generator,
    *,
    reconstruction: Callable = squared_error,
    kl: Callable = tutorial_kl,
) -> tuple[Tensor, Tensor]:
    """The reconstruction loss at one z drawn from the posterior, and the KL term: scalars, summed over the batch."""
    mu, log_sigma = model.encoder(x)
    logits = model.decoder.logits(reparameterise(mu, log_sigma, noise))
    return reconstruction(logits, x.flatten(1)), kl(mu, log_sigma).sum()
