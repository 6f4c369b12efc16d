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
from tests.explore.acts import Keys, are_greys, numbers, until
from tests.explore.pages import CLASSES, SHOWN, Example


@every_engine
@pytest.mark.parametrize("dims", [1, 2, 8])
def test_decoded_images_are_torchs(page, dims):
    """To one grey of 255, at five codes of each model; and the nearest images are NumPy's."""
    example = page.open(dims)
    for name in ("ae", "vae"):
        model, codes = example.models[name], example.codes[name]
        seen = page.call("look", name, (codes.train[20:25] * 0.9).tolist())
        points = np.array([look["at"] for look in seen], np.float32)
        assert len(np.unique(points, axis=0)) == 5
        expected = decode(model, points)
        assert np.ptp(expected) > 0.4
        assert are_greys(np.array([look["greys"] for look in seen]), expected)
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
def test_page_tells_what_it_leaves_out(page, dims, axes, words):
    """Above two dimensions the plane's, as latent.png does; above 32 that of the distances."""
    codes = page.open(dims).codes["vae"].train
    share = geometry.principal_axes(codes, axes).share
    assert words.format(100 * share) in page.text("#vae")


@pytest.mark.parametrize(("dims", "names"), [(1, ["z1"]), (2, ["z1", "z2"]), (8, ["PC 1", "PC 2"])])
def test_planes_have_axes(page, dims, names):
    """Round numbers, zero among them, and a name for each axis; rings of the prior on the VAE's."""
    page.open(dims)
    page.call("record")
    for name in ("ae", "vae"):
        page.click(f"#{name} .farther")
        texts = [values[0] for values in page.drawn(name, "fillText", "below")]
        assert "0" in [text.split(".")[0] for text in texts]
        assert all(any(text.startswith(axis) for text in texts) for axis in names)
        assert ("prior 1\u03c3" in texts) == (name == "vae")


# Another state of a model


@pytest.mark.parametrize("dims", [1, 2, 8])
def test_model_becomes_another_and_itself_again(page, dims):
    """Its image, dots, names and distances are those of the new weights and codes, then the old."""
    example = page.open(dims)
    here, before = "#ae .trained-here", _seen(page)
    assert not page.is_shown(here)
    codes = (example.codes["ae"].train[:100] * 3 + 1).astype(np.float32)
    box = page.call("boxOf", "#ae .plane")
    page.call("become", 0, codes.ravel().tolist(), "trained here, 60 steps")
    assert page.text(here) == "trained here, 60 steps, not by the pipeline"
    assert page.call("boxOf", "#ae .plane")["top"] == box["top"]
    assert "100 dots" in page.attribute("#ae .plane canvas", "aria-label")
    assert "first 100 training images" in page.text("#ae .about")
    mean = geometry.principal_axes(example.codes["ae"].train, AXES).mean.astype(np.float32)
    assert are_greys(page.greys("#ae .decoded"), decode(example.models["ae"], -mean[None]))
    expected, _ = nearest(mean[None], codes, 5)
    assert page.nearest() == expected[0].tolist()
    space = page.look_up("panels[0].space.spacing")
    assert space == pytest.approx(spacing(codes), rel=1e-4)
    assert page.look_up("panels[0].space.toPlane(panels[0].space.codeOf(7))")[0] == (
        pytest.approx(page.look_up("panels[0].space.dot(7)[0]"), abs=1e-4)
    )
    page.call("become", 0, None, "trained here, 80 steps")
    assert "100 dots" in page.attribute("#ae .plane canvas", "aria-label")
    page.run("panels[0].become(null)")
    assert _seen(page) == before


def test_ends_of_a_path_are_encoded_anew(page):
    """By the weights that the model has now; the trained ones' are PyTorch's."""
    page.open()
    ends = "[0, 9].map((label) => [...panels[1].endCode(label)])"
    before = np.array(page.look_up(ends))
    page.call("become", 1, None, "")
    assert np.allclose(page.look_up(ends), before + 1, atol=1e-2)
    page.run("panels[1].become(null)")
    assert np.array_equal(page.look_up(ends), before)


def test_drawn_codes_have_the_codes_covariance(page):
    """Without a prior: mean and covariance of the codes shown, now those of another state."""
    example = page.open(8)
    codes = example.codes["ae"].train[:100] * np.linspace(1, 3, 8, dtype=np.float32)
    for shown in (example.codes["ae"].train, codes):
        draws = np.array(page.look_up("panels[0].space.samples(4000, 1).map((c) => [...c])"))
        expected = np.cov(shown.T, ddof=0)
        assert np.abs(draws.mean(0) - shown.mean(0)).max() < 0.06 * shown.std(0).max()
        assert np.abs(np.cov(draws.T) - expected).max() < 0.08 * expected.max()
        page.call("become", 0, codes.ravel().tolist(), "")


def test_mosaic_is_renewed_without_a_blank(page):
    """Each image stays until it is made anew, each in its turn; the last state is shown in all."""
    page.open()
    page.click("[name=shows][value=both]")
    page.call("record")
    seen = page.call("renewMosaic")
    assert seen["drawn"] == [seen["cells"]] * 2
    assert seen["last"] == seen["cells"]
    assert seen["renewed"] == seen["made"] < seen["cells"]  # none twice while others wait


def _seen(page) -> list:
    """What the AE's panel shows."""
    page.call("settle")
    words = [page.text(f"#ae {part}") for part in (".near-words", ".about", ".nearest")]
    dots = page.each("#ae .plane canvas", "aria-label")
    names = page.look_up("panels[0].plane.names")
    return [*words, dots, names, page.greys("#ae .decoded").tolist()]


def _are_at(page, example: Example, number: int) -> None:
    """Check that the points of both models are the codes of a training image."""
    for name, codes in example.codes.items():
        assert page.point(name) == pytest.approx(codes.train[number].tolist(), abs=1e-3)


# The mouse


def test_mouse_moves_the_point(page):
    """As it moves, while nothing holds the point: a click does, until the button lets it go."""
    page.open()
    page.move_to("#ae .plane", -60, 50).perform()
    first = page.point()
    page.pen().move_by_offset(30, 0).perform()
    second = page.point()
    assert second[0] > first[0]
    assert second[1] == first[1]
    held = page.click_plane(40, 40)
    page.pen().move_by_offset(30, 30).perform()
    assert page.point() == held
    page.find("#ae .let-go").click()
    assert not page.is_held()
    page.move_to("#ae .plane", -60, 50).perform()
    assert page.point() != held


def test_every_click_on_a_dot_chooses_it(page):
    """In both spaces, also while another is held; only one on the chosen dot lets go."""
    example = page.open()
    for number in (7, 11, 30):
        place = page.offset(example.codes["ae"].train[number])
        page.click_plane(*place)
        _are_at(page, example, page.chosen())
        assert page.is_held("ae")
        assert page.is_held("vae")
    page.click_plane(*place)
    assert not page.is_held()
    assert not page.is_shown("#ae .let-go")
    before = page.point()
    page.pen().move_by_offset(9, 9).perform()
    assert page.point() != before


def test_held_point_moves_to_a_click(page):
    """Where no dot is; Escape lets it go."""
    page.open()
    _, _, half = page.frame()
    places = [page.click_plane(x * (half[0] - 3), half[1] - 3) for x in (-1, 1)]
    assert places[0] != places[1]
    assert page.is_held()
    page.pen().send_keys(Keys.ESCAPE).perform()
    assert not page.is_held()


@every_engine
def test_click_on_a_dot_shows_its_image(page):
    """In both planes, whose points go to its codes: the original, AE, VAE and their errors."""
    example = page.open()
    page.click_plane(*page.offset(example.codes["ae"].train[7]))
    captions = [words.split("\n")[0] for words in page.each("#chosen .trio figcaption")]
    assert captions == ["original", "AE", "VAE"]
    _are_at(page, example, page.chosen())
    assert page.count("#chosen .draws li") == 8


def test_drag_moves_the_plane(page):
    """And not the point's hold; a click is still a click if the hand shakes."""
    page.open()
    page.click("#ae .closer")
    before = page.state()["ae.view"]
    start = page.move_to("#ae .plane", 10, 10).click_and_hold()
    start.move_by_offset(40, 0).move_by_offset(20, 10).release().perform()
    assert page.state()["ae.view"] != before
    assert not page.is_held()
    start = page.move_to("#ae .plane", 10, 10).click_and_hold()
    start.move_by_offset(2, 1).release().perform()
    assert page.is_held()


def test_wheel_zooms_with_control_only(page):
    """Else the page scrolls, after a click in the plane too."""
    page.open()
    assert page.call("wheel", True)
    page.click_plane(40, 40)
    assert not page.call("wheel", False)


def test_buttons_zoom_and_move_and_lead_back(page):
    """Everything that a drag does, a button does."""
    page.open()
    page.click("#ae .closer")
    right, up, units = numbers(page.state()["ae.view"])
    for button in ("right", "up", "farther"):
        page.click(f"#ae .{button}")
    moved = numbers(page.state()["ae.view"])
    assert moved[0] > right
    assert moved[1] > up
    assert moved[2] > units
    page.click("#ae .whole")
    assert "ae.view" not in page.state()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (1920, 1400)])
def test_text_of_axes_grows_with_the_plane(page, width, height):
    """11 pixels at 400, 16 at 900."""
    page.open(2, "", width=width, height=height)
    page.call("record")
    page.click("#ae .farther")
    _, _, half = page.frame()
    sizes = {size for name, *_, size in page.drawn("ae", "fillText", "below") if name == "z1"}
    assert sizes == {max(11, round(11 + (2 * half.min() - 400) / 100))}


def test_panel_fills_the_screen(page):
    """And leaves it, by the same button."""
    page.open()
    for full, words in (("vae", "Leave full screen"), (None, "Full screen")):
        page.find("#vae .full").click()
        until(lambda full=full: page.look_up("document.fullscreenElement?.id") == full)
        until(lambda words=words: page.text("#vae .full") == words)


def test_three_planes_are_side_by_side(page):
    """On a small laptop."""
    page.open("conv", "", width=1366, height=768)
    assert len(set(page.each(".panel", "offsetTop"))) == 1


# Axes and dimensions, above two


def test_plane_is_seen_along_other_axes(page):
    """Dots, names, keyboard and address follow; both axes are of one family."""
    example = page.open(8)
    across, up = "#ae .axes label:nth-child(1) select", "#ae .axes label:nth-child(2) select"
    codes = example.codes["ae"].train[:SHOWN]
    page.click("#ae .closer")
    page.fill(across, "pc3")
    assert page.state()["ae.axes"] == "pc3,pc2"
    axes = geometry.principal_axes(example.codes["ae"].train, AXES)
    expected = axes.project(codes)[:, [2, 1]]
    assert np.allclose(_dots(page), expected, atol=1e-3 * np.abs(expected).max())
    shares = 100 * axes.shares[[2, 1]]
    assert f"{shares.sum():.1f} %" in page.text("#ae .plane-share")
    page.fill(across, "z5")
    first, second = page.state()["ae.axes"].split(",")
    assert "ae.view" not in page.state()
    assert first == "z5"
    dims = [4, int(second[1:]) - 1]
    assert np.allclose(_dots(page), codes[:, dims], atol=1e-3)
    shares = 100 * example.codes["ae"].train.var(0)[dims] / example.codes["ae"].train.var(0).sum()
    assert f"{shares.sum():.1f} %" in page.text("#ae .plane-share")
    field = "#ae .plane input"
    page.press(field, Keys.HOME)
    assert page.attribute(field, "aria-label").startswith("z5 ")
    low, _ = page.call("planeOf", "ae")[0]
    assert page.look_up("panels[0].code[4]") == pytest.approx(low, abs=1e-4)
    page.fill(up, "z1" if second != "z1" else "z2")
    before = page.state()
    page.open(8, "&".join(f"{name}={value}" for name, value in before.items()))
    assert page.state() == before
    page.fill(across, before["ae.axes"].split(",")[1])  # the other takes its place
    assert page.state()["ae.axes"] == ",".join(reversed(before["ae.axes"].split(",")))


def test_rings_ellipses_and_mosaic_follow_the_axes(page):
    """The prior's centre, the posterior's standard deviations, and what a place decodes to."""
    page.open(8, "vae.axes=z3,z1&image=train-3")
    page.call("record")
    page.click("#vae .farther")
    scale = page.look_up("panels[1].plane.view.scale[0]")
    centre = page.look_up("panels[1].plane.view.pixel(0, 0)")
    ring = page.drawn("vae", "arc", "below")[0]
    assert np.allclose(ring[:3], [*centre, scale * 0.5**0.5])
    std = page.look_up("[2, 0].map((dim) => panels[1].plane.marks.image.std[dim])")
    ellipse = page.drawn("vae", "ellipse")[0]
    assert np.allclose(ellipse[2:4], scale * np.sort(std)[::-1])
    code = "const c = [...panels[1].space.mean]; [c[2], c[0]] = [0.5, -0.25];"
    pixels = "panels[1].network.decode(Float32Array.from(c))"
    expected = page.run(f"{code} return [...{pixels}]")
    seen = page.look_up("[...panels[1].plane.mosaic.decodeAt([0.5, -0.25])]")
    assert np.allclose(seen, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("dims", "axes"), [(1, "pc1"), (2, "pc1,pc2"), (8, "pc1,z2"), (8, "z1,z1"), (40, "z1,z2")]
)
def test_axes_of_an_address_are_tried(page, dims, axes):
    """Two of one family that the page offers; else it shows the first ones."""
    page.open(dims, f"ae.axes={axes}")
    page.click("#ae .mean")  # the address is written anew
    assert "ae.axes" not in page.state()
    words = "PC 1" if dims > 2 else "z1"
    assert page.text("#ae .coordinates").startswith(words)


def test_another_state_is_seen_along_the_same_axes(page):
    """And the axes can be changed in it, for the trained model too."""
    example = page.open(8, "ae.axes=z2,z1")
    codes = example.codes["ae"].train[:100] + 1
    page.run("window.option = document.querySelector('#ae .axes option')")
    page.call("become", 0, codes.ravel().tolist(), "")
    assert page.look_up("option.isConnected")  # a list that is open is not closed
    assert np.allclose(_dots(page), codes[:, [1, 0]], atol=1e-3)
    share = 100 * codes.var(0)[:2].sum() / codes.var(0).sum()
    assert f"{share:.1f} %" in page.text("#ae .plane-share")
    page.fill("#ae .axes select", "z3")
    assert np.allclose(_dots(page), codes[:, [2, 0]], atol=1e-3)
    page.run("panels[0].become(null)")
    assert np.allclose(_dots(page), example.codes["ae"].train[:SHOWN, [2, 0]], atol=1e-3)


def test_film_goes_back_to_its_axes(page):
    """It knows the first two components only: none can be chosen while it is shown."""
    page.open(8, "ae.axes=z2,z1&show=both")
    page.fill("#film .epoch", 1)
    assert page.each("#ae select", "disabled") == [True, True]
    page.fill("#film .epoch", 3)
    assert page.each("#ae select", "disabled") == [False, False]
    assert page.each("#ae select", "value") == ["pc1", "pc2"]
    assert "ae.axes" not in page.state()


def test_axes_can_be_chosen_where_they_are_decoded(page, tmp_path):
    """Not on images decoded in advance; only components where the page knows no more."""

    def families(name: str) -> list[str]:
        is_shown = page.is_shown(f"#{name} .axes select")
        return page.each(f"#{name} .axes optgroup", "label") if is_shown else []

    page.open(2)
    assert families("ae") == []
    page.open(40)
    assert families("ae") == ["Principal components"]
    page.open(Example(tmp_path / "page.html", 5, convolutional=True))
    assert families("ae") == ["Principal components", "Latent dimensions"]
    assert families("conv") == []
    assert "% of the variance" in page.text("#conv .plane-share")


def test_dimensions_are_traversed(page):
    """Seven images along each, from the point, that lead there."""
    example = page.open(8)
    code = example.codes["ae"].train[3] * 0.9
    seen = page.call("look", "ae", [code.tolist()])[0]["at"]
    slider = "#ae .slider:nth-child(2)"
    dim = int(page.attribute(f"{slider} input", "aria-label")[1:]) - 1
    codes = np.tile(np.array(seen, np.float32), (7, 1))
    every = example.codes["ae"].train
    codes[:, dim] = np.linspace(every[:, dim].min(), every[:, dim].max(), 7)
    for i, expected in enumerate(decode(example.models["ae"], codes), start=1):
        canvas = f"{slider} li:nth-child({i}) canvas"
        until(lambda canvas=canvas, image=expected: are_greys(page.greys(canvas), image))
    page.click(f"{slider} li:nth-child(7) button")
    assert np.allclose(page.look_up("[...panels[0].code]"), codes[6], atol=1e-5)


def _dots(page) -> np.ndarray:
    """Where the AE's dots lie on its plane: (n, 2)."""
    return np.array(page.look_up("[...panels[0].plane.dots.xy]")).reshape(-1, 2)


# Fingers


def test_finger_scrolls_the_page(page):
    """A swipe that begins on a plane is the page's."""
    page.open(width=390, height=600, touch=True)
    box = page.show("#ae .plane")
    x, y = box["x"] + 40, box["y"] + box["height"] - 30
    before, start = page.point(), page.look_up("scrollY")
    page.swipe(*([(x, y - 25 * step)] for step in range(7)))
    page.call("pause", 300)
    assert page.look_up("scrollY") > start + 50
    assert page.point() == before


def test_finger_that_rests_drags_the_point(page):
    """And one that begins at the point; the page stays."""
    page.open(width=390, height=600, touch=True)
    box = page.show("#ae .plane")
    x, y = box["x"] + 40, box["y"] + 60
    start = page.look_up("scrollY")
    page.touch("touchStart", (x, y))
    page.call("pause", 450)
    rested = page.point()
    page.touch("touchMove", (x + 40, y + 40))
    page.touch("touchMove", (x + 80, y + 80))
    page.touch("touchEnd")
    dragged = page.point()
    assert dragged[0] > rested[0]
    assert dragged[1] < rested[1]
    page.swipe([(x + 80, y + 80)], [(x + 60, y + 90)], [(x + 30, y + 120)])
    assert page.point()[0] < dragged[0]
    assert page.look_up("scrollY") == start


def test_tap_on_a_dot_stays_there(page):
    """A finger that shakes does not move the point away from the dot, nor when it taps again."""
    example = page.open(width=390, height=700, touch=True)
    _, _, half = page.frame()
    right, down = page.offset(example.codes["ae"].train[7])
    place = (half[0] + 1 + right, half[1] + 1 + down)
    for jitter in (4, 5):
        page.call("tap", "#ae .plane", *map(float, place), jitter)
        _are_at(page, example, page.chosen())
        assert page.is_held()


def test_two_fingers_zoom(page):
    """The plane, not the page."""
    page.open(width=390, height=700, touch=True)
    box = page.show("#ae .plane")
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.swipe(*([(x - apart, y), (x + apart, y)] for apart in range(30, 91, 15)))
    assert "ae.view" in page.state()
    assert page.look_up("visualViewport.scale") == 1


@pytest.mark.parametrize("width", [320, 390, 1024])
@pytest.mark.parametrize("state", ["tool=path&image=train-3", "tool=samples&ae.view=0,0,1"])
def test_targets_are_large_for_fingers(page, width, state):
    """44 pixels on coarse pointers."""
    page.open(8, state, width=width, height=844, touch=True)
    page.call("pause", 300)
    assert page.call("smallTargets") == []
    assert page.width() <= width


# The keyboard


def test_keyboard_moves_the_point(page):
    """Arrows, with Shift ten steps, Home and End; a screen reader is told when it rests."""
    page.open()
    x, y = "#ae .plane input", "#ae .plane input:nth-of-type(2)"
    (low, high), edges_of_y, _ = page.call("planeOf", "ae")
    start = page.point()
    step, up = (high - low) / 200, np.ptp(edges_of_y) / 200
    assert page.press(x, Keys.ARROW_RIGHT) == pytest.approx([start[0] + step, start[1]])
    expected = pytest.approx([start[0] + step, start[1] + up])
    assert page.press(x, Keys.ARROW_UP) == expected
    left = page.press(y, Keys.ARROW_LEFT, held=Keys.SHIFT)
    assert left[0] == pytest.approx(start[0] - 9 * step)
    assert page.press(x, Keys.HOME)[0] == pytest.approx(low)
    assert page.press(x, Keys.END)[0] == pytest.approx(high)
    assert re.fullmatch(r"\u2212?\d+\.\d\d", page.attribute(x, "aria-valuetext"))
    words = until(lambda: page.text("#ae .announcement"))
    assert re.match(r"z1 .+, z2 .+; near: \d(, \d){4}", words)


@every_engine
@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_keyboard_opens_an_image(page, key):
    """The nearest dot's, as a click on it does; arrows have moved the point before."""
    page.open()
    before = page.greys("#vae .decoded")
    page.press("#vae .plane input", *[Keys.ARROW_RIGHT] * 12)
    assert not np.array_equal(page.greys("#vae .decoded"), before)
    near = page.nearest("vae")
    page.press("#vae .plane input", key)
    assert page.chosen() == near[0]
    assert page.count("#chosen .trio figure") == 3


def test_keyboard_is_told_what_it_can_do(page):
    """A heading for each panel, and what the keys do beside arrows, on each range."""
    page.open()
    assert page.each(".panel h2") == ["AE", "VAE"]
    told = "[...document.querySelectorAll('.plane input')].map((x) => x.ariaDescribedByElements)"
    for description in page.look_up(f"{told}.map(([node]) => node.textContent)"):
        assert all(key in description for key in ("Enter", "plus", "minus", "0", "Escape"))


def test_keyboard_zooms(page):
    """With plus, minus and 0; what is seen follows the point."""
    page.open()
    field = "#ae .plane input"
    page.press(field, "++++")
    closer = page.state()["ae.view"]
    page.press(field, Keys.END)
    assert page.state()["ae.view"] != closer
    page.press(field, "0")
    assert "ae.view" not in page.state()


@pytest.mark.parametrize("state", ["tool=path", "tool=chain&image=train-3", "tool=train&step=pull"])
def test_keyboard_reaches_every_control(page, state):
    """Tab leads to everything that a pointer can use."""
    page.open(8, state)
    page.call("watchFocus")
    for _ in range(14):
        page.pen().send_keys(*[Keys.TAB] * 10).perform()
    assert page.call("missedByFocus") == []


def test_keyboard_passes_a_panel(page):
    """The first stop of a panel leads past it."""
    page.open()
    page.press("#ae .past", Keys.ENTER)
    assert page.look_up("document.activeElement.closest('.panel').id") == "vae"


# Marks


def test_posterior_is_not_hidden(page):
    """By ellipses of one and two standard deviations; no ring around them, only outer ticks."""
    page.open()
    page.call("record")
    page.click("#ae .nearest button")
    ellipses = np.array(page.drawn("vae", "ellipse"))[:, :4]
    assert len(ellipses) == 2
    assert np.allclose(ellipses[1, 2:], 2 * ellipses[0, 2:])
    assert max(radius for _, _, radius, *_ in page.drawn("vae", "arc")) < 2  # the mean's
    ticks = np.array(page.drawn("vae", "moveTo"))[:, :2]
    assert len(ticks) == 4
    away = np.linalg.norm(ticks - ellipses[0, :2], axis=1)
    assert away.min() > min(ellipses[1, 2:].max(), 64)
    assert not page.drawn("ae", "ellipse")


def test_film_hides_the_marks_of_trained_codes(page):
    """And the mosaic: untrained dots are not shown among them."""
    page.open(2, "show=both&image=train-3&tool=path")
    page.call("record")
    page.fill("#film .epoch", 1)
    assert len(page.drawn("vae", "arc")) == 2  # the point's ring, and the dot of the held one
    assert not page.drawn("vae", "ellipse")
    assert len(page.drawn("vae", "drawImage", "below")) == 1
    page.fill("#film .epoch", 3)
    assert page.drawn("vae", "ellipse")


def test_nearest_images_are_ringed_and_lead_there(page):
    """Five rings on the plane, around dots; their buttons go there."""
    example = page.open()
    page.call("record")
    page.click("#ae .mean")
    rings = [values[:2] for values in page.drawn("ae", "arc")]
    number = page.nearest()[4]
    middle, scale, half = page.frame()
    right, up = (example.codes["ae"].train[number] - middle) * scale
    assert any(np.allclose(ring, [half[0] + right, half[1] - up], atol=1) for ring in rings)
    page.click("#ae .nearest li:nth-child(5) button")
    _are_at(page, example, number)


def test_far_places_are_said_to_be_far(page):
    """In words beside the image."""
    page.open()
    for axis in (1, 2):
        page.press(f"#ae .plane input:nth-of-type({axis})", Keys.END)
    assert page.text("#ae .near-words").startswith("No training image is near here")
    page.click("#ae .nearest button")
    assert page.text("#ae .near-words") == "This is the code of a training image."


def test_class_alone_is_shown(page):
    """When its name is pressed, on all planes, and in the film as well."""
    example = page.open()
    light = example.facts["colours"]["light"]

    def dots(name: str) -> set[str]:
        return set(page.call("coloursOf", f"#{name} .plane canvas")) & set(light)

    every = dots("vae")
    page.click("#legend button:nth-child(4)")
    assert dots("ae") == dots("vae") == {light[3]}
    page.fill("#film .epoch", 2)
    assert dots("ae") == {light[3]}
    page.fill("#film .epoch", 3)
    page.click("#legend button:nth-child(4)")
    assert dots("vae") == every


# Sharpness


def test_another_pixel_ratio_is_sharp(page, tool):
    """A change of devicePixelRatio alone gives canvases of the new size."""
    page.open()
    [before, *_] = page.each("#ae .plane canvas", "width")
    tool.emulate(page.browser, ratio=2)
    until(lambda: abs(page.each("#ae .plane canvas", "width")[0] - 2 * before) <= 2)
