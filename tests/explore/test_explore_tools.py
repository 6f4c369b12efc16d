"""Drawing, the chosen image, paths, samples, sentences and the address, in Chromium."""

import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from src.explore import packing
from src.explore.page_model import middle_of_each_class
from tests.browsers import every_engine
from tests.explore.acts import (
    Keys,
    attribute,
    call,
    click,
    click_plane,
    count,
    greys,
    is_held,
    look_up,
    marks_of,
    move_to,
    numbers,
    point,
    press,
    show,
    state,
    text,
    until,
)

SEEN = "#chosen .trio figure:first-child canvas"  # the image as the encoders see it


def draw(browser, *places: tuple[int, int]) -> np.ndarray:
    """A stroke through places from the middle of the paper; the image that the encoders see."""
    show(browser, "#paper")
    chain = move_to(browser, "#paper", *places[0]).click_and_hold()
    for before, place in pairwise(places):
        chain.move_by_offset(place[0] - before[0], place[1] - before[1])
    chain.release().perform()
    call(browser, "settle")
    return greys(browser, SEEN)


# Drawing


@every_engine
@pytest.mark.parametrize("dims", [2, 8])
def test_drawing_is_encoded_as_torch_does(browser, opened, dims):
    """Its points are where torch's encoders put the image that is shown."""
    example = opened(dims)
    seen = draw(browser, (-60, -40), (0, 50), (40, 30))
    image = torch.from_numpy(seen / 255).float()[None]
    for name in ("ae", "vae"):
        with torch.no_grad():
            code = example.models[name].encode(image)[0]
        found = numbers(state(browser)[name])
        assert found == pytest.approx(code.tolist(), abs=2e-3)


@pytest.mark.parametrize(
    "places", [[(-60, -70), (50, 60)], [(0, -80), (0, 70)], [(-80, 30), (60, 30)]]
)
def test_drawing_is_centred_as_mnist(browser, opened, places):
    """Its centre of mass is at 14.5 in both directions, and its longer side has 20 pixels."""
    opened()
    seen = draw(browser, *places)
    middles = np.arange(28) + 0.5  # pixel i covers i to i + 1
    for axis in (0, 1):
        assert seen.sum(axis) @ middles / seen.sum() == pytest.approx(14.5, abs=0.05)
    rows, columns = np.flatnonzero(seen.max(1) > 100), np.flatnonzero(seen.max(0) > 100)
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21


@pytest.mark.parametrize("height", [80, 55, 40, 25])
def test_strokes_keep_their_width(browser, opened, height):
    """A "1" has strokes of MNIST's own width, however small it is drawn."""
    opened()
    seen = draw(browser, (0, -height), (0, 0), (0, height))
    widths = seen[8:20].sum(1) / 255
    assert 2.3 <= np.median(widths) <= 3.3


def test_one_click_is_a_dot(browser, opened):
    """And no line of 20 pixels, though the hand shakes."""
    opened()
    seen = draw(browser, (10, 10), (13, 12))
    assert np.sqrt(seen.sum() / 255 / np.pi) < 2.6


def test_keyboard_draws(browser, opened):
    """Space makes a dot, arrows with Shift lines, arrows alone none."""
    opened()
    press(browser, "#paper", Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert "image" not in state(browser)
    press(browser, "#paper", *[Keys.ARROW_DOWN] * 9, held=Keys.SHIFT)
    seen = greys(browser, SEEN)
    assert np.ptp(np.flatnonzero(seen.sum(1))) > 2 * np.ptp(np.flatnonzero(seen.sum(0)))


def test_clear_clears_all(browser, opened):
    """Marks, ellipses, images, sentence, paper and address."""
    opened()
    empty = "return document.getElementById('paper').toDataURL()"
    before = browser.execute_script(empty)
    draw(browser, (-40, -40), (40, 40))
    assert "image" in state(browser)
    call(browser, "record")
    click(browser, "#wipe")
    assert "image" not in state(browser)
    assert count(browser, "#chosen canvas") == 0
    assert text(browser, "#chosen .words") == ""
    browser.execute_script("document.activeElement.blur()")
    call(browser, "settle")
    assert browser.execute_script(empty) == before
    click(browser, "#vae .mean")
    drawn = look_up(browser, "window.drawn")
    assert "ellipse" not in [name for _, _, name, _ in drawn]


def test_stroke_changes_a_test_image(browser, opened):
    """It is drawn onto the image, and Clear takes both away."""
    opened()
    click(browser, "#take")
    taken = greys(browser, SEEN)
    seen = draw(browser, (-60, -70), (-20, -70))
    assert not np.array_equal(seen, taken)
    assert re.match(r"test-0-lines-", state(browser)["image"])


def test_drawing_after_a_dot_begins_on_nothing(browser, opened):
    """Only a test image that one takes is drawn over."""
    opened()
    click(browser, "#ae .nearest button")
    seen = draw(browser, (-60, -70), (50, 60))
    assert re.match(r"lines-", state(browser)["image"])
    click(browser, "#wipe")
    assert np.array_equal(draw(browser, (-60, -70), (50, 60)), seen)


SCREENS = [
    (1366, 768),
    (1400, 900),
    (1366, 500),
    (1100, 500),
    (1024, 600),
    (768, 1024),
    (390, 844),
    (844, 390),
    (683, 384),
    (320, 640),
    (2560, 1440),
]


@pytest.mark.parametrize(("width", "height"), SCREENS)
def test_what_belongs_together_is_seen_together(browser, opened, width, height):
    """Paper and planes, and a plane and its image; also at 200 % on a laptop, or on a phone."""
    opened(width=width, height=height)
    paper = show(browser, "#paper")
    assert paper["height"] >= 100
    assert call(browser, "inView", "#paper") == 1
    assert call(browser, "inView", ".plane", 100) == 2
    browser.execute_script(
        "document.querySelector('#vae .plane').scrollIntoView({ block: 'nearest' })"
    )
    plane, image = (call(browser, "boxOf", f"#vae .{part}") for part in ("plane", "decoded"))
    bottom = max(plane["bottom"], image["bottom"])
    assert bottom - min(plane["top"], image["top"]) <= height
    assert plane["height"] >= 140
    assert look_up(browser, "document.documentElement.scrollWidth") <= width


def test_first_screen_of_a_laptop_has_all(browser, opened):
    """Both planes, their decoded images, the sentences and the paper, at 1366 by 768."""
    opened()
    selectors = ["#ae .plane", "#vae .plane", "#ae .decoded", "#vae .decoded", "#lesson", "#paper"]
    assert call(browser, "inView", ", ".join(selectors)) == len(selectors)


# The chosen image


@pytest.mark.parametrize("act", ["#take", "#ae .nearest button"])
def test_chosen_image_is_said(browser, tool, opened, act):
    """In one polite sentence that everybody sees, with its class."""
    opened()
    click(browser, act)
    tool.wait(browser, "document.querySelector('#chosen .words').textContent")
    words = text(browser, "#chosen .words[role=status]")
    assert re.match(r"(Test|Training) image \d+, class \d\. AE: near \d.*; VAE: near \d", words)


@pytest.mark.parametrize("screen", [{}, {"width": 390, "height": 844, "touch": True}])
def test_chosen_image_is_closed(browser, opened, screen):
    """By a button of its own: on a phone it covers the foot of the screen."""
    opened(state="image=train-3", **screen)
    close = browser.find_element("css selector", "#close")
    assert close.is_displayed()
    close.click()
    assert "image" not in state(browser)
    assert not close.is_displayed()


def test_squared_errors_are_numpys(browser, opened):
    """Between the image, which is shown as it was packed, and its reconstruction."""
    example = opened()
    click(browser, "#take")
    image = packing.levels(example.images.test[0]) / (packing.GREYS - 1)
    assert np.abs(greys(browser, SEEN) - 255 * image).max() <= 0.5
    for place in (2, 3):
        figure = f"#chosen .trio figure:nth-child({place})"
        difference = image - greys(browser, f"{figure} canvas") / 255
        words = text(browser, f"{figure} .number")
        assert numbers(words)[0] == pytest.approx((difference**2).sum(), rel=0.02)


# Paths


def test_path_leads_from_class_to_class(browser, opened):
    """On both planes, from the image in the middle of the one to that of the other."""
    example = opened(2, "tool=path&path=3,5,0.5")
    for share in (0.5, 0, 1):
        if share != 0.5:  # to which the address has led
            call(browser, "setRange", "#path .along", share)
        for name in ("ae", "vae"):
            shown = example.codes[name].train[: len(example.images.train)]
            middles = middle_of_each_class(shown, example.images.train_labels)
            start, end = shown[middles[3]], shown[middles[5]]
            expected = start + share * (end - start)
            assert point(browser, name) == pytest.approx(expected.tolist(), abs=1e-3)


def test_path_is_a_line_a_strip_and_a_curve(browser, tool, opened):
    """For each model; the strip's images lead to their places."""
    opened(2)
    call(browser, "record")
    click(browser, "#tab-path")
    for name in ("ae", "vae"):
        calls = [call for call, _ in marks_of(browser, name)]
        assert calls.count("lineTo") > 4  # four of the point's ring, the others of the line
    assert tool.wait(browser, "document.querySelectorAll('#path polyline').length === 2")
    strips = "[...document.querySelectorAll('#path .strip')]"
    assert look_up(browser, f"{strips}.map((strip) => strip.children.length)") == [8, 8]
    before = point(browser)
    click(browser, "#path .strip li:last-child button")
    assert point(browser) != before
    assert look_up(browser, "document.querySelector('#path .along').value") == "1"


def test_path_is_played_paused_and_turned(browser, tool, opened):
    """Both points go; the direction is told while it is paused, too."""
    opened(2, "tool=path&path=3,5,0.5")
    assert text(browser, "#path .turn") == "Direction: forwards"
    click(browser, "#path .turn")
    assert text(browser, "#path .turn") == "Direction: back"
    click(browser, "#path .play")
    tool.wait(browser, "document.querySelector('#path .along').value < 0.4")
    click(browser, "#path .play")
    stopped = [point(browser), point(browser, "vae")]
    assert text(browser, "#path .play") == "Play both"
    call(browser, "settle")
    assert [point(browser), point(browser, "vae")] == stopped


def test_touching_a_plane_pauses_the_path(browser, tool, opened):
    """And a mouse that only passes over it changes nothing."""
    opened(2, "tool=path&path=3,5,0.1")
    show(browser, "#ae .plane")
    click(browser, "#path .play")
    move_to(browser, "#ae .plane", 50, 50).move_by_offset(5, 5).perform()
    middle = look_up(browser, "Number(document.querySelector('#path .along').value)")
    tool.wait(browser, f"document.querySelector('#path .along').value > {middle}")
    click_plane(browser, 60, 60)
    assert text(browser, "#path .play") == "Play both"


def test_playing_and_images_share_the_screen(browser, opened):
    """At 768 pixels of height one sees what is played."""
    opened(2, "tool=path")
    show(browser, "#path .play")
    assert call(browser, "inView", "#path .play, #ae .decoded, #vae .decoded") == 3


def test_slow_path_moves_on_a_fast_screen(browser, opened, tool):
    """The share of the way that a frame adds is then less than the slider of the way can show."""
    opened(2, "tool=path")
    call(browser, "setRange", "#path .speed", 0.05)
    call(browser, "fastFrames")
    browser.execute_script("document.querySelector('#path .play').click()")
    tool.wait(browser, "document.querySelector('#path .along').value > 0.002")


def test_reduced_motion_goes_in_tenths(browser, tool, opened):
    """And nothing moves by itself."""
    opened(2, "tool=path&path=3,5,0", prefers_reduced_motion="reduce")
    start = np.array(point(browser))
    click(browser, "#path .strip li:last-child button")
    end = np.array(point(browser))
    click(browser, "#path .strip li:first-child button")
    click(browser, "#path .play")
    tool.wait(browser, "document.querySelector('#path .along').value > 0.07")
    click(browser, "#path .play")
    share = (point(browser)[0] - start[0]) / (end[0] - start[0])
    assert share * 10 == pytest.approx(round(share * 10), abs=1e-2)


# Samples


def test_samples_are_seeded_and_lead_there(browser, opened):
    """The same in every browser; crosses on the planes, images that go to them."""
    read = "#samples .strip canvas"
    opened(2, "tool=samples")
    first = greys(browser, read)
    words = text(browser, "#samples .rows")
    assert "no prior" in words
    assert "standard deviation 0.7071: the tutorial\u2019s KL term pulls" in words
    click(browser, "#samples .again")
    assert not np.array_equal(greys(browser, read), first)
    assert state(browser)["seed"] == "4"
    opened(2, "tool=samples")
    assert np.array_equal(greys(browser, read), first)
    click(browser, "#samples .strip button")
    assert np.array_equal(greys(browser, "#ae .decoded"), first)


# The address


def test_reload_leads_back(browser, tool, opened):
    """To points, views, what is shown, image, tool and path."""
    example = opened()
    click(browser, "#ae .nearest button")
    click(browser, "#vae .closer")
    click(browser, "[name=shows][value=both]")
    click(browser, "#legend button:nth-child(4)")
    click(browser, "#tab-path")
    call(browser, "setRange", "#path .along", 0.25)
    before = state(browser)
    expected = {"image", "ae", "vae", "vae.view", "show", "classes", "tool", "path"}
    assert set(before) == expected
    address = look_up(browser, "location.hash.slice(1)")
    points = [point(browser, name) for name in ("ae", "vae")]
    tool.open_page(browser, example.path, address)
    assert [point(browser, name) for name in ("ae", "vae")] == [
        pytest.approx(place, abs=1e-3) for place in points
    ]
    assert state(browser) == before


def test_path_between_points_is_kept(browser, tool, opened):
    """Its ends may be points; the address holds them."""
    example = opened(2, "tool=path&path=3,5,0.5")
    select = "const field = document.querySelectorAll('#path select')[1]; field.value = 'point';"
    browser.execute_script(select + "field.dispatchEvent(new Event('change'))")
    where = point(browser)
    click(browser, "#path .strip li:first-child button")
    assert point(browser) != where
    state(browser)
    tool.open_page(browser, example.path, look_up(browser, "location.hash.slice(1)"))
    click(browser, "#path .strip li:last-child button")
    assert point(browser) == pytest.approx(where, abs=1e-3)


def test_back_leads_to_where_one_was(browser, opened):
    """A sentence is a new entry of the history, a move is none."""
    opened()
    show(browser, "#ae .plane")
    click_plane(browser, 30, 30)
    state(browser)
    length = look_up(browser, "history.length")
    click_plane(browser, -30, 30)
    click_plane(browser, 30, 30)
    state(browser)
    assert look_up(browser, "history.length") == length
    where = pytest.approx(point(browser), abs=1e-3)
    click(browser, "#lesson .next")
    until(lambda: point(browser) != where)
    browser.back()
    until(lambda: point(browser) == where)


@pytest.mark.parametrize(
    "address",
    [
        "ae=1&vae=x,y&ae.view=1,2,-3&show=nothing&classes=99&image=train-99999"
        "&tool=x&path=77,a,9&seed=-1",
        "ae=1e999,2&vae.view=,,&image=lines-!&seed=1.5&play=1",
        "%E0%A4%A&=&&ae",
        "ae=NaN,NaN&classes=-1,1.5",
    ],
)
def test_addresses_without_sense_do_no_harm(browser, opened, address):
    """What the page cannot read is as at the start."""
    browser.get_log("browser")
    opened(2, address)
    assert np.isfinite(point(browser) + point(browser, "vae")).all()
    assert browser.get_log("browser") == []
    assert greys(browser, "#ae .decoded").max() > 0


# Other models


def test_unknown_model_is_shown(browser, opened):
    """With its dots, nearest images and decoded images, and a sentence that says why not live."""
    example = opened("conv")
    about = text(browser, "#conv .about")
    assert "cannot decode live" in about
    assert count(browser, "#conv .nearest li") == 5
    show(browser, "#conv .plane")
    first = greys(browser, "#conv .decoded")
    assert first.max() > first.min()
    press(browser, "#conv .plane input", Keys.HOME, Keys.ENTER)
    assert not np.array_equal(greys(browser, "#conv .decoded"), first)
    assert count(browser, "#chosen .trio figure") == 4
    draw(browser, (-30, -30), (30, 30))
    assert "cannot be encoded live" in text(browser, "#chosen .trio figure:nth-child(4)")
    assert example.facts["models"][2]["mosaic"]["tiles"] > 10


def test_plane_and_sliders_move_in_step(browser, opened):
    """Above two dimensions; a button leads back to the mean."""
    opened(8)
    assert count(browser, "#ae .sliders input") == 8
    before = point(browser)
    slider = "#ae .sliders input"
    high = attribute(browser, slider, "max")
    call(browser, "setRange", slider, float(high))
    assert point(browser) != before
    assert is_held(browser)
    read = "[...document.querySelectorAll('#ae .sliders input')].map(({ value }) => value)"
    values = look_up(browser, read)
    press(browser, "#ae .plane input", Keys.HOME)
    assert look_up(browser, read) != values
    click(browser, "#ae .mean")
    assert point(browser) == pytest.approx([0, 0], abs=1e-4)
    assert text(browser, "#ae .coordinates").startswith("PC 1 ")
