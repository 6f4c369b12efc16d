"""Drawing, the chosen image, paths, samples, sentences and the address, in Chromium."""

import re
from itertools import pairwise

import numpy as np
import pytest
import torch

from src.explore import packing
from src.explore.page_model import middle_of_each_class
from tests.browsers import every_engine
from tests.explore.acts import Keys, numbers, until

SEEN = "#chosen .trio figure:first-child canvas"  # the image as the encoders see it


def draw(page, *places: tuple[int, int]) -> np.ndarray:
    """A stroke through places from the middle of the paper; the image that the encoders see."""
    chain = page.move_to("#paper", *places[0]).click_and_hold()
    for before, place in pairwise(places):
        chain.move_by_offset(place[0] - before[0], place[1] - before[1])
    chain.release().perform()
    page.call("settle")
    return page.greys(SEEN)


# Drawing


@every_engine
@pytest.mark.parametrize("dims", [2, 8])
def test_drawing_is_encoded_as_torch_does(page, dims):
    """Its points are where torch's encoders put the image that is shown."""
    example = page.open(dims)
    seen = draw(page, (-60, -40), (0, 50), (40, 30))
    image = torch.from_numpy(seen / 255).float()[None]
    for name in ("ae", "vae"):
        with torch.no_grad():
            code = example.models[name].encode(image)[0]
        found = numbers(page.state()[name])
        assert found == pytest.approx(code.tolist(), abs=2e-3)


@pytest.mark.parametrize(
    "places", [[(-60, -70), (50, 60)], [(0, -80), (0, 70)], [(-80, 30), (60, 30)]]
)
def test_drawing_is_centred_as_mnist(page, places):
    """Its centre of mass is at 14.5 in both directions, and its longer side has 20 pixels."""
    page.open()
    seen = draw(page, *places)
    middles = np.arange(28) + 0.5  # pixel i covers i to i + 1
    for axis in (0, 1):
        assert seen.sum(axis) @ middles / seen.sum() == pytest.approx(14.5, abs=0.05)
    rows, columns = np.flatnonzero(seen.max(1) > 100), np.flatnonzero(seen.max(0) > 100)
    assert 19 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21


@pytest.mark.parametrize("height", [80, 55, 40, 25])
def test_strokes_keep_their_width(page, height):
    """A "1" has strokes of MNIST's own width, however small it is drawn."""
    page.open()
    seen = draw(page, (0, -height), (0, 0), (0, height))
    widths = seen[8:20].sum(1) / 255
    assert 2.3 <= np.median(widths) <= 3.3


def test_one_click_is_a_dot(page):
    """And no line of 20 pixels, though the hand shakes."""
    page.open()
    seen = draw(page, (10, 10), (13, 12))
    assert np.sqrt(seen.sum() / 255 / np.pi) < 2.6


def test_keyboard_draws(page):
    """Space makes a dot, arrows with Shift lines, arrows alone none."""
    page.open()
    page.press("#paper", Keys.ARROW_LEFT, Keys.ARROW_LEFT)
    assert "image" not in page.state()
    page.press("#paper", *[Keys.ARROW_DOWN] * 9, held=Keys.SHIFT)
    seen = page.greys(SEEN)
    assert np.ptp(np.flatnonzero(seen.sum(1))) > 2 * np.ptp(np.flatnonzero(seen.sum(0)))


def test_clear_clears_all(page):
    """Marks, ellipses, images, sentence, paper and address."""
    page.open()
    picture = "document.getElementById('paper').toDataURL()"
    before = page.look_up(picture)
    draw(page, (-40, -40), (40, 40))
    assert "image" in page.state()
    page.call("record")
    page.click("#wipe")
    assert "image" not in page.state()
    assert page.count("#chosen canvas") == 0
    assert page.text("#chosen .words") == ""
    page.run("document.activeElement.blur()")
    page.call("settle")
    assert page.look_up(picture) == before
    page.click("#vae .mean")
    assert "ellipse" not in [name for _, _, name, _ in page.look_up("window.drawn")]


def test_stroke_changes_a_test_image(page):
    """It is drawn onto the image, and Clear takes both away."""
    page.open()
    page.click("#take")
    taken = page.greys(SEEN)
    seen = draw(page, (-60, -70), (-20, -70))
    assert not np.array_equal(seen, taken)
    assert re.match(r"test-0-lines-", page.state()["image"])


def test_drawing_after_a_dot_begins_on_nothing(page):
    """Only a test image that one takes is drawn over."""
    page.open()
    page.click("#ae .nearest button")
    seen = draw(page, (-60, -70), (50, 60))
    assert re.match(r"lines-", page.state()["image"])
    page.click("#wipe")
    assert np.array_equal(draw(page, (-60, -70), (50, 60)), seen)


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
def test_what_belongs_together_is_seen_together(page, width, height):
    """Paper and planes, and a plane and its image; also at 200 % on a laptop, or on a phone."""
    page.open(width=width, height=height)
    paper = page.show("#paper")
    assert paper["height"] >= 100
    assert page.call("inView", "#paper") == 1
    assert page.call("inView", ".plane", 100) == 2
    page.run("document.querySelector('#vae .plane').scrollIntoView({ block: 'nearest' })")
    plane, image = (page.call("boxOf", f"#vae .{part}") for part in ("plane", "decoded"))
    bottom = max(plane["bottom"], image["bottom"])
    assert bottom - min(plane["top"], image["top"]) <= height
    assert plane["height"] >= 140
    assert page.width() <= width


@pytest.mark.parametrize(
    ("state", "selectors"),
    [
        ("", "#ae .plane, #vae .plane, #ae .decoded, #vae .decoded, #lesson, #paper"),
        ("tool=film", "#film .play, #film .epoch, #losses svg, #ae .plane, #vae .plane"),
    ],
)
def test_first_screen_of_a_laptop_has_all(page, state, selectors):
    """At 1366 by 768: what one begins with; the film, its two charts and the planes."""
    page.open(state=state)
    assert page.call("inView", selectors) == page.count(selectors) == 6


# The chosen image


@pytest.mark.parametrize("act", ["#take", "#ae .nearest button"])
def test_chosen_image_is_said(page, act):
    """In one polite sentence that everybody sees, with its class."""
    page.open()
    page.click(act)
    words = until(lambda: page.text("#chosen .words[role=status]"))
    assert re.match(r"(Test|Training) image \d+, class \d\. AE: near \d.*; VAE: near \d", words)


@pytest.mark.parametrize("screen", [{}, {"width": 390, "height": 844, "touch": True}])
def test_chosen_image_is_closed(page, screen):
    """By a button of its own: on a phone it covers the foot of the screen."""
    page.open(state="image=train-3", **screen)
    page.find("#close").click()
    assert "image" not in page.state()
    assert not page.is_shown("#close")


def test_squared_errors_are_numpys(page):
    """Between the image, which is shown as it was packed, and its reconstruction."""
    example = page.open()
    page.click("#take")
    image = packing.levels(example.images.test[0]) / (packing.GREYS - 1)
    assert np.abs(page.greys(SEEN) - 255 * image).max() <= 0.5
    for place in (2, 3):
        figure = f"#chosen .trio figure:nth-child({place})"
        difference = image - page.greys(f"{figure} canvas") / 255
        words = page.text(f"{figure} .number")
        assert numbers(words)[0] == pytest.approx((difference**2).sum(), rel=0.02)


# Paths


def test_path_leads_from_class_to_class(page):
    """On both planes, from the image in the middle of the one to that of the other."""
    example = page.open(2, "tool=path&path=3,5,0.5")
    for share in (0.5, 0, 1):
        if share != 0.5:  # to which the address has led
            page.fill("#path .along", share)
        for name in ("ae", "vae"):
            shown = example.codes[name].train[: len(example.images.train)]
            middles = middle_of_each_class(shown, example.images.train_labels)
            start, end = shown[middles[3]], shown[middles[5]]
            expected = start + share * (end - start)
            assert page.point(name) == pytest.approx(expected.tolist(), abs=1e-3)


def test_path_is_a_line_a_strip_and_a_curve(page):
    """For each model; the strip's images lead to their places."""
    page.open(2)
    page.call("record")
    page.click("#tab-path")
    for name in ("ae", "vae"):
        assert len(page.drawn(name, "lineTo")) > 4  # four of them are the point's ring
    until(lambda: page.count("#path polyline") == 2)
    assert page.each("#path .strip", "childElementCount") == [8, 8]
    before = page.point()
    page.click("#path .strip li:last-child button")
    assert page.point() != before
    assert page.value("#path .along") == 1


def test_path_is_played_paused_and_turned(page):
    """Both points go; the direction is told while it is paused, too."""
    page.open(2, "tool=path&path=3,5,0.5")
    assert page.text("#path .turn") == "Direction: forwards"
    page.click("#path .turn")
    assert page.text("#path .turn") == "Direction: back"
    page.click("#path .play")
    until(lambda: page.value("#path .along") < 0.4)
    page.click("#path .play")
    stopped = [page.point(), page.point("vae")]
    assert page.text("#path .play") == "Play both"
    page.call("settle")
    assert [page.point(), page.point("vae")] == stopped


def test_touching_a_plane_pauses_the_path(page):
    """And a mouse that only passes over it changes nothing."""
    page.open(2, "tool=path&path=3,5,0.1")
    page.click("#path .play")
    page.move_to("#ae .plane", 50, 50).move_by_offset(5, 5).perform()
    middle = page.value("#path .along")
    until(lambda: page.value("#path .along") > middle)
    page.click_plane(60, 60)
    assert page.text("#path .play") == "Play both"


def test_playing_and_images_share_the_screen(page):
    """At 768 pixels of height one sees what is played."""
    page.open(2, "tool=path")
    page.show("#path .play")
    assert page.call("inView", "#path .play, #ae .decoded, #vae .decoded") == 3


def test_slow_path_moves_on_a_fast_screen(page):
    """The share of the way that a frame adds is then less than the slider of the way can show."""
    page.open(2, "tool=path")
    page.fill("#path .speed", 0.05)
    page.call("fastFrames")
    page.run("document.querySelector('#path .play').click()")
    until(lambda: page.value("#path .along") > 0.002)


def test_reduced_motion_goes_in_tenths(page):
    """And nothing moves by itself."""
    page.open(2, "tool=path&path=3,5,0", prefers_reduced_motion="reduce")
    start = np.array(page.point())
    page.click("#path .strip li:last-child button")
    end = np.array(page.point())
    page.click("#path .strip li:first-child button")
    page.click("#path .play")
    until(lambda: page.value("#path .along") > 0.07)
    page.click("#path .play")
    share = (page.point()[0] - start[0]) / (end[0] - start[0])
    assert share * 10 == pytest.approx(round(share * 10), abs=1e-2)


# Samples


def test_samples_are_seeded_and_lead_there(page):
    """The same in every browser; crosses on the planes, images that go to them."""
    read = "#samples .strip canvas"
    page.open(2, "tool=samples")
    first = page.greys(read)
    words = page.text("#samples .rows")
    assert "no prior" in words
    assert "standard deviation 0.7071: the tutorial\u2019s KL term pulls" in words
    page.click("#samples .again")
    assert not np.array_equal(page.greys(read), first)
    assert page.state()["seed"] == "4"
    page.open(2, "tool=samples")
    assert np.array_equal(page.greys(read), first)
    page.click("#samples .strip button")
    assert np.array_equal(page.greys("#ae .decoded"), first)


# The address


def test_reload_leads_back(page):
    """To points, views, what is shown, image, tool and path."""
    example = page.open()
    page.click("#ae .nearest button")
    page.click("#vae .closer")
    page.click("[name=shows][value=both]")
    page.click("#legend button:nth-child(4)")
    page.click("#tab-path")
    page.fill("#path .along", 0.25)
    before = page.state()
    expected = {"image", "ae", "vae", "vae.view", "show", "classes", "tool", "path"}
    assert set(before) == expected
    points = [page.point(name) for name in ("ae", "vae")]
    page.open(example, page.call("hash"))
    for name, place in zip(("ae", "vae"), points, strict=True):
        assert page.point(name) == pytest.approx(place, abs=1e-3)
    assert page.state() == before
    assert page.each("[name=shows]:checked", "value") == ["both"]


def test_path_between_points_is_kept(page):
    """Its ends may be points; the address holds them."""
    example = page.open(2, "tool=path&path=3,5,0.5")
    page.fill("#path label:nth-of-type(2) select", "point")
    where = page.point()
    page.click("#path .strip li:first-child button")
    assert page.point() != where
    page.open(example, page.call("hash"))
    page.click("#path .strip li:last-child button")
    assert page.point() == pytest.approx(where, abs=1e-3)


def test_back_leads_to_where_one_was(page):
    """A sentence is a new entry of the history, a move is none."""
    page.open()
    page.click_plane(30, 30)
    page.state()
    length = page.look_up("history.length")
    page.click_plane(-30, 30)
    page.click_plane(30, 30)
    page.state()
    assert page.look_up("history.length") == length
    where = pytest.approx(page.point(), abs=1e-3)
    page.click("#lesson .next")
    until(lambda: page.point() != where)
    page.browser.back()
    until(lambda: page.point() == where)


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
def test_addresses_without_sense_do_no_harm(page, address):
    """What the page cannot read is as at the start."""
    page.log()
    page.open(2, address)
    assert np.isfinite(page.point() + page.point("vae")).all()
    assert page.log()[0] == []
    assert page.greys("#ae .decoded").max() > 0


# Other models


def test_unknown_model_is_shown(page):
    """With its dots, nearest images and decoded images, and a sentence that says why not live."""
    example = page.open("conv")
    assert "cannot decode live" in page.text("#conv .about")
    assert page.count("#conv .nearest li") == 5
    page.show("#conv .plane")
    first = page.greys("#conv .decoded")
    assert first.max() > first.min()
    page.press("#conv .plane input", Keys.HOME, Keys.ENTER)
    assert not np.array_equal(page.greys("#conv .decoded"), first)
    assert page.count("#chosen .trio figure") == 4
    draw(page, (-30, -30), (30, 30))
    assert "cannot be encoded live" in page.text("#chosen .trio figure:nth-child(4)")
    assert example.facts["models"][2]["mosaic"]["tiles"] > 10


def test_plane_and_sliders_move_in_step(page):
    """Above two dimensions; a button leads back to the mean."""
    page.open(8)
    assert page.count("#ae .sliders input") == 8
    before = page.point()
    slider = "#ae .sliders input"
    page.fill(slider, page.each(slider, "max")[0])
    assert page.point() != before
    assert page.is_held()
    values = page.each(slider, "value")
    page.press("#ae .plane input", Keys.HOME)
    assert page.each(slider, "value") != values
    page.click("#ae .mean")
    assert page.point() == pytest.approx([0, 0], abs=1e-4)
    assert page.text("#ae .coordinates").startswith("PC 1 ")
