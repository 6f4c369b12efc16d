"""The pictures show what they say."""

import io
import itertools

import numpy as np
import pytest
from PIL import Image, ImageSequence

from src.base.errors import UserError
from src.data import sets
from src.latent import geometry
from src.latent.codes import Codes
from src.models.networks import Autoencoder
from src.render import figures
from stages import render
from stages.records import Parameters
from tools.small_project import ROOT

CLASSES = list("abcdefghij")


def scatter(dims: int = 2) -> figures.Figure:
    points = np.random.default_rng(0).normal(size=(400, dims))
    span = [(-3.0, 3.0), (-2.0, 4.0)][:dims]
    names = ("z1", "z2")[:dims]
    return figures.latent_scatter(points, np.arange(400) % 10, CLASSES, names, span, "codes")


def png_of(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (40, 20), colour).save(file, "PNG")
    return file.getvalue()


def test_tiles_lie_row_by_row() -> None:
    """The images fill one row after the other."""
    images = np.arange(6)[:, None, None] * np.ones((6, 28, 28))
    tiled = figures.tile(images, columns=3)
    assert tiled.shape == (56, 84)
    assert tiled[::28, ::28].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("dims", [1, 2])
def test_tiles_are_centred_and_square(dims: int) -> None:
    """The middle of a tile lies at its latent coordinates."""
    span = [(-3.0, 3.0)] * dims
    images = np.zeros((len(geometry.grid(span, 4)), 28, 28))
    figure = figures.decoded_grid(images, ("z1", "z2"), span, "grid")
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    tile = (right - left) / 4
    assert left + tile / 2 == pytest.approx(-3)
    assert right - tile / 2 == pytest.approx(3)
    assert top - bottom == pytest.approx(tile if dims == 1 else 4 * tile)
    if dims == 2:
        assert bottom + tile / 2 == pytest.approx(-3)


def test_scatter_has_ten_colours() -> None:
    """Each class has its own colour, named in the colour bar."""
    axes, bar = scatter().axes
    assert [label.get_text() for label in bar.get_yticklabels()] == CLASSES
    assert len({tuple(colour) for colour in axes.collections[0].to_rgba(np.arange(10))}) == 10


def test_scatter_frames_the_grid() -> None:
    """A frame marks the span of the grid, and both axes have one scale."""
    axes, _ = scatter().axes
    frame = axes.patches[0]
    assert axes.get_aspect() == 1
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((-3, -2), 6, 6)


def test_scatter_names_classes() -> None:
    """In the middle of their codes, where no name hides another; with one dimension by rows."""
    points = np.random.default_rng(0).normal(size=(300, 2))
    points[200:] += 20
    labels = np.repeat([0, 1, 2], 100)
    span = [(-3.0, 3.0), (-3.0, 3.0)]
    figure = figures.latent_scatter(points, labels, CLASSES, ("z1", "z2"), span, "codes")
    figure.draw_without_rendering()
    texts = figure.axes[0].texts
    assert [text.get_text() for text in texts] == ["a", "b", "c"]
    middles = [text.get_position() for text in texts]
    assert np.allclose(middles, [(0, 0), (0, 0), (20, 20)], atol=1.5)
    boxes = [text.get_window_extent() for text in texts]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert not scatter(dims=1).axes[0].texts


def test_scatter_of_one_dimension() -> None:
    """Each class has its own row, and two lines mark the span of the grid."""
    axes, _ = scatter(dims=1).axes
    rows = axes.collections[0].get_offsets()[:, 1].round()
    assert rows.tolist() == (np.arange(400) % 10).tolist()
    assert [line.get_xdata()[0] for line in axes.lines] == [-3, 3]


def test_animation_runs_there_and_back() -> None:
    """It repeats for ever, and shows no frame twice in a row."""
    images = np.linspace(0, 1, 6)[:, None, None] * np.ones((6, 28, 28))
    with Image.open(io.BytesIO(figures.gif(images))) as gif:
        assert (gif.size, gif.n_frames, gif.info["loop"]) == ((256, 256), 10, 0)
        frames = ImageSequence.Iterator(gif)
        greys = [frame.convert("L").getpixel((128, 128)) for frame in frames]
    assert greys[:6] == sorted(set(greys))
    assert greys[6:] == greys[4:0:-1]


def test_picture_does_not_name_matplotlib() -> None:
    """Another release of matplotlib that draws the same pixels gives the same bytes."""
    assert b"atplotlib" not in figures.png(figures.samples(np.zeros((9, 28, 28)), "nine"))


@pytest.mark.parametrize(("losses", "marker"), [([2e6], "o"), ([3e6, 2e6], "")])
def test_loss_of_one_epoch_shows(losses: list[float], marker: str) -> None:
    """A line of one point would be invisible: a dot is drawn. Other lines are plain."""
    figure = figures.loss_curves({"this run": np.array(losses)}, "losses")
    assert figure.axes[0].lines[0].get_marker() == marker


def test_losses_say_whose_they_are_beside(monkeypatch) -> None:
    """The run of the tutorial's translator; the tutorial itself prints none."""
    monkeypatch.setattr(figures, "png", lambda figure: figure)
    monkeypatch.setattr(render, "read_tracked", lambda path: b"epoch,loss\n0,3e6\n")
    data_set = sets.parse("MNIST", (ROOT / "data/sets/MNIST.yaml").read_bytes())
    axes = render._losses("ae", data_set, "AE").axes[0]
    assert axes.get_legend().get_texts()[1].get_text() == "the translator's run"
    assert "tutorial's translator" in axes.get_title()


def test_line_needs_test_images() -> None:
    """The error names the class that no test image has, and those that are allowed."""
    codes = Codes(np.zeros((4, 2)), np.arange(4), np.zeros((2, 2)), np.array([1, 3]))
    trained = render.Trained(Autoencoder(2, hidden_dims=4), codes, CLASSES, "AE")
    message = r"interpolation_classes is \[1, 0\], but .* class 0; allowed are 1, 3$"
    with pytest.raises(UserError, match=message):
        render._interpolation(trained, Parameters(interpolation_classes=[1, 0]))


@pytest.mark.parametrize(
    ("position", "colour"),
    [((10, 5), (255, 0, 0)), ((30, 5), (0, 0, 255)), ((10, 15), (255, 255, 255))],
)
def test_overview_has_columns(position: tuple[int, int], colour: tuple[int, int, int]) -> None:
    """Columns lie side by side, their pictures one below the other, in their own colours."""
    columns = [[png_of("red"), png_of("white")], [png_of("blue"), png_of("white")]]
    overview = Image.open(io.BytesIO(figures.overview(columns, width=20)))
    assert overview.size == (40, 20)
    assert overview.convert("RGB").getpixel(position) == colour


def film(frames: int = 3, dims: int = 2, n: int = 200) -> Image.Image:
    """A film of codes that move from the left to the right, within the same box."""
    points = np.random.default_rng(0).uniform(-3, 3, (frames, n, dims))
    points[..., 0] = points[..., 0] / 10 + np.linspace(-2, 2, frames)[:, None]
    counters = [f"epoch {number} of {frames - 1}" for number in range(frames)]
    names = ("z1", "z2")[:dims]
    content = figures.training_film(points, np.arange(n) % 10, CLASSES, names, counters, "codes")
    return Image.open(io.BytesIO(content))


def colours_of(gif: Image.Image) -> list[np.ndarray]:
    """The pixels (height, width, 3) of each frame, without the colour bar at the right."""
    frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(gif)]
    return [frame[:, :400].astype(int) for frame in frames]


@pytest.mark.parametrize("dims", [1, 2])
def test_dots_move_in_the_film(dims: int) -> None:
    """From the left to the right, in the axes of all frames."""
    coloured = [np.ptp(frame, axis=2) > 40 for frame in colours_of(film(dims=dims))]
    assert all(mask.sum() > 500 for mask in coloured)
    columns = [mask.nonzero()[1] for mask in coloured]
    assert all(a.max() < b.min() for a, b in itertools.pairwise(columns))


def test_film_ends_with_a_pause() -> None:
    """It repeats for ever, and lasts a few seconds however many frames it has."""
    for frames in (2, 51):
        gif = film(frames)
        assert gif.info["loop"] == 0
        times = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert len(times) == frames
        assert times[-1] == 2_000
        assert set(times[:-1]) == {min(500, 10 * (600 // frames))}


def test_film_has_one_palette() -> None:
    """A frame of a GIF file can have its own, in which a class changes its colour."""
    gif = film()
    palette = figures._film_palette()
    assert gif.fp.getvalue().count(palette.tobytes()) == 1
    colours = {tuple(colour) for frame in colours_of(gif) for colour in frame.reshape(-1, 3)}
    assert colours <= {tuple(colour) for colour in palette}


SETTINGS_OF_A_USER = """
axes.grid: True
font.size: 20
lines.linewidth: 5
savefig.facecolor: red
text.antialiased: False
"""


def test_settings_of_matplotlib_change_nothing(project, tmp_path):
    """It reads them in the folder where it starts, and where variables say.

    A notebook names a backend, and a settings file may be of another encoding.
    """
    before = project.outputs()
    settings = project.root / "matplotlibrc"
    settings.write_text(SETTINGS_OF_A_USER)
    project.run("python", "-m", "stages", "render")
    settings.unlink()
    assert project.outputs() == before
    settings = tmp_path / "matplotlibrc"
    settings.write_bytes(b"# caf\xe9\naxes.grid: True\n")
    variables = {
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MATPLOTLIBRC": str(settings),
        "FREETYPE_PROPERTIES": "truetype:interpreter-version=35",
    }
    words = [f"{name}={value}" for name, value in variables.items()]
    project.run("env", *words, "python", "-m", "stages", "render")
    assert project.outputs() == before
