"""reports/explorer.html: its packing, its joining, and the page itself in a real browser."""

import base64
import json
import os
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from src.base.errors import UserError
from src.explore import assemble, content, packing
from src.latent import geometry
from src.latent.codes import Codes
from src.models.coding import decode, encode
from src.models.networks import Autoencoder, Decoder, VariationalAutoencoder
from tests.small_project import ROOT

RNG = np.random.default_rng(0)
CLASSES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<b>&amp;",
    '"; alert(2) //',
    "\u2028${alert(3)}",
]


def source(name: str) -> str:
    return (ROOT / assemble.FOLDER / name).read_text()


# Without a browser


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<f2", "<f4"])
def test_packed_arrays_hold_every_byte_and_nothing_that_ends_a_script(dtype):
    array = RNG.integers(0, 255, (1001, 4), np.uint8).view(dtype)
    text = packing.pack(array)
    assert "<" not in text
    planes = np.frombuffer(zlib.decompress(base64.b85decode(text.replace(",", "<"))), np.uint8)
    assert planes.reshape(array.itemsize, -1).T.tobytes() == array.tobytes()


def test_a_pixel_is_off_by_half_a_grey_at_most():
    images = RNG.integers(0, 256, (3, 28, 28))
    packed = packing.few_greys(images)
    greys = np.empty((3, 28, 28))
    greys[:, ::2], greys[:, 1::2] = packed // packing.GREYS, packed % packing.GREYS
    assert (
        np.abs(greys / (packing.GREYS - 1) - images / 255).max() <= 0.5 / (packing.GREYS - 1) + 1e-9
    )


def test_coordinates_in_fixed_point_are_off_by_half_a_step_even_where_nothing_varies():
    points = np.column_stack((RNG.normal(size=500) * 20, np.full(500, 3.0)))
    numbers, low, step = packing.fixed_point(points)
    assert numbers.dtype == np.uint16
    assert np.all(np.abs(low + np.array(step) * numbers - points) <= np.array(step) / 2 + 1e-12)


def test_principal_axes_are_those_of_the_pictures_and_keep_distances():
    codes = RNG.normal(size=(300, 6)) * [3, 1, 2, 0.5, 0.1, 4] + 1
    found, plane = geometry.principal_axes(codes, 6), geometry.plane_of(codes)
    assert np.allclose(found.axes[:2], plane.axes)
    assert np.allclose(
        np.diff(found.project(codes), axis=0) ** 2 @ np.ones(6),
        (np.diff(codes, axis=0) ** 2).sum(1),
    )
    assert np.allclose(found.project(codes).std(0, ddof=1), found.stds)
    assert geometry.principal_axes(codes, 2).share == pytest.approx(25 / 30.26, rel=0.1)


def test_codes_that_do_not_vary_have_axes():
    found = geometry.principal_axes(np.ones((50, 3)), 3)
    assert np.isfinite(found.axes).all()
    assert found.stds.tolist() == [0, 0, 0]


def test_modules_are_joined_each_after_what_it_imports_and_once():
    files = {
        "main.js": 'import { a } from "./a.js";\nimport { b, c } from "./b.js";\na(b);',
        "a.js": 'import { b } from "./b.js";\n\nexport function a() {}',
        "b.js": "export const b = 1;\nexport class c {}",
    }
    joined = assemble.join_modules(files.__getitem__, "main.js")
    assert re.findall(r"// (.*)", joined) == ["b.js", "a.js", "main.js"]
    assert not re.search(r"^(import|export)", joined, re.MULTILINE)


@pytest.mark.parametrize(
    "line",
    [
        'import a from "./a.js";',
        'import "./a.js";',
        "export default a;",
        "export { a };",
        '"</Script>"',
    ],
)
def test_a_line_of_another_form_is_refused(line):
    with pytest.raises(ValueError, match=re.escape(line)):
        assemble.join_modules({"main.js": line}.__getitem__, "main.js")


def test_names_cannot_end_the_facts():
    text = assemble.escaped({"classes": HOSTILE})
    assert "<" not in text
    assert json.loads(text) == {"classes": HOSTILE}


def test_a_decoder_of_another_kind_is_refused_in_one_line():
    class Other(Decoder):
        def forward(self, z):
            return 1 - super().forward(5 * z)

    model = random_model(Autoencoder, 2, 16)
    model.decoder = Other(2, 16)
    with pytest.raises(UserError, match="cannot show a Autoencoder"):
        content.of_model(model, codes_of(model, images_of(60, 10)), 10)


def test_an_encoder_with_more_layers_is_refused_in_one_line():
    model = random_model(Autoencoder, 2, 16)
    model.encoder.linear2 = nn.Sequential(nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 2))
    with pytest.raises(
        UserError, match="cannot show a Autoencoder: its encoder has more than one hidden layer"
    ):
        content.of_model(model, codes_of(model, images_of(60, 10)), 10)


def test_every_file_of_the_page_says_what_it_is():
    for path in (ROOT / assemble.FOLDER).glob("*.js"):
        assert path.read_text().startswith("// "), path


def test_the_page_of_the_default_settings_is_small_enough():
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())
    assert lock["stages"]["explore"]["outs"][0]["size"] <= 6_000_000


def test_the_picture_in_the_readme_is_small_enough_for_git():
    assert (ROOT / "docs/explorer.png").stat().st_size <= 200_000


# A page in a browser


def images_of(n: int, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Blurred bars, one slant for each class: (n, 28, 28) of bytes, and their labels."""
    labels = np.arange(n) % classes
    y, x = np.mgrid[-14:14, -14:14][:, None] + RNG.normal(size=(2, n, 1, 1))
    angle = (np.pi * labels / classes)[:, None, None] + 0.1 * RNG.normal(size=(n, 1, 1))
    return np.round(255 * np.exp(-((x * np.cos(angle) + y * np.sin(angle)) ** 2) / 6)).astype(
        np.uint8
    ), labels


def random_model(network, dims: int, hidden: int, **prior):
    """A model whose pixels take all greys: the weights of PyTorch's initialisation, enlarged."""
    torch.manual_seed(0)
    model = network(dims, hidden_dims=hidden, **prior).eval()
    for name, weights in model.state_dict().items():
        weights.mul_(4 if "decoder" in name and "weight" in name else 1)
    return model


def codes_of(model, images: tuple[np.ndarray, np.ndarray]) -> Codes:
    pixels, labels = images
    codes = encode(model, torch.from_numpy(pixels).float().div(255).unsqueeze(1))
    half = len(labels) // 2
    return Codes(
        codes[:half], labels[:half].astype(np.uint8), codes[half:], labels[half:].astype(np.uint8)
    )


class Example:
    """A page of an AE and a VAE with random weights, and what it was made of."""

    def __init__(self, path: Path, dims: int, hidden: int = 64, classes: list[str] = CLASSES):
        self.path, self.dims = path, dims
        images, labels = images_of(600, len(classes))
        self.models = {
            "ae": random_model(Autoencoder, dims, hidden),
            "vae": random_model(VariationalAutoencoder, dims, hidden, prior_std=0.5**0.5),
        }
        self.codes = {
            name: codes_of(model, (images, labels)) for name, model in self.models.items()
        }
        any_codes = self.codes["ae"]
        arrays = content.of_images(
            images[:200], any_codes.train_labels[:200], images[300:], any_codes.test_labels
        )
        facts = {
            "dataset": "made up",
            "classes": classes,
            "parameters": {"latent_dims": dims},
            "seed": 3,
        }
        facts |= {"probes": content.PROBES, "models": []}
        for name, model in self.models.items():
            own, more = content.of_model(model, self.codes[name], 200)
            results = {
                "metrics": {"test_mse": 0.04, "odd": 1},
                "losses": [3e6, 2e6, 1.9e6],
                "published": [2.9e6, 2e6],
            }
            facts["models"].append({"name": name, "title": name.upper(), **own, **results})
            arrays |= {f"{name}-{key}": array for key, array in more.items()}
        path.write_bytes(assemble.assemble(source, facts, arrays))


def _browser_module():
    """tools/browser.py, or a skip; a failure where EXPLORER_TESTS=required says that these tests must run."""
    try:
        from tests import browser

        missing = None if browser.programs() else "chromium and chromedriver"
        import axe_playwright_python  # noqa: F401, only its file is used
    except ImportError as error:
        missing = error.name
    if missing is None:
        return browser
    words = f"{missing} missing: see the command in requirements-browser.txt"
    if os.environ.get("EXPLORER_TESTS") == "required":
        pytest.fail(words)
    pytest.skip(words)


@pytest.fixture(scope="module")
def tool():
    return _browser_module()


@pytest.fixture(scope="module")
def browser(tool):
    driver = tool.open_browser()
    yield driver
    driver.quit()


@pytest.fixture(scope="module")
def examples(tmp_path_factory, tool):
    """By latent_dims; two have the real width of the hidden layer."""
    folder = tmp_path_factory.mktemp("explorer")
    return {
        dims: Example(folder / f"{dims}.html", dims, 512 if dims == 2 else 64)
        for dims in (1, 2, 8, 40)
    }


@pytest.fixture
def opened(tool, browser, examples):
    """Opens the page for so many latent dimensions, on a screen of its own wish."""

    def opened(dims: int = 2, **screen) -> Example:
        tool.emulate(browser, **screen)
        tool.open_page(browser, examples[dims].path)
        return examples[dims]

    return opened


GREYS_OF = """
    const greysOf = (canvas) => {
      const { data } = canvas.getContext("2d").getImageData(0, 0, 28, 28);
      return Array.from({ length: 784 }, (_, i) => data[4 * i]);
    };
"""
# Sets the model's point, dimension by dimension; what the page then shows.
LOOK = (
    GREYS_OF
    + """
    const [name, codes] = arguments;
    const root = document.getElementById(name);
    const sliders = root.querySelectorAll(".sliders input");
    const inputs = sliders.length ? sliders : root.querySelectorAll(".pad input");
    // Sliders stand in the order of the variance of their dimensions, and are named by them.
    const dims = sliders.length
      ? [...root.querySelectorAll(".sliders label span:first-child")].map((name) => name.textContent.slice(1) - 1)
      : [0, 1];
    const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    const seen = [];
    for (const code of codes) {
      inputs.forEach((input, i) => {
        input.value = code[dims[i]];
        input.dispatchEvent(new Event("input"));
      });
      const at = [];
      inputs.forEach((input, i) => (at[dims[i]] = Number(input.value)));
      await frame();
      seen.push({
        at,
        greys: greysOf(root.querySelector(".decoded")),
        near: [...root.querySelectorAll(".nearest canvas")].map((canvas) => canvas.getAttribute("aria-label")),
      });
    }
    return seen;
"""
)


def in_page(browser, body: str, *arguments):
    return browser.execute_script(
        f"return (async function () {{{body}}}).apply(null, arguments)", *arguments
    )


@pytest.mark.parametrize("name", ["ae", "vae"])
@pytest.mark.parametrize("dims", [1, 2, 8])
def test_twenty_decoded_images_are_torchs_and_the_nearest_images_numpys(
    browser, opened, dims, name
):
    example = opened(dims)
    model, codes = example.models[name], example.codes[name]
    seen = in_page(browser, LOOK, name, (codes.train[200:220] * 0.9).tolist())
    points = np.array([look["at"] for look in seen], np.float32)
    assert len(np.unique(points, axis=0)) == 20
    expected = 255 * decode(model, points).reshape(20, 784)
    difference = np.abs(np.array([look["greys"] for look in seen]) - expected.round()).max()
    print(f"latent_dims {dims}, {name}: largest difference of a pixel {difference:.0f} of 255")
    assert np.ptp(expected) > 100
    assert difference <= 1
    for point, look in zip(points, seen, strict=True):
        distances = np.linalg.norm(codes.test - point, axis=1)
        found = [
            re.match(r"test image (\d+): (\S+), distance ([\d.]+)", label).groups()
            for label in look["near"]
        ]
        assert [float(distance) for *_, distance in found] == pytest.approx(
            np.sort(distances)[:5], abs=1e-3
        )
        for number, label, distance in found:
            assert distances[int(number)] == pytest.approx(float(distance), abs=1e-3)
            assert label == CLASSES[codes.test_labels[int(number)]]


def test_beyond_the_axes_that_it_knows_the_page_says_what_its_distances_are(browser, opened):
    example = opened(40)
    about = browser.find_element("css selector", "#vae .near-about").text
    share = geometry.principal_axes(example.codes["vae"].train, content.AXES).share
    assert f"first 32 principal axes, which hold {100 * share:.1f}% of the variance" in about


def pen(browser):
    from selenium.webdriver.common.action_chains import ActionChains

    return ActionChains(browser, duration=0)


def coordinates(browser, name: str = "ae") -> list[float]:
    inputs = browser.find_elements("css selector", f"#{name} .pad input")
    return [float(field.get_property("value")) for field in inputs]


@pytest.mark.parametrize("dims", [2, 8])
def test_a_drawing_is_centred_and_encoded_as_torch_does(browser, opened, dims):
    example = opened(dims)
    paper = browser.find_element("id", "paper")
    browser.execute_script("arguments[0].scrollIntoView({ block: 'center' })", paper)
    pen(browser).move_to_element_with_offset(paper, -60, -40).click_and_hold().move_by_offset(
        60, 90
    ).move_by_offset(40, -20).release().perform()
    seen = np.array(
        in_page(browser, GREYS_OF + "return greysOf(document.getElementById('seen'))")
    ).reshape(28, 28)
    rows, columns = np.flatnonzero(seen.sum(1)), np.flatnonzero(seen.sum(0))
    assert 20 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 21
    for axis in (0, 1):
        assert (seen.sum(1 - axis) * (np.arange(28) + 0.5)).sum() / seen.sum() == pytest.approx(
            14, abs=0.1
        )
    image = torch.from_numpy(seen / 255).float()[None]
    found = [
        [float(n.replace("\u2212", "-")) for n in re.findall(r"[-\u2212]?\d+\.\d+", figure.text)]
        for figure in browser.find_elements("css selector", "#drawn figcaption")
    ]
    with torch.no_grad():
        mean, log_sigma = example.models["vae"].encoder(image)
        expected = [
            example.models["ae"].encoder(image)[0].tolist(),
            [*mean[0].tolist(), *log_sigma.exp()[0].tolist()],
        ]
    for theirs, ours in zip(found, expected, strict=True):
        assert theirs == pytest.approx(ours, abs=2e-3)


def test_the_drawing_has_a_pen_for_the_keyboard_and_takes_test_images(browser, opened):
    from selenium.webdriver.common.keys import Keys

    opened()
    pen(browser).send_keys_to_element(browser.find_element("id", "paper"), Keys.SPACE).key_down(
        Keys.SHIFT
    ).send_keys(Keys.ARROW_DOWN * 6).perform()
    pen(browser).key_up(Keys.SHIFT).perform()
    seen = np.array(
        in_page(browser, GREYS_OF + "return greysOf(document.getElementById('seen'))")
    ).reshape(28, 28)
    assert seen[14, 14] == 255
    assert seen[:, :6].sum() == 0
    browser.execute_script("document.getElementById('take').click()")
    taken = np.array(in_page(browser, GREYS_OF + "return greysOf(document.getElementById('seen'))"))
    assert not np.array_equal(taken, seen.ravel())
    assert len(browser.find_elements("css selector", "#drawn figure")) == 2


def test_the_keyboard_moves_the_point(browser, tool, opened):
    from selenium.webdriver.common.keys import Keys

    opened()
    x, y = browser.find_elements("css selector", "#ae .pad input")
    low, high = (float(x.get_attribute(edge)) for edge in ("min", "max"))
    start = coordinates(browser)

    def press(field, key: str, *held: str) -> list[float]:
        browser.execute_script("arguments[0].focus()", field)
        chain = pen(browser)
        for modifier in held:
            chain.key_down(modifier)
        chain.send_keys(key)
        for modifier in held:
            chain.key_up(modifier)
        chain.perform()
        browser.execute_script(tool.FRAMES)
        return coordinates(browser)

    step = (high - low) / 200
    assert press(x, Keys.ARROW_RIGHT) == pytest.approx([start[0] + step, start[1]])
    assert press(x, Keys.ARROW_UP) == pytest.approx([start[0] + step, start[1] + step])
    assert press(y, Keys.ARROW_LEFT, Keys.SHIFT)[0] == pytest.approx(start[0] - 9 * step)
    assert press(x, Keys.HOME)[0] == pytest.approx(low)
    assert press(x, Keys.END)[0] == pytest.approx(high)
    assert "z1" in x.get_attribute("aria-valuetext")
    said = tool.wait(browser, "document.querySelector('#ae .announcement').textContent")
    assert re.fullmatch(r"z1: .+, z2: .+; near: \d(, \d){4}", said)


def test_a_mouse_moves_the_point_until_a_click_holds_it_and_a_click_on_a_dot_shows_its_image(
    browser, tool, opened
):
    example = opened()
    pad = browser.find_element("css selector", "#ae .pad")
    browser.execute_script("arguments[0].scrollIntoView({ block: 'center' })", pad)

    def after(chain) -> list[float]:
        chain.perform()
        browser.execute_script(tool.FRAMES)
        return coordinates(browser)

    first = after(pen(browser).move_to_element_with_offset(pad, -100, 90))
    second = after(pen(browser).move_by_offset(30, 0))
    assert second[0] > first[0]
    assert second[1] == first[1]
    corner = [-pad.size["width"] // 2 + 3, -pad.size["height"] // 2 + 3]  # no dot is there
    held = after(pen(browser).move_to_element_with_offset(pad, *corner).click())
    assert after(pen(browser).move_by_offset(50, 50)) == held
    # The dots' places, as the page's frame has them.
    inputs = browser.find_elements("css selector", "#ae .pad input")
    frame = np.array(
        [[float(field.get_attribute(edge)) for edge in ("min", "max")] for field in inputs]
    )
    code = example.codes["ae"].train[7]
    share = (code - frame[:, 0]) / np.ptp(frame, axis=1) - 0.5
    offset = [
        round(float(share[0]) * pad.size["width"]),
        round(-float(share[1]) * pad.size["height"]),
    ]
    after(pen(browser).move_to_element_with_offset(pad, *offset).click())
    labels = [
        canvas.get_attribute("aria-label")
        for canvas in browser.find_elements("css selector", "#ae .training canvas")
    ]
    number, label = re.fullmatch(r"training image (\d+): (\d)", labels[0]).groups()
    assert labels[1] == f"reconstruction of training image {number}"
    assert example.codes["ae"].train_labels[int(number)] == int(label)
    assert coordinates(browser) == pytest.approx(
        example.codes["ae"].train[int(number)].tolist(), abs=1e-3
    )


def test_a_finger_drags_the_point(browser, tool, opened):
    opened(width=390, height=800)
    pad = browser.find_element("css selector", "#vae .pad")
    browser.execute_script("arguments[0].scrollIntoView({ block: 'center' })", pad)
    box = browser.execute_script("return arguments[0].getBoundingClientRect().toJSON()", pad)

    def touch(kind: str, x: float, y: float) -> list[float]:
        points = [] if kind == "touchEnd" else [{"x": box["x"] + x, "y": box["y"] + y}]
        browser.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        browser.execute_script(tool.FRAMES)
        return coordinates(browser, "vae")

    start = touch("touchStart", 5, 5)
    moved = touch("touchMove", 60, 200)
    assert moved[0] > start[0]
    assert moved[1] < start[1]
    assert touch("touchEnd", 0, 0) == moved


def test_the_plane_and_the_sliders_move_in_step_and_a_button_leads_back_to_the_mean(
    browser, tool, opened
):
    example = opened(8)
    assert len(browser.find_elements("css selector", "#ae .sliders input")) == 8
    before = coordinates(browser)
    slider = browser.find_element("css selector", "#ae .sliders input")
    browser.execute_script(
        "arguments[0].value = arguments[0].max; arguments[0].dispatchEvent(new Event('input'))",
        slider,
    )
    browser.execute_script(tool.FRAMES)
    assert coordinates(browser) != before
    values = [
        field.get_property("value")
        for field in browser.find_elements("css selector", "#ae .sliders input")
    ]
    pad = browser.find_element("css selector", "#ae .pad input")
    browser.execute_script(
        "arguments[0].value = arguments[0].min; arguments[0].dispatchEvent(new Event('input'))", pad
    )
    browser.execute_script(tool.FRAMES)
    moved = [
        field.get_property("value")
        for field in browser.find_elements("css selector", "#ae .sliders input")
    ]
    assert moved != values
    browser.execute_script("document.querySelector('#ae .mean').click()")
    browser.execute_script(tool.FRAMES)
    assert coordinates(browser) == pytest.approx([0, 0], abs=1e-4)
    assert browser.find_element("css selector", "#ae .coordinates").text.startswith("PC 1: ")
    assert example.dims == 8


def test_a_path_is_played_paused_and_turned_and_ends_at_its_classes(browser, tool, opened):
    example = opened()
    codes = example.codes["ae"]
    set_along = "const r = document.querySelector('#ae .along'); r.value = arguments[0]; r.dispatchEvent(new Event('input'))"
    for share, label in ((0, 1), (1, 0)):  # from the class 1 to 0, as in the pictures
        browser.execute_script(set_along, share)
        browser.execute_script(tool.FRAMES)
        end = codes.test[np.flatnonzero(codes.test_labels == label)[0]]
        assert coordinates(browser) == pytest.approx(end.tolist(), abs=1e-3)
    browser.execute_script(set_along, 0.5)
    play = browser.find_element("css selector", "#ae .play")
    browser.execute_script("arguments[0].click()", play)
    tool.wait(browser, "document.querySelector('#ae .along').value > 0.55")
    browser.execute_script("document.querySelector('#ae .turn').click()")
    tool.wait(browser, "document.querySelector('#ae .along').value < 0.5")
    browser.execute_script("arguments[0].click()", play)
    assert play.text == "Play"
    stopped = browser.execute_script("return document.querySelector('#ae .along').value")
    browser.execute_script(tool.FRAMES)
    assert browser.execute_script("return document.querySelector('#ae .along').value") == stopped


def test_a_path_is_played_slowly_on_a_fast_screen_too(browser, opened, tool):
    """The share of the way that a frame adds is then less than the slider of the way can show."""
    opened()
    browser.execute_script(
        """
        document.querySelector('#ae .speed').value = 0.05;
        let now = performance.now();
        window.requestAnimationFrame = (next) => setTimeout(() => next((now += 1)));
        document.querySelector('#ae .play').click();
        """
    )
    tool.wait(browser, "document.querySelector('#ae .along').value > 0.002")


def test_with_reduced_motion_nothing_moves_by_itself_and_a_path_goes_in_tenths(
    browser, tool, opened
):
    example = opened(prefers_reduced_motion="reduce")
    ends = [
        example.codes["ae"].test[np.flatnonzero(example.codes["ae"].test_labels == label)[0]]
        for label in (1, 0)
    ]
    browser.execute_script("document.querySelector('#ae .play').click()")
    tool.wait(browser, "document.querySelector('#ae .along').value > 0.07")
    browser.execute_script(tool.FRAMES)
    browser.execute_script("document.querySelector('#ae .play').click()")
    share = (coordinates(browser)[0] - ends[0][0]) / (ends[1][0] - ends[0][0])
    assert share * 10 == pytest.approx(round(share * 10), abs=1e-2)


def test_samples_are_seeded(browser, opened):
    read = GREYS_OF + "return [...document.querySelectorAll('#vae .samples canvas')].map(greysOf)"
    opened()
    first = in_page(browser, read)
    assert (
        "standard deviation 0.7071"
        in browser.find_element("css selector", "#vae .sample-about").text
    )
    assert "no prior" in browser.find_element("css selector", "#ae .sample-about").text
    browser.execute_script("document.querySelector('#vae .again').click()")
    assert in_page(browser, read) != first
    opened()
    assert in_page(browser, read) == first


def test_a_class_alone_is_shown_when_its_name_is_pressed(browser, opened):
    opened()
    count = """
        const pad = document.querySelector("#ae .pad canvas");
        const { data } = pad.getContext("2d").getImageData(0, 0, pad.width, pad.height);
        return data.filter((value, i) => i % 4 === 3 && value > 0).length;
    """
    every = browser.execute_script(count)
    button = browser.find_elements("css selector", "#ae .legend button")[3]
    browser.execute_script("arguments[0].click()", button)
    assert button.get_attribute("aria-pressed") == "true"
    assert 0 < browser.execute_script(count) < every / 2
    browser.execute_script("arguments[0].click()", button)
    assert browser.execute_script(count) == every


@pytest.mark.parametrize("width", [320, 390, 1024, 2560])
def test_no_width_makes_the_page_scroll_sideways(browser, opened, width):
    opened(8, width=width)
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    first, second = browser.find_elements("css selector", "#models .card")
    assert (first.location["y"] == second.location["y"]) == (width >= 1024)


def test_dark_is_dark(browser, opened):
    lightness = "return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3).map(Number)"
    opened(prefers_color_scheme="light")
    assert min(browser.execute_script(lightness)) > 200
    opened(prefers_color_scheme="dark")
    assert max(browser.execute_script(lightness)) < 60


def test_no_word_in_the_console_and_no_request_but_the_page(browser, opened):
    browser.get_log("browser")
    browser.get_log("performance")
    example = opened()
    print(browser.find_element("id", "time").text)
    browser.execute_script("document.getElementById('take').click()")
    assert browser.get_log("browser") == []
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = {
        event["params"]["request"]["url"]
        for event in events
        if event["method"] == "Network.requestWillBeSent"
    }
    assert {url for url in asked if not url.startswith("data:")} == {
        example.path.resolve().as_uri()
    }


@pytest.mark.parametrize(
    ("dims", "screen"),
    [
        (2, {}),
        (8, {"prefers_color_scheme": "dark"}),
        (1, {"width": 320}),
        (2, {"forced_colors": "active"}),
    ],
)
def test_axe_finds_no_violation(browser, opened, dims, screen):
    import axe_playwright_python

    opened(dims, **screen)
    browser.execute_script("document.getElementById('take').click()")
    browser.execute_script(Path(axe_playwright_python.__file__).with_name("axe.min.js").read_text())
    found = browser.execute_script("return axe.run()")
    assert [
        (fault["id"], [node["html"][:200] for node in fault["nodes"]])
        for fault in found["violations"]
    ] == []


def test_names_of_classes_are_shown_as_they_are_and_never_run(browser, tool, tmp_path):
    example = Example(tmp_path / "hostile.html", 2, classes=HOSTILE)
    browser.get_log("browser")
    tool.emulate(browser)
    tool.open_page(browser, example.path)
    buttons = browser.execute_script(
        "return [...document.querySelectorAll('#ae .legend button')].map((button) => button.textContent)"
    )
    assert buttons == HOSTILE
    assert browser.find_elements("css selector", "img") == []
    assert browser.get_log("browser") == []


def status(browser, tool, path: Path) -> str:
    browser.get(path.as_uri())
    tool.wait(browser, "!document.getElementById('status').textContent.includes('unpacks itself')")
    return browser.find_element("id", "status").text


@pytest.mark.parametrize("harm", ["a letter", "a bad letter", "an end", "the facts"])
def test_a_damaged_page_says_so(browser, tool, examples, tmp_path, harm):
    text = examples[2].path.read_text()
    at = text.index('id="vae-weights">') + 500
    damaged = {
        "a letter": lambda: text[:at] + ("0" if text[at] != "0" else "1") + text[at + 1 :],
        "a bad letter": lambda: text[:at] + '"' + text[at + 1 :],
        "an end": lambda: text[:at] + text[text.index("</script>", at) :],
        "the facts": lambda: text.replace('"dims": 2', '"dims" 2'),
    }
    path = tmp_path / "damaged.html"
    path.write_text(damaged[harm]())
    assert status(browser, tool, path).startswith("This page is damaged")
    assert not browser.find_element("id", "content").is_displayed()


def test_a_page_with_another_script_runs_nothing_and_says_so(browser, examples, tmp_path):
    path = tmp_path / "changed.html"
    path.write_text(
        examples[2].path.read_text().replace("start();\n</script>", "start(); alert(1);\n</script>")
    )
    browser.get(path.as_uri())
    assert "the page is damaged" in browser.find_element("id", "status").text
    assert not browser.find_element("id", "content").is_displayed()


def test_without_decompression_or_scripts_a_sentence_says_what_is_needed(browser, tool, examples):
    hide = {"source": "delete window.DecompressionStream"}
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", hide)
    assert "needs a newer browser: Chrome or Edge 92" in status(browser, tool, examples[2].path)
    browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": True})
    try:
        browser.get(examples[2].path.as_uri())
        assert "needs JavaScript" in browser.find_element("tag name", "noscript").text
    finally:
        browser.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": False})
