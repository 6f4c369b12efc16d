"""The knobs of a training in the page: what they do to all that is seen. Its arithmetic is in
test_explore_training.py.
"""

import re

import pytest

from tests.browsers import every_engine
from tests.explore.acts import Keys, numbers, until

WORDS = "#train .words"
MARK = "#vae .trained-here"


def await_steps(page, steps: int) -> None:
    """Wait until the model has been measured after so many steps."""
    until(lambda: re.search(rf"after {steps} steps?:", page.text(WORDS), re.IGNORECASE))


def open_knobs(page, state: str = "", kind: int | str = 2, **screen: object) -> None:
    """Open a page at its knobs; done when the pipeline's model has been measured."""
    page.open(kind, f"tool=train{state}", **screen)
    await_steps(page, 0)


@every_engine
def test_training_shows_on_all(page):
    """Dots, the decoded image, the mark on the panel, the sentence; and Back undoes it exactly."""

    def seen() -> list:
        image, dots = page.greys("#vae .decoded").tolist(), "#vae .plane canvas"
        return [image, page.call("coloursOf", dots), page.text(WORDS), page.point("vae")]

    open_knobs(page, "&beta=40&image=train-3")
    before = seen()
    for steps in range(1, 6):
        page.click("#train .one")
        await_steps(page, steps)
    assert "trained here, 5 steps" in page.text(MARK)
    assert not page.is_shown("#ae .trained-here")
    image, _, _, point = seen()
    assert image != before[0]
    assert point != before[3]  # the image's code is another
    page.click("#train .reset")
    await_steps(page, 0)
    assert seen() == before
    assert not page.is_shown(MARK)


def test_beta_pulls_the_codes_together(page):
    """The rate falls at beta 40, the dot of the plot leaves the square; a pause lasts."""
    open_knobs(page, "&beta=40")
    first = numbers(page.text(WORDS))
    page.click("#train .run")
    until(lambda: page.text("#train .run") == "Pause" and numbers(page.text(WORDS))[1] > 60)
    page.click("#train .run")
    until(lambda: page.text("#train .run") == "Run")
    page.call("pause", 300)
    rested = page.text(WORDS)
    beta, _, rate, *_ = numbers(rested)
    assert beta == 40
    assert rate < first[2]
    square = float(page.attribute("#train .rates rect", "x"))
    assert float(page.attribute("#train .rates circle", "cx")) < square + 5
    page.call("pause", 700)
    assert page.text(WORDS) == rested


def test_knobs_by_keyboard(page):
    """Arrows turn beta, in words for a screen reader and in the address; and so does the noise."""
    open_knobs(page)
    beta = "#train .beta input"
    start = page.attribute(beta, "aria-valuetext")
    page.press(beta, Keys.ARROW_RIGHT)
    assert page.attribute(beta, "aria-valuetext") != start == "beta 1"
    page.press("#train .noise input", Keys.SPACE)
    page.press(beta, Keys.END)
    assert page.state() == {"tool": "train", "beta": "40", "noise": "off"}
    page.press("#train .one", Keys.ENTER)
    sentence = "beta 40, no noise, after 1 step"
    until(lambda: page.text(WORDS).startswith(sentence))
    until(lambda: page.text("#train .announcement").startswith(sentence))


def test_reduced_motion_trains_in_steps(page):
    """A press makes ten, and no more."""
    open_knobs(page, prefers_reduced_motion="reduce")
    assert page.text("#train .run") == "10 steps"
    page.click("#train .run")
    await_steps(page, 10)
    page.call("pause", 300)
    assert "after 10 steps" in page.text(WORDS)


def test_each_model_has_its_knobs(page):
    """An AE has no beta; a model that the page does not know has no knob, in a sentence."""
    open_knobs(page, kind="conv")
    assert page.each("#train .model option", "value") == ["ae", "vae"]
    assert "does not know how the CONV computes" in page.text("#train .none")
    page.fill("#train .model", "ae")
    await_steps(page, 0)
    assert page.each("#train .beta input", "disabled") == [True]
    page.click("#train .one")
    await_steps(page, 1)
    assert "rate" not in page.text(WORDS)
    assert "trained here, 1 step" in page.text("#ae .trained-here")


def test_dimensions_have_their_bars(page):
    """Above two, with the KL divergence of each: their sum is the rate."""
    open_knobs(page, kind=8)
    assert page.count("#train .bars rect") == 8
    label = page.attribute("#train .bars svg", "aria-label")
    kls = [float(value) for value in re.findall(r"z\d (\d+\.\d\d)", label)]
    assert sum(kls) == pytest.approx(numbers(page.text(WORDS))[2], abs=0.1)


def test_without_a_worker_there_is_a_sentence(page):
    """And the rest of the page works."""
    forbid = "window.Worker = class { constructor() { throw new Error('none'); } };"
    with page.before_its_scripts(forbid):
        page.open(state="tool=train")
    until(lambda: "starts no worker" in page.text("#train .none"))
    page.click("#tab-samples")
    assert page.count("#samples li") == 20


def test_another_step_is_of_the_trained_model(page):
    """What an address does not name is as at the start: the pipeline's model."""
    open_knobs(page, "&beta=40")
    page.click("#train .one")
    until(lambda: page.is_shown(MARK))
    page.run("location.hash = 'image=train-3'")
    until(lambda: not page.is_shown(MARK))


def test_training_leaves_a_point_where_it_is(page):
    """One that has been moved away from the code of the image chosen."""
    open_knobs(page, "&image=train-3")
    page.press("#vae .plane input", Keys.HOME)
    place = page.point("vae")
    page.click("#train .one")
    await_steps(page, 1)
    assert page.point("vae") == place
