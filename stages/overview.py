"""Puts both models on one page, their losses against the published ones: reports/ -> reports/overview.png."""

import io

import pandas as pd
from PIL import Image

from src import figures
from stages.common import lock, run


def main() -> dict[str, bytes]:
    with lock():
        published = pd.read_csv("data/published_losses.csv")
        measured = {name: pd.read_csv(f"reports/{name}/loss.csv")["loss"] for name in ("ae", "vae")}
    curves, pictures = [], {"latent.png": [], "grid.png": [], "interpolation.png": []}
    for name, loss in measured.items():
        losses = {"this run": loss, "published": published[name]}
        figure = figures.loss_curves(losses, f"{name.upper()}: training loss against the tutorial's (latent_dims = 2)")
        curves.append(Image.open(io.BytesIO(figures.png(figure))))
        for picture, row in pictures.items():
            row.append(Image.open(f"reports/{name}/{picture}"))
    return {"reports/overview.png": figures.overview([curves, *pictures.values()], width=580)}


if __name__ == "__main__":
    run(main)
