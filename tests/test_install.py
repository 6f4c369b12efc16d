"""The pinned packages install on the oldest release of each Python that the README names."""

import functools
import re
from importlib.metadata import Distribution, PackageNotFoundError, distribution

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from tools.small_project import ROOT

OLDEST = ["3.11.0", "3.12.0", "3.13.0"]
FILES = ["constraints.txt", *sorted(path.name for path in ROOT.glob("requirements*.txt"))]


def requirements(file: str) -> dict[str, Requirement]:
    """The packages that a file of pip's names itself, by their canonical names."""
    lines = (ROOT / file).read_text().splitlines()
    found = [Requirement(line) for line in lines if line.strip() and line[0] not in "#-"]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


@functools.cache
def pins() -> dict[str, Requirement]:
    """Every pin of the project, by the package's canonical name."""
    named = [requirement for file in FILES for requirement in requirements(file).items()]
    return {name: requirement for name, requirement in named if requirement.specifier}


@functools.cache
def metadata(pin: Requirement) -> Distribution | None:
    """What the pinned release says of itself; None if the package is not installed here."""
    try:
        found = distribution(pin.name)
    except PackageNotFoundError:  # a package of another platform, or an optional one
        return None
    assert found.version in pin.specifier, (
        f"{pin.name} {found.version} is installed, not {pin.specifier}: "
        "run `pip install -r requirements.txt`"
    )
    return found


def environment(python: str, machine: str) -> dict[str, str]:
    """The variables that decide which packages pip installs, as on Linux with this Python."""
    minor = python.rpartition(".")[0]
    system = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}
    return system | {
        "python_version": minor,
        "python_full_version": python,
        "implementation_version": python,
        "platform_machine": machine,
    }


def pulled_in(variables: dict[str, str]) -> set[str]:
    """All packages that requirements.txt installs, directly or not, in such an environment."""
    waiting = list(requirements("requirements.txt").values())
    reached: dict[str, set[str]] = {}
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        extras = {"", *requirement.extras}
        if extras <= reached.get(name, set()):
            continue
        extras |= reached.get(name, set())
        reached[name] = extras
        found = metadata(pins()[name]) if name in pins() else None
        for line in (found and found.requires) or []:
            needed = Requirement(line)
            marker = needed.marker
            if not marker or any(marker.evaluate(variables | {"extra": e}) for e in extras):
                waiting.append(needed)
    return set(reached)


@pytest.mark.parametrize("python", OLDEST)
def test_pins_accept_the_oldest_python(python):
    """No pinned release asks for a later Python."""
    releases = [release for release in map(metadata, pins().values()) if release]
    specifiers = {release.name: release.metadata["Requires-Python"] for release in releases}
    refusing = {name for name, text in specifiers.items() if python not in SpecifierSet(text or "")}
    assert len(specifiers) >= len(requirements("requirements.txt"))
    assert refusing == set()


@pytest.mark.parametrize("python", OLDEST)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_all_that_is_pulled_in_is_pinned(python, machine):
    """A package that only an older Python or another machine needs has a pin, too."""
    assert pulled_in(environment(python, machine)) - set(pins()) == set()


def test_the_readme_names_these_pythons():
    """The releases tried here are those that the README, the workflow and ruff's settings name."""
    first, *_, last = (python.rpartition(".")[0] for python in OLDEST)
    readme = re.search(r"Python 3\..*", (ROOT / "README.md").read_text())[0]
    named = re.findall(r"\b3\.\d+", readme)
    assert (named[0], named[-1]) == (first, last)
    workflow = (ROOT / ".github/workflows/ci.yml").read_text()
    minors = re.search(r'python: \["(.+)"\]', workflow)[1].split('", "')
    assert minors == [python.rpartition(".")[0] for python in OLDEST]
    assert f'target-version = "py{first.replace(".", "")}"' in (ROOT / "pyproject.toml").read_text()
