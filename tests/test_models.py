"""The models, their initialisation and their files."""

import pickle

import numpy as np
import pytest
import torch
from torch import nn

from src.errors import UserError
from src.models import Autoencoder, VariationalAutoencoder, dump_model, initialise, load_model, reparameterise
from src.seeding import generator

KINDS = [Autoencoder, VariationalAutoencoder]


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
    z = reparameterise(mu.expand(50_000, 2), log_sigma.expand(50_000, 2), torch.Generator().manual_seed(0))
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


def test_a_generator_s_stream_depends_on_seed_and_purpose_alone():
    def draw(*purpose):
        return torch.rand(4, generator=generator(*purpose))

    assert torch.equal(draw(0, "noise", 1), draw(0, "noise", 1))
    streams = [draw(0, "noise", 1), draw(0, "noise", 2), draw(1, "noise", 1), draw(0, "order", 1)]
    assert len({tuple(stream.tolist()) for stream in streams}) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_a_saved_model_comes_back_the_same(kind, tmp_path):
    model = kind(3, hidden_dims=7)
    content = dump_model(model)
    (tmp_path / "model.pt").write_bytes(content)
    loaded = load_model(tmp_path / "model.pt")
    assert type(loaded) is kind
    assert all(
        torch.equal(a, b) for a, b in zip(model.state_dict().values(), loaded.state_dict().values(), strict=True)
    )
    assert getattr(loaded, "prior_std", None) == getattr(model, "prior_std", None)
    assert dump_model(loaded) == content


class RunsCode:
    def __reduce__(self):
        return print, ("this must never run",)


def test_a_file_that_is_not_a_model_is_refused_in_one_line(tmp_path, capsys):
    path = tmp_path / "model.pt"
    whole = dump_model(Autoencoder(2, hidden_dims=4))
    buffer = {"model": "ae", "config": {"latent_dims": 3, "hidden_dims": 4}, "state_dict": Autoencoder(2).state_dict()}
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
