"""The loss terms against independent formulas, and the training loop against a plain one."""

import itertools
import math
import sys
from contextlib import nullcontext
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from torch.distributions import Bernoulli, Normal, kl_divergence

from src import losses, mnist, training
from src.checkpoint import Checkpoint, fingerprint
from src.errors import UserError
from src.models import Autoencoder, VariationalAutoencoder, initialise
from src.seeding import generator

MU = torch.linspace(-3, 3, 7, dtype=torch.double)[:, None]
LOG_SIGMA = torch.linspace(-2, 1, 5, dtype=torch.double)[None]


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
    assert torch.allclose(reconstruction, (vae(images, torch.Generator().manual_seed(1)) - images).square().sum())
    mu, log_sigma = vae.encoder(images)
    assert torch.allclose(kl, (log_sigma.exp() ** 2 + mu**2 - log_sigma - 0.5).sum())


def images_of(digits):
    return mnist.load(digits, "train")[0], mnist.load(digits, "test")[0]


def train(model, digits, terms=losses.autoencoder_terms, **changes):
    settings = {"epochs": 2, "batch_size": 128, "learning_rate": 1e-3, "seed": 5} | changes
    return list(training.train(model, *images_of(digits), terms, training.Settings(**settings)))


def new_model(kind=Autoencoder):
    model = kind(2, hidden_dims=32)
    initialise(model, generator(5, "initialisation"))
    return model


def test_training_is_the_plain_loop_with_adam_and_the_last_smaller_batch(digits):
    images, _ = images_of(digits)
    plain, sums = new_model(), []
    optimiser = torch.optim.Adam(plain.parameters(), lr=1e-3, fused=False, foreach=False)
    for epoch in range(2):
        sums.append(0.0)
        order = torch.randperm(len(images), generator=generator(5, "order", epoch))
        for start in range(0, len(images), 128):  # 1200 images: nine batches of 128 and one of 48
            x = images[order[start : start + 128]]
            loss = ((plain(x) - x) ** 2).sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            sums[-1] += loss.item()
    model = new_model()
    rows = train(model, digits)
    assert [row["loss"] for row in rows] == pytest.approx(sums, rel=1e-4)
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(ours, theirs, atol=1e-3)


def test_a_row_of_losses_adds_up(digits):
    model = new_model(VariationalAutoencoder)
    images, test_images = images_of(digits)
    for row in train(model, digits, losses.variational_terms, beta=0.25, kl_constant=0.7):
        assert row["loss"] == pytest.approx(row["reconstruction"] + 0.25 * row["kl"])
        assert row["train_loss_per_image"] == pytest.approx(row["loss"] / len(images))
        plain = (row["reconstruction"] + row["kl"]) / len(images)
        assert row["train_neg_elbo_per_image"] == pytest.approx(plain - 0.7)
    reconstruction, kl = training.evaluate(model, test_images, losses.variational_terms, seed=5)
    assert row["test_loss_per_image"] == pytest.approx(reconstruction + 0.25 * kl)
    assert row["test_neg_elbo_per_image"] == pytest.approx(reconstruction + kl - 0.7)


def test_the_seed_decides_everything_and_beta_does_not_shift_the_noise(digits):
    def first(**changes):
        return train(new_model(VariationalAutoencoder), digits, losses.variational_terms, epochs=1, **changes)[0]

    assert first() == first()
    assert first(seed=6) != first()
    # With weights that do not move, the reconstruction depends on the order and the noise alone.
    still = first(learning_rate=1e-30)
    assert still["reconstruction"] == first(learning_rate=1e-30, beta=3.0)["reconstruction"]


def test_a_loss_that_is_not_finite_stops_with_its_epoch_and_batch(digits):
    model = new_model()
    with torch.no_grad():
        model.decoder.linear2.bias[0] = math.nan
    with pytest.raises(UserError, match=r"epoch 0, batch 0.*learning_rate"):
        train(model, digits)


def test_the_table_grows_by_a_row_an_epoch_and_each_epoch_is_told_once(digits, tmp_path, capsys):
    seen = []

    def watched():
        settings = training.Settings(epochs=3, batch_size=400, learning_rate=1e-3, seed=0)
        for row in training.train(new_model(), *images_of(digits), losses.autoencoder_terms, settings):
            yield row
            seen.append(len((tmp_path / "loss.csv").read_text().splitlines()))

    content = training.record(watched(), tmp_path / "loss.csv", epochs=3, title="AE", lock=nullcontext())
    assert seen == [2, 3, 4]
    assert (tmp_path / "loss.csv").read_bytes() == content
    table = pd.read_csv(tmp_path / "loss.csv")
    assert table["epoch"].tolist() == [0, 1, 2]
    assert list(table) == ["epoch", "loss", "reconstruction", "kl", "train_loss_per_image", "test_loss_per_image"]
    assert table["loss"].is_monotonic_decreasing
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        f"AE: epoch {i} of 3" for i in (1, 2, 3)
    ]


def test_a_training_goes_on_from_a_checkpoint_and_never_from_a_wrong_one(digits, tmp_path, capsys):
    def run(epochs: int, fingerprint: str = "this one", stop: int | None = None) -> tuple[list, dict]:
        model, settings = new_model(VariationalAutoencoder), training.Settings(epochs, 128, 1e-3, seed=5)
        checkpoint = Checkpoint(tmp_path / "state.pt", fingerprint)
        rows = training.train(model, *images_of(digits), losses.variational_terms, settings, checkpoint)
        return list(itertools.islice(rows, stop)), model.state_dict()

    def same(one, other):
        return one[0] == other[0] and all(torch.equal(one[1][name], other[1][name]) for name in one[1])

    whole = run(4)
    for damage in (None, b"", b"PK\3\4 not a state"):
        (tmp_path / "state.pt").unlink()
        run(4, stop=2)
        if damage is not None:
            (tmp_path / "state.pt").write_bytes(damage)
        capsys.readouterr()
        assert same(run(4), whole)
        assert ("going on after 2" if damage is None else "starting afresh") in capsys.readouterr().out
    run(4, stop=2)
    assert same(run(4, fingerprint="another"), whole)
    assert "starting afresh" in capsys.readouterr().out


def test_a_fingerprint_changes_with_settings_data_and_code(tmp_path, monkeypatch):
    (tmp_path / "data").write_bytes(b"images")
    (tmp_path / "module.py").write_text("x = 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "module_of_the_test", SimpleNamespace(__file__=str(tmp_path / "module.py")))
    found = [fingerprint({"seed": 0}, [tmp_path / "data"])]
    assert fingerprint({"seed": 0}, [tmp_path / "data"]) == found[0]
    found.append(fingerprint({"seed": 1}, [tmp_path / "data"]))
    (tmp_path / "data").write_bytes(b"other images")
    found.append(fingerprint({"seed": 0}, [tmp_path / "data"]))
    (tmp_path / "module.py").write_text("x = 2")
    found.append(fingerprint({"seed": 0}, [tmp_path / "data"]))
    assert len(set(found)) == 4
