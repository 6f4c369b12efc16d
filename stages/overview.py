"""Puts both models on one page, their losses against the published ones: reports/ -> reports/overview.png."""

import io

import pandas as pd
from PIL import Image

from src import figures
from stages.common import run


def main() -> None:
    published = pd.read_csv("data/published_losses.csv")
    curves, pictures = [], {"latent.png": [], "grid.png": [], "interpolation.png": []}
    for name in ("ae", "vae"):
        losses = {"this run": pd.read_csv(f"reports/{name}/loss.csv")["loss"], "published": published[name]}
        figure = figures.loss_curves(losses, f"{name.upper()}: training loss against the tutorial's (latent_dims = 2)")
        buffer = io.BytesIO()
        figures.save(figure, buffer)
        curves.append(Image.open(buffer))
        for picture, row in pictures.items():
            row.append(Image.open(f"reports/{name}/{picture}"))
    figures.overview([curves, *pictures.values()], width=580).save("reports/overview.png", optimize=True)


if __name__ == "__main__":
    run(main)
