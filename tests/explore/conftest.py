"""Pages for the tests of the page, and browsers in which they are open."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.explore.pages import Example

WATCH_ERRORS = """
    window.errors = [];
    addEventListener("error", (event) => window.errors.push(event.message));
    addEventListener("unhandledrejection", (event) => window.errors.push(String(event.reason)));
"""


@pytest.fixture(scope="session")
def example(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Example]:
    """Makes a page for so many latent dimensions, once; "conv": with a model that is not live."""
    folder: Path = tmp_path_factory.mktemp("explorer")
    made: dict[int | str, Example] = {}

    def example(kind: int | str = 2) -> Example:
        if kind not in made:
            dims, path = 2 if kind == "conv" else int(kind), folder / f"{kind}.html"
            made[kind] = Example(path, dims, convolutional=kind == "conv")
        return made[kind]

    return example


@pytest.fixture
def opened(tool: ModuleType, browser: Any, example: Callable) -> Iterator[Callable[..., Example]]:
    """Opens a page in a state, in Chromium on a screen with chosen properties.

    In the end it must have met no error since.
    """

    def opened(kind: int | str | Example = 2, state: str = "", **screen: object) -> Example:
        if isinstance(browser, tool.webdriver.Chrome):
            tool.emulate(browser, **screen)
        made = kind if isinstance(kind, Example) else example(kind)
        tool.open_page(browser, made.path, state)
        browser.execute_script(WATCH_ERRORS)
        return made

    yield opened
    assert browser.execute_script("return window.errors ?? []") == []
