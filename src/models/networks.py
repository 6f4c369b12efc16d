"""The networks: the autoencoder and the variational autoencoder, with the tutorial's names."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from src.arithmetic.functions import exp
from src.arithmetic.linear import Linear

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
    """Images (batch, ...) -> posterior mean mu and log standard deviation log_sigma, both (batch, latent_dims)."""

    def __init__(self, latent_dims: int, input_dims: int = PIXELS, hidden_dims: int = 512):
        super().__init__()
        self.linear1 = Linear(input_dims, hidden_dims)
        self.linear2 = Linear(hidden_dims, latent_dims)
        self.linear3 = Linear(hidden_dims, latent_dims)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        hidden = F.relu(self.linear1(x.flatten(1)))
        return self.linear2(hidden), self.linear3(hidden)


class Decoder(nn.Module):
    """Codes (batch, latent_dims) -> pixels (batch, output_dims) in (0, 1)."""

    def __init__(self, latent_dims: int, hidden_dims: int = 512, output_dims: int = PIXELS):
        super().__init__()
        self.linear1 = Linear(latent_dims, hidden_dims)
        self.linear2 = Linear(hidden_dims, output_dims)

    def logits(self, z: Tensor) -> Tensor:
        """The pixels before the sigmoid."""
        return self.linear2(F.relu(self.linear1(z)))

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(z))


class Autoencoder(nn.Module):
    """An encoder and a decoder in a row: images (batch, 1, 28, 28) -> their reconstructions, same shape."""

    prior_std = None  # it has no prior

    def __init__(
        self,
        latent_dims: int,
        input_dims: int = PIXELS,
        hidden_dims: int = 512,
        output_dims: int = PIXELS,
    ):
        super().__init__()
        self.config = {
            "latent_dims": latent_dims,
            "input_dims": input_dims,
            "hidden_dims": hidden_dims,
            "output_dims": output_dims,
        }
        self.encoder = Encoder(latent_dims, input_dims, hidden_dims)
        self.decoder = Decoder(latent_dims, hidden_dims, output_dims)

    def encode(self, x: Tensor) -> Tensor:
        """The codes of images: (batch, latent_dims)."""
        return self.encoder(x)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x)).reshape(-1, *IMAGE_SHAPE)


class VariationalAutoencoder(nn.Module):
    """The VAE of Kingma and Welling (2013) with posterior N(mu, sigma^2) and prior N(0, prior_std^2)."""

    def __init__(
        self,
        latent_dims: int,
        input_dims: int = PIXELS,
        hidden_dims: int = 512,
        output_dims: int = PIXELS,
        prior_std: float = 1.0,
    ):
        super().__init__()
        self.config = {
            "latent_dims": latent_dims,
            "input_dims": input_dims,
            "hidden_dims": hidden_dims,
            "output_dims": output_dims,
            "prior_std": prior_std,
        }
        self.prior_std = prior_std
        self.encoder = VariationalEncoder(latent_dims, input_dims, hidden_dims)
        self.decoder = Decoder(latent_dims, hidden_dims, output_dims)

    def encode(self, x: Tensor) -> Tensor:
        """The posterior means of images: (batch, latent_dims). Nothing is sampled."""
        return self.encoder(x)[0]

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Images (batch, 1, 28, 28) -> reconstructions from a z drawn from the posterior, same shape."""
        return self.decoder(reparameterise(*self.encoder(x), generator)).reshape(-1, *IMAGE_SHAPE)


def reparameterise(
    mu: Tensor, log_sigma: Tensor, generator: torch.Generator | None = None
) -> Tensor:
    """z = mu + sigma * eps with eps ~ N(0, I), differentiable in mu and log_sigma (Kingma and Welling 2013)."""
    eps = torch.randn(mu.shape, generator=generator, device=mu.device, dtype=mu.dtype)
    return mu + exp(log_sigma) * eps


@torch.no_grad()
def initialise(model: nn.Module, generator: torch.Generator) -> None:
    """PyTorch's own initialisation of linear layers, U(-1/sqrt(fan_in), 1/sqrt(fan_in)), from a given generator."""
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            bound = layer.in_features**-0.5
            layer.weight.uniform_(-bound, bound, generator=generator)
            layer.bias.uniform_(-bound, bound, generator=generator)
