"""The essentials of the page in Chromium, Firefox and WebKit: it starts, decodes, draws, clicks, and follows keys."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from src.models.coding import decode
from tests.explore.acts import GREYS_OF, Keys
from tests.explore.conftest import missing
from tests.explore.pages import Example

OPTIONAL = {"WebKit"}  # which not every system has

# Counts what goes wrong, from the page's first script on.
READY = """
    for (let i = 0; i < 400 && !document.querySelector(".nearest li"); i++) {
      await new Promise((done) => setTimeout(done, 25));
    }
    await new Promise((done) => setTimeout(done, 100));
    window.errors = [];
    addEventListener("error", (event) => window.errors.push(String(event.message)));
    addEventListener("unhandledrejection", (event) => window.errors.push(String(event.reason)));
    return document.getElementById("status").hidden;
"""
BOX = """
    const found = document.querySelector(arguments[0]);
    found.scrollIntoView({ block: "center" });
    const { left, top, width, height } = found.getBoundingClientRect();
    return [left + width / 2, top + height / 2];
"""
DRAWN = """
    for (let i = 0; i < 100 && !document.querySelector("#chosen canvas"); i++) {
      await new Promise((done) => setTimeout(done, 20));
    }
"""
STATE = "await new Promise((done) => setTimeout(done, 800)); return location.hash;"


@pytest.fixture(scope="module", params=["Chromium", "Firefox", "WebKit"])
def engine(request: pytest.FixtureRequest, tool: object) -> Iterator:
    """One engine after the other; one that is missing is skipped, or fails where it must be there."""
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
        assert engine.run(READY)
        return made

    return page


def greys(engine, selector: str) -> np.ndarray:
    script = GREYS_OF + "return greysOf(document.querySelector(arguments[0]));"
    return np.array(engine.run(script, selector)).reshape(28, 28)


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
    x, y = engine.run(BOX, "#ae .plane")
    engine.click(x + 60, y + 40)
    assert "ae=" in engine.run(STATE)
    assert not np.array_equal(greys(engine, "#ae .decoded"), before)
    assert errors(engine) == []


def test_engine_follows_keys(engine, page):
    """Arrows move the point, Enter shows the nearest image."""
    page()
    engine.run("document.querySelector('#ae .plane input').focus();")
    before = greys(engine, "#ae .decoded")
    for _ in range(12):
        engine.press(Keys.ARROW_RIGHT)
    engine.run("await new Promise((done) => setTimeout(done, 100));")
    assert not np.array_equal(greys(engine, "#ae .decoded"), before)
    engine.press(Keys.ENTER)
    assert "image=train-" in engine.run(STATE)
    assert engine.run("return document.querySelectorAll('#chosen .trio figure').length;") == 3
    assert errors(engine) == []


def test_engine_draws(engine, page):
    """A dot by mouse, and dots by keyboard."""
    page()
    x, y = engine.run(BOX, "#paper")
    engine.click(x, y)
    engine.press(Keys.ARROW_DOWN)
    engine.press(Keys.SPACE)
    engine.run(DRAWN)
    assert greys(engine, "#chosen .trio canvas").max() == 255
    assert errors(engine) == []


@pytest.mark.parametrize("kind", [2, "conv"])
def test_engine_plays_everything(engine, page, kind):
    """Path, samples, mosaic and every sentence, without an error."""
    made = page(kind, "tool=path&show=both&play=1")
    for text in ["tool=samples&show=mosaic", *(entry["state"] for entry in made.facts["tries"])]:
        engine.run(
            "location.hash = arguments[0]; await new Promise((done) => setTimeout(done, 250));",
            text,
        )
    assert engine.run("return document.querySelectorAll('.nearest li').length;") == 5 * len(
        made.models
    )
    assert errors(engine) == []
