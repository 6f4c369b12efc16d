"""Chromium for the tests of pages: a skip without it, a failure where EXPLORER_TESTS=required."""

import importlib.util
import os
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

REQUIRED = os.environ.get("EXPLORER_TESTS") == "required"


def missing(what: str, remedy: str) -> None:
    """Skip the test, as something is missing; or fail, where it is required."""
    (pytest.fail if REQUIRED else pytest.skip)(f"{what} missing: {remedy}")


def need_packages(requirements: str, *names: str) -> None:
    """Skip or fail without these packages, which the file of requirements holds."""
    if lacking := [name for name in names if not importlib.util.find_spec(name)]:
        missing(", ".join(lacking), f"see the command in {requirements}")


@pytest.fixture(scope="session")
def tool() -> ModuleType:
    """tools/browser.py, with all that it needs."""
    need_packages("requirements-browser.txt", "selenium", "axe_playwright_python")
    from tools import browser

    if not browser.programs():
        missing("chromium and chromedriver", "see the command in requirements-browser.txt")
    return browser


@pytest.fixture(scope="module")
def browser(tool: ModuleType) -> Iterator[Any]:
    driver = tool.open_browser()
    yield driver
    driver.quit()
