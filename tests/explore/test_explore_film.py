"""The film of the training in Chromium: dots, slider, button, the mark on the curves."""

import numpy as np
import pytest

from src.explore import content
from src.latent.colours import ON_LIGHT
from tests.explore.acts import attribute, call, click, click_plane, look_up, state, text, until
from tests.explore.pages import Example

CANVAS = "document.querySelector('#ae .plane canvas')"
SLIDER = "#film .epoch"
WORDS = "The dots are 300 codes after epoch 1 of 3; decoded images are"


def slide(browser, frame: int) -> None:
    call(browser, "setRange", SLIDER, frame)


def box(browser, name: str = "ae") -> np.ndarray:
    """Width and height of all dots, in pixels."""
    return np.array(call(browser, "boxOfColours", f"#{name} .plane canvas", ON_LIGHT))


def valuetext(browser) -> str:
    return attribute(browser, SLIDER, "aria-valuetext")


# What the page holds of it


@pytest.mark.parametrize("dims", [1, 2, 8])
def test_film_lies_on_the_plane_of_the_page(example, dims):
    """Frame by frame, in the plane of the final codes."""
    model = example(dims).page_models["vae"]
    facts, arrays = content.of_film(model)
    places = arrays["film"] * np.array(facts["filmStep"]) + facts["filmLow"]
    places = places.reshape(4, 300, min(dims, 2))
    assert np.allclose(places, model.plane.project(model.film.codes), atol=1e-3)
    assert (arrays["film-labels"] == model.codes.train_labels[model.film.images]).all()


# The page


@pytest.mark.parametrize(
    ("kind", "name"), [(1, "ae"), (2, "ae"), (2, "vae"), (8, "ae"), ("conv", "conv")]
)
def test_slider_moves_the_dots(browser, opened, kind, name):
    """Here from the origin; on a line the rows of the classes stay."""
    opened(kind)
    last = box(browser, name)
    slide(browser, 1)
    width, height = box(browser, name)
    assert width == pytest.approx(last[0] / 3, abs=12)
    assert height == pytest.approx(last[1] if kind == 1 else last[1] / 3, abs=12)
    slide(browser, 3)
    assert (box(browser, name) == last).all()


def test_dots_far_away_are_seen(browser, opened, tmp_path):
    """With them in the film, the whole of a plane is larger than that of the trained model."""
    opened(Example(tmp_path / "far.html", start=3))
    last = box(browser)
    slide(browser, 0)
    size = np.array(look_up(browser, "(({ width, height }) => [width, height])(" + CANVAS + ")"))
    assert (box(browser) < size - 1).all()
    assert (box(browser) > 0.3 * size).any()
    slide(browser, 3)
    assert (box(browser) == last).all()


def test_page_says_which_dots_it_shows(browser, opened):
    """At first those of the trained model; elsewhere also in the pictures' names, and no click
    takes an earlier dot for an image.
    """
    opened(state="tool=film")
    assert text(browser, "#film .now") == valuetext(browser) == "epoch 3 of 3"
    assert "the trained models" in text(browser, "#film .words")
    slide(browser, 1)
    assert text(browser, "#film .words").startswith(WORDS)
    label = attribute(browser, "#ae .plane canvas", "aria-label")
    assert "300 dots after epoch 1 of 3" in label
    click_plane(browser, 0, 0)
    assert "image" not in state(browser)


def test_film_its_curves_and_the_planes_share_the_screen(browser, opened):
    """On a laptop."""
    opened(state="tool=film")
    parts = ["#film .play", "#film .epoch", "#losses svg", ".plane"]
    assert call(browser, "inView", ", ".join(parts)) >= 5


def test_curves_are_marked_in_step(browser, opened):
    """No epoch is finished before the first, so there is no loss yet."""
    opened(state="tool=film")
    mark = browser.find_element("css selector", "#losses circle.now")
    slide(browser, 0)
    assert mark.get_attribute("visibility") == "hidden"
    places = []
    for frame in (1, 2, 3):
        slide(browser, frame)
        assert mark.get_attribute("visibility") == "visible"
        places.append(float(mark.get_attribute("cx")))
    assert places == sorted(set(places))


def test_film_plays_to_the_end(browser, opened):
    """From the first frame, and then stops."""
    opened(state="tool=film")
    call(browser, "fastFrames")
    click(browser, "#film .play")
    assert text(browser, "#film .play") == "Pause"
    assert valuetext(browser) == "epoch 0 of 3"
    browser.execute_script("window.requestAnimationFrame = (f) => setTimeout(() => f(1e9), 10)")
    until(lambda: text(browser, "#film .play") == "Play the training")
    assert valuetext(browser) == "epoch 3 of 3"


def test_reduced_motion_plays_nothing(browser, opened):
    """A press leads to the next frame, and stays there."""
    opened(state="tool=film", prefers_reduced_motion="reduce")
    assert text(browser, "#film .play") == "Next epoch"
    for words in ("epoch 0 of 3", "epoch 1 of 3"):
        click(browser, "#film .play")
        call(browser, "pause", 200)
        assert valuetext(browser) == words


def test_address_names_the_epoch(browser, opened):
    """And leads back to it; a wrong one leads to the end."""
    opened(state="tool=film")
    slide(browser, 2)
    assert state(browser)["epoch"] == "2"
    opened(state="epoch=1")
    assert valuetext(browser) == "epoch 1 of 3"
    opened(state="epoch=7")
    assert valuetext(browser) == "epoch 3 of 3"
