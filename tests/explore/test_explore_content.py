"""What the page is made of: packed arrays, joined modules, arithmetic, sentences."""

import base64
import re
import zlib

import numpy as np
import pytest
import torch
from torch import nn

from src.explore import assemble, content, packing
from src.explore.deflate import code_lengths, deflate
from src.explore.live_weights import Weights, weights_of
from src.explore.near import nearest, spacing
from src.explore.page_model import middle_of_each_class
from src.latent.colours import ON_DARK, ON_LIGHT
from src.models.networks import Autoencoder, Decoder, VariationalAutoencoder
from tests.explore.pages import Example, bars, random_model

RNG = np.random.default_rng(0)


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


def test_coordinates_are_off_half_a_step():
    """At most, even where nothing varies."""
    points = np.column_stack((RNG.normal(size=500) * 20, np.full(500, 3.0)))
    numbers, low, step = packing.fixed_point(points)
    assert numbers.dtype == np.uint16
    assert np.all(np.abs(low + np.array(step) * numbers - points) <= np.array(step) / 2 + 1e-12)


# Distances


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
    assert middle_of_each_class(codes, np.array([0, 0, 0, 1, 1])) == {0: 1, 1: 3}


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


CIRCLE = {
    "main.js": 'import { a } from "./a.js";',
    "a.js": 'import { b } from "./b.js";',
    "b.js": 'import { a } from "./a.js";',
}


@pytest.mark.parametrize(
    ("files", "fault"),
    [
        *(
            ({"main.js": line}, line)
            for line in (
                'import a from "./a.js";',
                'import "./a.js";',
                "export default a;",
                "export { a };",
                '"</Script>"',
            )
        ),
        (CIRCLE, "a.js -> b.js -> a.js"),
    ],
)
def test_modules_that_cannot_be_joined_are_refused(files, fault):
    """Lines of another form, with which the page would not run, and circles."""
    with pytest.raises(ValueError, match=re.escape(fault)):
        assemble.join_modules(files.__getitem__, "main.js")


# Arithmetic


def weights(network: nn.Module) -> Weights | None:
    """What the page gets of a network with two latent dimensions."""
    codes = RNG.normal(size=(50, 2)).astype(np.float32)
    return weights_of(network, bars(60)[0], codes)


def test_known_models_are_computed_live():
    """In float16, close to torch."""
    live = weights(random_model(VariationalAutoencoder, 2))
    assert live.numbers.dtype == np.float16
    assert 0 < live.difference < 2.55


def inverted(network: nn.Module) -> None:
    class Inverted(Decoder):
        def forward(self, z):
            return 1 - super().forward(5 * z)

    network.decoder = Inverted(2, 64)


def normalised(network: nn.Module) -> None:
    network.encoder.linear2 = nn.Sequential(nn.LayerNorm(64), network.encoder.linear2)


def shifted(network: nn.Module) -> None:
    network.encoder.forward = lambda x: Autoencoder(2).encoder.linear1(x.flatten(1))[:, :2]


@pytest.mark.parametrize("change", [inverted, normalised, shifted])
def test_unknown_arithmetic_is_not_live(change):
    """The decoder's and the encoder's, with the layers that the page knows or with others."""
    network = random_model(Autoencoder, 2)
    change(network)
    assert weights(network) is None


@pytest.mark.parametrize("part", ["encoder", "decoder"])
def test_large_weights_are_kept_in_float32(part):
    """Beyond 65,504 float16 ends; the page is made all the same."""
    network = random_model(Autoencoder, 2)
    layers = getattr(network, part)
    with torch.no_grad():
        layers.linear1.weight.mul_(1e6)
        layers.linear1.bias.mul_(1e6)
        layers.linear2.weight.div_(1e6)
    assert weights(network).numbers.dtype == np.float32


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_unknown_models_get_a_mosaic(tmp_path, dims):
    """Decoded images around their codes, instead of weights."""
    page = Example(tmp_path / "page.html", dims, convolutional=True)
    model = page.page_models["conv"]
    facts, arrays = content.of_model(model)
    assert "weights" not in arrays
    assert len(arrays["mosaic"]) == content.TILES ** min(dims, 2)
    low = np.array(facts["mosaic"]["low"])
    high = low + facts["mosaic"]["step"] * (content.TILES - 1)
    assert np.all((model.points >= low - 1e-6) & (model.points <= high + 1e-6))


# Colours

# Of linear red, green and blue.
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
# What people see who have all cones, or lack the red, the green or the blue ones (Machado 2009).
CONES = {
    "all": np.eye(3),
    "no red": [[0.1523, 1.0526, -0.2049], [0.1145, 0.7863, 0.0992], [-0.0039, -0.0481, 1.052]],
    "no green": [[0.3673, 0.8606, -0.228], [0.2801, 0.6725, 0.0474], [-0.0118, 0.0429, 0.9689]],
    "no blue": [[1.2555, -0.0767, -0.1788], [-0.0784, 0.9308, 0.1476], [0.0047, 0.6914, 0.3039]],
}


def linear(colours: list[str]) -> np.ndarray:
    bytes_ = [[int(colour[at : at + 2], 16) for at in (1, 3, 5)] for colour in colours]
    value = np.array(bytes_) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)


def lab(rgb: np.ndarray) -> np.ndarray:
    """CIELAB of linear red, green and blue (n, 3); white is L* 100."""
    share = rgb @ TO_XYZ.T / TO_XYZ.sum(1)
    x, y, z = np.where(share > 216 / 24389, np.cbrt(share), (24389 / 27 * share + 16) / 116).T
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)


def ciede2000(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The difference of colours in CIELAB (..., 3): Sharma, Wu and Dalal 2005."""
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(one, -1, 0), np.moveaxis(other, -1, 0)

    def vividness(chroma):  # 0 of greys, 1 of the most vivid colours
        return np.sqrt(chroma**7 / (chroma**7 + 25**7))

    stretch = 1.5 - 0.5 * vividness((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2)
    c1, c2 = np.hypot(a1 * stretch, b1), np.hypot(a2 * stretch, b2)
    h1, h2 = np.arctan2(b1, a1 * stretch), np.arctan2(b2, a2 * stretch)
    turn = (h2 - h1 + np.pi) % (2 * np.pi) - np.pi
    c, h = (c1 + c2) / 2, (h1 + turn / 2) % (2 * np.pi)
    angles = np.radians([30, 0, -6, 63])
    waves = [np.cos(n * h - angle) for n, angle in enumerate(angles, start=1)]
    t = 1 + np.tensordot([-0.17, 0.24, 0.32, -0.2], waves, 1)
    from_middle = ((l1 + l2) / 2 - 50) ** 2
    lightness = (l2 - l1) / (1 + 0.015 * from_middle / np.sqrt(20 + from_middle))
    chroma = (c2 - c1) / (1 + 0.045 * c)
    hue = 2 * np.sqrt(c1 * c2) * np.sin(turn / 2) / (1 + 0.015 * c * t)
    twist = np.radians(60 * np.exp(-(((np.degrees(h) - 275) / 25) ** 2)))
    blue = -2 * vividness(c) * np.sin(twist) * chroma * hue
    return np.sqrt(lightness**2 + chroma**2 + hue**2 + blue)


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, 2.5, 0), (50, 0, -2.5), 4.3065),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ],
)
def test_differences_are_as_published(one, other, difference):
    """Five pairs of the paper's table 1."""
    assert ciede2000(np.array(one), np.array(other)) == pytest.approx(difference, abs=5e-5)


GROUNDS = [(ON_LIGHT, "#ffffff"), (ON_DARK, "#14191e")]  # as in page.css


@pytest.mark.parametrize(("colours", "ground"), GROUNDS)
def test_colours_have_contrast(colours, ground):
    """At least 3:1 on their ground (WCAG 1.4.11)."""
    *of_colours, of_ground = linear([*colours, ground]) @ TO_XYZ[1] + 0.05
    assert min(max(y, of_ground) / min(y, of_ground) for y in of_colours) >= 3


@pytest.mark.parametrize("colours", [ON_LIGHT, ON_DARK])
def test_colours_do_not_look_black_or_white(colours):
    """In small dots: all but one have chroma, none is very dark or very light."""
    lightness, a, b = lab(linear(colours)).T
    assert lightness.min() >= 35
    assert lightness.max() <= 90
    assert np.sort(np.hypot(a, b))[1] >= 35


@pytest.mark.parametrize(
    ("colours", "least"),
    [
        (ON_LIGHT, {"all": 21.1, "no red": 14.1, "no green": 14.1, "no blue": 14.1}),
        (ON_DARK, {"all": 25.7, "no red": 17.2, "no green": 17.2, "no blue": 17.1}),
    ],
)
def test_colours_are_told_apart(colours, least):
    """The differences that colours.py names."""
    assert least.keys() == CONES.keys()
    for cones, difference in least.items():
        seen = lab((linear(colours) @ np.array(CONES[cones]).T).clip(0, 1))
        apart = ciede2000(seen[:, None], seen) + 99 * np.eye(len(seen))
        assert apart.min().round(1) == difference, cones
