"""The planes in Chromium: the point by mouse, finger and keyboard, zoom, marks, and speed."""

import re

import numpy as np
import pytest

from src.explore.page_model import AXES
from src.latent import geometry
from src.models.coding import decode
from tests.explore.acts import (
    Keys,  # first: without selenium it skips these tests
    call,
    click,
    click_plane,
    frame,
    is_held,
    look_up,
    offset,
    pen,
    point,
    show,
    state,
    touch,
)
from tests.explore.pages import CLASSES, SHOWN


@pytest.mark.parametrize("name", ["ae", "vae"])
@pytest.mark.parametrize("dims", [1, 2, 8])
def test_decoded_images_are_torchs(browser, opened, dims, name):
    """To one grey of 255, at twenty codes; and the nearest images are NumPy's."""
    example = opened(dims)
    model, codes = example.models[name], example.codes[name]
    seen = call(browser, "look", name, (codes.train[20:40] * 0.9).tolist())
    points = np.array([look["at"] for look in seen], np.float32)
    assert len(np.unique(points, axis=0)) == 20
    expected = 255 * decode(model, points).reshape(20, 784)
    assert np.ptp(expected) > 100
    assert np.abs(np.array([look["greys"] for look in seen]) - expected.round()).max() <= 1
    for place, look in zip(points, seen, strict=True):
        distances = np.linalg.norm(codes.train[:SHOWN] - place, axis=1)
        pattern = r"training image (\d+): (\S+), distance ([\d.]+)"
        found = [re.match(pattern, label).groups() for label in look["near"]]
        expected_distances = pytest.approx(np.sort(distances)[:5], abs=1e-3)
        assert [float(distance) for *_, distance in found] == expected_distances
        for number, label, distance in found:
            assert distances[int(number)] == pytest.approx(float(distance), abs=1e-3)
            assert label == CLASSES[codes.train_labels[int(number)]]


def test_plane_tells_its_share_of_variance(browser, opened):
    """Above two dimensions, as latent.png does."""
    example = opened(8)
    shares = geometry.principal_axes(example.codes["vae"].train, 2).shares
    about = browser.find_element("css selector", "#vae .about").text
    assert f"{100 * shares.sum():.1f} % of their variance" in about


def test_distances_beyond_the_axes_are_explained(browser, opened):
    """Above 32 dimensions the page knows the codes along 32 principal axes."""
    example = opened(40)
    share = geometry.principal_axes(example.codes["vae"].train, AXES).share
    words = f"along the first 32 of them, which hold {100 * share:.1f} %"
    assert words in browser.find_element("css selector", "#vae .about").text


@pytest.mark.parametrize(("dims", "names"), [(1, ["z1"]), (2, ["z1", "z2"]), (8, ["PC 1", "PC 2"])])
def test_planes_have_axes(browser, opened, dims, names):
    """Round numbers, zero among them, and a name for each axis; rings of the prior on the VAE's."""
    opened(dims)
    call(browser, "record")
    for name in ("ae", "vae"):
        click(browser, f"#{name} .farther")
        texts = [mark[1][0] for mark in marks_of(browser, name, "below") if mark[0] == "fillText"]
        assert "0" in [text.split(".")[0] for text in texts]
        assert all(any(text.startswith(axis) for text in texts) for axis in names)
        assert ("1\u03c3" in texts) == (name == "vae")


# The mouse


def test_mouse_moves_the_point(browser, opened):
    """As it moves, while nothing holds the point: a click does, until the button lets it go."""
    opened()
    show(browser, "#ae .plane")
    plane = browser.find_element("css selector", "#ae .plane")
    pen(browser).move_to_element_with_offset(plane, -60, 50).perform()
    first = point(browser)
    pen(browser).move_by_offset(30, 0).perform()
    second = point(browser)
    assert second[0] > first[0]
    assert second[1] == first[1]
    held = click_plane(browser, 40, 40)
    pen(browser).move_by_offset(30, 30).perform()
    assert point(browser) == held
    click(browser, "#ae .let-go")
    pen(browser).move_by_offset(-50, 10).perform()
    assert point(browser) != held


def test_held_point_is_let_go_among_dots(browser, opened):
    """Each second click lets go, on a dot too; the page tells that it is held; Escape lets go."""
    example = opened()
    show(browser, "#ae .plane")
    places = [offset(browser, code) for code in example.codes["ae"].train[:4]]
    for number, place in enumerate(places):
        click_plane(browser, *place)
        assert is_held(browser) == (number % 2 == 0)
        shown = browser.find_element("css selector", "#ae .let-go").is_displayed()
        assert shown == (number % 2 == 0)
    before = point(browser)
    pen(browser).move_by_offset(9, 9).perform()
    assert point(browser) != before
    click_plane(browser, *places[0])
    pen(browser).send_keys(Keys.ESCAPE).perform()
    assert not is_held(browser)


def test_click_on_a_dot_shows_its_image(browser, opened):
    """In both planes, whose points go to its codes: the original, AE, VAE and their errors."""
    example = opened()
    show(browser, "#ae .plane")
    code = example.codes["ae"].train[7]
    click_plane(browser, *offset(browser, code))
    words = browser.find_elements("css selector", "#chosen .trio figcaption")
    assert [words[0].text, words[1].text.split("\n")[0], words[2].text.split("\n")[0]] == [
        "original",
        "AE",
        "VAE",
    ]
    number = int(re.fullmatch(r"train-(\d+)", state(browser)["image"])[1])
    for name in ("ae", "vae"):
        expected = example.codes[name].train[number]
        assert point(browser, name) == pytest.approx(expected.tolist(), abs=1e-3)
    assert len(browser.find_elements("css selector", "#chosen .draws li")) == 8


def test_drag_moves_the_plane(browser, opened):
    """And not the point's hold; a click is still a click if the hand shakes."""
    opened()
    show(browser, "#ae .plane")
    plane = browser.find_element("css selector", "#ae .plane")
    click(browser, "#ae .closer")
    before = state(browser)["ae.view"]
    start = pen(browser).move_to_element_with_offset(plane, 10, 10).click_and_hold()
    start.move_by_offset(40, 0).move_by_offset(20, 10).release().perform()
    assert state(browser)["ae.view"] != before
    assert not is_held(browser)
    start = pen(browser).move_to_element_with_offset(plane, 10, 10).click_and_hold()
    start.move_by_offset(2, 1).release().perform()
    assert is_held(browser)


def test_wheel_zooms_on_demand_only(browser, opened):
    """With Ctrl, or after a click in the plane until the mouse leaves it; else the page scrolls."""
    opened()
    show(browser, "#ae .plane")
    assert not call(browser, "wheel", False)
    assert call(browser, "wheel", True)
    click_plane(browser, 40, 40)
    assert call(browser, "wheel", False)
    pen(browser).move_to_element(browser.find_element("css selector", "#ae .head")).perform()
    assert not call(browser, "wheel", False)


def test_buttons_zoom_and_move_and_lead_back(browser, opened):
    """Everything that a drag does, a button does."""
    opened()
    click(browser, "#ae .closer")
    middle = [float(value) for value in state(browser)["ae.view"].split(",")]
    click(browser, "#ae .right")
    click(browser, "#ae .up")
    moved = [float(value) for value in state(browser)["ae.view"].split(",")]
    assert moved[0] > middle[0]
    assert moved[1] > middle[1]
    click(browser, "#ae .farther")
    assert float(state(browser)["ae.view"].split(",")[2]) > middle[2]
    click(browser, "#ae .whole")
    assert "ae.view" not in state(browser)


# Fingers


def test_finger_scrolls_the_page(browser, opened):
    """A swipe that begins on a plane is the page's."""
    opened(width=390, height=600, touch=True)
    box = show(browser, "#ae .plane")
    middle = (box["x"] + 40, box["y"] + box["height"] - 30)
    before, start = point(browser), look_up(browser, "scrollY")
    touch(browser, "touchStart", middle)
    for step in range(1, 7):
        touch(browser, "touchMove", (middle[0], middle[1] - 25 * step))
    touch(browser, "touchEnd")
    call(browser, "pause", 300)
    assert look_up(browser, "scrollY") > start + 50
    assert point(browser) == before


def test_finger_that_rests_drags_the_point(browser, opened):
    """And one that begins at the point; the page stays."""
    opened(width=390, height=600, touch=True)
    box = show(browser, "#ae .plane")
    x, y = box["x"] + 40, box["y"] + 60
    start = look_up(browser, "scrollY")
    touch(browser, "touchStart", (x, y))
    call(browser, "pause", 450)
    rested = point(browser)
    touch(browser, "touchMove", (x + 40, y + 40))
    touch(browser, "touchMove", (x + 80, y + 80))
    touch(browser, "touchEnd")
    dragged = point(browser)
    assert dragged[0] > rested[0]
    assert dragged[1] < rested[1]
    touch(browser, "touchStart", (x + 80, y + 80))
    touch(browser, "touchMove", (x + 60, y + 90))
    touch(browser, "touchMove", (x + 30, y + 120))
    touch(browser, "touchEnd")
    assert point(browser)[0] < dragged[0]
    assert look_up(browser, "scrollY") == start


def test_tap_on_a_dot_stays_there(browser, opened):
    """A finger that shakes does not move the point away from the dot, nor when it taps again."""
    example = opened(width=390, height=700, touch=True)
    show(browser, "#ae .plane")
    _, _, half = frame(browser)
    right, down = offset(browser, example.codes["ae"].train[7])
    place = (half[0] + 1 + right, half[1] + 1 + down)
    for jitter in (4, 5):
        call(browser, "tap", "#ae .plane", *map(float, place), jitter)
        number = int(re.fullmatch(r"train-(\d+)", state(browser)["image"])[1])
        expected = example.codes["ae"].train[number]
        assert point(browser) == pytest.approx(expected.tolist(), abs=1e-3)


def test_two_fingers_zoom(browser, opened):
    """The plane, not the page."""
    opened(width=390, height=700, touch=True)
    box = show(browser, "#ae .plane")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch(browser, "touchStart", (x - 30, y), (x + 30, y))
    for step in range(1, 5):
        touch(browser, "touchMove", (x - 30 - 15 * step, y), (x + 30 + 15 * step, y))
    touch(browser, "touchEnd")
    assert "ae.view" in state(browser)
    assert look_up(browser, "visualViewport.scale") == 1


@pytest.mark.parametrize("width", [320, 390, 1024])
@pytest.mark.parametrize("state", ["tool=path&image=train-3", "tool=samples&ae.view=0,0,1"])
def test_targets_are_large_for_fingers(browser, opened, width, state):
    """44 pixels on coarse pointers."""
    opened(8, state, width=width, height=844, touch=True)
    call(browser, "pause", 300)
    assert call(browser, "smallTargets") == []
    assert look_up(browser, "document.documentElement.scrollWidth") <= width


# The keyboard


def press(browser, field, key: str, *held: str) -> list[float]:
    browser.execute_script("arguments[0].focus()", field)
    chain = pen(browser)
    for modifier in held:
        chain.key_down(modifier)
    chain.send_keys(key)
    for modifier in held:
        chain.key_up(modifier)
    chain.perform()
    return point(browser)


def test_keyboard_moves_the_point(browser, tool, opened):
    """Arrows, with Shift ten steps, Home and End; a screen reader is told when it rests."""
    opened()
    x, y = browser.find_elements("css selector", "#ae .plane input")
    low, high = (float(x.get_attribute(edge)) for edge in ("min", "max"))
    start = point(browser)
    step = (high - low) / 200
    up = np.ptp([float(y.get_attribute(edge)) for edge in ("min", "max")]) / 200
    assert press(browser, x, Keys.ARROW_RIGHT) == pytest.approx([start[0] + step, start[1]])
    expected = pytest.approx([start[0] + step, start[1] + up])
    assert press(browser, x, Keys.ARROW_UP) == expected
    left = press(browser, y, Keys.ARROW_LEFT, Keys.SHIFT)
    assert left[0] == pytest.approx(start[0] - 9 * step)
    assert press(browser, x, Keys.HOME)[0] == pytest.approx(low)
    assert press(browser, x, Keys.END)[0] == pytest.approx(high)
    assert re.fullmatch(r"\u2212?\d+\.\d\d", x.get_attribute("aria-valuetext"))
    words = tool.wait(browser, "document.querySelector('#ae .announcement').textContent")
    assert re.match(r"z1 .+, z2 .+; near: \d(, \d){4}", words)


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_keyboard_opens_an_image(browser, opened, key):
    """The nearest dot's, as a click on it does."""
    opened()
    field = browser.find_element("css selector", "#vae .plane input")
    near = browser.find_element("css selector", "#vae .nearest button").get_attribute("aria-label")
    press(browser, field, key)
    number = re.match(r"training image (\d+)", near)[1]
    assert state(browser)["image"] == f"train-{number}"
    assert len(browser.find_elements("css selector", "#chosen .trio figure")) == 3


def test_keyboard_zooms(browser, opened):
    """With plus, minus and 0; what is seen follows the point."""
    opened()
    field = browser.find_element("css selector", "#ae .plane input")
    for _ in range(4):
        press(browser, field, "+")
    closer = state(browser)["ae.view"]
    press(browser, field, Keys.END)
    assert state(browser)["ae.view"] != closer
    press(browser, field, "0")
    assert "ae.view" not in state(browser)


def test_keyboard_reaches_every_control(browser, opened):
    """Tab leads to everything that a pointer can use."""
    opened(8, "tool=path")
    call(browser, "watchFocus")
    for _ in range(14):
        pen(browser).send_keys(*[Keys.TAB] * 10).perform()
    assert call(browser, "missedByFocus") == []


def test_keyboard_passes_a_panel(browser, opened):
    """The first stop of a panel leads past it."""
    opened()
    first = browser.find_element("css selector", "#ae .past")
    browser.execute_script("arguments[0].focus()", first)
    assert first.is_displayed()
    pen(browser).send_keys(Keys.ENTER).perform()
    assert look_up(browser, "document.activeElement.closest('.panel').id") == "vae"


# Marks


def marks_of(browser, name: str, layer: str = "above") -> list[tuple[str, list]]:
    """What was drawn on a plane since its canvas was cleared last: names of calls, their values."""
    calls = [
        (call, values)
        for plane, canvas, call, values in look_up(browser, "window.drawn")
        if (plane, canvas) == (name, layer)
    ]
    starts = [number for number, (call, _) in enumerate(calls) if call == "clearRect"]
    return calls[starts[-1] :]


def test_posterior_is_not_hidden(browser, opened):
    """Ellipses of one and two standard deviations, a small cross, the point's ring around them."""
    opened()
    call(browser, "record")
    click(browser, "#ae .nearest button")
    marks = marks_of(browser, "vae")
    ellipses = [values[2:4] for call, values in marks if call == "ellipse"]
    assert len(ellipses) == 2
    assert np.allclose(np.array(ellipses[1]), 2 * np.array(ellipses[0]))
    rings = [values[2] for call, values in marks if call == "arc"]
    assert max(rings) >= min(max(ellipses[1]), 64)
    assert not [1 for call, _ in marks_of(browser, "ae") if call == "ellipse"]


def test_nearest_images_are_ringed_and_lead_there(browser, opened):
    """Five rings on the plane, around dots; their buttons go there."""
    example = opened()
    call(browser, "record")
    click(browser, "#ae .mean")
    rings = [values[:2] for call, values in marks_of(browser, "ae") if call == "arc"]
    fifth = browser.find_elements("css selector", "#ae .nearest button")[4]
    number = int(re.match(r"training image (\d+)", fifth.get_attribute("aria-label"))[1])
    middle, scale, half = frame(browser)
    right, up = (example.codes["ae"].train[number] - middle) * scale
    assert any(np.allclose(ring, [half[0] + right, half[1] - up], atol=1) for ring in rings)
    browser.execute_script("arguments[0].click()", fifth)
    assert point(browser) == pytest.approx(example.codes["ae"].train[number].tolist(), abs=1e-3)


def test_far_places_are_said_to_be_far(browser, opened):
    """In words beside the image."""
    opened()
    for field in browser.find_elements("css selector", "#ae .plane input"):
        press(browser, field, Keys.END)
    words = browser.find_element("css selector", "#ae .near-words").text
    assert words.startswith("No training image is near here")
    click(browser, "#ae .nearest button")
    words = browser.find_element("css selector", "#ae .near-words").text
    assert words == "This is the code of a training image."


def test_mosaic_is_decoded_behind_the_dots(browser, tool, opened):
    """Images on a grid, anew when one looks closer."""
    opened()
    call(browser, "record")
    click(browser, "[name=shows][value=both]")
    calls = "window.drawn.filter(([plane, _, call]) => plane === 'ae' && call === 'drawImage')"
    tool.wait(browser, f"{calls}.length > 30")
    assert state(browser)["show"] == "both"


def test_class_alone_is_shown(browser, opened):
    """When its name is pressed, on all planes, and in the film as well."""
    example = opened()
    light = example.facts["colours"]["light"]

    def dots(name: str) -> set[str]:
        return set(call(browser, "coloursOf", f"#{name} .plane canvas")) & set(light)

    every = dots("vae")
    click(browser, "#legend button:nth-child(4)")
    assert dots("ae") == dots("vae") == {light[3]}
    call(browser, "setRange", "#film .epoch", 2)
    assert dots("ae") == {light[3]}
    call(browser, "setRange", "#film .epoch", 3)
    click(browser, "#legend button:nth-child(4)")
    assert dots("vae") == every


# Sharpness


def test_another_pixel_ratio_is_sharp(browser, tool, opened):
    """A change of devicePixelRatio alone gives canvases of the new size."""
    opened()
    width = "document.querySelector('#ae .plane canvas').width"
    before = browser.execute_script(f"return {width}")
    tool.emulate(browser, ratio=2)
    assert tool.wait(browser, f"{width} > {before} && {width}") == pytest.approx(2 * before, abs=2)
