"""Browsers for the tests of pages: a skip without one, a failure where EXPLORER_TESTS=required."""

import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from types import ModuleType
from typing import Any

import pytest

REQUIRED = os.environ.get("EXPLORER_TESTS") == "required"
OPTIONAL = {"WebKit"}  # which not every system has

# In every engine, each started once, instead of Chromium alone.
every_engine = pytest.mark.parametrize("browser", ["Chromium", "Firefox", "WebKit"], indirect=True)


def missing(what: str, remedy: str) -> None:
    """Skip the test, as something is missing; or fail, where it is required."""
    (pytest.fail if REQUIRED else pytest.skip)(f"{what} missing: {remedy}")


def need_packages(requirements: str, *names: str) -> None:
    """Skip or fail without these packages, which the file of requirements holds."""
    if lacking := [name for name in names if not importlib.util.find_spec(name)]:
        missing(", ".join(lacking), f"see the command in {requirements}")


@pytest.fixture(scope="session")
def tool() -> ModuleType:
    """tools/browser.py, with the packages that it needs."""
    need_packages("requirements-browser.txt", "selenium", "axe_playwright_python")
    from tools import browser

    return browser


@pytest.fixture(scope="session")
def started(tool: ModuleType) -> Iterator[Callable[[str], Any]]:
    """Starts an engine when a test first needs it; all are stopped in the end."""
    from tools import engines

    with ExitStack() as stack:

        @cache
        def started(name: str) -> Any:
            return stack.enter_context(engines.engine(name))

        yield started


@pytest.fixture
def browser(request: pytest.FixtureRequest, started: Callable[[str], Any]) -> Any:
    """Chromium, or the engine that `every_engine` names."""
    from tools import engines

    name = getattr(request, "param", "Chromium")
    if lacking := engines.missing(name):
        if name in OPTIONAL:
            pytest.skip(f"{lacking} missing")
        missing(lacking, f"apt-get install {lacking}")
    return started(name)
