"""The planes in Chromium: the point by mouse, finger and keyboard, zoom and marks."""

import re

import numpy as np
import pytest

from src.explore.near import nearest, spacing
from src.explore.page_model import AXES
from src.latent import geometry
from src.latent.codes import Codes
from src.models.coding import decode
from tests.browsers import every_engine
from tests.explore.acts import (
    Keys,
    attribute,
    call,
    click,
    click_plane,
    count,
    frame,
    greys,
    is_held,
    look_up,
    marks_of,
    move_to,
    offset,
    pen,
    point,
    press,
    show,
    state,
    text,
    touch,
    until,
)
from tests.explore.pages import CLASSES, SHOWN, Example


@every_engine
@pytest.mark.parametrize("dims", [1, 2, 8])
def test_decoded_images_are_torchs(browser, opened, dims):
    """To one grey of 255, at five codes of each model; and the nearest images are NumPy's."""
    example = opened(dims)
    for name in ("ae", "vae"):
        model, codes = example.models[name], example.codes[name]
        seen = call(browser, "look", name, (codes.train[20:25] * 0.9).tolist())
        points = np.array([look["at"] for look in seen], np.float32)
        assert len(np.unique(points, axis=0)) == 5
        expected = 255 * decode(model, points).reshape(5, 784)
        assert np.ptp(expected) > 100
        assert np.abs(np.array([look["greys"] for look in seen]) - expected.round()).max() <= 1
        for place, look in zip(points, seen, strict=True):
            are_nearest(look["near"], place, codes)


def are_nearest(words: list[str], place: np.ndarray, codes: Codes) -> None:
    """Check the words on the five images nearest to a place."""
    distances = np.linalg.norm(codes.train[:SHOWN] - place, axis=1)
    pattern = r"training image (\d+): (\S+), distance ([\d.]+)"
    nearest = [re.match(pattern, label).groups() for label in words]
    expected = pytest.approx(np.sort(distances)[:5], abs=1e-3)
    assert [float(distance) for *_, distance in nearest] == expected
    for number, label, distance in nearest:
        assert distances[int(number)] == pytest.approx(float(distance), abs=1e-3)
        assert label == CLASSES[codes.train_labels[int(number)]]


@pytest.mark.parametrize(
    ("dims", "axes", "words"),
    [
        (8, 2, "{:.1f} % of the variance"),
        (40, AXES, "the first 32 principal components, which hold {:.1f} %"),
    ],
)
def test_page_tells_what_it_leaves_out(browser, opened, dims, axes, words):
    """Above two dimensions the plane's, as latent.png does; above 32 that of the distances."""
    codes = opened(dims).codes["vae"].train
    share = geometry.principal_axes(codes, axes).share
    assert words.format(100 * share) in text(browser, "#vae")


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
        assert ("prior 1\u03c3" in texts) == (name == "vae")


# Another state of a model


@pytest.mark.parametrize("dims", [1, 2, 8])
def test_model_becomes_another_and_itself_again(browser, opened, dims):
    """Its image, dots, names and distances are those of the new weights and codes, then the old."""
    example = opened(dims)
    here, before = "#ae .trained-here", _seen(browser)
    assert attribute(browser, here, "hidden") is not None
    codes = (example.codes["ae"].train[:100] * 3 + 1).astype(np.float32)
    box = call(browser, "boxOf", "#ae .plane")
    call(browser, "become", 0, codes.ravel().tolist(), "trained here, 60 steps")
    assert text(browser, here) == "trained here, 60 steps, not by the pipeline"
    assert call(browser, "boxOf", "#ae .plane")["top"] == box["top"]
    assert "100 dots" in attribute(browser, "#ae .plane canvas", "aria-label")
    assert "first 100 training images" in text(browser, "#ae .about")
    mean = geometry.principal_axes(example.codes["ae"].train, AXES).mean.astype(np.float32)
    decoded = 255 * decode(example.models["ae"], -mean[None])[0]
    assert np.abs(greys(browser, "#ae .decoded") - decoded.round()).max() <= 1
    expected, _ = nearest(mean[None], codes, 5)
    assert [int(number) for number in _near(browser)] == expected[0].tolist()
    space = look_up(browser, "panels[0].space.spacing")
    assert space == pytest.approx(spacing(codes), rel=1e-4)
    assert look_up(browser, "panels[0].space.toPlane(panels[0].space.codeOf(7))")[0] == (
        pytest.approx(look_up(browser, "panels[0].space.dot(7)[0]"), abs=1e-4)
    )
    call(browser, "become", 0, None, "trained here, 80 steps")
    assert "100 dots" in attribute(browser, "#ae .plane canvas", "aria-label")
    browser.execute_script("panels[0].become(null)")
    assert _seen(browser) == before


def test_ends_of_a_path_are_encoded_anew(browser, opened):
    """By the weights that the model has now; the trained ones' are PyTorch's."""
    opened()
    ends = "[0, 9].map((label) => [...panels[1].endCode(label)])"
    before = np.array(look_up(browser, ends))
    call(browser, "become", 1, None, "")
    assert np.allclose(look_up(browser, ends), before + 1, atol=1e-2)
    browser.execute_script("panels[1].become(null)")
    assert np.array_equal(look_up(browser, ends), before)


def test_drawn_codes_have_the_codes_covariance(browser, opened):
    """Without a prior: mean and covariance of the codes shown, now those of another state."""
    example = opened(8)
    codes = example.codes["ae"].train[:100] * np.linspace(1, 3, 8, dtype=np.float32)
    for shown in (example.codes["ae"].train, codes):
        draws = np.array(look_up(browser, "panels[0].space.samples(4000, 1).map((c) => [...c])"))
        expected = np.cov(shown.T, ddof=0)
        assert np.abs(draws.mean(0) - shown.mean(0)).max() < 0.06 * shown.std(0).max()
        assert np.abs(np.cov(draws.T) - expected).max() < 0.08 * expected.max()
        call(browser, "become", 0, codes.ravel().tolist(), "")


def test_mosaic_is_renewed_without_a_blank(browser, opened):
    """Each image stays until it is made anew, each in its turn; the last state is shown in all."""
    opened(2, "show=both")
    call(browser, "record")
    seen = call(browser, "renewMosaic")
    assert seen["drawn"] == [seen["cells"]] * 2
    assert seen["last"] == seen["cells"]
    assert seen["renewed"] == seen["made"] < seen["cells"]  # none twice while others wait


def _near(browser) -> list[str]:
    """The numbers of the training images that are named as nearest."""
    labels = "[...document.querySelectorAll('#ae .nearest button')].map((x) => x.ariaLabel)"
    return [re.match(r"training image (\d+)", label)[1] for label in look_up(browser, labels)]


def _seen(browser) -> list:
    """What the AE's panel shows."""
    call(browser, "settle")
    words = [text(browser, f"#ae {part}") for part in (".near-words", ".about", ".nearest")]
    dots = attribute(browser, "#ae .plane canvas", "aria-label")
    return [
        *words,
        dots,
        greys(browser, "#ae .decoded").tolist(),
        look_up(browser, "panels[0].plane.names"),
    ]


# The mouse


def test_mouse_moves_the_point(browser, opened):
    """As it moves, while nothing holds the point: a click does, until the button lets it go."""
    opened()
    show(browser, "#ae .plane")
    move_to(browser, "#ae .plane", -60, 50).perform()
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


def test_every_click_on_a_dot_chooses_it(browser, opened):
    """In both spaces, also while another is held; only one on the chosen dot lets go."""
    example = opened()
    show(browser, "#ae .plane")
    for number in (7, 11, 30):
        place = offset(browser, example.codes["ae"].train[number])
        click_plane(browser, *place)
        chosen = int(re.fullmatch(r"train-(\d+)", state(browser)["image"])[1])
        for name in ("ae", "vae"):
            expected = example.codes[name].train[chosen].tolist()
            assert point(browser, name) == pytest.approx(expected, abs=1e-3)
            assert is_held(browser, name)
    click_plane(browser, *place)
    assert not is_held(browser)
    assert not browser.find_element("css selector", "#ae .let-go").is_displayed()
    before = point(browser)
    pen(browser).move_by_offset(9, 9).perform()
    assert point(browser) != before


def test_held_point_moves_to_a_click(browser, opened):
    """Where no dot is; Escape and the button let it go."""
    opened()
    show(browser, "#ae .plane")
    _, _, half = frame(browser)
    places = [click_plane(browser, x * (half[0] - 3), half[1] - 3) for x in (-1, 1)]
    assert places[0] != places[1]
    assert is_held(browser)
    pen(browser).send_keys(Keys.ESCAPE).perform()
    assert not is_held(browser)
    click_plane(browser, half[0] - 3, half[1] - 3)
    browser.find_element("css selector", "#ae .let-go").click()
    assert not is_held(browser)


@every_engine
def test_click_on_a_dot_shows_its_image(browser, opened):
    """In both planes, whose points go to its codes: the original, AE, VAE and their errors."""
    example = opened()
    show(browser, "#ae .plane")
    code = example.codes["ae"].train[7]
    click_plane(browser, *offset(browser, code))
    captions = [text(browser, f"#chosen .trio figure:nth-child({i}) figcaption") for i in (1, 2, 3)]
    assert [caption.split("\n")[0] for caption in captions] == ["original", "AE", "VAE"]
    number = int(re.fullmatch(r"train-(\d+)", state(browser)["image"])[1])
    for name in ("ae", "vae"):
        expected = example.codes[name].train[number]
        assert point(browser, name) == pytest.approx(expected.tolist(), abs=1e-3)
    assert count(browser, "#chosen .draws li") == 8


def test_drag_moves_the_plane(browser, opened):
    """And not the point's hold; a click is still a click if the hand shakes."""
    opened()
    show(browser, "#ae .plane")
    click(browser, "#ae .closer")
    before = state(browser)["ae.view"]
    start = move_to(browser, "#ae .plane", 10, 10).click_and_hold()
    start.move_by_offset(40, 0).move_by_offset(20, 10).release().perform()
    assert state(browser)["ae.view"] != before
    assert not is_held(browser)
    start = move_to(browser, "#ae .plane", 10, 10).click_and_hold()
    start.move_by_offset(2, 1).release().perform()
    assert is_held(browser)


def test_wheel_zooms_with_control_only(browser, opened):
    """Else the page scrolls, after a click in the plane too."""
    opened()
    show(browser, "#ae .plane")
    assert call(browser, "wheel", True)
    click_plane(browser, 40, 40)
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


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1920, 1400)])
def test_text_of_axes_grows_with_the_plane(browser, opened, width, height):
    """11 pixels at 400, 16 at 900."""
    opened(2, "", width=width, height=height)
    browser.execute_script("""
        const pen = CanvasRenderingContext2D.prototype;
        const own = pen.fillText;
        window.sizes = [];
        pen.fillText = function (...values) {
            const is_large = this.canvas.closest("#ae .plane");
            if (is_large && values[0] === "z1") window.sizes.push(parseInt(this.font));
            return own.apply(this, values);
        };
    """)
    click(browser, "#ae .farther")
    _, _, half = frame(browser)
    assert look_up(browser, "sizes[0]") == max(11, round(11 + (2 * half.min() - 400) / 100))


def test_panel_fills_the_screen(browser, tool, opened):
    """And leaves it, by the same button."""
    opened()
    full = browser.find_element("css selector", "#vae .full")
    full.click()
    tool.wait(browser, "document.fullscreenElement?.id === 'vae'")
    assert tool.wait(browser, "document.querySelector('#vae .full').innerText.startsWith('Leave')")
    full.click()
    tool.wait(browser, "!document.fullscreenElement")
    assert tool.wait(browser, "document.querySelector('#vae .full').innerText.startsWith('Full')")


def test_three_planes_are_side_by_side(browser, opened):
    """On a small laptop."""
    opened("conv", "", width=1366, height=768)
    tops = "[...document.querySelectorAll('.panel')].map((x) => x.getBoundingClientRect().top)"
    assert len(set(look_up(browser, tops))) == 1


# Axes and dimensions, above two


def test_plane_is_seen_along_other_axes(browser, opened):
    """Dots, names, keyboard and address follow; both axes are of one family."""
    example = opened(8)
    across, up = "#ae .axes label:nth-child(1) select", "#ae .axes label:nth-child(2) select"
    codes = example.codes["ae"].train[:SHOWN]
    click(browser, "#ae .closer")
    _choose(browser, across, "pc3")
    assert state(browser)["ae.axes"] == "pc3,pc2"
    axes = geometry.principal_axes(example.codes["ae"].train, AXES)
    expected = axes.project(codes)[:, [2, 1]]
    assert np.allclose(_dots(browser), expected, atol=1e-3 * np.abs(expected).max())
    shares = 100 * axes.shares[[2, 1]]
    assert f"{shares.sum():.1f} %" in text(browser, "#ae .plane-share")
    _choose(browser, across, "z5")
    first, second = state(browser)["ae.axes"].split(",")
    assert "ae.view" not in state(browser)
    assert first == "z5"
    dims = [4, int(second[1:]) - 1]
    assert np.allclose(_dots(browser), codes[:, dims], atol=1e-3)
    shares = 100 * example.codes["ae"].train.var(0)[dims] / example.codes["ae"].train.var(0).sum()
    assert f"{shares.sum():.1f} %" in text(browser, "#ae .plane-share")
    field = "#ae .plane input"
    press(browser, field, Keys.HOME)
    assert attribute(browser, field, "aria-label").startswith("z5 ")
    low, _ = call(browser, "planeOf", "ae")[0]
    assert look_up(browser, "panels[0].code[4]") == pytest.approx(low, abs=1e-4)
    _choose(browser, up, "z1" if second != "z1" else "z2")
    before = state(browser)
    opened(8, "&".join(f"{name}={value}" for name, value in before.items()))
    assert state(browser) == before
    _choose(browser, across, before["ae.axes"].split(",")[1])  # the other takes its place
    assert state(browser)["ae.axes"] == ",".join(reversed(before["ae.axes"].split(",")))


def test_rings_ellipses_and_mosaic_follow_the_axes(browser, opened):
    """The prior's centre, the posterior's standard deviations, and what a place decodes to."""
    opened(8, "vae.axes=z3,z1&image=train-3")
    call(browser, "record")
    click(browser, "#vae .farther")
    scale = look_up(browser, "panels[1].plane.view.scale[0]")
    centre = look_up(browser, "panels[1].plane.view.pixel(0, 0)")
    rings = [values for call, values in marks_of(browser, "vae", "below") if call == "arc"]
    assert np.allclose([ring[:3] for ring in rings[:1]], [*centre, scale * 0.5**0.5])
    std = look_up(browser, "[2, 0].map((dim) => panels[1].plane.marks.image.std[dim])")
    ellipse = next(values for call, values in marks_of(browser, "vae") if call == "ellipse")
    assert np.allclose(ellipse[2:4], scale * np.sort(std)[::-1])
    code = "const c = [...panels[1].space.mean]; [c[2], c[0]] = [0.5, -0.25];"
    pixels = "panels[1].network.decode(Float32Array.from(c))"
    expected = browser.execute_script(f"{code} return [...{pixels}]")
    seen = look_up(browser, "[...panels[1].plane.mosaic.decodeAt([0.5, -0.25])]")
    assert np.allclose(seen, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("dims", "axes"), [(1, "pc1"), (2, "pc1,pc2"), (8, "pc1,z2"), (8, "z1,z1"), (40, "z1,z2")]
)
def test_axes_of_an_address_are_tried(browser, opened, dims, axes):
    """Two of one family that the page offers; else it shows the first ones."""
    opened(dims, f"ae.axes={axes}")
    click(browser, "#ae .mean")  # the address is written anew
    assert "ae.axes" not in state(browser)
    words = "PC 1" if dims > 2 else "z1"
    assert text(browser, "#ae .coordinates").startswith(words)


def test_another_state_is_seen_along_the_same_axes(browser, opened):
    """And the axes can be changed in it, for the trained model too."""
    example = opened(8, "ae.axes=z2,z1")
    codes = example.codes["ae"].train[:100] + 1
    browser.execute_script("window.option = document.querySelector('#ae .axes option')")
    call(browser, "become", 0, codes.ravel().tolist(), "")
    assert look_up(browser, "option.isConnected")  # a list that is open is not closed
    assert np.allclose(_dots(browser), codes[:, [1, 0]], atol=1e-3)
    share = 100 * codes.var(0)[:2].sum() / codes.var(0).sum()
    assert f"{share:.1f} %" in text(browser, "#ae .plane-share")
    _choose(browser, "#ae .axes select", "z3")
    assert np.allclose(_dots(browser), codes[:, [2, 0]], atol=1e-3)
    browser.execute_script("panels[0].become(null)")
    assert np.allclose(_dots(browser), example.codes["ae"].train[:SHOWN, [2, 0]], atol=1e-3)


def test_film_goes_back_to_its_axes(browser, opened):
    """It knows the first two components only: none can be chosen while it is shown."""
    opened(8, "ae.axes=z2,z1&show=both")
    call(browser, "setRange", "#film .epoch", 1)
    selects = "[...document.querySelectorAll('#ae select')].map((x) => [x.value, x.disabled])"
    assert look_up(browser, selects) == [["pc1", True], ["pc2", True]]
    call(browser, "setRange", "#film .epoch", 3)
    assert look_up(browser, selects) == [["pc1", False], ["pc2", False]]
    assert "ae.axes" not in state(browser)


def test_axes_can_be_chosen_where_they_are_decoded(browser, opened, tmp_path):
    """Not on images decoded in advance; only components where the page knows no more."""

    def families(name: str) -> list[str]:
        groups = f"[...document.querySelectorAll('#{name} .axes optgroup')].map((x) => x.label)"
        is_shown = browser.find_element("css selector", f"#{name} .axes select").is_displayed()
        return look_up(browser, groups) if is_shown else []

    opened(2)
    assert families("ae") == []
    opened(40)
    assert families("ae") == ["Principal components"]
    opened(Example(tmp_path / "page.html", 5, convolutional=True))
    assert families("ae") == ["Principal components", "Latent dimensions"]
    assert families("conv") == []
    assert "% of the variance" in text(browser, "#conv .plane-share")


def test_dimensions_are_traversed(browser, tool, opened):
    """Seven images along each, from the point, that lead there."""
    example = opened(8)
    code = example.codes["ae"].train[3] * 0.9
    seen = call(browser, "look", "ae", [code.tolist()])[0]["at"]
    slider = "#ae .slider:nth-child(2)"
    dim = int(attribute(browser, f"{slider} input", "aria-label")[1:]) - 1
    codes = np.tile(np.array(seen, np.float32), (7, 1))
    every = example.codes["ae"].train
    codes[:, dim] = np.linspace(every[:, dim].min(), every[:, dim].max(), 7)
    expected = 255 * decode(example.models["ae"], codes)
    last = f"{slider} li:nth-child(7)"
    until(lambda: np.abs(greys(browser, f"{last} canvas") - expected[6].round()).max() <= 1)
    call(browser, "pause", 300)
    for i in range(7):
        shown = greys(browser, f"{slider} li:nth-child({i + 1}) canvas")
        assert np.abs(shown - expected[i].round()).max() <= 1
    click(browser, f"{last} button")
    assert np.allclose(look_up(browser, "[...panels[0].code]"), codes[6], atol=1e-5)


def _choose(browser, selector: str, value: str) -> None:
    browser.execute_script(
        """
        const select = document.querySelector(arguments[0]);
        select.value = arguments[1];
        select.dispatchEvent(new Event("change"));
        """,
        selector,
        value,
    )
    call(browser, "settle")


def _dots(browser) -> np.ndarray:
    """Where the AE's dots lie on its plane: (n, 2)."""
    return np.array(look_up(browser, "[...panels[0].plane.dots.xy]")).reshape(-1, 2)


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


def test_finger_lets_go(browser, opened):
    """By the button, which is large enough (test_targets_are_large_for_fingers)."""
    opened(width=390, height=700, touch=True)
    show(browser, "#ae .plane")
    call(browser, "tap", "#ae .plane", 80.0, 80.0, 3)
    assert is_held(browser)
    browser.find_element("css selector", "#ae .let-go").click()
    assert not is_held(browser)


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


def test_keyboard_moves_the_point(browser, tool, opened):
    """Arrows, with Shift ten steps, Home and End; a screen reader is told when it rests."""
    opened()
    x, y = "#ae .plane input", "#ae .plane input:nth-of-type(2)"
    (low, high), edges_of_y, _ = call(browser, "planeOf", "ae")
    start = point(browser)
    step, up = (high - low) / 200, np.ptp(edges_of_y) / 200
    assert press(browser, x, Keys.ARROW_RIGHT) == pytest.approx([start[0] + step, start[1]])
    expected = pytest.approx([start[0] + step, start[1] + up])
    assert press(browser, x, Keys.ARROW_UP) == expected
    left = press(browser, y, Keys.ARROW_LEFT, held=Keys.SHIFT)
    assert left[0] == pytest.approx(start[0] - 9 * step)
    assert press(browser, x, Keys.HOME)[0] == pytest.approx(low)
    assert press(browser, x, Keys.END)[0] == pytest.approx(high)
    assert re.fullmatch(r"\u2212?\d+\.\d\d", attribute(browser, x, "aria-valuetext"))
    words = tool.wait(browser, "document.querySelector('#ae .announcement').textContent")
    assert re.match(r"z1 .+, z2 .+; near: \d(, \d){4}", words)


@every_engine
@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_keyboard_opens_an_image(browser, opened, key):
    """The nearest dot's, as a click on it does; arrows have moved the point before."""
    opened()
    before = greys(browser, "#vae .decoded")
    press(browser, "#vae .plane input", *[Keys.ARROW_RIGHT] * 12)
    assert not np.array_equal(greys(browser, "#vae .decoded"), before)
    near = attribute(browser, "#vae .nearest button", "aria-label")
    press(browser, "#vae .plane input", key)
    number = re.match(r"training image (\d+)", near)[1]
    assert state(browser)["image"] == f"train-{number}"
    assert count(browser, "#chosen .trio figure") == 3


def test_keyboard_is_told_what_it_can_do(browser, opened):
    """A heading for each panel, and what the keys do beside arrows, on each range."""
    opened()
    names = "[...document.querySelectorAll('.panel h2')].map((heading) => heading.innerText)"
    assert look_up(browser, names) == ["AE", "VAE"]
    told = "[...document.querySelectorAll('.plane input')].map((x) => x.ariaDescribedByElements)"
    for description in look_up(browser, f"{told}.map(([node]) => node.textContent)"):
        assert all(key in description for key in ("Enter", "plus", "minus", "0", "Escape"))


def test_keyboard_zooms(browser, opened):
    """With plus, minus and 0; what is seen follows the point."""
    opened()
    field = "#ae .plane input"
    press(browser, field, "++++")
    closer = state(browser)["ae.view"]
    press(browser, field, Keys.END)
    assert state(browser)["ae.view"] != closer
    press(browser, field, "0")
    assert "ae.view" not in state(browser)


@pytest.mark.parametrize("state", ["tool=path", "tool=chain&image=train-3", "tool=train&step=pull"])
def test_keyboard_reaches_every_control(browser, opened, state):
    """Tab leads to everything that a pointer can use."""
    opened(8, state)
    call(browser, "watchFocus")
    for _ in range(14):
        pen(browser).send_keys(*[Keys.TAB] * 10).perform()
    assert call(browser, "missedByFocus") == []


def test_keyboard_passes_a_panel(browser, opened):
    """The first stop of a panel leads past it."""
    opened()
    press(browser, "#ae .past", Keys.ENTER)
    assert look_up(browser, "document.activeElement.closest('.panel').id") == "vae"


# Marks


def test_posterior_is_not_hidden(browser, opened):
    """By ellipses of one and two standard deviations; no ring around them, only outer ticks."""
    opened()
    call(browser, "record")
    click(browser, "#ae .nearest button")
    marks = marks_of(browser, "vae")
    ellipses = np.array([values[:4] for call, values in marks if call == "ellipse"])
    assert len(ellipses) == 2
    assert np.allclose(ellipses[1, 2:], 2 * ellipses[0, 2:])
    assert max(values[2] for call, values in marks if call == "arc") < 2  # the mean's
    ticks = np.array([values for call, values in marks if call == "moveTo"])
    assert len(ticks) == 4
    away = np.linalg.norm(ticks - ellipses[0, :2], axis=1)
    assert away.min() > min(ellipses[1, 2:].max(), 64)
    assert not [1 for call, _ in marks_of(browser, "ae") if call == "ellipse"]


def test_film_hides_the_marks_of_trained_codes(browser, opened):
    """And the mosaic: untrained dots are not shown among them."""
    opened(2, "show=both&image=train-3&tool=path")
    call(browser, "record")
    call(browser, "setRange", "#film .epoch", 1)
    above = [call for call, _ in marks_of(browser, "vae")]
    assert above.count("arc") == 2  # the point's ring, and the dot of the held one
    assert "ellipse" not in above
    assert [call for call, _ in marks_of(browser, "vae", "below")].count("drawImage") == 1
    call(browser, "setRange", "#film .epoch", 3)
    assert "ellipse" in [call for call, _ in marks_of(browser, "vae")]


def test_nearest_images_are_ringed_and_lead_there(browser, opened):
    """Five rings on the plane, around dots; their buttons go there."""
    example = opened()
    call(browser, "record")
    click(browser, "#ae .mean")
    rings = [values[:2] for call, values in marks_of(browser, "ae") if call == "arc"]
    fifth = "#ae .nearest li:nth-child(5) button"
    number = int(re.match(r"training image (\d+)", attribute(browser, fifth, "aria-label"))[1])
    middle, scale, half = frame(browser)
    right, up = (example.codes["ae"].train[number] - middle) * scale
    assert any(np.allclose(ring, [half[0] + right, half[1] - up], atol=1) for ring in rings)
    click(browser, fifth)
    assert point(browser) == pytest.approx(example.codes["ae"].train[number].tolist(), abs=1e-3)


def test_far_places_are_said_to_be_far(browser, opened):
    """In words beside the image."""
    opened()
    for axis in (1, 2):
        press(browser, f"#ae .plane input:nth-of-type({axis})", Keys.END)
    assert text(browser, "#ae .near-words").startswith("No training image is near here")
    click(browser, "#ae .nearest button")
    assert text(browser, "#ae .near-words") == "This is the code of a training image."


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
