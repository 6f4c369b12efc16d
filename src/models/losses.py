"""The formulas of the loss: two reconstruction losses, and the KL term in two forms."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from src.arithmetic.functions import exp, exp_backward, sigmoid, sigmoid_, total


def squared_error(logits: Tensor, x: Tensor) -> Tensor:
    """Squared error between sigmoid(logits) and x, of equal shapes, pixel by pixel.

    It is minus the log of the density of N(sigmoid(logits), 1/2) at x, less ln(pi)/2.
    """
    return F.mse_loss(sigmoid(logits), x, reduction="none")


def cross_entropy(logits: Tensor, x: Tensor) -> Tensor:
    """Bernoulli cross-entropy of x under sigmoid(logits), in nats, pixel by pixel."""
    return F.binary_cross_entropy_with_logits(logits, x, reduction="none")


def squared_error_and_gradient(logits: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The summed squared error; its gradient in the logits, 2 (x_hat - x) x_hat (1 - x_hat).

    The logits are overwritten.
    """
    x_hat = sigmoid_(logits)
    gradient = x_hat - x
    value = total(gradient.square().sum(1))
    gradient *= 2
    return value, torch.ops.aten.sigmoid_backward.grad_input(gradient, x_hat, grad_input=gradient)


def cross_entropy_and_gradient(logits: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
    """The summed cross-entropy; its gradient in the logits, x_hat - x."""
    return total(cross_entropy(logits, x).sum(1)), sigmoid(logits) - x


def loss_of(terms: Sequence[Any], beta: float) -> Any:
    """The loss: the reconstruction loss, beta times the KL term, and further terms as they are.

    All are numbers, or all are tensors.
    """
    reconstruction, kl, *further = terms
    return sum(further, reconstruction + beta * kl)


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


def kl_backward(
    mu: Tensor, sigma: Tensor, prior_std: float, weight: float
) -> tuple[Tensor, Tensor]:
    """The gradients of weight * KL in mu and in log_sigma, for each form of the KL term.

    The gradients of the KL divergence are mu / prior_std^2 and sigma^2 / prior_std^2 - 1. No form
    differs from it by more than a constant.
    """
    precision = weight / prior_std**2
    return precision * mu, exp_backward(precision * sigma, sigma) - weight


class ReconstructionLoss(NamedTuple):
    """A reconstruction loss: pixel by pixel, and summed with its gradient in the logits."""

    name: str
    term: Callable[[Tensor, Tensor], Tensor]
    and_gradient: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


class KLForm(NamedTuple):
    """A form of the KL term: term = KL( posterior || N(0, prior_std^2) ) + constant."""

    term: Callable[[Tensor, Tensor], Tensor]
    prior_std: float
    constant: float  # nats per image and latent dimension


RECONSTRUCTION_LOSSES = {
    "sse": ReconstructionLoss("sse", squared_error, squared_error_and_gradient),
    "bce": ReconstructionLoss("bce", cross_entropy, cross_entropy_and_gradient),
}
KL_FORMS = {
    "tutorial": KLForm(tutorial_kl, prior_std=math.sqrt(0.5), constant=math.log(2) / 2),
    "standard": KLForm(kl_divergence, prior_std=1.0, constant=0.0),
}
