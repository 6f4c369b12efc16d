"""Draws the pictures of one model: data/models, data/latents, data/MNIST/raw -> reports/NAME and data/overview."""

import numpy as np
from torch import nn

from src.base import devices
from src.base.seeding import generator
from src.data import mnist
from src.drawing import figures, latent
from src.drawing.losses import read_losses
from src.evaluation.codes import Codes, decode, load_codes
from src.models.table import MODELS, Kind, load_model
from stages.guard import Parameters, read_tracked, run

SAMPLES = 100
TRAVERSAL_ROWS, TRAVERSAL_STEPS = 10, 11
OVERVIEW = ("latent.png", "grid.png", "interpolation.png")  # below the losses


def main(params: Parameters, name: str) -> dict[str, bytes]:
    kind = MODELS[name]
    model = load_model(f"data/models/{name}.pt", devices.use(params.render.device, params.threads, params.arithmetic))
    test_images = mnist.load("data/MNIST/raw", "test")[0].squeeze(1).numpy()
    codes = load_codes(f"data/latents/{name}.npz")
    about = f"{kind.title}, latent_dims = {codes.train.shape[1]}"

    drawn = {
        **_plane(model, codes, about, params.render.grid_range[name], params.render),
        **_images(model, codes, test_images, about, params.seed),
        **_line(model, codes, about, params.render),
    }
    column = figures.column([figures.png(_losses(name, kind)), *(drawn[picture] for picture in OVERVIEW)])
    return {**{f"reports/{name}/{file}": png for file, png in drawn.items()}, f"data/overview/{name}.png": column}


def _plane(model: nn.Module, codes: Codes, about: str, wanted: list[float] | str, render: Parameters) -> dict:
    """Where the codes lie in latent space, and what the model decodes there."""
    plane = latent.plane_of(codes.train)
    points = plane.project(codes.train[: render.scatter_images])
    # The tutorial's ranges are those of two latent dimensions drawn as they are.
    span = latent.grid_span(points, wanted if codes.train.shape[1] == 2 else "auto")
    what = "codes" if model.prior_std is None else "posterior means"
    title = f"{about}: {what} of {len(points):,} training images\nin {plane.title}; dashed: what grid.png shows"
    scatter = figures.latent_scatter(points, codes.train_labels[: len(points)], plane.names, span, title)
    images = decode(model, plane.lift(latent.grid(span, render.grid_tiles)))
    grid = figures.decoded_grid(images, plane.names, span, f"{about}: images decoded on a grid\nin {plane.title}")
    return {"latent.png": figures.png(scatter), "grid.png": figures.png(grid)}


def _images(model: nn.Module, codes: Codes, test_images: np.ndarray, about: str, seed: int) -> dict:
    """Reconstructions, samples and what each dimension changes."""
    shown = list(_first_of_each_digit(codes).values())
    decoded = decode(model, codes.test[shown])
    reconstructions = figures.reconstructions(test_images[shown], decoded, f"{about}: test images")

    noise = generator(seed, "samples")
    if model.prior_std is None:
        z, source = latent.sample_gaussian(codes.train, SAMPLES, noise), "a Gaussian fitted to the codes"
    else:
        z = latent.sample_prior(SAMPLES, codes.train.shape[1], model.prior_std, noise)
        source = f"the prior, standard deviation {model.prior_std:.4g}"
    samples = figures.samples(decode(model, z), f"{about}: samples from {source}")

    dims, sweeps = latent.sweeps(codes.train, TRAVERSAL_ROWS, TRAVERSAL_STEPS)
    decoded = decode(model, sweeps.reshape(-1, sweeps.shape[2])).reshape(len(dims), TRAVERSAL_STEPS, 28, 28)
    rows = [f"z{dim + 1}" for dim in dims]
    traversal = figures.traversal(decoded, rows, f"{about}: one dimension varied at a time")
    return {
        "reconstructions.png": figures.png(reconstructions),
        "samples.png": figures.png(samples),
        "traversal.png": figures.png(traversal),
    }


def _line(model: nn.Module, codes: Codes, about: str, render: Parameters) -> dict:
    """The straight line from the code of one digit to that of another, as a picture and as an animation."""
    firsts, digits = _first_of_each_digit(codes), render.interpolation_digits
    ends = [codes.test[firsts[digit]] for digit in digits]
    images = decode(model, latent.line(*ends, render.interpolation_steps))
    picture = figures.interpolation(images, digits, f"{about}: a straight line between two codes")
    frames = decode(model, latent.line(*ends, render.gif_steps))
    return {"interpolation.png": figures.png(picture), "interpolation.gif": figures.gif(frames)}


def _losses(name: str, kind: Kind) -> figures.Figure:
    """The training loss, against the published one if there is any."""
    path, title = f"reports/{name}/loss.csv", f"{kind.title}: training loss"
    curves = {"this run": read_losses(path, read_tracked(path), "loss")}
    if kind.published:
        path = "data/published_losses.csv"
        curves["published"] = read_losses(path, read_tracked(path), kind.published)
        title += " against the tutorial's (latent_dims = 2)"
    return figures.loss_curves(curves, title)


def _first_of_each_digit(codes: Codes) -> dict[int, int]:
    """The first test image of each digit, in the digits' order."""
    return {digit: np.flatnonzero(codes.test_labels == digit)[0] for digit in np.unique(codes.test_labels)}


if __name__ == "__main__":
    run(main)
