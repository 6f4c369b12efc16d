"""The formulas of the loss: two reconstruction losses, and the KL term in two forms."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from src.arithmetic.functions import exp


def squared_error(logits: Tensor, x: Tensor, reduction: str = "sum") -> Tensor:
    """Squared error between sigmoid(logits) and x, of equal shapes; "none" keeps every pixel."""
    return F.mse_loss(torch.sigmoid(logits), x, reduction=reduction)


def cross_entropy(logits: Tensor, x: Tensor, reduction: str = "sum") -> Tensor:
    """Bernoulli cross-entropy of x under sigmoid(logits), in nats; "none" keeps every pixel."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction=reduction)


def kl_divergence(mu: Tensor, log_sigma: Tensor, prior_std: float = 1.0) -> Tensor:
    """KL( N(mu, sigma^2) || N(0, prior_std^2) ) in nats, element by element.

    Source: Kingma and Welling (2013), appendix B.
    """
    ratio = (exp(log_sigma).square() + mu.square()) / prior_std**2
    return 0.5 * (ratio - 1) - log_sigma + math.log(prior_std)


def tutorial_kl(mu: Tensor, log_sigma: Tensor) -> Tensor:
    """The tutorial's term, sigma^2 + mu^2 - ln(sigma) - 1/2, element by element.

    It equals KL( N(mu, sigma^2) || N(0, 1/2) ) + ln(2)/2: a KL divergence from a prior of
    variance 1/2, plus a constant that moves no weight.
    """
    return exp(log_sigma).square() + mu.square() - log_sigma - 0.5


class KLForm(NamedTuple):
    """A form of the KL term: term = KL( posterior || N(0, prior_std^2) ) + constant."""

    term: Callable[[Tensor, Tensor], Tensor]
    prior_std: float
    constant: float  # nats per image and latent dimension


RECONSTRUCTION_LOSSES: dict[str, Callable[..., Tensor]] = {
    "sse": squared_error,
    "bce": cross_entropy,
}
KL_FORMS = {
    "tutorial": KLForm(tutorial_kl, prior_std=math.sqrt(0.5), constant=math.log(2) / 2),
    "standard": KLForm(kl_divergence, prior_std=1.0, constant=0.0),
}
