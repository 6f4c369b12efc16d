"""The networks and the losses they minimise: the autoencoder and the variational autoencoder.

The names of the layers are the tutorial's, so weights load into its classes and back. What
every model must have is in docs/extending.md; contract.py and tests/test_models.py check it.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.arithmetic.functions import exp, sigmoid
from src.arithmetic.linear import Linear
from src.base.errors import UserError
from src.models.losses import KL_FORMS, RECONSTRUCTION_LOSSES, KLForm

IMAGE_SHAPE = (1, 28, 28)
PIXELS = 28 * 28


class Encoder(nn.Module):
    """Images (batch, ...) of input_dims pixels -> codes (batch, latent_dims)."""

    def __init__(self, latent_dims: int, input_dims: int = PIXELS, hidden_dims: int = 512):
        super().__init__()
        self.linear1 = Linear(input_dims, hidden_dims)
        self.linear2 = Linear(hidden_dims, latent_dims)

    def forward(self, x: Tensor) -> Tensor:
        return self.linear2(F.relu(self.linear1(x.flatten(1))))


class VariationalEncoder(nn.Module):
    """Images (batch, ...) -> posterior mean mu and log standard deviation log_sigma.

    Both have the shape (batch, latent_dims).
    """

    def __init__(self, latent_dims: int, input_dims: int = PIXELS, hidden_dims: int = 512):
        super().__init__()
        self.linear1 = Linear(input_dims, hidden_dims)
        self.linear2 = Linear(hidden_dims, latent_dims)
        self.linear3 = Linear(hidden_dims, latent_dims)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.linear1(x.flatten(1)))
        return self.linear2(hidden), self.linear3(hidden)


class Decoder(nn.Module):
    """Codes (..., latent_dims) -> pixels (..., output_dims) in (0, 1)."""

    def __init__(self, latent_dims: int, hidden_dims: int = 512, output_dims: int = PIXELS):
        super().__init__()
        self.linear1 = Linear(latent_dims, hidden_dims)
        self.linear2 = Linear(hidden_dims, output_dims)

    def logits(self, z: Tensor) -> Tensor:
        """The pixels before the sigmoid."""
        return self.linear2(F.relu(self.linear1(z)))

    def forward(self, z: Tensor) -> Tensor:
        return sigmoid(self.logits(z))


def _log_likelihood(self: "Model", x: Tensor, z: Tensor) -> Tensor:
    """ln p(x|z) of images x, (batch, 1, 28, 28), and codes z, (..., batch, latent_dims).

    Up to a constant, for each image and code: (..., batch). It is minus the reconstruction loss.
    """
    logits = self.decoder.logits(z)
    return -self.reconstruction_loss.term(logits, x.flatten(1).expand_as(logits)).sum(-1)


class Autoencoder(nn.Module):
    """An encoder and a decoder in a row: images (batch, 1, 28, 28) -> reconstructions."""

    title = "AE"
    likelihood: str | None = None  # the name of one of its own, if it has no reconstruction loss's
    further_terms: tuple[str, ...] = ()  # of the loss, besides reconstruction and KL term
    log_likelihood = _log_likelihood
    prior_std: float | None = None  # it has no prior, and so no KL term
    kl_forms: Mapping[str, KLForm] = {}
    kl_constant: float | None = None
    beta = 1.0

    def __init__(
        self,
        latent_dims: int,
        input_dims: int = PIXELS,
        hidden_dims: int = 512,
        output_dims: int = PIXELS,
        *,
        reconstruction_loss: str = "sse",
    ):
        super().__init__()
        # What rebuilds the model from its file; the loss is no part of it.
        self.config = {
            "latent_dims": latent_dims,
            "input_dims": input_dims,
            "hidden_dims": hidden_dims,
            "output_dims": output_dims,
        }
        self.encoder = Encoder(latent_dims, input_dims, hidden_dims)
        self.decoder = Decoder(latent_dims, hidden_dims, output_dims)
        self.reconstruction_loss = RECONSTRUCTION_LOSSES[reconstruction_loss]

    def encode(self, x: Tensor) -> Tensor:
        """The codes of images: (batch, latent_dims)."""
        return self.encoder(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x)).reshape(-1, *IMAGE_SHAPE)

    def loss_terms(self, x: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        """The reconstruction loss of a batch, and zero for the KL term: two scalars.

        The reconstruction loss is summed over pixels and images. `noise` is not used.
        """
        reconstruction = -self.log_likelihood(x, self.encoder(x)).sum()
        return reconstruction, torch.zeros((), device=x.device)


class VariationalAutoencoder(nn.Module):
    """The VAE of Kingma and Welling (2013): posterior N(mu, sigma^2), prior N(0, prior_std^2)."""

    title = "VAE"
    likelihood: str | None = None
    further_terms: tuple[str, ...] = ()
    log_likelihood = _log_likelihood
    kl_forms: Mapping[str, KLForm] = KL_FORMS  # `train_NAME.kl` chooses one of them

    def __init__(
        self,
        latent_dims: int,
        input_dims: int = PIXELS,
        hidden_dims: int = 512,
        output_dims: int = PIXELS,
        prior_std: float | None = None,
        *,
        reconstruction_loss: str = "sse",
        kl: str = "tutorial",
        beta: float = 1.0,
    ):
        """Without `prior_std`, the prior is the one that the form `kl` of the KL term implies."""
        super().__init__()
        form = self.kl_forms[kl]
        self.prior_std = form.prior_std if prior_std is None else prior_std
        self.config = {
            "latent_dims": latent_dims,
            "input_dims": input_dims,
            "hidden_dims": hidden_dims,
            "output_dims": output_dims,
            "prior_std": self.prior_std,
        }
        self.encoder = VariationalEncoder(latent_dims, input_dims, hidden_dims)
        self.decoder = Decoder(latent_dims, hidden_dims, output_dims)
        self.reconstruction_loss = RECONSTRUCTION_LOSSES[reconstruction_loss]
        self.kl_form = form
        self.kl_constant = form.constant * latent_dims  # of an image, beyond the KL divergence
        self.beta = beta

    def encode(self, x: Tensor) -> Tensor:
        """The posterior means of images: (batch, latent_dims). Nothing is sampled."""
        return self.encoder(x)[0]

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images (batch, 1, 28, 28) -> reconstructions from a z drawn from the posterior."""
        mu, log_sigma = self.encoder(x)
        z = reparameterise(mu, log_sigma, generator)
        return self.decoder(z).reshape(-1, *IMAGE_SHAPE)

    def loss_terms(self, x: Tensor, noise: torch.Generator) -> tuple[Tensor, ...]:
        """The reconstruction loss of a batch at one z an image, and the KL term: two scalars.

        Both are summed over the batch: with beta 1 their sum is the negative ELBO, up to the
        constant of the KL term (Kingma and Welling 2013, equation 10). A model with
        `further_terms` returns one more scalar for each; the loss has their sum too.
        """
        mu, log_sigma = self.encoder(x)
        z = reparameterise(mu, log_sigma, noise)
        return -self.log_likelihood(x, z).sum(), self.kl_form.term(mu, log_sigma).sum()


Model = Autoencoder | VariationalAutoencoder


def reparameterise(
    mu: Tensor, log_sigma: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """z = mu + sigma * eps with eps ~ N(0, I), differentiable in mu and log_sigma.

    Source: Kingma and Welling (2013), section 2.4.
    """
    return mu + exp(log_sigma) * standard_normal(mu, generator)


def standard_normal(like: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Numbers from N(0, 1), with the shape of another tensor."""
    return torch.randn(like.shape, generator=generator, device=like.device, dtype=like.dtype)


def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """Set every weight as its layer's own initialisation does, with numbers from `generator`.

    Layers draw from torch's global generator, which has the state of `generator` while they do.
    Raises UserError for a weight that no layer initialises: it would not depend on the seed.
    """
    initialised: set[Tensor] = set()
    with torch.random.fork_rng(devices=[]):
        torch.set_rng_state(generator.get_state())
        for layer in model.modules():
            reset = getattr(layer, "reset_parameters", None)
            if reset:
                reset()
                initialised.update(layer.parameters(recurse=False))
        generator.set_state(torch.get_rng_state())
    for name, weight in model.named_parameters():
        if weight not in initialised:
            raise UserError(
                f"{type(model).__name__}: {name} does not depend on the seed; put it into a layer "
                "with a method `reset_parameters`, as torch's own layers have it"
            )
