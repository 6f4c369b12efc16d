"""The small data set, the small project after its first run, and the tests' environment."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from src.arithmetic.pins import pin

pin()

from tests.browsers import browser, started, tool  # noqa: E402, F401, fixtures
from tools.small_project import (  # noqa: E402, as NumPy must find the pins
    Project,
    checksums_of,
    make_digits,
    without_settings,
)

# The fixtures of the tests with a mark of pyproject.toml: `lone` is of
# tests/test_sweep.py, `nodes` starts Ray, `ray` asks for it, `tool` for a browser.
MARKS = {"slow": {"reproduced", "lone", "nodes"}, "optional": {"ray", "tool"}}


def pytest_configure(config) -> None:
    """Hide the user's settings from all tests; workers of pytest-xdist inherit the environment."""
    if hasattr(config, "workerinput"):
        return
    home = Path(tempfile.mkdtemp(prefix="home-"))
    environment = without_settings(os.environ, home)
    os.environ.clear()
    os.environ.update(environment)
    config.add_cleanup(lambda: shutil.rmtree(home, ignore_errors=True))


def pytest_collection_modifyitems(items) -> None:
    """Mark tests by their fixtures: `pytest -m "not slow"` leaves out those that run `dvc`."""
    for item in items:
        for mark, fixtures in MARKS.items():
            if fixtures & {*getattr(item, "fixturenames", ())}:
                item.add_marker(mark)


@pytest.fixture(scope="session")
def digits(tmp_path_factory) -> Path:
    return make_digits(tmp_path_factory.mktemp("data") / "digits")


@pytest.fixture(scope="session")
def checksums(digits) -> dict[str, str]:
    return checksums_of(digits)


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory, digits) -> Project:
    """The small project after its first `dvc repro`, committed. Tests that change it restore it."""
    project = Project(tmp_path_factory.mktemp("project") / "copy with spaces", digits)
    project.first_run = project.repro()
    project.commit("first run")
    return project


@pytest.fixture
def project(reproduced):
    """The reproduced small project, put back as it was when the test ends."""
    yield reproduced
    reproduced.restore()
