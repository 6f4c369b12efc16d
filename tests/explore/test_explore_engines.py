"""The essentials in Firefox and WebKit: the page starts, decodes, draws, takes clicks and keys.

Everything, and these too, is tested in Chromium elsewhere.
"""

from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from src.models.coding import decode
from tests.browsers import missing
from tests.explore.acts import Keys, call, greys, look_up, pen, show, until
from tests.explore.pages import Example


@pytest.fixture(scope="module", params=["Firefox", "WebKit"])
def engine(request: pytest.FixtureRequest, tool: ModuleType) -> Iterator[Any]:
    """One engine after the other. WebKit, which not every system has, may be missing."""
    from tools import engines

    lacks = engines.missing(request.param)
    if lacks and request.param == "WebKit":
        pytest.skip(f"{lacks} missing")
    if lacks:
        missing(lacks, f"apt-get install {lacks}")
    with engines.engine(request.param) as started:
        yield started


@pytest.fixture
def page(engine: Any, tool: ModuleType, example: Callable[..., Example]) -> Iterator[Callable]:
    """Opens a page; in the end it must have met no error."""

    def page(kind: int | str = 2, state: str = "") -> Example:
        made = example(kind)
        tool.open_page(engine, made.path, state)
        call(engine, "watchErrors")
        return made

    yield page
    assert look_up(engine, "window.errors") == []


def click(engine, selector: str, right: int, down: int) -> None:
    """Click so many pixels from an element's upper left corner."""
    box = show(engine, selector)
    chain = pen(engine)
    pointer = chain.w3c_actions.pointer_action
    pointer.move_to_location(round(box["left"]) + right, round(box["top"]) + down).click()
    chain.perform()


def wait_for_another_image(engine, before: np.ndarray) -> None:
    """Wait until the AE decodes another image."""
    until(lambda: not np.array_equal(greys(engine, "#ae .decoded"), before))


@pytest.mark.parametrize("dims", [1, 2, 8])
def test_engine_decodes_as_torch(engine, page, dims):
    """To one grey of 255, at a code from the address."""
    made = page(dims)
    code = made.codes["vae"].train[5]
    page(dims, "vae=" + ",".join(f"{value:.4f}" for value in code))
    expected = 255 * decode(made.models["vae"], code[None].round(4)).reshape(28, 28)
    assert np.abs(greys(engine, "#vae .decoded") - expected).max() <= 1.5


def test_engine_follows_a_click(engine, page, tool):
    """On a plane: the point goes there and is held."""
    page()
    before = greys(engine, "#ae .decoded")
    click(engine, "#ae .plane", 240, 200)
    tool.wait(engine, "location.hash.includes('ae=')")
    wait_for_another_image(engine, before)


def test_engine_follows_keys(engine, page, tool):
    """Arrows move the point, Enter shows the nearest image."""
    page()
    engine.execute_script("document.querySelector('#ae .plane input').focus()")
    before = greys(engine, "#ae .decoded")
    pen(engine).send_keys(*[Keys.ARROW_RIGHT] * 12).perform()
    wait_for_another_image(engine, before)
    pen(engine).send_keys(Keys.ENTER).perform()
    tool.wait(engine, "location.hash.includes('image=train-')")
    assert look_up(engine, "document.querySelectorAll('#chosen .trio figure').length") == 3


def test_engine_draws(engine, page, tool):
    """A dot by mouse, and dots by keyboard."""
    page()
    click(engine, "#paper", 90, 90)
    pen(engine).send_keys(Keys.ARROW_DOWN, Keys.SPACE).perform()
    tool.wait(engine, "!!document.querySelector('#chosen canvas')")
    assert greys(engine, "#chosen .trio canvas").max() == 255


@pytest.mark.parametrize("kind", [2, "conv"])
def test_engine_plays_everything(engine, page, kind):
    """Path, samples, mosaic and every sentence, without an error."""
    made = page(kind, "tool=path&show=both&play=1")
    suggestions = [suggestion["state"] for suggestion in made.facts["suggestions"]]
    for state in ["tool=samples&show=mosaic", *suggestions]:
        call(engine, "visit", state)
    nearest = look_up(engine, "document.querySelectorAll('.nearest li').length")
    assert nearest == 5 * len(made.models)
