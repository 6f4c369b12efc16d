"""The knobs of a training in the page: what they do to all that is seen. Its arithmetic is in
test_explore_training.py.
"""

import re

import numpy as np
import pytest

from tests.browsers import every_engine
from tests.explore.acts import (
    Keys,
    attribute,
    call,
    click,
    count,
    greys,
    look_up,
    numbers,
    point,
    press,
    state,
    text,
    until,
)

WORDS = "#train .words"


def steps_done(browser) -> int:
    found = re.search(r"after (\d+) steps?", text(browser, WORDS), re.IGNORECASE)
    return int(found[1]) if found else -1


def measured(browser) -> None:
    """Wait until the pipeline's model has been measured."""
    until(lambda: steps_done(browser) == 0)


@every_engine
def test_training_shows_on_all(browser, opened):
    """Dots, the decoded image, the mark on the panel, the sentence; and Back undoes it exactly."""
    opened(state="tool=train&beta=40&image=train-3")
    measured(browser)
    before = greys(browser, "#vae .decoded"), text(browser, WORDS), point(browser, "vae")
    dots = call(browser, "coloursOf", "#vae .plane canvas")
    for number in range(1, 6):
        click(browser, "#train .one")
        until(lambda number=number: steps_done(browser) == number)
    assert "trained here, 5 steps" in text(browser, "#vae .trained-here")
    assert not np.array_equal(greys(browser, "#vae .decoded"), before[0])
    assert point(browser, "vae") != before[2]  # the image's code is another
    assert count(browser, "#ae .trained-here:not([hidden])") == 0
    click(browser, "#train .reset")
    measured(browser)
    assert np.array_equal(greys(browser, "#vae .decoded"), before[0])
    assert text(browser, WORDS) == before[1]
    assert point(browser, "vae") == before[2]
    assert call(browser, "coloursOf", "#vae .plane canvas") == dots
    assert count(browser, "#vae .trained-here:not([hidden])") == 0


def test_beta_pulls_the_codes_together(browser, opened):
    """Rate and spread fall at beta 40; the dot of the plot leaves the square."""
    opened(state="tool=train&beta=40")
    measured(browser)
    first = numbers(text(browser, WORDS))
    click(browser, "#train .run")
    until(lambda: text(browser, "#train .run") == "Pause")
    until(lambda: steps_done(browser) > 60)
    click(browser, "#train .run")
    until(lambda: text(browser, "#train .run") == "Run")
    beta, _, rate, *_ = numbers(text(browser, WORDS))
    assert beta == 40
    assert rate < first[2]
    places = look_up(
        browser,
        "['x', 'cx'].map((name, i) => Number(document.querySelector('#train .rates ' +"
        "['rect', 'circle'][i]).getAttribute(name)))",
    )
    assert places[1] < places[0] + 5


def test_paused_training_rests(browser, opened):
    """No state comes after the last one."""
    opened(state="tool=train")
    measured(browser)
    click(browser, "#train .run")
    until(lambda: steps_done(browser) > 5)
    click(browser, "#train .run")
    until(lambda: text(browser, "#train .run") == "Run")
    call(browser, "pause", 300)
    rested = text(browser, WORDS)
    call(browser, "pause", 700)
    assert text(browser, WORDS) == rested


def test_knobs_by_keyboard(browser, opened):
    """Arrows turn beta, in words for a screen reader and in the address; and so does the noise."""
    opened(state="tool=train")
    measured(browser)
    beta = "#train .beta input"
    start = attribute(browser, beta, "aria-valuetext")
    press(browser, beta, Keys.ARROW_RIGHT)
    assert attribute(browser, beta, "aria-valuetext") != start == "beta 1"
    press(browser, "#train .noise input", Keys.SPACE)
    press(browser, beta, Keys.END)
    expected = {"tool": "train", "beta": "40", "noise": "off"}
    assert state(browser) == expected
    press(browser, "#train .one", Keys.ENTER)
    until(lambda: steps_done(browser) == 1)
    until(lambda: text(browser, WORDS).startswith("beta 40, no noise, after 1 step"))
    said = "document.querySelector('#train .announcement').textContent"
    until(lambda: look_up(browser, said).startswith("beta 40, no noise, after 1 step"))


def test_reduced_motion_trains_in_steps(browser, opened):
    """A press makes ten, and no more."""
    opened(state="tool=train", prefers_reduced_motion="reduce")
    measured(browser)
    assert text(browser, "#train .run") == "10 steps"
    click(browser, "#train .run")
    until(lambda: steps_done(browser) == 10)
    call(browser, "pause", 300)
    assert steps_done(browser) == 10


def test_each_model_has_its_knobs(browser, opened):
    """An AE has no beta; a model that the page does not know has no knob, in a sentence."""
    opened("conv", "tool=train")
    measured(browser)
    options = look_up(
        browser, "[...document.querySelectorAll('#train .model option')].map((one) => one.value)"
    )
    assert options == ["ae", "vae"]
    assert "does not know how the CONV computes" in text(browser, "#train .none")
    browser.execute_script(
        "const list = document.querySelector('#train .model');"
        "list.value = 'ae'; list.dispatchEvent(new Event('change'))"
    )
    measured(browser)
    assert look_up(browser, "document.querySelector('#train .beta input').disabled")
    click(browser, "#train .one")
    until(lambda: steps_done(browser) == 1)
    assert "rate" not in text(browser, WORDS)
    assert "trained here, 1 step" in text(browser, "#ae .trained-here")


def test_dimensions_have_their_bars(browser, opened):
    """Above two, with the KL divergence of each: their sum is the rate."""
    opened(8, "tool=train")
    measured(browser)
    assert count(browser, "#train .bars rect") == 8
    label = attribute(browser, "#train .bars svg", "aria-label")
    kls = [float(value) for value in re.findall(r"z\d (\d+\.\d\d)", label)]
    assert sum(kls) == pytest.approx(numbers(text(browser, WORDS))[2], abs=0.1)


def test_without_a_worker_there_is_a_sentence(browser, opened):
    """And the rest of the page works."""
    hide = {"source": "window.Worker = class { constructor() { throw new Error('none'); } };"}
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", hide)
    try:
        opened(state="tool=train")
    finally:
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    until(lambda: "starts no worker" in text(browser, "#train .none"))
    click(browser, "#tab-samples")
    assert count(browser, "#samples li") == 20


def test_another_step_is_of_the_trained_model(browser, opened):
    """What an address does not name is as at the start: the pipeline's model."""
    opened(state="tool=train&beta=40")
    measured(browser)
    click(browser, "#train .one")
    until(lambda: count(browser, "#vae .trained-here:not([hidden])") == 1)
    browser.execute_script("location.hash = 'image=train-3'")
    until(lambda: count(browser, "#vae .trained-here:not([hidden])") == 0)


def test_training_leaves_a_point_where_it_is(browser, opened):
    """One that has been moved away from the code of the image chosen."""
    opened(state="tool=train&image=train-3")
    measured(browser)
    press(browser, "#vae .plane input", Keys.HOME)
    place = point(browser, "vae")
    click(browser, "#train .one")
    until(lambda: steps_done(browser) == 1)
    assert point(browser, "vae") == place
