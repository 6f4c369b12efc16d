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

from src.base.errors import UserError
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
OTHERS = tables.other_parameters(committed)
REASON = f"the committed results are of {OTHERS}, those of the documents are not"


@pytest.mark.skipif(bool(OTHERS), reason=REASON)
@pytest.mark.parametrize("model", PUBLISHED)
def test_losses_follow_the_published_ones(model: str) -> None:
    """Each epoch's loss differs from the translator's by less than 2.5 %."""
    losses = pd.read_csv(io.StringIO(committed(f"reports/{model}/loss.csv")))
    assert losses["epoch"].tolist() == list(range(len(PUBLISHED[model])))
    assert (losses["loss"] / PUBLISHED[model] - 1).abs().max() < 0.025


@pytest.mark.parametrize("path", DOCUMENTS)
def test_tables_hold_the_results(path: str) -> None:
    """Writing the tables of a document anew changes nothing."""
    if OTHERS and "<!-- table: losses" in committed(path):
        pytest.skip(REASON)
    assert tables.rewritten(committed(path), committed) == committed(path)


def test_other_results_are_not_compared() -> None:
    """With the published losses; the error names what differs."""
    params = yaml.safe_load(committed("params.yaml")) | {"epochs": 1}
    with pytest.raises(UserError, match=r"^params.yaml has .*epochs=1\b"):
        tables.losses(
            lambda path: yaml.safe_dump(params) if path == "params.yaml" else committed(path)
        )


def test_every_table_is_shown_once() -> None:
    """Each table of `tools.tables` is in one of the documents."""
    pattern = r"<!-- table: (\w+) -->"
    shown = [name for path in DOCUMENTS for name in re.findall(pattern, committed(path))]
    assert sorted(shown) == sorted(tables.TABLES)


def links(path: str) -> list[tuple[str, str, str]]:
    """The links of a document inside the project: what is linked, file, and heading."""
    github = r"\.\./\.\./deployments\)"  # a page of GitHub's, whatever the repository's address
    pattern = rf"\[([^\]]*)\]\((?!\w+://|{github})([^)#\s]*)#?([^)]*)\)"
    matches = re.findall(pattern, committed(path))
    folder = posixpath.dirname(path)
    return [
        (text, posixpath.normpath(posixpath.join(folder, target)) if target else path, heading)
        for text, target, heading in matches
    ]


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_to_files(path: str) -> None:
    """Each link inside the project leads to a file or folder of it."""
    folders = {posixpath.dirname(file) for file in FILES}
    assert {target for _, target, _ in links(path)} <= {*FILES, *folders}


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_lead_to_headings(path: str) -> None:
    """Each link to a part of a document leads to a heading, as it is written in links."""
    for _, target, heading in links(path):
        if heading:
            titles = re.findall(r"^#+ (.*)$", committed(target), re.MULTILINE)
            anchors = [re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles]
            assert heading in anchors


@pytest.mark.parametrize("path", DOCUMENTS)
def test_links_to_code_name_what_is_there(path: str) -> None:
    """The linked file has the function, class, method or constant that the link names."""
    for text, target, _ in links(path):
        if target.endswith(".py") and re.fullmatch(r"`[\w.]+`", text):
            name = text.strip("`").rpartition(".")[2]
            definition = rf"^\s*(def|class) {name}\b|^{name}\b.* = "
            assert re.search(definition, committed(target), re.MULTILINE), text


def commands(path: str) -> list[str]:
    """The commands of a document, in its order, without what is said beside them."""
    pattern = r"^    ((?:python3?|dvc|pip|git) .*?)(?: +#.*)?$"
    return re.findall(pattern, committed(path), re.MULTILINE)


def test_the_chinese_readme_has_the_same_commands() -> None:
    """And each of the two links to the other at its top."""
    english, chinese = "README.md", "README.zh-CN.md"
    assert len(commands(english)) > 10
    assert commands(chinese) == commands(english)
    for path, other in ((english, chinese), (chinese, english)):
        assert other in [target for _, target, _ in links(path)][:1]
