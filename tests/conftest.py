"""The small data set, the small project after its first run, and the tests' environment."""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from src.arithmetic.pins import pin

pin()

from tests.browsers import browser, need_packages, started, tool  # noqa: E402, F401, fixtures
from tools.small_project import (  # noqa: E402, as NumPy must find the pins
    Project,
    checksums_of,
    make_digits,
    without_settings,
)

# The fixtures of the tests with a mark of pyproject.toml: `lone` is of tests/test_sweep.py, `nodes`
# starts Ray, `ray` asks for it, `tool` for a browser, `site` for the library that draws curves.
MARKS = {"slow": {"reproduced", "lone", "nodes"}, "optional": {"ray", "tool", "site"}}


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


class Site(NamedTuple):
    """A site of the small project, as a server gives it."""

    project: Project
    folder: Path
    address: str

    def stored(self, path: str) -> Path:
        """The file of DVC's remote with the content of a file of the project."""
        md5 = hashlib.md5((self.project.root / path).read_bytes()).hexdigest()
        return self.folder / f"files/md5/{md5[:2]}/{md5[2:]}"


@pytest.fixture(scope="session")
def site(reproduced, tmp_path_factory) -> Iterator[Site]:
    """The site of the small project's first run."""
    need_packages("requirements-plots.txt", "vl_convert")
    folder = tmp_path_factory.mktemp("site") / "site"
    reproduced.run(sys.executable, "-m", "tools.site", str(folder))
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield Site(reproduced, folder, f"http://127.0.0.1:{server.server_port}")
        server.shutdown()
