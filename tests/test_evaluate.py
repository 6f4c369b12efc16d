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
from src.evaluate import metrics, sampling
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
    assert error["test_sse"] == pytest.approx(expected)
    assert error["test_mse"] == pytest.approx(expected / 784)
    assert error["test_greyness"] == pytest.approx((4 * decoded * (1 - decoded)).mean().item())


@pytest.mark.parametrize(("bytes_", "greyness"), [([0, 255], 0), ([0, 255, 127, 128], 0.5)])
def test_greyness_of_images(bytes_: list[int], greyness: float) -> None:
    """It is 0 of black and white, and 1 of the middle grey."""
    images = torch.tensor(bytes_, dtype=torch.uint8)[:, None, None].expand(-1, 28, 28)
    codes = np.zeros((len(images), 2))
    error = metrics.reconstruction_error(Autoencoder(2, hidden_dims=2), codes, images)
    assert error["images_greyness"] == pytest.approx(greyness, abs=1e-4)


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


def distances(images: np.ndarray, others: np.ndarray) -> np.ndarray:
    """The Euclidean distances between images and others: (n, m)."""
    return np.sqrt(np.square(images[:, None].astype(float) - others).sum(2))


def test_precision_of_samples(test_images: Tensor) -> None:
    """An image counts if it lies in the ball of another, which reaches to its third nearest."""
    greys = test_images.numpy() / np.float32(255)
    images, others = sampling.levels(greys[:60]), sampling.levels(greys[60:150])
    radii = np.sort(distances(others, others), 1)[:, 3]
    expected = np.mean([(row <= radii).any() for row in distances(images, others)])
    assert 0 < expected < 1
    assert sampling.precision(images, others, sampling.radii(others)) == expected


def test_precision_has_no_rounding_errors() -> None:
    """Of the brightest images too the squared distance is exact, in whatever order it is added."""
    images = np.ones((2, 28, 28), np.float32)
    images[1, 0, 0] = 126 / 127
    white = sampling.levels(images)
    assert sampling._squared_distances(white, white).tolist() == [[0, 1], [1, 0]]


def test_precision_in_pixels_is_that_of_one_mean_image() -> None:
    """The weakness that the documents name: one grey image, again and again, lies among all."""
    images = np.random.default_rng(0).integers(2, size=(200, 28, 28)).astype(np.float32)
    grey, noise = sampling.levels(np.full_like(images, 0.5)), sampling.levels(images)
    assert sampling.precision(grey, noise, sampling.radii(noise)) == 1
    assert sampling.precision(noise, grey, sampling.radii(grey)) == 0


def on_a_circle(n: int, seed: int) -> np.ndarray:
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, n)
    return np.stack((np.cos(angles), np.sin(angles)), 1).astype(np.float32)


def test_new_codes_of_codes_on_a_circle(test_images: Tensor) -> None:
    """A Gaussian and straight lines leave it, the way on the sphere does not."""
    model = Autoencoder(2, hidden_dims=16)
    initialise(model, generator(0, "test"))
    labels = np.zeros(300)
    codes = Codes(on_a_circle(2_000, 0), labels, on_a_circle(300, 1), labels)
    values = sampling.sampling(model, codes, test_images[:300], generator(0, "noise"))
    assert values["sphere_distance"] == pytest.approx(1, abs=0.5)
    assert min(values["draws_distance"], values["line_distance"]) > 20
    assert values["sphere_precision"] > 0.9 > values["line_precision"]
    assert all(0 <= value <= 1 for name, value in values.items() if "distance" not in name)


def test_draws_of_a_model_with_a_prior_are_from_it(test_images: Tensor) -> None:
    """They do not follow the codes."""
    model = vae(prior_std=1.0)
    noise = torch.randn(2, 1_000, 3, generator=generator(0, "codes")).numpy()
    labels = np.zeros(1_000)
    near, far = (
        sampling.sampling(
            model,
            Codes(*(part for half in noise + shift for part in (half, labels))),
            test_images[:300],
            generator(0, "noise"),
        )["draws_distance"]
        for shift in (0, 20)
    )
    assert near == pytest.approx(1, abs=0.2)
    assert far > 20


def test_distances_of_nearly_equal_codes(test_images: Tensor) -> None:
    """Far from the origin, and close together, as a collapsed model puts them."""
    model = Autoencoder(1, hidden_dims=4)
    initialise(model, generator(0, "test"))
    rng = np.random.default_rng(0)
    train, test = (10 + 1e-2 * rng.normal(size=(n, 1)).astype(np.float32) for n in (5_000, 300))
    codes = Codes(train, np.zeros(5_000), test, np.zeros(300))
    values = sampling.sampling(model, codes, test_images[:300], generator(0, "noise"))
    partners = test[torch.randperm(300, generator=generator(0, "noise")).numpy()]
    halfway = ((test + partners) / 2).astype(float)
    line, usual = (
        np.median(np.abs(points - train.astype(float).T).min(1)) for points in (halfway, test)
    )
    assert values["line_distance"] == pytest.approx(line / usual, rel=1e-3)


def test_one_code_for_all_images(test_images: Tensor) -> None:
    """There is no usual distance then, and no distance is named."""
    same = Codes(*[np.ones((300, 2), np.float32), np.zeros(300)] * 2)
    model = Autoencoder(2, hidden_dims=4)
    values = sampling.sampling(model, same, test_images[:300], generator(0, "noise"))
    assert not [name for name in values if "distance" in name]
    assert values["line_precision"] == 1
