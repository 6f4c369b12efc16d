"""The pinned packages install on the oldest release of each Python that the README names.

The development container has the README's environment.
"""

import json
import re
from importlib.metadata import PackageNotFoundError, distribution
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from tools.small_project import ROOT

OLDEST = ["3.11.0", "3.12.0", "3.13.0"]
FILES = ["constraints.txt", *sorted(path.name for path in ROOT.glob("requirements*.txt"))]


def pins() -> list[Requirement]:
    """Every pin of the project."""
    lines = [line for file in FILES for line in (ROOT / file).read_text().splitlines()]
    named = [Requirement(line) for line in lines if line.strip() and line[0] not in "#-"]
    return [requirement for requirement in named if requirement.specifier]


def needed_python(pin: Requirement) -> SpecifierSet:
    """The releases of Python that a pinned release accepts; all if it is not installed here."""
    try:
        release = distribution(pin.name)
    except PackageNotFoundError:  # a package of another platform, or an optional one
        return SpecifierSet()
    assert release.version in pin.specifier, (
        f"{pin.name} {release.version} is installed, not {pin.specifier}: "
        "run `pip install -r requirements.txt`"
    )
    return SpecifierSet(release.metadata["Requires-Python"] or "")


@pytest.mark.parametrize("python", OLDEST)
def test_pins_accept_the_oldest_python(python):
    """No pinned release asks for a later Python."""
    assert [pin.name for pin in pins() if python not in needed_python(pin)] == []


def test_the_readme_names_these_pythons():
    """The releases tried here are those that the README, the workflow and ruff's settings name."""
    minors = [python.rpartition(".")[0] for python in OLDEST]
    readme = re.search(r"Python 3\..*", (ROOT / "README.md").read_text())[0]
    named = re.findall(r"\b3\.\d+", readme)
    assert (named[0], named[-1]) == (minors[0], minors[-1])
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    assert re.search(r'python: \["(.+)"\]', workflow)[1].split('", "') == minors
    target = f'target-version = "py{minors[0].replace(".", "")}"'
    assert target in (ROOT / "pyproject.toml").read_text()


def without_comments(path: str) -> dict[str, Any]:
    """A file of JSON with comments, in lines of their own."""
    lines = (ROOT / path).read_text().splitlines()
    content: dict[str, Any] = json.loads(
        "\n".join(line for line in lines if not line.startswith("//"))
    )
    return content


def test_container_installs_as_the_readme_says() -> None:
    """And VS Code then finds that environment, with the same extensions as elsewhere."""
    container = without_comments(".devcontainer/devcontainer.json")
    command = container["postCreateCommand"]
    assert f"    {command} && dvc repro\n" in (ROOT / "README.md").read_text()
    settings = without_comments(".vscode/settings.json")
    folder = command.split(" && ")[0].rpartition(" ")[2]
    assert settings["dvc.dvcPath"] == f"{folder}/bin/dvc"
    assert settings["python.defaultInterpreterPath"].endswith(f"/{folder}/bin/python")
    extensions = container["customizations"]["vscode"]["extensions"]
    assert without_comments(".vscode/extensions.json")["recommendations"] == extensions
