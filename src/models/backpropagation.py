"""The gradients of the loss: explicit for the two dense models, by autograd for all others.

Autograd would add 0.3 ms (AE) or 0.4 ms (VAE) to a step of 4 ms. The explicit gradients have the
same bytes, as tests/test_backpropagation.py checks; contract.py compares them before each training.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from src.arithmetic.functions import exp, exp_backward, total
from src.arithmetic.linear import Update
from src.arithmetic.threads import divided
from src.models.losses import ReconstructionLoss, kl_backward, loss_of
from src.models.networks import (
    Autoencoder,
    Decoder,
    Model,
    VariationalAutoencoder,
    standard_normal,
)


def backpropagate(
    model: Model, x: Tensor, noise: torch.Generator, update: Update
) -> tuple[Tensor, ...]:
    """The model's `loss_terms` of images x, (batch, 1, 28, 28), detached.

    `update` gets the weights with their gradients of the loss, reconstruction + beta * KL + further
    terms: layer by layer from the last to the first where they are explicit, else all at once.
    """
    return EXPLICIT_GRADIENTS.get(type(model), by_autograd)(model, x, noise, update)


def by_autograd(
    model: Model, x: Tensor, noise: torch.Generator, update: Update
) -> tuple[Tensor, ...]:
    """`backpropagate` for any model."""
    terms = model.loss_terms(x, noise)
    loss_of(terms, model.beta).backward()
    gradients = {weight: weight.grad for weight in model.parameters() if weight.grad is not None}
    update([*gradients], [*gradients.values()])
    model.zero_grad()
    return tuple(term.detach() for term in terms)


@divided()
@torch.inference_mode()
def _autoencoder(
    model: Autoencoder, x: Tensor, noise: torch.Generator, update: Update
) -> tuple[Tensor, Tensor]:
    """Forwards as in `loss_terms`, then backwards through the same layers."""
    encoder, x = model.encoder, x.flatten(1)
    hidden = encoder.linear1.relu(x)
    z = encoder.linear2(hidden)
    reconstruction, gradient = _decoder(model.decoder, z, x, model.reconstruction_loss, update)
    gradient = encoder.linear2.backward(hidden, gradient, update)
    encoder.linear1.backward_of_weights(x, _relu_backward(gradient, hidden), update)
    return reconstruction, torch.zeros((), device=x.device)


@divided()
@torch.inference_mode()
def _variational_autoencoder(
    model: VariationalAutoencoder, x: Tensor, noise: torch.Generator, update: Update
) -> tuple[Tensor, Tensor]:
    """The same, with z = mu + sigma * eps and the KL term between encoder and decoder."""
    encoder, x = model.encoder, x.flatten(1)
    hidden = encoder.linear1.relu(x)
    mu, log_sigma = encoder.linear2(hidden), encoder.linear3(hidden)
    sigma, eps = exp(log_sigma), standard_normal(mu, noise)
    z = mu + sigma * eps
    reconstruction, gradient = _decoder(model.decoder, z, x, model.reconstruction_loss, update)
    of_mu, of_log_sigma = kl_backward(mu, sigma, model.kl_form.prior_std, model.beta)
    of_mu += gradient
    of_log_sigma += exp_backward(gradient * eps, sigma)
    gradient = encoder.linear2.backward(hidden, of_mu, update)
    gradient += encoder.linear3.backward(hidden, of_log_sigma, update)
    encoder.linear1.backward_of_weights(x, _relu_backward(gradient, hidden), update)
    return reconstruction, total(model.kl_form.term(mu, log_sigma))


def _decoder(
    decoder: Decoder, z: Tensor, x: Tensor, loss: ReconstructionLoss, update: Update
) -> tuple[Tensor, Tensor]:
    """The reconstruction loss of x, (batch, pixels), decoded from z; its gradient in z."""
    hidden = decoder.linear1.relu(z)
    reconstruction, gradient = loss.and_gradient(decoder.linear2(hidden), x)
    gradient = decoder.linear2.backward(hidden, gradient, update)
    return reconstruction, decoder.linear1.backward(z, _relu_backward(gradient, hidden), update)


def _relu_backward(gradient: Tensor, output: Tensor) -> Tensor:
    """From the gradient of a ReLU's output to that of its input, in the same memory."""
    return torch.ops.aten.threshold_backward.grad_input(gradient, output, 0, grad_input=gradient)


EXPLICIT_GRADIENTS: dict[type, Callable[..., tuple[Tensor, ...]]] = {
    Autoencoder: _autoencoder,
    VariationalAutoencoder: _variational_autoencoder,
}
