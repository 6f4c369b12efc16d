"""The essentials in Chromium, Firefox and WebKit: it starts, decodes, draws, clicks, takes keys."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from src.models.coding import decode
from tests.explore.acts import SCRIPT, Keys
from tests.explore.conftest import missing
from tests.explore.pages import Example

OPTIONAL = {"WebKit"}  # which not every system has


def call(engine, name: str, *values: object) -> Any:
    """What a function of acts.js returns."""
    return engine.run(f"{SCRIPT}; return {name}(...arguments);", *values)


@pytest.fixture(scope="module", params=["Chromium", "Firefox", "WebKit"])
def engine(request: pytest.FixtureRequest, tool: object) -> Iterator:
    """One engine after the other; one that is missing is skipped, or fails where required."""
    from tools import engines

    lacks = engines.missing(request.param)
    if lacks and request.param in OPTIONAL:
        pytest.skip(f"{lacks} missing")
    if lacks:
        missing(lacks, f"apt-get install {lacks}")
    with engines.engine(request.param) as started:
        yield started


@pytest.fixture
def page(engine, example: Callable[..., Example]) -> Callable[..., Example]:
    """Opens a page; it must have started."""

    def page(kind: int | str = 2, state: str = "") -> Example:
        made = example(kind)
        engine.open(made.url + (f"#{state}" if state else ""))
        assert call(engine, "ready")
        return made

    return page


def greys(engine, selector: str) -> np.ndarray:
    return np.array(call(engine, "greys", selector)).reshape(28, 28)


def eventually(engine, holds: Callable[[], bool]) -> bool:
    """Whether a condition comes true, also on a machine that is busy."""
    for _ in range(60):
        if holds():
            return True
        call(engine, "pause", 50)
    return False


def is_new(engine, before: np.ndarray) -> bool:
    """Whether the AE's decoded image becomes another one."""
    return eventually(engine, lambda: not np.array_equal(greys(engine, "#ae .decoded"), before))


def address_has(engine, text: str) -> bool:
    return eventually(engine, lambda: text in engine.run("return location.hash;"))


def errors(engine) -> list[str]:
    return engine.run("return window.errors;")


@pytest.mark.parametrize("dims", [1, 2, 8])
def test_engine_decodes_as_torch(engine, page, dims):
    """To one grey of 255, at a code from the address."""
    made = page(dims)
    code = made.codes["vae"].train[5]
    page(dims, "vae=" + ",".join(f"{value:.4f}" for value in code))
    expected = 255 * decode(made.models["vae"], code[None].round(4)).reshape(28, 28)
    assert np.abs(greys(engine, "#vae .decoded") - expected).max() <= 1.5
    assert errors(engine) == []


def test_engine_follows_a_click(engine, page):
    """On a plane: the point goes there and is held."""
    page()
    before = greys(engine, "#ae .decoded")
    box = call(engine, "show", "#ae .plane")
    engine.click(box["left"] + 240, box["top"] + 200)
    assert address_has(engine, "ae=")
    assert is_new(engine, before)
    assert errors(engine) == []


def test_engine_follows_keys(engine, page):
    """Arrows move the point, Enter shows the nearest image."""
    page()
    engine.run("document.querySelector('#ae .plane input').focus();")
    before = greys(engine, "#ae .decoded")
    for _ in range(12):
        engine.press(Keys.ARROW_RIGHT)
    assert is_new(engine, before)
    engine.press(Keys.ENTER)
    assert address_has(engine, "image=train-")
    assert engine.run("return document.querySelectorAll('#chosen .trio figure').length;") == 3
    assert errors(engine) == []


def test_engine_draws(engine, page):
    """A dot by mouse, and dots by keyboard."""
    page()
    box = call(engine, "show", "#paper")
    engine.click(box["left"] + 90, box["top"] + 90)
    engine.press(Keys.ARROW_DOWN)
    engine.press(Keys.SPACE)
    call(engine, "waitFor", "#chosen canvas")
    assert greys(engine, "#chosen .trio canvas").max() == 255
    assert errors(engine) == []


@pytest.mark.parametrize("kind", [2, "conv"])
def test_engine_plays_everything(engine, page, kind):
    """Path, samples, mosaic and every sentence, without an error."""
    made = page(kind, "tool=path&show=both&play=1")
    for text in ["tool=samples&show=mosaic", *(entry["state"] for entry in made.facts["tries"])]:
        call(engine, "visit", text)
    assert engine.run("return document.querySelectorAll('.nearest li').length;") == 5 * len(
        made.models
    )
    assert errors(engine) == []
