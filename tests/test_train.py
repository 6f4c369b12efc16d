"""The training loop against a plain one, its loss table, its film, and its unfinished state."""

import contextlib
import io
import itertools
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from src.base.errors import UserError
from src.base.seeding import generator
from src.data import idx
from src.history.film import empty_film
from src.models.coding import encode, greys
from src.models.networks import PIXELS, Autoencoder, Model, VariationalAutoencoder, initialise
from src.train.adam import Adam
from src.train.checkpoint import Checkpoint
from src.train.loop import Settings, fit, measure

COLUMNS = ["epoch", "loss", "reconstruction", "kl", "train_loss_per_image", "test_loss_per_image"]


class Regularised(Autoencoder):
    """It has dropout, which draws random numbers, and batch norm, which keeps averages."""

    def __init__(self, latent_dims: int, hidden_dims: int):
        super().__init__(latent_dims, hidden_dims=hidden_dims)
        self.encoder = nn.Sequential(
            nn.Flatten(),
            nn.Linear(PIXELS, hidden_dims),
            nn.BatchNorm1d(hidden_dims),
            nn.Dropout(0.3),
            nn.Linear(hidden_dims, latent_dims),
        )


def new_model(network=Autoencoder, **loss):
    """A small model with the weights of one seed."""
    model = network(2, hidden_dims=32, **loss)
    initialise(model, generator(5, "initialisation"))
    return model


@pytest.fixture(scope="module")
def images(digits):
    """The training and the test images."""
    return idx.load(digits, "train")[0], idx.load(digits, "test")[0]


@pytest.fixture
def train(images):
    """Train a model with a few small settings; the rows of its loss table."""

    def run(model, checkpoint=None, publish=lambda table: None, **changes) -> list[dict]:
        settings = {"epochs": 2, "batch_size": 128, "learning_rate": 1e-3, "seed": 5} | changes
        settings = Settings(**settings)
        table, run.film = fit(model, *images, settings, checkpoint=checkpoint, publish=publish)
        return pd.read_csv(io.BytesIO(table)).to_dict("records")

    return run


def plain_loss(model: Model, x: torch.Tensor, noise: torch.Generator) -> torch.Tensor:
    """The tutorial's loss."""
    if isinstance(model, Autoencoder):
        return ((model(x) - x) ** 2).sum()
    mu, log_sigma = model.encoder(x)
    sigma = torch.exp(log_sigma)
    x_hat = model.decoder(mu + sigma * torch.randn(mu.shape, generator=noise)).reshape(x.shape)
    return ((x_hat - x) ** 2).sum() + (sigma**2 + mu**2 - torch.log(sigma) - 0.5).sum()


@pytest.mark.parametrize("network", [Autoencoder, VariationalAutoencoder])
def test_training_equals_a_plain_loop(train, images, network):
    """With torch's Adam, and the last, smaller batch kept."""
    train_images, _ = images
    plain = new_model(network)
    sums = []
    optimiser = torch.optim.Adam(plain.parameters(), lr=1e-3, fused=False, foreach=False)
    for epoch in range(2):
        sums.append(0.0)
        order = torch.randperm(len(train_images), generator=generator(5, "order", epoch))
        noise = generator(5, "noise", epoch)
        for start in range(0, len(train_images), 128):  # 1200 images: nine batches, one of 48
            x = greys(train_images[order[start : start + 128]])
            loss = plain_loss(plain, x, noise)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            sums[-1] += loss.item()
    model = new_model(network)
    rows = train(model)
    assert [row["loss"] for row in rows] == pytest.approx(sums, rel=1e-5)
    for weights, plain_weights in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(weights, plain_weights, atol=1e-4)  # a step moves them by 1e-3


def test_adam_is_torchs():
    """Also for a weight that has no gradient in some of the steps."""
    ours, theirs = (torch.nn.Linear(5, 3) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    adam, torchs = Adam(ours, 0.1), torch.optim.Adam(theirs.parameters(), lr=0.1)
    for step in range(6):
        gradients = [torch.full((3, 5), 1.0 + step), torch.full((3,), 0.1 * step)]
        theirs.weight.grad, theirs.bias.grad = gradients
        adam.update([ours.weight], gradients[:1])
        if step % 3:
            adam.update([ours.bias], gradients[1:])
        else:
            theirs.bias.grad = None
        torchs.step()
    assert torch.allclose(ours.weight, theirs.weight)
    assert torch.allclose(ours.bias, theirs.bias)


def test_row_of_losses_adds_up(train, images):
    """Sums over training images, means over test images, and the negative ELBO."""
    train_images, test_images = images
    model = new_model(VariationalAutoencoder, beta=0.25)
    for row in train(model):
        assert row["loss"] == pytest.approx(row["reconstruction"] + 0.25 * row["kl"])
        assert row["train_loss_per_image"] == pytest.approx(row["loss"] / len(train_images))
        terms = (row["reconstruction"] + row["kl"]) / len(train_images)
        assert row["train_neg_elbo_per_image"] == pytest.approx(terms - math.log(2))
    reconstruction, kl = measure(model, test_images, seed=5)
    assert row["test_loss_per_image"] == pytest.approx(reconstruction + 0.25 * kl)
    assert row["test_neg_elbo_per_image"] == pytest.approx(reconstruction + kl - math.log(2))


@pytest.mark.parametrize("network", [VariationalAutoencoder, Regularised])
def test_seed_decides_everything(train, network):
    """Order, noise and what is dropped; the state of torch's global generator has no part."""

    def first(seed: int) -> dict:
        torch.rand(seed)
        return train(new_model(network), epochs=1, seed=seed)[0]

    assert first(5) == first(5)
    assert first(6) != first(5)


def test_infinite_loss_stops_the_training(train):
    """The message names epoch and batch."""
    model = new_model()
    with torch.no_grad():
        model.decoder.linear2.bias[0] = math.nan
    with pytest.raises(UserError, match=r"epoch 0, batch 0.*learning_rate"):
        train(model)


def test_table_grows_by_a_row_an_epoch(train, capsys):
    """The losses fall, and a line for each epoch is printed where there is no terminal."""
    tables: list[bytes] = []
    rows = train(new_model(), publish=tables.append, epochs=3)
    assert [len(table.splitlines()) for table in tables] == [2, 3, 4]
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert list(rows[0]) == COLUMNS
    assert rows[0]["loss"] > rows[1]["loss"] > rows[2]["loss"]
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(",")[0] for line in lines] == [f"AE: epoch {i} of 3" for i in (1, 2, 3)]


@pytest.mark.parametrize("network", [VariationalAutoencoder, Regularised])
def test_film_begins_before_the_training(train, images, network):
    """And ends with the codes of the trained model; nothing in it is sampled or dropped."""
    model = new_model(network)
    train(model, epochs=3)
    film = train.film
    chosen = images[0][film.images]
    assert film.epochs.tolist() == [0, 1, 2, 3]
    assert (film.codes[0] == encode(new_model(network).eval(), chosen)).all()
    assert (film.codes[-1] == encode(model, chosen)).all()
    assert all((a != b).any() for a, b in itertools.pairwise(film.codes))


@pytest.fixture
def resume(train, tmp_path):
    """Train with a checkpoint, stopping after `stop` epochs; rows, weights and the film."""

    def run(
        network=VariationalAutoencoder, digest="these inputs", stop: int | None = None
    ) -> tuple[list, dict, np.ndarray]:
        def publish(table: bytes) -> None:
            if stop and len(table.splitlines()) == stop + 1:
                raise KeyboardInterrupt

        model = new_model(network)
        rows: list[dict] = []
        checkpoint = Checkpoint(tmp_path / "state.pt", digest)
        with contextlib.suppress(KeyboardInterrupt):
            rows = train(model, checkpoint, publish, epochs=4)
        return rows, model.state_dict(), train.film.codes

    run.path = tmp_path / "state.pt"
    train.film = empty_film(4, 1, 2)  # of a training that is interrupted
    return run


def assert_equal(run: tuple[list, dict, np.ndarray], other: tuple) -> None:
    rows, weights, codes = run
    other_rows, other_weights, other_codes = other
    assert rows == other_rows
    assert np.array_equal(codes, other_codes)
    assert all(torch.equal(weights[name], other_weights[name]) for name in weights)


@pytest.mark.parametrize("network", [VariationalAutoencoder, Regularised])
@pytest.mark.parametrize("stop", [2, 4])
def test_interrupted_training_goes_on(resume, capsys, network, stop):
    """To the same losses, weights and film, also after its last epoch; no epoch runs twice."""
    whole = resume(network)
    resume.path.unlink()
    resume(network, stop=stop)
    capsys.readouterr()
    assert_equal(resume(network), whole)
    printed = capsys.readouterr().out
    assert f"going on after {stop} finished epochs" in printed
    assert printed.count(": epoch") == 4 - stop


@pytest.mark.parametrize("content", [b"", b"PK\3\4 not a state", b"\x80\x04N."])
def test_damaged_state_is_not_used(resume, capsys, content):
    """The training starts afresh."""
    whole = resume()
    resume.path.write_bytes(content)
    capsys.readouterr()
    assert_equal(resume(), whole)
    printed = capsys.readouterr().out
    assert "is damaged: starting afresh" in printed
    assert printed.count("VAE: epoch") == 4


def test_state_of_other_inputs_is_not_used(resume, capsys):
    """Their digest differs."""
    whole = resume()
    resume(stop=2)
    capsys.readouterr()
    assert_equal(resume(digest="other inputs"), whole)
    assert "is of other parameters, data or code: starting afresh" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("owner", "function", "error"),
    [
        (Path, "read_bytes", PermissionError("denied")),
        (Path, "read_bytes", MemoryError()),
        (torch, "load", RuntimeError("DefaultCPUAllocator: can't allocate memory")),
    ],
)
def test_unreadable_state_is_kept(resume, monkeypatch, owner, function, error):
    """Lack of memory or of permission is no damage. Torch has only words for the former."""
    resume(stop=2)
    state = resume.path.read_bytes()

    def refuse(*arguments, **options):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(owner, function, refuse)
        with pytest.raises(type(error)):
            resume()
    assert resume.path.read_bytes() == state
