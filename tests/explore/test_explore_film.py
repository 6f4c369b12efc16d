"""The film of the training in Chromium: dots, slider, button, the mark on the curves."""

import numpy as np
import pytest

from src.explore import content
from src.latent.colours import ON_LIGHT
from tests.explore.acts import until
from tests.explore.pages import Example

SLIDER = "#film .epoch"
WORDS = "The dots are 300 codes after epoch 1 of 3; decoded images are"


def box(page, name: str = "ae") -> np.ndarray:
    """Width and height of all dots, in pixels."""
    return np.array(page.call("boxOfColours", f"#{name} .plane canvas", ON_LIGHT))


def valuetext(page) -> str:
    return page.attribute(SLIDER, "aria-valuetext")


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
def test_slider_moves_the_dots(page, kind, name):
    """Here from the origin; on a line the rows of the classes stay."""
    page.open(kind)
    last = box(page, name)
    page.fill(SLIDER, 1)
    width, height = box(page, name)
    assert width == pytest.approx(last[0] / 3, abs=12)
    assert height == pytest.approx(last[1] if kind == 1 else last[1] / 3, abs=12)
    page.fill(SLIDER, 3)
    assert (box(page, name) == last).all()


def test_dots_far_away_are_seen(page, tmp_path):
    """With them in the film, the whole of a plane is larger than that of the trained model."""
    page.open(Example(tmp_path / "far.html", start=3))
    last = box(page)
    page.fill(SLIDER, 0)
    size = np.array([page.each("#ae .plane canvas", side)[0] for side in ("width", "height")])
    assert (box(page) < size - 1).all()
    assert (box(page) > 0.3 * size).any()
    page.fill(SLIDER, 3)
    assert (box(page) == last).all()


def test_page_says_which_dots_it_shows(page):
    """At first those of the trained model; elsewhere also in the pictures' names, and no click
    takes an earlier dot for an image.
    """
    page.open(state="tool=film")
    assert page.text("#film .now") == valuetext(page) == "epoch 3 of 3"
    assert "the trained models" in page.text("#film .words")
    page.fill(SLIDER, 1)
    assert page.text("#film .words").startswith(WORDS)
    label = page.attribute("#ae .plane canvas", "aria-label")
    assert "300 dots after epoch 1 of 3" in label
    page.click_plane(0, 0)
    assert "image" not in page.state()


def test_curves_are_marked_in_step(page):
    """No epoch is finished before the first, so there is no loss yet."""
    page.open(state="tool=film")
    mark = "#losses circle.now"
    page.fill(SLIDER, 0)
    assert page.attribute(mark, "visibility") == "hidden"
    places = []
    for frame in (1, 2, 3):
        page.fill(SLIDER, frame)
        assert page.attribute(mark, "visibility") == "visible"
        places.append(float(page.attribute(mark, "cx")))
    assert places == sorted(set(places))


def test_film_plays_to_the_end(page):
    """From the first frame, and then stops."""
    page.open(state="tool=film")
    page.call("fastFrames")
    page.click("#film .play")
    assert page.text("#film .play") == "Pause"
    assert valuetext(page) == "epoch 0 of 3"
    page.run("window.requestAnimationFrame = (f) => setTimeout(() => f(1e9), 10)")
    until(lambda: page.text("#film .play") == "Play the training")
    assert valuetext(page) == "epoch 3 of 3"


def test_reduced_motion_plays_nothing(page):
    """A press leads to the next frame, and stays there."""
    page.open(state="tool=film", prefers_reduced_motion="reduce")
    assert page.text("#film .play") == "Next epoch"
    for words in ("epoch 0 of 3", "epoch 1 of 3"):
        page.click("#film .play")
        page.call("pause", 200)
        assert valuetext(page) == words


def test_address_names_the_epoch(page):
    """And leads back to it; a wrong one leads to the end."""
    page.open(state="tool=film")
    page.fill(SLIDER, 2)
    assert page.state()["epoch"] == "2"
    page.open(state="epoch=1")
    assert valuetext(page) == "epoch 1 of 3"
    page.open(state="epoch=7")
    assert valuetext(page) == "epoch 3 of 3"
