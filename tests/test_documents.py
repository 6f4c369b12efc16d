"""The committed results against the tutorial's published losses, and the documents' tables against the results.

All is read from the last commit: what the workspace has come to by an experiment is none of these tests' business.
"""

import io
import re
import subprocess

import pandas as pd
import pytest
import yaml

from experiments import tables
from tests.small_project import ROOT


def committed(path: str) -> str:
    return subprocess.run(
        ["git", "show", f"HEAD:{path}"], cwd=ROOT, capture_output=True, check=True
    ).stdout.decode()


def documents() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "*.md"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return listed.stdout.split()


def table(path: str) -> pd.DataFrame:
    return pd.read_csv(io.StringIO(committed(path)))


@pytest.mark.parametrize("model", ["ae", "vae"])
def test_losses_follow_the_published_ones(model):
    losses = table(f"reports/{model}/loss.csv")
    published = yaml.safe_load(committed("data/sets/MNIST.yaml"))["published"]
    assert losses["epoch"].tolist() == list(range(20))
    assert (losses["loss"] / published[model] - 1).abs().max() < 0.025


@pytest.mark.parametrize("model", ["ae", "vae"])
def test_the_parts_of_the_loss_add_up(model):
    losses = table(f"reports/{model}/loss.csv")
    assert (losses["reconstruction"] + losses["kl"]).to_numpy() == pytest.approx(
        losses["loss"].to_numpy()
    )
    assert (losses["train_loss_per_image"] * 60_000).to_numpy() == pytest.approx(
        losses["loss"].to_numpy(), rel=1e-6
    )


def test_the_overview_is_small_enough_for_git():
    size = subprocess.run(
        ["git", "cat-file", "-s", "HEAD:reports/overview.png"], cwd=ROOT, capture_output=True
    )
    assert int(size.stdout) < 400_000


@pytest.mark.parametrize("path", documents())
def test_tables_hold_what_the_results_say(path):
    assert tables.rewritten(committed(path), committed) == committed(path)


@pytest.mark.parametrize("path", documents())
def test_links_lead_to_files_that_are_there(path):
    links = [link for link in re.findall(r"\]\(([^)#]+)", committed(path)) if "://" not in link]
    assert not [link for link in links if not ((ROOT / path).parent / link).exists()]


def test_the_readme_is_short_and_holds_every_table():
    text = committed("README.md")
    assert text.count("\n") <= 150
    found = [
        name
        for path in documents()
        for name in re.findall(r"<!-- table: (\w+) -->", committed(path))
    ]
    assert sorted(found) == sorted(tables.TABLES)
