"""The committed results beside the published losses, and the documents beside the results.

Everything is read from the last commit: experiments in the workspace change nothing here.
"""

import io
import posixpath
import re
import subprocess

import pandas as pd
import pytest
import yaml

from tools import tables
from tools.small_project import ROOT


def git(*arguments: str) -> str:
    """The output of a git command in the project."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode()


def committed(path: str) -> str:
    return git("show", f"HEAD:{path}")


FILES = git("ls-tree", "-r", "--name-only", "HEAD").splitlines()
DOCUMENTS = [file for file in FILES if file.endswith(".md")]
PUBLISHED = yaml.safe_load(committed("data/sets/MNIST.yaml"))["published"]


@pytest.mark.parametrize("model", PUBLISHED)
def test_losses_follow_the_published_ones(model: str) -> None:
    """Each epoch's loss differs from the tutorial's by less than 2.5 %."""
    losses = pd.read_csv(io.StringIO(committed(f"reports/{model}/loss.csv")))
    assert losses["epoch"].tolist() == list(range(len(PUBLISHED[model])))
    assert (losses["loss"] / PUBLISHED[model] - 1).abs().max() < 0.025


@pytest.mark.parametrize("path", DOCUMENTS)
def test_tables_hold_the_results(path: str) -> None:
    """Writing the tables of a document anew changes nothing."""
    assert tables.rewritten(committed(path), committed) == committed(path)


def test_every_table_is_shown_once() -> None:
    """Each table of `tools.tables` is in one of the documents."""
    pattern = r"<!-- table: (\w+) -->"
    shown = [name for path in DOCUMENTS for name in re.findall(pattern, committed(path))]
    assert sorted(shown) == sorted(tables.TABLES)


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_to_files(path: str) -> None:
    """Each link inside the project leads to a file or folder of it."""
    folder = posixpath.dirname(path)
    links = [link for link in re.findall(r"\]\(([^)#]+)", committed(path)) if "://" not in link]
    targets = {posixpath.normpath(posixpath.join(folder, link)) for link in links}
    folders = {posixpath.dirname(file) for file in FILES}
    assert targets <= {*FILES, *folders}
