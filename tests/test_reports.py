"""The committed reports of the full run against the tutorial's published losses."""

from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parent.parent
PUBLISHED = pd.read_csv(ROOT / "data/published_losses.csv")


@pytest.mark.parametrize("model", ["ae", "vae"])
def test_losses_follow_the_published_ones(model):
    """Within 4 % at every epoch and 2.5 % at the last."""
    losses = pd.read_csv(ROOT / f"reports/{model}/loss.csv")
    assert losses["epoch"].tolist() == PUBLISHED["epoch"].tolist() == list(range(20))
    off = (losses["loss"] / PUBLISHED[model] - 1).abs()
    assert off.max() < 0.04
    assert off.iloc[-1] < 0.025


@pytest.mark.parametrize("model", ["ae", "vae"])
def test_the_parts_of_the_loss_add_up(model):
    losses = pd.read_csv(ROOT / f"reports/{model}/loss.csv")
    assert (losses["reconstruction"] + losses["kl"]).to_numpy() == pytest.approx(losses["loss"].to_numpy())
    assert (losses["train_loss_per_image"] * 60_000).to_numpy() == pytest.approx(losses["loss"].to_numpy(), rel=1e-6)


def test_the_overview_is_small_enough_for_git():
    assert (ROOT / "reports/overview.png").stat().st_size < 400_000
