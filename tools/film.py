"""Makes docs/training.gif, the films of all models side by side: `python -m tools.film`.

Takes reports/NAME/training.gif of the last `dvc repro`.
"""

from pathlib import Path

import numpy as np
from PIL import GifImagePlugin, Image, ImageSequence

from src.base.errors import in_one_line
from src.base.files import write_whole
from src.models.registry import MODELS
from src.render.figures import film_gif

FILM = Path("docs/training.gif")


def pictures_of(path: Path) -> list[np.ndarray]:
    """The pictures (height, width) of a film, as indices of its palette."""
    # Otherwise Pillow gives the colours of all pictures but the first.
    GifImagePlugin.LOADING_STRATEGY = (
        GifImagePlugin.LoadingStrategy.RGB_AFTER_DIFFERENT_PALETTE_ONLY
    )
    with Image.open(path) as gif:
        return [np.asarray(frame) for frame in ImageSequence.Iterator(gif)]


def side_by_side(paths: list[Path]) -> bytes:
    """A GIF file in which several with equally many pictures run at the same time."""
    columns = zip(*map(pictures_of, paths), strict=True)
    return film_gif([np.concatenate(pictures, axis=1) for pictures in columns])


@in_one_line()
def main() -> None:
    write_whole(FILM, side_by_side([Path(f"reports/{name}/training.gif") for name in MODELS]))


if __name__ == "__main__":
    main()
