"""Puts all models side by side on one page, one column each: data/overview -> reports/overview.png."""

from pathlib import Path

from PIL import Image

from src.base.errors import unusable
from src.drawing import figures
from stages.guard import Parameters, run


def main(params: Parameters) -> dict[str, bytes]:
    columns = [Image.open(path) for path in sorted(Path("data/overview").glob("*.png"))]
    if not columns:
        raise unusable("data/overview", None)
    return {"reports/overview.png": figures.overview(columns)}


if __name__ == "__main__":
    run(main)
