"""Draws the pictures of each model into reports/NAME, and the page with the models side by side."""

import numpy as np
from torch import nn

from src.base import devices
from src.base.errors import UserError
from src.base.seeding import generator
from src.data import idx, sets
from src.data.sets import DataSet
from src.latent import geometry
from src.latent.codes import Codes, load_codes
from src.models.coding import decode
from src.models.loss_table import read_losses
from src.models.registry import MODELS, load_model
from src.render import figures
from stages.guard import read_tracked, run
from stages.records import Parameters

SAMPLES = 100
TRAVERSAL_ROWS, TRAVERSAL_STEPS = 10, 11
OVERVIEW = ("latent.png", "grid.png", "interpolation.png")  # below the losses


def main(params: Parameters) -> dict[str, bytes]:
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    device = devices.use(params.render.device, params.threads, params.environment.arithmetic)
    test_images = idx.load(f"data/{params.dataset}/raw", "test")[0].squeeze(1).numpy()
    outputs, columns = {}, []
    for name in MODELS:
        title = f"{MODELS[name].title} on {params.dataset}"
        model, codes = (
            load_model(f"data/models/{name}.pt", device),
            load_codes(f"data/latents/{name}.npz"),
        )
        about = f"{title}, latent_dims = {codes.train.shape[1]}"
        drawn = {
            **_plane(
                model, codes, data_set.classes, about, params.render.grid_range[name], params.render
            ),
            **_images(model, codes, test_images, about, params.seed),
            **_line(model, codes, data_set.classes, about, params.render),
        }
        losses = _losses(name, data_set, f"{title}: training loss")
        columns.append([figures.png(losses), *(drawn[picture] for picture in OVERVIEW)])
        outputs |= {f"reports/{name}/{file}": content for file, content in drawn.items()}
    return {**outputs, "reports/overview.png": figures.overview(columns)}


def _plane(
    model: nn.Module,
    codes: Codes,
    classes: list[str],
    about: str,
    wanted: list[float] | str,
    render: Parameters,
) -> dict:
    """Where the codes lie in latent space, and what the model decodes there."""
    plane = geometry.plane_of(codes.train)
    points = plane.project(codes.train[: render.scatter_images])
    # The tutorial's ranges are those of two latent dimensions drawn as they are.
    span = geometry.grid_span(points, wanted if codes.train.shape[1] == 2 else "auto")
    what = "codes" if model.prior_std is None else "posterior means"
    title = f"{about}: {what} of {len(points):,} training images\nin {plane.title}; dashed: what grid.png shows"
    scatter = figures.latent_scatter(
        points, codes.train_labels[: len(points)], classes, plane.names, span, title
    )
    images = decode(model, plane.lift(geometry.grid(span, render.grid_tiles)))
    grid = figures.decoded_grid(
        images, plane.names, span, f"{about}: images decoded on a grid\nin {plane.title}"
    )
    return {"latent.png": figures.png(scatter), "grid.png": figures.png(grid)}


def _images(model: nn.Module, codes: Codes, test_images: np.ndarray, about: str, seed: int) -> dict:
    """Reconstructions, samples and what each dimension changes."""
    shown = list(geometry.first_of_each_class(codes.test_labels).values())
    decoded = decode(model, codes.test[shown])
    reconstructions = figures.reconstructions(test_images[shown], decoded, f"{about}: test images")

    noise = generator(seed, "samples")
    if model.prior_std is None:
        z, source = (
            geometry.sample_gaussian(codes.train, SAMPLES, noise),
            "a Gaussian fitted to the codes",
        )
    else:
        z = geometry.sample_prior(SAMPLES, codes.train.shape[1], model.prior_std, noise)
        source = f"the prior, standard deviation {model.prior_std:.4g}"
    samples = figures.samples(decode(model, z), f"{about}: samples from {source}")

    dims, sweeps = geometry.sweeps(codes.train, TRAVERSAL_ROWS, TRAVERSAL_STEPS)
    decoded = decode(model, sweeps.reshape(-1, sweeps.shape[2])).reshape(
        len(dims), TRAVERSAL_STEPS, 28, 28
    )
    rows = [f"z{dim + 1}" for dim in dims]
    traversal = figures.traversal(decoded, rows, f"{about}: one dimension varied at a time")
    return {
        "reconstructions.png": figures.png(reconstructions),
        "samples.png": figures.png(samples),
        "traversal.png": figures.png(traversal),
    }


def _line(
    model: nn.Module, codes: Codes, classes: list[str], about: str, render: Parameters
) -> dict:
    """The straight line from the code of one class to that of another, as a picture and as an animation."""
    firsts, labels = geometry.first_of_each_class(codes.test_labels), render.interpolation_classes
    if missing := set(labels) - set(firsts):
        raise UserError(
            f"params.yaml: render.interpolation_classes is {labels}, but no test image has the class {min(missing)}; "
            f"allowed are {', '.join(map(str, firsts))}"
        )
    ends = [codes.test[firsts[label]] for label in labels]
    steps = decode(model, geometry.line(*ends, render.interpolation_steps))
    picture = figures.interpolation(
        steps, [classes[label] for label in labels], f"{about}: a straight line between two codes"
    )
    frames = decode(model, geometry.line(*ends, render.gif_steps))
    return {"interpolation.png": figures.png(picture), "interpolation.gif": figures.gif(frames)}


def _losses(name: str, data_set: DataSet, title: str) -> figures.Figure:
    """The training loss, against the published one if there is any."""
    path = f"reports/{name}/loss.csv"
    curves = {"this run": read_losses(path, read_tracked(path), "loss")}
    if name in data_set.published:
        curves["published"] = np.array(data_set.published[name])
        title += " against the tutorial's (latent_dims = 2)"
    return figures.loss_curves(curves, title)


if __name__ == "__main__":
    run(main)
