"""The metrics against independent formulas."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.distributions import Normal

from src.base.seeding import generator
from src.data import idx
from src.evaluate import metrics
from src.latent.codes import Codes
from src.models.coding import greys
from src.models.networks import Autoencoder, Model, VariationalAutoencoder, initialise


@pytest.fixture(scope="module")
def train_images(digits: Path) -> Tensor:
    return idx.load(digits, "train")[0]


@pytest.fixture(scope="module")
def test_images(digits: Path) -> Tensor:
    return idx.load(digits, "test")[0]


def vae(prior_std: float = 1.0, **loss: str) -> VariationalAutoencoder:
    model = VariationalAutoencoder(3, hidden_dims=16, prior_std=prior_std, **loss)
    initialise(model, generator(1, "test"))
    return model


def variational(model: Model, images: Tensor, samples: int = 50) -> dict[str, float]:
    return metrics.variational(model, images, samples, generator(0, "noise"))[0]


def log_weights(
    model: VariationalAutoencoder, images: Tensor, reconstruction_loss: str, samples: int
) -> tuple[Tensor, Tensor]:
    """Reconstruction loss and ln p(x|z) p(z) / q(z|x) of samples, by torch's distributions."""
    torch.manual_seed(0)
    x = greys(images).flatten(1)
    mu, log_sigma = model.encoder(x)
    posterior = Normal(mu, log_sigma.exp())
    prior = Normal(0, model.prior_std)
    z = posterior.sample((samples,))
    decoded = model.decoder(z).detach().double()
    x = x.double()
    if reconstruction_loss == "sse":
        error = ((decoded - x) ** 2).sum(-1)
    else:
        error = -(x * decoded.log() + (1 - x) * (1 - decoded).log()).sum(-1)
    log_ratio = (prior.log_prob(z) - posterior.log_prob(z)).sum(-1).detach().double()
    return error, log_ratio - error


def test_reconstruction_error() -> None:
    """The squared error is summed over an image, and averaged over pixels."""
    model = Autoencoder(3, hidden_dims=8)
    images = torch.randint(256, (2_300, 28, 28), dtype=torch.uint8, generator=generator(0, "x"))
    codes = torch.randn(2_300, 3, generator=generator(0, "codes"))
    decoded = model.decoder(codes).detach().double()
    expected = ((images.flatten(1).double() / 255 - decoded) ** 2).sum(1).mean().item()
    error = metrics.reconstruction_error(model, codes.numpy(), images)
    assert error == pytest.approx({"test_sse": expected, "test_mse": expected / 784})


def test_pca_is_the_best_projection(train_images: Tensor, test_images: Tensor) -> None:
    """The error is that of a projection onto the first singular vectors."""
    train = train_images.flatten(1).double().numpy() / 255
    test = test_images.flatten(1).double().numpy() / 255
    mean = train.mean(0)
    components = np.linalg.svd(train - mean, full_matrices=False)[2][:4]
    projected = (test - mean) @ components.T @ components + mean
    expected = ((projected - test) ** 2).mean()
    error = metrics.pca_mse(train_images, test_images, 4)
    assert error == pytest.approx(expected, rel=1e-9)


def test_pca_of_few_images(train_images: Tensor, test_images: Tensor) -> None:
    """More components than images are possible."""
    assert metrics.pca_mse(train_images[:20], test_images[:10], 784) > 0


@pytest.mark.parametrize(("distance", "lowest", "highest"), [(20, 1, 1), (0, 0, 0.2)])
def test_accuracy_follows_the_classes(distance: float, lowest: float, highest: float) -> None:
    """It is 1 where each class lies apart from all others, and a guess where none does."""
    labels = np.arange(1000) % 10
    noise = np.random.default_rng(0).normal(size=(2, 1000, 10))
    train, test = noise + distance * np.eye(10)[labels]
    accuracies = metrics.class_accuracy(Codes(train, labels, test, labels))
    assert accuracies.keys() == {"knn_accuracy", "linear_probe_accuracy"}
    assert all(lowest <= accuracy <= highest for accuracy in accuracies.values())


def test_latent_std_is_a_mean() -> None:
    """The standard deviations of the dimensions are averaged."""
    assert metrics.latent_std_mean(np.array([[0.0, 1.0], [2.0, 5.0]])) == pytest.approx((1 + 2) / 2)


def test_autoencoder_has_no_bounds(test_images: Tensor) -> None:
    """A model without a prior has no metrics that need one."""
    assert variational(Autoencoder(3, hidden_dims=16), test_images) == {}


@pytest.mark.parametrize("prior_std", [1.0, math.sqrt(0.5)])
def test_kl_is_from_the_model_s_prior(test_images: Tensor, prior_std: float) -> None:
    """`test_kl` is the divergence from the prior of the model, not from N(0, 1)."""
    model = vae(prior_std)
    mu, log_sigma = model.encoder(greys(test_images))
    posterior = Normal(mu, log_sigma.exp())
    kl = torch.distributions.kl_divergence(posterior, Normal(0, prior_std)).sum(1).mean()
    assert variational(model, test_images)["test_kl"] == pytest.approx(kl.item(), rel=1e-5)


@pytest.mark.parametrize(("loss", "suffix"), [("sse", ""), ("bce", "_bce")])
def test_bounds_of_the_likelihood(test_images: Tensor, loss: str, suffix: str) -> None:
    """The negative ELBO is the mean loss plus the KL divergence.

    The tighter bound is minus the log of the mean weight of all samples.
    """
    model = vae(reconstruction_loss=loss)
    images = test_images[:15]
    error, weights = log_weights(model, images, loss, samples=2000)
    bound = (math.log(2000) - weights.logsumexp(0)).mean().item()
    values = variational(model, images, samples=2000)
    assert values[f"test_iwae_bound{suffix}"] == pytest.approx(bound, rel=2e-3)
    elbo = error.mean().item() + values["test_kl"]
    assert values[f"test_neg_elbo{suffix}"] == pytest.approx(elbo, rel=0.02)


@pytest.mark.parametrize(
    ("factors", "active"), [([100, 0, 0], 1), ([100, 100, 0], 2), ([1e-3, 0, 0], 0)]
)
def test_active_units(test_images: Tensor, factors: list[float], active: int) -> None:
    """A dimension counts if its posterior mean has a variance above a hundredth."""
    model = vae()
    with torch.no_grad():
        model.encoder.linear2.weight *= torch.tensor(factors)[:, None]
    assert variational(model, test_images)["active_units"] == active
