"""Draws the pictures. Most functions return a figure; as a file it has the same bytes every time."""

import io

import numpy as np
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from src.base.colours import ON_LIGHT

DPI = 160
LETTERS_PER_INCH = 14.4  # of a title, before it is cut off at the edges
GREYS = {"cmap": "gray", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
BICUBIC, LANCZOS = Image.Resampling.BICUBIC, Image.Resampling.LANCZOS

Span = list[tuple[float, float]]


def png(figure: Figure) -> bytes:
    """A PNG file, without matplotlib's version in it."""
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
    """Codes at their coordinates (n, 1 or 2), coloured by class; with one coordinate, the classes lie in rows.

    A dashed frame marks what the decoded grid shows, `span`.
    """
    figure = Figure(figsize=(6.4, 5.6), layout="constrained")
    axes = figure.subplots()
    if points.shape[1] == 1:
        # Multiples of the golden ratio spread a class's codes evenly over its row, without randomness.
        spread = (np.arange(len(points)) * 0.6180339887) % 1 - 0.5
        points = np.column_stack((points, labels + 0.8 * spread))
        axes.set_yticks(range(len(classes)), classes)
        for edge in span[0]:
            axes.axvline(edge, color="black", linestyle="--", linewidth=1)
    else:
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(ylabel=names[1])
        (left, right), (bottom, top) = span
        frame = {"fill": False, "linestyle": "--", "linewidth": 1, "zorder": 3}
        axes.add_patch(Rectangle((left, bottom), right - left, top - bottom, **frame))
    # Edges at the half numbers put each class in the middle of its colour.
    norm = BoundaryNorm(np.arange(len(classes) + 1) - 0.5, ncolors=len(classes))
    dots = axes.scatter(
        *points.T,
        c=labels,
        cmap=ListedColormap(ON_LIGHT[: len(classes)]),
        norm=norm,
        s=4,
        linewidths=0,
    )
    bar = figure.colorbar(dots, ax=axes, pad=0.02)
    bar.set_ticks(range(len(classes)), labels=classes)
    bar.ax.minorticks_off()
    axes.set(xlabel=names[0])
    axes.set_title(title, fontsize="medium")
    return figure


def decoded_grid(images: np.ndarray, names: tuple[str, ...], span: Span, title: str) -> Figure:
    """Decoded images (n, 28, 28) of `geometry.grid`, each centred on its latent coordinates."""
    columns = len(images) if len(span) == 1 else round(len(images) ** 0.5)
    tiled = tile(images, columns)
    extent = []
    for low, high in span:
        half = (
            (high - low) / (columns - 1) / 2
        )  # the points are the tiles' centres, so the edges lie half a tile on
        extent += [low - half, high + half]
    if len(span) == 1:
        extent += [0, extent[1] - extent[0]]
        extent[3] /= columns
    figure = Figure(figsize=(6, 5.9) if len(span) == 2 else (8, 1.7), layout="constrained")
    axes = figure.subplots()
    axes.imshow(tiled, extent=extent, **GREYS)
    axes.set(xlabel=names[0])
    if len(span) == 2:
        axes.set(ylabel=names[1])
    else:
        axes.set(yticks=[])
    axes.set_title(title, fontsize="medium")
    return figure


def tile(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (rows * columns, height, width), row by row -> one image (rows * height, columns * width)."""
    n, height, width = images.shape
    rows = images.reshape(n // columns, columns, height, width)
    return rows.swapaxes(1, 2).reshape(-1, columns * width)


def _image_rows(
    rows: np.ndarray, title: str, row_names: list[str], column_names: list[str]
) -> Figure:
    """Rows of images (rows, columns, 28, 28) as one tiled picture, named at the left and below."""
    count, columns, height, width = rows.shape
    scale = max(0.36, 4.6 / columns)
    longest = max(map(len, row_names), default=0)
    size = (columns * scale + 0.4 + 0.09 * longest, count * scale + (1.0 if column_names else 0.7))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    axes.imshow(tile(rows.reshape(-1, height, width), columns), **GREYS)
    axes.set_yticks(height * (np.arange(len(row_names)) + 0.5) - 0.5, row_names)
    axes.set_xticks(width * (np.arange(len(column_names)) + 0.5) - 0.5, column_names)
    axes.tick_params(length=0)
    if len(title) > LETTERS_PER_INCH * size[0]:
        title = title.replace(": ", ":\n", 1)
    axes.set_title(title, fontsize="medium")
    return figure


def reconstructions(originals: np.ndarray, decoded: np.ndarray, title: str) -> Figure:
    """Original images above and their reconstructions below, both (n, 28, 28)."""
    return _image_rows(np.stack((originals, decoded)), title, ["original", "reconstruction"], [])


def samples(images: np.ndarray, title: str) -> Figure:
    """Decoded samples (n, 28, 28) in a square."""
    columns = round(len(images) ** 0.5)
    return _image_rows(images.reshape(-1, columns, *images.shape[1:]), title, [], [])


def interpolation(images: np.ndarray, classes: list[str], title: str) -> Figure:
    """Decoded images (n, 28, 28) of a line in latent space, its ends labelled with their classes."""
    ends = [f"code of\n{classes[0]}", *[""] * (len(images) - 2), f"code of\n{classes[1]}"]
    return _image_rows(images[None], title, [], ends)


def traversal(images: np.ndarray, row_names: list[str], title: str) -> Figure:
    """Decoded sweeps (rows, steps, 28, 28), a row for each latent dimension."""
    middle = images.shape[1] - 2
    ends = ["1st\npercentile", *[""] * middle, "99th\npercentile"]
    return _image_rows(images, title, row_names, ends)


def gif(images: np.ndarray, pixels: int = 256, milliseconds: int = 50) -> bytes:
    """A GIF file that runs through images (n, 28, 28) forwards and back, for ever.

    The way back leaves out both ends, so that no frame is shown twice in a row.
    """
    there_and_back = [*images, *images[-2:0:-1]]
    frames = [
        Image.fromarray((255 * image).round().astype(np.uint8)).resize((pixels, pixels), BICUBIC)
        for image in there_and_back
    ]
    file = io.BytesIO()
    frames[0].save(
        file, "GIF", save_all=True, append_images=frames[1:], duration=milliseconds, loop=0
    )
    return file.getvalue()


def loss_curves(losses: dict[str, np.ndarray], title: str) -> Figure:
    """The loss of every epoch, summed over the training images, for each named run."""
    figure = Figure(figsize=(6.4, 3.6), layout="constrained")
    axes = figure.subplots()
    for (name, values), style in zip(losses.items(), ("-", "--"), strict=False):
        axes.plot(
            np.arange(len(values)),
            values / 1e6,
            style,
            label=name,
            color="C0" if style == "-" else "black",
        )
    axes.set(xlabel="epoch", ylabel="loss in millions,\nsummed over the training images")
    axes.xaxis.get_major_locator().set_params(integer=True)
    axes.grid(alpha=0.3)
    axes.legend()
    axes.set_title(title, fontsize="medium")
    return figure


def overview(columns: list[list[bytes]], width: int = 580) -> bytes:
    """A PNG file: columns of pictures side by side, `width` pixels each, in 256 colours: small enough for git."""
    pages = [_column(pictures, width) for pictures in columns]
    page = Image.new("RGB", (width * len(pages), max(column.height for column in pages)), "white")
    for number, column in enumerate(pages):
        page.paste(column, (width * number, 0))
    file = io.BytesIO()
    page.quantize(256, dither=Image.Dither.NONE).save(file, "PNG", optimize=True)
    return file.getvalue()


def _column(pictures: list[bytes], width: int) -> Image.Image:
    """Pictures one under the other, each scaled to `width` pixels."""
    scaled = []
    for content in pictures:
        picture = Image.open(io.BytesIO(content)).convert("RGB")
        scaled.append(
            picture.resize((width, round(picture.height * width / picture.width)), LANCZOS)
        )
    page, top = Image.new("RGB", (width, sum(picture.height for picture in scaled)), "white"), 0
    for picture in scaled:
        page.paste(picture, (0, top))
        top += picture.height
    return page
