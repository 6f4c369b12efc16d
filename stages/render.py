"""Draws the pictures of one model, `ae` or `vae`: data/models, data/latents, data/MNIST/raw -> reports/MODEL/."""

import numpy as np

from src import devices, figures, latent, mnist
from src.models import load_model
from src.params import read_params
from src.seeding import generator
from stages.common import lock, run

SAMPLES = 100
TRAVERSAL_ROWS, TRAVERSAL_STEPS = 10, 11


def main(name: str) -> dict[str, bytes]:
    with lock():
        params = read_params()
    model = load_model(f"data/models/{name}.pt", devices.use(params.render.device, params.threads))
    test_images = mnist.load("data/MNIST/raw", "test")[0].squeeze(1).numpy()
    codes, labels, test_codes, test_labels = latent.load_codes(f"data/latents/{name}.npz")
    dims = codes.shape[1]
    about = f"{name.upper()}, latent_dims = {dims}"
    drawn = {}

    plane = latent.plane_of(codes)
    points = plane.project(codes[: params.render.scatter_images])
    # The tutorial's ranges are those of two latent dimensions drawn as they are.
    span = latent.grid_span(points, vars(params.render.grid_range)[name] if dims == 2 else "auto")
    kind = "posterior means" if name == "vae" else "codes"
    title = f"{about}: {kind} of {len(points):,} training images\nin {plane.title}; dashed: what grid.png shows"
    drawn["latent.png"] = figures.latent_scatter(points, labels[: len(points)], plane.names, span, title)

    images = latent.decode(model, plane.lift(latent.grid(span, params.render.grid_tiles)))
    title = f"{about}: images decoded on a grid\nin {plane.title}"
    drawn["grid.png"] = figures.decoded_grid(images, plane.names, span, title)

    firsts = {digit: np.flatnonzero(test_labels == digit)[0] for digit in np.unique(test_labels)}
    shown = list(firsts.values())
    images = latent.decode(model, test_codes[shown])
    drawn["reconstructions.png"] = figures.reconstructions(test_images[shown], images, f"{about}: test images")

    noise = generator(params.seed, "samples")
    if name == "vae":
        z = latent.sample_prior(SAMPLES, dims, model.prior_std, noise)
        source = f"the prior, standard deviation {model.prior_std:.4g}"
    else:
        z = latent.sample_gaussian(codes, SAMPLES, noise)
        source = "a Gaussian fitted to the codes"
    drawn["samples.png"] = figures.samples(latent.decode(model, z), f"{about}: samples from {source}")

    digits = params.render.interpolation_digits
    ends = [test_codes[firsts[digit]] for digit in digits]
    images = latent.decode(model, latent.line(*ends, params.render.interpolation_steps))
    title = f"{about}: a straight line between two codes"
    drawn["interpolation.png"] = figures.interpolation(images, digits, title)
    frames = latent.decode(model, latent.line(*ends, params.render.gif_steps))

    swept, sweep = latent.sweeps(codes, TRAVERSAL_ROWS, TRAVERSAL_STEPS)
    images = latent.decode(model, sweep.reshape(-1, dims)).reshape(len(swept), TRAVERSAL_STEPS, 28, 28)
    title = f"{about}: one dimension varied at a time"
    drawn["traversal.png"] = figures.traversal(images, [f"z{dim + 1}" for dim in swept], title)

    files = {picture: figures.png(figure) for picture, figure in drawn.items()}
    files["interpolation.gif"] = figures.gif(frames)
    return {f"reports/{name}/{file}": content for file, content in files.items()}


if __name__ == "__main__":
    run(main)
