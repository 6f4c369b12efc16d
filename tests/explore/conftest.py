"""Pages for the tests of the page, and browsers in which they are open."""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

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
def page(tool: ModuleType, browser: Any, example: Callable[..., Example]) -> Iterator[Any]:
    """A browser for pages; in the end the last of them must have met no error."""
    from tests.explore.acts import Page

    page = Page(browser, example)
    yield page
    assert page.look_up("window.errors ?? []") == []
