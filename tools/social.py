"""Makes docs/social.png, which links to the repository can show: `python -m tools.social`.

The codes of the test images in the VAE, on the images that it decodes. Takes the results of the
last `dvc repro`, with two latent dimensions. GitHub: Settings, General, Social preview.
"""

import io
from pathlib import Path

from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from PIL import Image

from src.base.errors import UserError, in_one_line
from src.base.files import write_whole
from src.latent.codes import load_codes
from src.latent.colours import ON_DARK
from src.latent.geometry import grid
from src.models.coding import decode
from src.models.registry import load_model
from src.render.figures import tile

PICTURE = Path("docs/social.png")
WIDTH, HEIGHT = 1280, 640  # pixels, as GitHub recommends
MOST = 300_000  # bytes
REACH = 2.25  # of the middle of the outermost images, along both axes
TILES = 16
WORDS = (  # left edge and height of each text, in parts of the picture; size, text
    (0.05, 0.62, 34, "MNIST autoencoders"),
    (0.05, 0.54, 20, "reproducible to the byte"),
    (0.05, 0.36, 15, "An AE and a VAE as a DVC pipeline:\ntrain, measure, compare, and walk\nin "
     "latent space in your browser."),
)  # fmt: skip
GROUND, INK = "black", "white"


def card() -> Figure:
    """Words beside a square of latent space."""
    codes = load_codes("data/latents/vae.npz")
    if codes.latent_dims != 2:
        raise UserError(f"latent_dims is {codes.latent_dims}, the picture is of 2")
    figure = Figure((WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=GROUND)
    for left, height, size, text in WORDS:
        figure.text(left, height, text, size=size, color=INK, va="bottom", linespacing=1.4)
    axes = figure.add_axes((1 - HEIGHT / WIDTH, 0, HEIGHT / WIDTH, 1))
    axes.axis("off")
    images = decode(load_model("data/models/vae.pt"), grid([(-REACH, REACH)] * 2, TILES))
    edge = REACH * TILES / (TILES - 1)
    axes.imshow(tile(images, TILES), cmap="gray", vmax=2, extent=(-edge, edge, -edge, edge))
    colours = ListedColormap(ON_DARK)
    axes.scatter(codes.test[:, 0], codes.test[:, 1], s=3, c=codes.test_labels, cmap=colours)
    axes.set(xlim=(-edge, edge), ylim=(-edge, edge))
    return figure


@in_one_line()
def main() -> None:
    file = io.BytesIO()
    card().savefig(file, format="png")
    small = io.BytesIO()  # 256 colours make it a third as large
    with Image.open(file) as picture:
        picture.convert("RGB").quantize(256).save(small, format="png", optimize=True)
    content = small.getvalue()
    if len(content) > MOST:
        raise UserError(f"{PICTURE} would have {len(content)} bytes, allowed are {MOST}")
    write_whole(PICTURE, content)


if __name__ == "__main__":
    main()
