"""The networks, their initialisation and their files; the loss terms against independent formulas."""

import math
import pickle

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence

from src.base.errors import UserError
from src.models import losses
from src.models.networks import Autoencoder, VariationalAutoencoder, initialise, reparameterise
from src.models.registry import MODELS, build, dump_model, load_model

KINDS = [Autoencoder, VariationalAutoencoder]
MU = torch.linspace(-3, 3, 7, dtype=torch.double)[:, None]
LOG_SIGMA = torch.linspace(-2, 1, 5, dtype=torch.double)[None]


@pytest.mark.parametrize("latent_dims", [1, 2, 8, 784])
@pytest.mark.parametrize("kind", KINDS)
def test_images_in_images_out(kind, latent_dims):
    model = kind(latent_dims, 784, 16, 784)
    images = torch.rand(3, 1, 28, 28)
    decoded = model(images)
    assert decoded.shape == (3, 1, 28, 28)
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert model.encode(images).shape == (3, latent_dims)


@pytest.mark.parametrize(("kind", "heads"), [(Autoencoder, 2), (VariationalAutoencoder, 3)])
def test_parameters_have_the_names_and_shapes_of_the_tutorial(kind, heads):
    shapes = {name: tuple(value.shape) for name, value in kind(3, 784, 5, 784).named_parameters()}
    expected = {"encoder.linear1": (5, 784), "decoder.linear1": (5, 3), "decoder.linear2": (784, 5)}
    expected |= {f"encoder.linear{i}": (3, 5) for i in range(2, heads + 1)}
    weights = {f"{name}.weight": shape for name, shape in expected.items()}
    biases = {f"{name}.bias": shape[:1] for name, shape in expected.items()}
    assert shapes == weights | biases


def test_the_vae_s_code_is_the_mean_and_its_noise_comes_from_the_generator():
    model, images = VariationalAutoencoder(2), torch.rand(4, 1, 28, 28)
    assert torch.equal(model.encode(images), model.encode(images))
    one, same, other = (model(images, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


def test_reparameterised_draws_have_the_posterior_s_mean_and_deviation():
    mu, log_sigma = torch.tensor([[1.0, -2.0]]), torch.tensor([[0.0, 1.0]])
    z = reparameterise(
        mu.expand(50_000, 2), log_sigma.expand(50_000, 2), torch.Generator().manual_seed(0)
    )
    assert torch.allclose(z.mean(0), mu[0], atol=0.05)
    assert torch.allclose(z.std(0), log_sigma.exp()[0], rtol=0.02)


def test_initialisation_is_pytorch_s_own():
    seed = 3
    torch.manual_seed(seed)
    own = nn.Linear(20, 30)
    layer = nn.Linear(20, 30)
    initialise(layer, torch.Generator().manual_seed(seed))
    assert torch.equal(layer.weight, own.weight)
    assert torch.equal(layer.bias, own.bias)


@pytest.mark.parametrize("name", MODELS)
def test_a_saved_model_comes_back_the_same(name, tmp_path):
    kind = MODELS[name].network
    model = kind(3, hidden_dims=7)
    content = dump_model(name, model)
    (tmp_path / "model.pt").write_bytes(content)
    loaded = load_model(tmp_path / "model.pt")
    assert type(loaded) is kind
    assert all(
        torch.equal(a, b)
        for a, b in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True)
    )
    assert loaded.prior_std == model.prior_std
    assert dump_model(name, loaded) == content


class RunsCode:
    def __reduce__(self):
        return print, ("this must never run",)


def test_a_file_that_is_not_a_model_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "model.pt"
    whole = dump_model("ae", Autoencoder(2, hidden_dims=4))
    buffer = {
        "model": "ae",
        "config": {"latent_dims": 3, "hidden_dims": 4},
        "state_dict": Autoencoder(2).state_dict(),
    }
    torch.save(buffer, tmp_path / "other.pt")
    faults = {
        "truncated": whole[: len(whole) // 2],
        "empty": b"",
        "random": np.random.default_rng(0).bytes(5000),
        "of other dimensions": (tmp_path / "other.pt").read_bytes(),
        "a pickle": pickle.dumps(RunsCode(), protocol=2),
    }
    torch.save(RunsCode(), tmp_path / "code.pt")
    faults["a torch file with code"] = (tmp_path / "code.pt").read_bytes()
    for content in faults.values():
        path.write_bytes(content)
        with pytest.raises(UserError, match=r"^.*model\.pt.*dvc repro.*$"):
            load_model(path)
    path.unlink()
    with pytest.raises(UserError, match="missing"):
        load_model(path)
    assert "never run" not in capsys.readouterr().out


def test_a_model_with_a_kl_term_has_the_prior_of_its_form_and_one_without_has_none():
    model, objective = build("ae", 3, 8, "sse")
    assert (model.prior_std, objective.beta, objective.kl_constant) == (None, 1.0, None)
    model, objective = build("vae", 3, 8, "bce", kl="tutorial", beta=0.5)
    assert (model.prior_std, objective.beta) == (math.sqrt(0.5), 0.5)
    assert objective.kl_constant == pytest.approx(3 * math.log(2) / 2)
    assert objective.terms.keywords["reconstruction"] is losses.cross_entropy


@pytest.mark.parametrize("prior_std", [0.3, math.sqrt(0.5), 1.0])
def test_kl_divergence_is_that_of_torch_distributions(prior_std):
    expected = kl_divergence(Normal(MU, LOG_SIGMA.exp()), Normal(0.0, prior_std))
    assert torch.allclose(losses.kl_divergence(MU, LOG_SIGMA, prior_std), expected)


@pytest.mark.parametrize("name", losses.KL_FORMS)
def test_each_form_is_the_divergence_from_its_prior_plus_its_constant(name):
    form = losses.KL_FORMS[name]
    exact = kl_divergence(Normal(MU, LOG_SIGMA.exp()), Normal(0.0, form.prior_std))
    assert torch.allclose(form.term(MU, LOG_SIGMA), exact + form.constant)


def test_the_tutorial_s_constant_at_two_dimensions_is_41589_in_an_epoch():
    assert losses.KL_FORMS["tutorial"].constant * 2 * 60_000 == pytest.approx(41_589, abs=0.5)


def test_reconstruction_losses_are_negative_log_likelihoods_up_to_a_constant():
    logits, x = torch.randn(3, 784, dtype=torch.double), torch.rand(3, 784, dtype=torch.double)
    gaussian = -Normal(torch.sigmoid(logits), math.sqrt(0.5)).log_prob(x) - 0.5 * math.log(math.pi)
    assert torch.allclose(losses.squared_error(logits, x), gaussian.sum())
    assert torch.allclose(losses.squared_error(logits, x, reduction="none"), gaussian)
    binary = x.round()
    bernoulli = -Bernoulli(logits=logits).log_prob(binary)
    assert torch.allclose(losses.cross_entropy(logits, binary), bernoulli.sum())


def test_terms_of_a_batch_are_sums_over_its_images():
    images = torch.rand(6, 1, 28, 28)
    ae, vae = Autoencoder(3), VariationalAutoencoder(3)
    reconstruction, kl = losses.autoencoder_terms(ae, images, torch.Generator())
    assert torch.allclose(reconstruction, (ae(images) - images).square().sum())
    assert kl == 0
    reconstruction, kl = losses.variational_terms(vae, images, torch.Generator().manual_seed(1))
    assert torch.allclose(
        reconstruction, (vae(images, torch.Generator().manual_seed(1)) - images).square().sum()
    )
    mu, log_sigma = vae.encoder(images)
    assert torch.allclose(kl, (log_sigma.exp() ** 2 + mu**2 - log_sigma - 0.5).sum())
