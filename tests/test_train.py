"""The training loop against a plain one, its table, and what it goes on from."""

import contextlib
import io
import math
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
import torch

from src.base.errors import UserError
from src.base.seeding import generator
from src.data import idx
from src.models.losses import Objective, autoencoder_terms, variational_terms
from src.models.networks import Autoencoder, VariationalAutoencoder, initialise
from src.train.checkpoint import Checkpoint, fingerprint
from src.train.loop import Settings, evaluate, fit

AE, VAE = Objective(autoencoder_terms), Objective(variational_terms)


def images_of(digits):
    return idx.load(digits, "train")[0], idx.load(digits, "test")[0]


def train(
    model, digits, objective=AE, checkpoint=None, publish=lambda table: None, **changes
) -> list[dict]:
    settings = Settings(
        **{"epochs": 2, "batch_size": 128, "learning_rate": 1e-3, "seed": 5} | changes
    )
    images = images_of(digits)
    table = fit(
        model, *images, objective, settings, title="AE", checkpoint=checkpoint, publish=publish
    )
    return pd.read_csv(io.BytesIO(table)).to_dict("records")


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
    objective = VAE._replace(beta=0.25, kl_constant=0.7)
    for row in train(model, digits, objective):
        assert row["loss"] == pytest.approx(row["reconstruction"] + 0.25 * row["kl"])
        assert row["train_loss_per_image"] == pytest.approx(row["loss"] / len(images))
        plain = (row["reconstruction"] + row["kl"]) / len(images)
        assert row["train_neg_elbo_per_image"] == pytest.approx(plain - 0.7)
    reconstruction, kl = evaluate(model, test_images, objective, seed=5)
    assert row["test_loss_per_image"] == pytest.approx(reconstruction + 0.25 * kl)
    assert row["test_neg_elbo_per_image"] == pytest.approx(reconstruction + kl - 0.7)


def test_the_seed_decides_everything_and_beta_does_not_shift_the_noise(digits):
    def first(beta=1.0, **changes):
        return train(
            new_model(VariationalAutoencoder), digits, VAE._replace(beta=beta), epochs=1, **changes
        )[0]

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


def test_the_table_grows_by_a_row_an_epoch_and_each_epoch_is_told_once(digits, capsys):
    tables = []
    rows = train(new_model(), digits, publish=tables.append, epochs=3)
    assert [len(table.splitlines()) for table in tables] == [2, 3, 4]
    assert [row["epoch"] for row in rows] == [0, 1, 2]
    assert list(rows[0]) == [
        "epoch",
        "loss",
        "reconstruction",
        "kl",
        "train_loss_per_image",
        "test_loss_per_image",
    ]
    assert rows[0]["loss"] > rows[1]["loss"] > rows[2]["loss"]
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()] == [
        f"AE: epoch {i} of 3" for i in (1, 2, 3)
    ]


class Interrupted(Exception):
    """Takes the place of Ctrl-C."""


def test_a_training_goes_on_from_a_checkpoint_and_never_from_a_wrong_one(digits, tmp_path, capsys):
    def run(fingerprint: str = "this one", stop: int | None = None) -> tuple[list, dict]:
        def publish(table):
            if stop and len(table.splitlines()) == stop + 1:
                raise Interrupted

        model, rows = new_model(VariationalAutoencoder), []
        with contextlib.suppress(Interrupted):
            rows = train(
                model,
                digits,
                VAE,
                Checkpoint(tmp_path / "state.pt", fingerprint),
                publish,
                epochs=4,
            )
        return rows, model.state_dict()

    def same(one, other):
        return one[0] == other[0] and all(
            torch.equal(one[1][name], other[1][name]) for name in one[1]
        )

    whole = run()
    for damage in (None, b"", b"PK\3\4 not a state"):
        (tmp_path / "state.pt").unlink()
        run(stop=2)
        if damage is not None:
            (tmp_path / "state.pt").write_bytes(damage)
        capsys.readouterr()
        assert same(run(), whole)
        said = capsys.readouterr().out
        assert ("going on after 2" if damage is None else "starting afresh") in said
        assert said.count("AE: epoch") == (
            2 if damage is None else 4
        )  # what was told before is not told again
    run(stop=2)
    assert same(run(fingerprint="another"), whole)
    assert "starting afresh" in capsys.readouterr().out
    assert same(run(fingerprint="another"), whole)  # nothing is left to do but to give the results
    assert "AE: epoch" not in capsys.readouterr().out


def test_a_fingerprint_changes_with_settings_data_and_code(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/images").write_bytes(b"images")
    (tmp_path / "module.py").write_text("x = 1")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(
        sys.modules, "module_of_the_test", SimpleNamespace(__file__=str(tmp_path / "module.py"))
    )
    found = [fingerprint([0], tmp_path / "data")]
    assert fingerprint([0], tmp_path / "data") == found[0]
    found.append(fingerprint([1], tmp_path / "data"))
    (tmp_path / "data/images").write_bytes(b"other images")
    found.append(fingerprint([0], tmp_path / "data"))
    (tmp_path / "module.py").write_text("x = 2")
    found.append(fingerprint([0], tmp_path / "data"))
    assert len(set(found)) == 4
