"""What the page is made of: packed arrays, joined modules, arithmetic, sentences."""

import base64
import json
import re
import zlib

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from torch import nn

from src.explore import assemble, content, packing
from src.explore.arithmetic import weights_of
from src.explore.deflate import code_lengths, deflate
from src.explore.near import nearest, spacing
from src.explore.tries import Subject, subject_of, tries
from src.latent import geometry
from src.latent.codes import Codes
from src.latent.colours import ON_DARK, ON_LIGHT
from src.models.networks import Autoencoder, Decoder, VariationalAutoencoder
from src.render import figures
from tests.explore.pages import (
    CLASSES,
    ConvolutionalVAE,
    Example,
    bars,
    codes_of,
    facts_of,
    random_model,
)
from tools.small_project import ROOT

RNG = np.random.default_rng(0)
HOSTILE = [
    "</script><img src=x onerror=alert(1)>",
    "<b>&amp;",
    '"; alert(2) //',
    "\u2028${alert(3)}",
]


# Packing


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"a",
        b"aaa",
        b"a" * 5_000,
        bytes(range(256)) * 9,
        RNG.integers(0, 256, 300_000, np.uint8).tobytes(),
        np.repeat(RNG.integers(0, 9, 5_000), RNG.integers(1, 700, 5_000))
        .astype(np.uint8)
        .tobytes(),
    ],
)
def test_deflated_bytes_inflate_to_themselves(content):
    """zlib unpacks what the page's own deflate has packed."""
    assert zlib.decompress(deflate(content)) == content


def test_deflate_bytes_never_change():
    """They depend on nothing but the content: no release of zlib has a say in them."""
    expected = (
        "789c8dc0010400301042d10100000002000000000000000801097c00000000000000000000000000000000000c"
        "00e05e4d866a325493f18e3e8c0707d9"
    )
    assert deflate(b"latent latent latent" + 40 * b"\0").hex() == expected


def test_long_codes_are_shortened():
    """Counts like Fibonacci's numbers would give codes longer than deflate allows."""
    counts = [1, 1]
    while len(counts) < 30:
        counts.append(counts[-1] + counts[-2])
    lengths = code_lengths(np.array(counts), 15)
    assert lengths.max() <= 15
    assert (2.0**-lengths).sum() == 1


@pytest.mark.parametrize("dtype", ["u1", "<u2", "<f2", "<f4"])
def test_packed_arrays_hold_every_byte(dtype):
    """And nothing that ends a script."""
    array = RNG.integers(0, 255, (1001, 4), np.uint8).view(dtype)
    text = packing.pack(array)
    assert "<" not in text
    planes = np.frombuffer(zlib.decompress(base64.b85decode(text.replace(",", "<"))), np.uint8)
    assert planes.reshape(array.itemsize, -1).T.tobytes() == array.tobytes()


def test_pixels_are_off_half_a_grey():
    """At most."""
    images = RNG.integers(0, 256, (3, 28, 28))
    packed = packing.few_greys(images)
    greys = np.empty((3, 28, 28))
    greys[:, ::2], greys[:, 1::2] = packed // packing.GREYS, packed % packing.GREYS
    off = np.abs(greys / (packing.GREYS - 1) - images / 255).max()
    assert off <= 0.5 / (packing.GREYS - 1) + 1e-9


def test_coordinates_are_off_half_a_step():
    """At most, even where nothing varies."""
    points = np.column_stack((RNG.normal(size=500) * 20, np.full(500, 3.0)))
    numbers, low, step = packing.fixed_point(points)
    assert numbers.dtype == np.uint16
    assert np.all(np.abs(low + np.array(step) * numbers - points) <= np.array(step) / 2 + 1e-12)


# Geometry


def test_principal_axes_keep_distances():
    """They are those of the pictures."""
    codes = RNG.normal(size=(300, 6)) * [3, 1, 2, 0.5, 0.1, 4] + 1
    axes, plane = geometry.principal_axes(codes, 6), geometry.plane_of(codes)
    assert np.allclose(axes.axes[:2], plane.axes)
    along = np.diff(axes.project(codes), axis=0)
    assert np.allclose((along**2).sum(1), (np.diff(codes, axis=0) ** 2).sum(1))
    assert np.allclose(axes.project(codes).std(0, ddof=1), axes.stds)
    assert geometry.principal_axes(codes, 2).share == pytest.approx(25 / 30.26, rel=0.1)


def test_codes_without_variation_have_axes():
    """A dead model's page is made as well."""
    axes = geometry.principal_axes(np.ones((50, 3)), 3)
    assert np.isfinite(axes.axes).all()
    assert axes.stds.tolist() == [0, 0, 0]


def test_nearest_codes_come_in_order():
    """Compared with all distances, sorted."""
    codes, points = RNG.normal(size=(300, 3)), RNG.normal(size=(5, 3))
    numbers, distances = nearest(points, codes, 4)
    every = np.linalg.norm(codes - points[:, None], axis=2)
    assert np.allclose(distances, np.sort(every, axis=1)[:, :4])
    assert np.allclose(np.take_along_axis(every, numbers, axis=1), distances)


def test_spacing_is_that_of_neighbours():
    """On a line of even steps it is one step."""
    assert spacing(np.arange(50.0)[:, None]) == {"usual": 1, "most": 1}


def test_middle_of_a_class_is_its_own():
    """The image nearest to the mean of its class, not of another."""
    codes = np.array([[0.0], [1], [2], [1.1], [9]])
    assert content.middle_of_each_class(codes, np.array([0, 0, 0, 1, 1])) == {0: 1, 1: 3}


# Joining


def test_modules_are_joined_in_order():
    """Each once, after what it imports; names of one do not meet those of another."""
    files = {
        "main.js": 'import { a } from "./a.js";\nimport {\n  b, c\n} from "./b.js";\nconst e = 1;',
        "a.js": 'import { b } from "./b.js";\n\nconst e = 2;\nexport function a() {}',
        "b.js": "export const b = 1;\nexport class c {}\nexport async function d() {}",
    }
    joined = assemble.join_modules(files.__getitem__, "main.js")
    assert re.findall(r"const (\w+_js) = ", joined) == ["b_js", "a_js", "main_js"]
    assert "const { b } = b_js;" in joined
    assert "return { b, c, d };" in joined
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
def test_lines_of_another_form_are_refused(line):
    """The page would not run with them."""
    with pytest.raises(ValueError, match=re.escape(line)):
        assemble.join_modules({"main.js": line}.__getitem__, "main.js")


def test_circles_of_modules_are_refused():
    """One of them would run before what it needs."""
    files = {
        "main.js": 'import { a } from "./a.js";',
        "a.js": 'import { b } from "./b.js";',
        "b.js": 'import { a } from "./a.js";',
    }
    with pytest.raises(ValueError, match=re.escape("a.js -> b.js -> a.js")):
        assemble.join_modules(files.__getitem__, "main.js")


def test_names_cannot_end_the_facts():
    """Whatever a data set's names hold."""
    text = assemble.escaped({"classes": HOSTILE})
    assert "<" not in text
    assert json.loads(text) == {"classes": HOSTILE}


def test_policy_asks_for_trusted_types(tmp_path):
    """No text becomes HTML or script, and nothing is requested."""
    page = Example(tmp_path / "page.html").path.read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)
    assert "require-trusted-types-for 'script'" in policy
    assert "default-src 'none'" in policy


# Arithmetic


def pixels(count: int = 60) -> torch.Tensor:
    return torch.from_numpy(bars(count)[0])


def test_known_models_are_computed_live():
    """In float16, close to torch."""
    model = random_model(VariationalAutoencoder, 2)
    weights = weights_of(model, pixels(), RNG.normal(size=(50, 2)).astype(np.float32))
    assert weights.numbers.dtype == np.float16
    assert 0 < weights.difference < 2.55


def inverted(model: nn.Module) -> None:
    class Inverted(Decoder):
        def forward(self, z):
            return 1 - super().forward(5 * z)

    model.decoder = Inverted(2, 64)


def normalised(model: nn.Module) -> None:
    model.encoder.linear2 = nn.Sequential(nn.LayerNorm(64), model.encoder.linear2)


def shifted(model: nn.Module) -> None:
    model.encoder.forward = lambda x: Autoencoder(2).encoder.linear1(x.flatten(1))[:, :2]


@pytest.mark.parametrize("change", [inverted, normalised, shifted])
def test_unknown_arithmetic_is_not_live(change):
    """The decoder's and the encoder's, with the layers that the page knows or with others."""
    model = random_model(Autoencoder, 2)
    change(model)
    assert weights_of(model, pixels(), RNG.normal(size=(50, 2)).astype(np.float32)) is None


def test_deeper_chains_are_live():
    """Linear layers with ReLUs between them are what the page computes, however many."""
    model = random_model(Autoencoder, 2)
    last = model.encoder.linear2
    model.encoder.linear2 = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), last)
    weights = weights_of(model, pixels(), RNG.normal(size=(50, 2)).astype(np.float32))
    assert len(weights.shapes["encoder"]) == 3


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_large_weights_are_kept_in_float32(part):
    """Beyond 65,504 float16 ends; the page is made all the same."""
    model = random_model(Autoencoder, 2)
    layers = getattr(model, part)
    with torch.no_grad():
        layers.linear1.weight.mul_(1e6)
        layers.linear1.bias.mul_(1e6)
        layers.linear2.weight.div_(1e6)
    weights = weights_of(model, pixels(), RNG.normal(size=(50, 2)).astype(np.float32))
    assert weights.numbers.dtype == np.float32


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_unknown_models_get_a_mosaic(dims):
    """Decoded images around their codes, instead of weights."""
    model = random_model(ConvolutionalVAE, dims)
    images, labels = bars(100)
    codes = codes_of(model, images, labels)
    shown = content.Images(images[:50], labels[:50], images[50:], labels[50:])
    facts, arrays = content.of_model(model, codes, shown)
    assert "weights" not in arrays
    assert len(arrays["mosaic"]) == content.TILES ** min(dims, 2)
    points = content.plane_points(codes, 50)
    high = np.array(facts["mosaic"]["low"]) + facts["mosaic"]["step"] * (content.TILES - 1)
    assert np.all(points >= np.array(facts["mosaic"]["low"]) - 1e-6)
    assert np.all(points <= high + 1e-6)


# Sentences


def cloud(name: str, prior_std: float | None, points: np.ndarray) -> Subject:
    """A model with these codes, with a prior or without."""
    network, prior = Autoencoder, {}
    if prior_std is not None:
        network, prior = VariationalAutoencoder, {"prior_std": prior_std}
    labels = np.zeros(len(points), np.uint8)
    train = points.astype(np.float32)
    codes = Codes(train, labels, train, labels)
    return subject_of(name, name.upper(), random_model(network, 2, **prior), codes, 10_000, True)


def two_clouds(gap: float) -> np.ndarray:
    """Codes in two clouds whose middles are so far apart."""
    codes = RNG.normal(size=(400, 2))
    codes[::2, 0] += gap
    return codes


def titles(subjects: list[Subject], classes: list[str] = CLASSES) -> dict[str, dict]:
    images, labels = bars(400)
    shown = content.Images(images, labels % len(classes), images[:10], labels[:10])
    return {entry["title"]: entry for entry in tries(subjects, shown, classes)}


def test_tries_find_the_hole():
    """It lies in the gap between the clouds, and its words tell how far the nearest code is."""
    found = titles([cloud("ae", None, two_clouds(30)), cloud("vae", 1.0, two_clouds(0))])
    place = np.array(re.search(r"ae=([-\d.,]+)", found["A hole in the AE"]["state"])[1].split(","))
    assert 5 < float(place[0]) < 25


def test_tries_that_do_not_apply_are_left_out():
    """No hole in one cloud, no scale where both are alike, no drawing without digits."""
    same = two_clouds(0)
    found = titles([cloud("ae", None, same), cloud("vae", 1.0, same)], ["shirt", "bag"])
    assert not {"A hole in the AE", "What the KL term does", "Draw between 4 and 9"} & set(found)
    assert list(titles([cloud("ae", None, same)], ["bag"])) == []


def test_tries_count_far_draws():
    """In the gap of a model without a prior; those from a prior that codes fill are near."""
    gap = cloud("ae", None, two_clouds(60))
    found = titles([gap, cloud("vae", 1.0, two_clouds(0))])
    words = found["New images, from chance"]["words"]
    free, pulled = (int(number) for number in re.findall(r"(\d+) % of", words))
    assert free > 50
    assert pulled < 20


def test_tries_compare_the_scales():
    """Both planes are set to the wider one's."""
    found = titles([cloud("ae", None, 9 * two_clouds(0)), cloud("vae", 1.0, two_clouds(0))])
    entry = found["What the KL term does"]
    spans = re.findall(r"view=[-\d.]+,[-\d.]+,([\d.]+)", entry["state"])
    assert len(set(spans)) == 1
    assert float(spans[0]) > 40


def test_tries_name_images_in_words(tmp_path):
    """Every state is one that the page reads: names of its models and of its parts alone."""
    facts = facts_of(Example(tmp_path / "page.html").path.read_bytes())
    keys = {key.split("=")[0] for entry in facts["tries"] for key in entry["state"].split("&")}
    assert keys <= {"ae", "vae", "ae.view", "vae.view", "tool", "path", "play", "show", "image"}


# Colours


def linear(colour: str) -> np.ndarray:
    value = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize(("colours", "ground"), [(ON_LIGHT, 1.0), (ON_DARK, 0.0)])
def test_colours_have_contrast(colours, ground):
    """At least 3:1 on their ground (WCAG 1.4.11)."""
    for colour in colours:
        light, dark = sorted((linear(colour) @ [0.2126, 0.7152, 0.0722], ground), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 3


# What people see who have all cones, or lack the red, the green or the blue ones (Machado 2009).
CONES = {
    "all": np.eye(3),
    "no red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.052]],
    "no green": [[0.3673, 0.8606, -0.228], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "no blue": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}


@pytest.mark.parametrize("colours", [ON_LIGHT, ON_DARK])
@pytest.mark.parametrize("cones", CONES)
def test_colours_are_told_apart(colours, cones):
    """Each two differ by 0.09 in OKLab at least; of matplotlib's ten, 0.03 for who lacks a cone."""
    to_cones = [[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.63]]
    to_lab = [[0.2105, 0.7936, -0.0041], [1.978, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]]
    seen = np.array([linear(colour) for colour in colours]) @ np.array(CONES[cones]).T
    lab = np.cbrt(seen.clip(0, 1) @ np.array(to_cones).T) @ np.array(to_lab).T
    apart = np.linalg.norm(lab[:, None] - lab, axis=2) + np.eye(len(lab))
    assert apart.min() > 0.09


def test_pictures_have_the_same_colours():
    """A class is the same colour in latent.png as on the page."""
    points, labels = RNG.normal(size=(40, 2)), np.arange(40) % 10
    span = [(-1.0, 1.0), (-1.0, 1.0)]
    figure = figures.latent_scatter(points, labels, CLASSES, ("z1", "z2"), span, "codes")
    dots = figure.axes[0].collections[0]
    figures.png(figure)  # until it is drawn, dots have no colours
    colours = [to_hex(colour) for colour in dots.get_facecolors()]
    assert colours[:10] == ON_LIGHT


# Files


def test_files_of_the_page_say_what_they_are():
    """In their first line."""
    for path in (ROOT / assemble.FOLDER).glob("*.js"):
        assert path.read_text().startswith("// "), path


def test_picture_for_the_readme_is_small():
    """It is kept in git."""
    assert (ROOT / "docs/explorer.png").stat().st_size <= 400_000
