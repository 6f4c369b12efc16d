"""Chromium, and pages for it, for the tests of the page."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.explore.pages import Example


def missing(what: str, command: str) -> None:
    """Skip, as something is missing; or fail, where EXPLORER_TESTS=required says so."""
    words = f"{what} missing: {command}"
    if os.environ.get("EXPLORER_TESTS") == "required":
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="session")
def tool() -> ModuleType:
    """tools/browser.py, with all that it needs."""
    command = "see the command in requirements-browser.txt"
    try:
        import axe_playwright_python  # noqa: F401, only its file is used

        from tools import browser
    except ImportError as error:
        missing(str(error.name), command)
        raise
    if not browser.programs():
        missing("chromium and chromedriver", command)
    return browser


@pytest.fixture(scope="module")
def browser(tool: ModuleType) -> Iterator:
    driver = tool.open_browser()
    yield driver
    driver.quit()


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Example]:
    """Makes a page for so many latent dimensions, once; "conv": with a model that is not live."""
    folder: Path = tmp_path_factory.mktemp("explorer")
    made: dict[int | str, Example] = {}

    def example(kind: int | str = 2) -> Example:
        if kind not in made:
            path = folder / f"{kind}.html"
            made[kind] = (
                Example(path, convolutional=True) if kind == "conv" else Example(path, int(kind))
            )
        return made[kind]

    return example


@pytest.fixture
def opened(tool: ModuleType, browser: object, example: Callable) -> Callable[..., Example]:
    """Opens a page in Chromium, in a state, on a screen with chosen properties."""

    def opened(kind: int | str = 2, state: str = "", **screen: object) -> Example:
        tool.emulate(browser, **screen)
        made = example(kind)
        tool.open_page(browser, made.path, state)
        return made

    return opened
