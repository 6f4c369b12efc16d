"""Pages for the tests of the page, and browsers in which they are open."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from tests.explore.pages import Example


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
def opened(tool: ModuleType, browser: object, example: Callable) -> Callable[..., Example]:
    """Opens a page in Chromium, in a state, on a screen with chosen properties."""

    def opened(kind: int | str | Example = 2, state: str = "", **screen: object) -> Example:
        tool.emulate(browser, **screen)
        made = kind if isinstance(kind, Example) else example(kind)
        tool.open_page(browser, made.path, state)
        return made

    return opened
