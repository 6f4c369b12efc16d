"""The links between documents and to lines of code, and the tool that writes the latter."""

import posixpath
import re
import subprocess

import pytest

from src.base.errors import UserError
from tools.links import LINK, line_of, rewritten
from tools.small_project import ROOT

MODULE = '''"""A module."""

import functools

LIMIT: int = 3


@functools.cache
def compute() -> int:
    return LIMIT


class Network:
    def forward(self) -> int:
        return 1
'''


def documents() -> list[str]:
    command = ["git", "ls-files", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.split()


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def headings(path: str) -> set[str]:
    """The headings of a document as they are written in links."""
    titles = re.findall(r"^#+ (.*)$", text_of(path), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", documents())
def test_links_lead_to_headings(path: str) -> None:
    """Each link to a part of a document leads to a heading."""
    links = re.findall(r"\]\((?!\w+://)([^)#\s]*\.md|)#([^)]+)\)", text_of(path))
    for target, heading in links:
        document = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        assert heading in headings(document if target else path)


@pytest.mark.parametrize("path", documents())
def test_links_lead_to_their_lines(path: str) -> None:
    """Each link to a line of code leads to the function or class that it names."""
    assert rewritten(path, text_of(path), text_of) == text_of(path), "run `python -m tools.links`"


def test_tutorial_names_code_by_links() -> None:
    """Whatever name the page for readers of the tutorial links, it links with a line."""
    text = text_of("docs/tutorial.md")
    assert len(LINK.findall(text)) == len(re.findall(r"\.py", text)) > 20


@pytest.mark.parametrize(
    ("name", "line"), [("LIMIT", 5), ("compute", 9), ("Network", 13), ("Network.forward", 14)]
)
def test_line_of_a_name(name: str, line: int) -> None:
    """A constant, a decorated function, a class and a method are found."""
    assert line_of(name, MODULE) == line


def test_moved_code_moves_the_link() -> None:
    """A line number that is wrong is written anew, for a document in a folder."""
    old = "the [`Network`](../src/m.py#L2) and [`Network`](../src/m.py#L13)"
    files = {"src/m.py": MODULE}
    new = rewritten("docs/page.md", old, files.__getitem__)
    assert new == "the [`Network`](../src/m.py#L13) and [`Network`](../src/m.py#L13)"


def test_renamed_code_is_refused() -> None:
    """A link to what is no longer there ends in a message that names document and file."""
    with pytest.raises(UserError, match=r"docs/page\.md: src/m\.py has no `Net`"):
        rewritten("docs/page.md", "[`Net`](../src/m.py#L2)", {"src/m.py": MODULE}.__getitem__)
