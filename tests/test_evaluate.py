"""The held-out figures against independent formulas, and the file of codes."""

import math

import numpy as np
import pytest
import torch

from src.base.errors import UserError
from src.base.seeding import generator
from src.data import idx
from src.evaluate import metrics
from src.latent.codes import Codes, dump_codes, load_codes
from src.models.coding import decode, encode
from src.models.networks import Autoencoder, VariationalAutoencoder, initialise

RNG = np.random.default_rng(0)


def codes_of(n: int = 400) -> np.ndarray:
    return RNG.normal(size=(n, 2)).astype(np.float32)


@pytest.fixture(scope="module")
def data(digits):
    return [*idx.load(digits, "train"), *idx.load(digits, "test")]


def vae(prior_std: float = 1.0) -> VariationalAutoencoder:
    model = VariationalAutoencoder(3, hidden_dims=16, prior_std=prior_std)
    initialise(model, generator(1, "test"))
    return model


def measure(model, images, likelihood="sse", samples=50):
    return metrics.variational(model, images, likelihood, samples, generator(0, "noise"))


def test_reconstruction_error_is_squared_error_per_pixel_and_per_image():
    images, decoded = np.random.default_rng(0).random((2, 5, 28, 28))
    found = metrics.reconstruction_error(decoded, images)
    assert found["test_sse"] == pytest.approx(((images - decoded) ** 2).sum((1, 2)).mean())
    assert found["test_mse"] == pytest.approx(found["test_sse"] / 784)


def test_pca_is_the_best_linear_reconstruction(data):
    train, _, test, _ = (np.asarray(part) for part in data)
    train, test = (part.reshape(len(part), -1).astype(float) for part in (train, test))
    mean = train.mean(0)
    components = np.linalg.svd(train - mean, full_matrices=False)[2][:4]
    projected = (test - mean) @ components.T @ components + mean
    assert metrics.pca_mse(train, test, 4) == pytest.approx(
        ((projected - test) ** 2).mean(), rel=1e-3
    )


def test_more_components_than_the_data_have_are_not_asked_for(data):
    train, _, test, _ = (np.asarray(part) for part in data)
    assert metrics.pca_mse(train[:20], test[:10], 784) > 0


def test_accuracies_are_one_where_classes_lie_apart_and_a_guess_where_they_do_not():
    rng = np.random.default_rng(0)
    labels = np.arange(1000) % 10
    apart = rng.normal(size=(1000, 10)) + 20 * np.eye(10)[labels]
    assert set(metrics.class_accuracy(Codes(apart, labels, apart[::2], labels[::2])).values()) == {
        1.0
    }
    noise = rng.normal(size=(1000, 2))
    lost = metrics.class_accuracy(Codes(noise, labels, rng.normal(size=(500, 2)), labels[:500]))
    assert all(accuracy < 0.2 for accuracy in lost.values())


def test_latent_std_is_the_mean_over_dimensions():
    assert metrics.latent_std_mean(np.array([[0.0, 1.0], [2.0, 5.0]])) == pytest.approx((1 + 2) / 2)


@pytest.mark.parametrize("prior_std", [1.0, math.sqrt(0.5)])
def test_the_kl_is_the_divergence_from_the_model_s_own_prior(data, prior_std):
    model, images = vae(prior_std), data[2]
    mu, log_sigma = model.encoder(images)
    posterior, prior = (
        torch.distributions.Normal(mu, log_sigma.exp()),
        torch.distributions.Normal(0, prior_std),
    )
    expected = torch.distributions.kl_divergence(posterior, prior).sum(1).mean()
    assert measure(model, images)["test_kl"] == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize("likelihood", ["sse", "bce"])
def test_the_bounds_agree_with_a_plain_calculation(data, likelihood):
    model, images = vae(), data[2][:15]
    suffix = "" if likelihood == "sse" else "_bce"
    found = measure(model, images, likelihood, samples=2000)
    torch.manual_seed(0)
    mu, log_sigma = model.encoder(images)
    posterior, prior = (
        torch.distributions.Normal(mu, log_sigma.exp()),
        torch.distributions.Normal(0, 1),
    )
    z = posterior.sample((2000,))
    decoded, x = model.decoder(z).detach().double(), images.flatten(1).double()
    if likelihood == "sse":
        error = ((decoded - x) ** 2).sum(-1)
    else:
        error = -(x * decoded.log() + (1 - x) * (1 - decoded).log()).sum(-1)
    weights = -error + (prior.log_prob(z) - posterior.log_prob(z)).sum(-1).detach().double()
    bound = -(
        weights.exp().mean(0).log()
        if likelihood == "sse"
        else weights.logsumexp(0) - math.log(2000)
    )
    assert found[f"test_iwae_bound{suffix}"] == pytest.approx(bound.mean().item(), rel=2e-3)
    assert found[f"test_neg_elbo{suffix}"] == pytest.approx(
        error.mean().item() + found["test_kl"], rel=0.02
    )


def test_more_samples_make_the_bound_tighter(data):
    bounds = [measure(vae(), data[2], samples=samples) for samples in (1, 10, 100)]
    found = [bound["test_iwae_bound"] for bound in bounds]
    assert found == sorted(found, reverse=True)
    assert found[-1] < bounds[-1]["test_neg_elbo"]


def test_a_unit_is_active_if_its_mean_varies_by_more_than_a_hundredth(data):
    model = vae()
    with torch.no_grad():
        model.encoder.linear2.weight[1:] *= 0  # two of the three means are the same for every image
    assert measure(model, data[2])["active_units"] <= 1
    with torch.no_grad():
        model.encoder.linear2.weight[0] *= 100
    assert measure(model, data[2])["active_units"] == 1


def test_codes_come_back_and_a_damaged_file_is_refused(tmp_path):
    path = tmp_path / "ae.npz"
    codes = Codes(codes_of(), np.arange(400) % 10, codes_of(9), np.arange(9))
    content = dump_codes(codes)
    path.write_bytes(content)
    assert all(np.array_equal(a, b) for a, b in zip(codes, load_codes(path), strict=True))
    assert dump_codes(codes) == content
    np.savez(tmp_path / "pickled.npz", **codes._asdict() | {"train": np.array([{}], dtype=object)})
    np.savez(tmp_path / "other.npz", codes=codes.train)
    others = [(tmp_path / name).read_bytes() for name in ("pickled.npz", "other.npz")]
    for damaged in (content[:-100], b"", RNG.bytes(3000), *others):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"ae\.npz.*dvc repro"):
            load_codes(path)


def test_decoding_gives_the_model_s_images():
    model = Autoencoder(2, hidden_dims=8)
    images = torch.rand(5, 1, 28, 28)
    decoded = decode(model, encode(model, images))
    assert np.allclose(decoded, model(images).detach().squeeze(1).numpy(), atol=1e-6)
