"""Draws the pictures. Most functions return a figure; `png` makes a file of it.

The titles come from stages/render.py. The same input gives the same bytes every time.
"""

import io
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PathCollection
from matplotlib.colors import BoundaryNorm, ListedColormap, to_rgba_array
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import AutoLocator
from PIL import Image

from src.latent.colours import ON_LIGHT
from src.latent.geometry import Span

DPI = 160
FILM_INCHES = (4.8, 4.8)
FILM_SHADES = 12  # of each class's colour, where dots have their edges
FILM_PAUSE = 2_000  # milliseconds
LETTERS_PER_INCH = 14.4  # that fit into a title
GOLDEN_RATIO = 0.6180339887  # its fractional part
BICUBIC = Image.Resampling.BICUBIC
LANCZOS = Image.Resampling.LANCZOS


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches, drawn with the defaults of matplotlib.

    A matplotlibrc file of the user would give other pictures.
    """
    matplotlib.rcdefaults()
    return Figure(figsize=(width, height), layout="constrained")


def png(figure: Figure) -> bytes:
    """A PNG file of a figure, without the version of matplotlib in it."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=DPI, metadata={"Software": None})
    return file.getvalue()


def latent_scatter(
    points: np.ndarray,
    labels: np.ndarray,
    classes: list[str],
    names: tuple[str, ...],
    span: Span,
    title: str,
) -> Figure:
    """Codes at their coordinates (n, 1 or 2), coloured by class.

    With one coordinate, each class has a row; with two, its name stands in the middle of its codes.
    A dashed frame marks `span`, which the decoded grid shows.
    """
    figure = new_figure(6.4, 5.6)
    axes = figure.subplots()
    _scatter(axes, points, labels, classes, names)
    dashed: dict[str, Any] = {"linestyle": "--", "linewidth": 1}
    if points.shape[1] == 1:
        for edge in span[0]:
            axes.axvline(edge, color="black", **dashed)
    else:
        (left, right), (bottom, top) = span
        size = (right - left, top - bottom)
        axes.add_patch(Rectangle((left, bottom), *size, fill=False, zorder=3, **dashed))
        _name_classes(axes, points, labels, classes)
    axes.set_title(title, fontsize="medium")
    return figure


def _scatter(
    axes: Axes,
    points: np.ndarray,
    labels: np.ndarray,
    classes: list[str],
    names: tuple[str, ...],
) -> PathCollection:
    """Points (n, 1 or 2) in the colours of their classes, with a colour bar."""
    if points.shape[1] == 1:
        points = _with_heights(points, labels)
        axes.set_yticks(range(len(classes)), classes)
    else:
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(ylabel=names[1])
    # Edges at the half numbers put each class in the middle of its colour.
    norm = BoundaryNorm(np.arange(len(classes) + 1) - 0.5, ncolors=len(classes))
    colours = ListedColormap(ON_LIGHT[: len(classes)])
    x, y = points[:, 0], points[:, 1]
    dots = axes.scatter(x, y, c=labels, cmap=colours, norm=norm, s=4, linewidths=0)
    bar = axes.figure.colorbar(ScalarMappable(norm, colours), ax=axes, pad=0.02)
    bar.set_ticks(range(len(classes)), labels=classes)
    bar.ax.minorticks_off()
    axes.set(xlabel=names[0])
    return dots


def _name_classes(axes: Axes, points: np.ndarray, labels: np.ndarray, classes: list[str]) -> None:
    """The name of each class, at one of its points (n, 2) near their middle, clear of others."""
    longest = max(map(len, classes))
    room = np.ptp(points, axis=0).max() * np.array([0.01 + 0.02 * longest, 0.04])  # of a name
    named = np.empty((0, 2))
    for label in np.unique(labels):
        members = points[labels == label]
        away = np.abs(members - np.median(members, axis=0)).sum(1)
        is_hidden = (np.abs(members[:, None] - named) < room).all(2).any(1)
        x, y = members[np.lexsort((away, is_hidden))[0]]
        named = np.vstack((named, (x, y)))
        name = axes.text(x, y, classes[label], weight="bold", ha="center", va="center")
        name.set_path_effects([withStroke(linewidth=3, foreground="white")])


def _with_heights(points: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Points (n, 1) with a second coordinate: within the row of the class, evenly spread."""
    # Multiples of the golden ratio are evenly spread without randomness.
    spread = (np.arange(len(labels)) * GOLDEN_RATIO) % 1 - 0.5
    return np.column_stack((points, labels + 0.8 * spread))


def decoded_grid(images: np.ndarray, names: tuple[str, ...], span: Span, title: str) -> Figure:
    """Decoded images (n, 28, 28) of `geometry.grid`, each centred on its latent coordinates."""
    columns = len(images) if len(span) == 1 else round(len(images) ** 0.5)
    left, right = _edges(*span[0], columns)
    if len(span) == 1:
        figure = new_figure(8, 1.7)
        axes = figure.subplots()
        axes.set(xlabel=names[0], yticks=[])
        bottom, top = 0.0, (right - left) / columns
    else:
        figure = new_figure(6, 5.9)
        axes = figure.subplots()
        axes.set(xlabel=names[0], ylabel=names[1])
        bottom, top = _edges(*span[1], columns)
    _show_greys(axes, tile(images, columns), (left, right, bottom, top))
    axes.set_title(title, fontsize="medium")
    return figure


def _edges(low: float, high: float, tiles: int) -> tuple[float, float]:
    """The outer edges of tiles whose centres run from `low` to `high`: half a tile further out."""
    half = (high - low) / (tiles - 1) / 2
    return low - half, high + half


def _show_greys(
    axes: Axes, image: np.ndarray, extent: tuple[float, float, float, float] | None = None
) -> None:
    axes.imshow(image, cmap="gray", vmin=0, vmax=1, interpolation="nearest", extent=extent)


def tile(images: np.ndarray, columns: int) -> np.ndarray:
    """One image (rows * height, columns * width) of images (rows * columns, height, width).

    The images fill it row by row.
    """
    n, height, width = images.shape
    rows = images.reshape(n // columns, columns, height, width)
    return rows.swapaxes(1, 2).reshape(-1, columns * width)


def _image_rows(
    rows: np.ndarray, title: str, row_names: list[str], column_names: list[str]
) -> Figure:
    """Rows of images (rows, columns, 28, 28) as one picture, with names at the left and below."""
    count, columns, height, width = rows.shape
    scale = max(0.36, 4.6 / columns)
    longest = max(map(len, row_names), default=0)
    size = (columns * scale + 0.4 + 0.09 * longest, count * scale + (1.0 if column_names else 0.7))
    figure = new_figure(*size)
    axes = figure.subplots()
    _show_greys(axes, tile(rows.reshape(-1, height, width), columns))
    axes.set_yticks(height * (np.arange(len(row_names)) + 0.5) - 0.5, row_names)
    axes.set_xticks(width * (np.arange(len(column_names)) + 0.5) - 0.5, column_names)
    axes.tick_params(length=0)
    if len(title) > LETTERS_PER_INCH * size[0]:
        title = title.replace(": ", ":\n", 1)
    axes.set_title(title, fontsize="medium")
    return figure


def reconstructions(originals: np.ndarray, decoded: np.ndarray, title: str) -> Figure:
    """Original images (n, 28, 28) above their reconstructions (n, 28, 28)."""
    return _image_rows(np.stack((originals, decoded)), title, ["original", "reconstruction"], [])


def samples(images: np.ndarray, title: str) -> Figure:
    """Decoded samples (n, 28, 28), as a square of images."""
    columns = round(len(images) ** 0.5)
    return _image_rows(images.reshape(-1, columns, *images.shape[1:]), title, [], [])


def interpolation(images: np.ndarray, classes: list[str], title: str) -> Figure:
    """Decoded images (n, 28, 28) of a line in latent space, with the classes of its two ends."""
    ends = [f"code of\n{classes[0]}", *[""] * (len(images) - 2), f"code of\n{classes[1]}"]
    return _image_rows(images[None], title, [], ends)


def traversal(images: np.ndarray, row_names: list[str], title: str) -> Figure:
    """Decoded sweeps (rows, steps, 28, 28), with a row for each latent dimension."""
    middle = images.shape[1] - 2
    ends = ["1st\npercentile", *[""] * middle, "99th\npercentile"]
    return _image_rows(images, title, row_names, ends)


def gif(images: np.ndarray, pixels: int = 256, milliseconds: int = 50) -> bytes:
    """A GIF file that runs through images (n, 28, 28) forwards and backwards, in a loop.

    The way back leaves out both ends, so that no frame is shown twice in a row.
    """
    frames = [
        Image.fromarray((255 * image).round().astype(np.uint8)).resize((pixels, pixels), BICUBIC)
        for image in [*images, *images[-2:0:-1]]
    ]
    return _gif_file(frames, milliseconds)


def _gif_file(frames: list[Image.Image], milliseconds: int | list[int], **palette: bytes) -> bytes:
    """A GIF file that repeats frames for ever, each shown for so long."""
    file = io.BytesIO()
    options = {"append_images": frames[1:], "duration": milliseconds, "loop": 0, **palette}
    frames[0].save(file, "GIF", save_all=True, **options)
    return file.getvalue()


def training_film(
    frames: np.ndarray,
    labels: np.ndarray,
    classes: list[str],
    names: tuple[str, ...],
    counters: list[str],
    title: str,
) -> bytes:
    """A GIF file of codes at their coordinates (frames, n, 1 or 2), coloured by class.

    All frames have the same axes, in which the codes of every frame lie. Each has its counter
    below the title.
    """
    figure = new_figure(*FILM_INCHES)
    axes = figure.subplots()
    dots = _scatter(axes, np.concatenate(frames), np.tile(labels, len(frames)), classes, names)
    axes.set_title(f"{title}\n", fontsize="medium")
    figure.draw_without_rendering()  # lays out the axes for all frames together
    figure.set_layout_engine("none")
    axes.autoscale(False)
    dots.set_array(labels)
    if frames.shape[2] == 1:
        frames = np.stack([_with_heights(points, labels) for points in frames])
    return film_gif(_in_film_colours(_film_pictures(figure, dots, frames, counters)))


def _film_pictures(
    figure: Figure, dots: PathCollection, frames: np.ndarray, counters: list[str]
) -> list[np.ndarray]:
    """A figure with `dots` as a picture (height, width, 3) for each frame (n, 2).

    Only dots and counter are drawn anew: the rest would take most of the time.
    """
    axes = figure.axes[0]
    canvas = FigureCanvasAgg(figure)
    counter = axes.annotate(
        "",
        (0.5, 1),  # the middle of the upper edge
        xytext=(0, 6),
        xycoords="axes fraction",
        textcoords="offset points",
        ha="center",
        fontsize="medium",
    )
    for artist in (dots, counter):
        artist.set_animated(True)
    canvas.draw()
    empty = canvas.copy_from_bbox(figure.bbox)
    pictures = []
    for points, text in zip(frames, counters, strict=True):
        canvas.restore_region(empty)
        dots.set_offsets(points)
        counter.set_text(text)
        for artist in (dots, counter):
            axes.draw_artist(artist)
        pictures.append(np.array(canvas.buffer_rgba())[..., :3])
    return pictures


def film_gif(pictures: list[np.ndarray]) -> bytes:
    """A GIF file of pictures (height, width), indices of film colours, repeated for ever.

    It lasts about six seconds, and pauses at its last picture.
    """
    palette = _film_palette().tobytes()
    images = [Image.fromarray(picture) for picture in pictures]
    for image in images:
        image.putpalette(palette)
    step = 10 * max(10, min(50, 600 // len(images)))  # in milliseconds; GIF counts hundredths
    durations = [step] * (len(images) - 1) + [FILM_PAUSE]
    return _gif_file(images, durations, palette=palette)  # one palette for all frames


def _film_palette() -> np.ndarray:
    """The 256 colours of a film, (256, 3): shades of each class's colour on white, and greys."""
    shades = np.linspace(0, 1, FILM_SHADES + 1)[1:, None, None]
    of_classes = (255 + shades * (255 * to_rgba_array(ON_LIGHT)[:, :3] - 255)).reshape(-1, 3)
    greys = np.linspace(0, 255, 256 - len(of_classes))[:, None].repeat(3, axis=1)
    return np.concatenate((greys, of_classes)).round().astype(np.uint8)


def _in_film_colours(pictures: list[np.ndarray]) -> list[np.ndarray]:
    """For pictures (height, width, 3), the indices (height, width) of the nearest film colours."""
    # A table of 32 x 32 x 32 colours, in whole numbers: quick, and exact everywhere.
    levels = np.arange(32) * 255 // 31
    table = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), axis=3).reshape(-1, 3)
    colours = _film_palette().astype(int)
    nearest = ((colours**2).sum(1) - 2 * table @ colours.T).argmin(1).astype(np.uint8)
    return [nearest[(picture >> 3) @ np.array([1024, 32, 1])] for picture in pictures]


def loss_curves(losses: dict[str, np.ndarray], title: str) -> Figure:
    """The loss of every epoch, summed over the training images, of one or two named runs."""
    figure = new_figure(6.4, 3.6)
    axes = figure.subplots()
    styles = (("-", "C0"), ("--", "black"))
    for (name, values), (linestyle, colour) in zip(losses.items(), styles, strict=False):
        axes.plot(
            np.arange(len(values)),
            values / 1e6,
            label=name,
            color=colour,
            linestyle=linestyle,
            marker="o" if len(values) == 1 else "",  # a line of one point would be invisible
        )
    axes.set(xlabel="epoch", ylabel="loss in millions,\nsummed over the training images")
    locator = AutoLocator()
    locator.set_params(integer=True)
    axes.xaxis.set_major_locator(locator)
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title(title, fontsize="medium")
    return figure


def overview(columns: list[list[bytes]], width: int = 580) -> bytes:
    """A PNG file with columns of pictures side by side, each `width` pixels wide.

    It has 256 colours, which makes it small enough for git.
    """
    pages = [np.concatenate([_scaled(file, width) for file in column]) for column in columns]
    height = max(map(len, pages))
    pages = [
        np.pad(page, ((0, height - len(page)), (0, 0), (0, 0)), constant_values=255)
        for page in pages
    ]
    picture = Image.fromarray(np.concatenate(pages, axis=1))
    file = io.BytesIO()
    picture.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _scaled(content: bytes, width: int) -> np.ndarray:
    """The pixels (height, width, 3) of a PNG file, scaled to a width."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    height = round(picture.height * width / picture.width)
    return np.asarray(picture.resize((width, height), LANCZOS))
