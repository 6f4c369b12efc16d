"""Draws the pictures of each model into reports/NAME, and one overview of all models."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from torch import Tensor

from src.base.errors import UserError
from src.base.seeding import generator
from src.data import idx, sets
from src.data.sets import DataSet
from src.history.film import Film, load_film
from src.history.loss_table import read_losses
from src.latent import geometry
from src.latent.codes import Codes, load_codes
from src.machine import devices
from src.models.coding import decode
from src.models.networks import Model
from src.models.registry import MODELS, load_model
from src.render import figures
from stages.guard import Inputs, read_tracked

if TYPE_CHECKING:
    from src.preflight.schema import Render

SAMPLES = 100
TRAVERSAL_ROWS = 10
TRAVERSAL_STEPS = 11
OVERVIEW = ("latent.png", "grid.png", "interpolation.png")  # below the losses


class Trained(NamedTuple):
    """A trained model, its codes, and the words that its pictures need."""

    model: Model
    codes: Codes
    classes: list[str]
    title: str  # how the title of each picture begins

    @property
    def kind_of_codes(self) -> str:
        return "codes" if self.model.prior_std is None else "posterior means"


def main(inputs: Inputs) -> dict[str, bytes]:
    params = inputs.params
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    device = devices.use(params.render.device, params.threads, inputs.kind)
    test_images, _ = idx.load(f"data/{params.dataset}/raw", "test")
    outputs: dict[str, bytes] = {}
    columns = []
    for name in MODELS:
        model = load_model(f"data/models/{name}.pt", device)
        codes = load_codes(f"data/latents/{name}.npz")
        title = f"{MODELS[name].title} on {params.dataset}"
        losses = _losses(name, data_set, f"{title}: training loss")
        title += f", latent_dims = {codes.latent_dims}"
        trained = Trained(model, codes, data_set.classes, title)
        pictures = {
            **_plane(trained, getattr(params.render.grid_range, name), params.render),
            "reconstructions.png": _reconstructions(trained, test_images),
            "samples.png": _samples(trained, params.seed),
            "traversal.png": _traversal(trained),
            "training.gif": _training(trained, load_film(f"data/training/{name}.npz")),
            **_interpolation(trained, params.render),
        }
        columns.append([losses, *(pictures[file] for file in OVERVIEW)])
        outputs |= {f"reports/{name}/{file}": picture for file, picture in pictures.items()}
    return {**outputs, "reports/overview.png": figures.overview(columns)}


def _losses(name: str, data_set: DataSet, title: str) -> bytes:
    """The training loss, beside that of the tutorial's translator, if there is one."""
    path = f"reports/{name}/loss.csv"
    curves = {"this run": read_losses(path, read_tracked(path), "loss")}
    if name in data_set.published:
        curves["the translator's run"] = np.array(data_set.published[name])
        title += "\nagainst that of the tutorial's translator (latent_dims = 2)"
    return figures.png(figures.loss_curves(curves, title))


def _plane(trained: Trained, grid_range: list[float] | str, render: "Render") -> dict[str, bytes]:
    """Where the codes lie in latent space, and what the model decodes there."""
    model, codes, classes, title = trained
    plane = geometry.plane_of(codes.train)
    points = plane.project(codes.train[: render.scatter_images])
    labels = codes.train_labels[: render.scatter_images]
    # A range in params.yaml is one of two latent dimensions, which are drawn as they are.
    span = geometry.grid_span(points, grid_range if codes.latent_dims == 2 else "auto")
    scatter_title = (
        f"{title}: {trained.kind_of_codes} of {len(points):,} training images\n"
        f"in {plane.title}; dashed: what grid.png shows"
    )
    scatter = figures.latent_scatter(points, labels, classes, plane.names, span, scatter_title)
    images = decode(model, plane.lift(geometry.grid(span, render.grid_tiles)))
    grid_title = f"{title}: images decoded on a grid\nin {plane.title}"
    grid = figures.decoded_grid(images, plane.names, span, grid_title)
    return {"latent.png": figures.png(scatter), "grid.png": figures.png(grid)}


def _reconstructions(trained: Trained, test_images: Tensor) -> bytes:
    """The first test image of each class, and its reconstruction."""
    model, codes, _, title = trained
    first = list(geometry.first_of_each_class(codes.test_labels).values())
    images = test_images[first].numpy() / np.float32(255)
    decoded = decode(model, codes.test[first])
    return figures.png(figures.reconstructions(images, decoded, f"{title}: test images"))


def _samples(trained: Trained, seed: int) -> bytes:
    """Images decoded from the prior, or from a Gaussian like the codes if there is no prior."""
    model, codes, _, title = trained
    z = geometry.draw(codes.train, SAMPLES, model.prior_std, generator(seed, "samples"))
    source = "a Gaussian fitted to the codes"
    if model.prior_std is not None:
        source = f"the prior, standard deviation {model.prior_std:.4g}"
    return figures.png(figures.samples(decode(model, z), f"{title}: samples from {source}"))


def _traversal(trained: Trained) -> bytes:
    """What each dimension changes while the others stay at their mean."""
    model, codes, _, title = trained
    dims, points = geometry.sweeps(codes.train, TRAVERSAL_ROWS, TRAVERSAL_STEPS)
    images = decode(model, points.reshape(-1, points.shape[2]))
    images = images.reshape(len(dims), TRAVERSAL_STEPS, 28, 28)
    names = [f"z{dim + 1}" for dim in dims]
    return figures.png(figures.traversal(images, names, f"{title}: one dimension varied at a time"))


def _training(trained: Trained, film: Film) -> bytes:
    """How the codes find their places, in the plane in which the final codes are drawn."""
    codes = trained.codes
    plane = geometry.plane_of(codes.train)
    shown = f"{trained.kind_of_codes} of {len(film.images):,} training images"
    return figures.training_film(
        plane.project(film.codes),
        codes.train_labels[film.images],
        trained.classes,
        plane.names,
        [f"epoch {epochs} of {film.epochs[-1]}" for epochs in film.epochs],
        f"{trained.title}:\n{shown}",
    )


def _interpolation(trained: Trained, render: "Render") -> dict[str, bytes]:
    """The straight line from the code of one class to that of another: a picture, an animation."""
    model, codes, classes, title = trained
    first = geometry.first_of_each_class(codes.test_labels)
    labels = render.interpolation_classes
    if missing := set(labels) - set(first):
        raise UserError(
            f"params.yaml: render.interpolation_classes is {labels}, but no test image has the "
            f"class {min(missing)}; allowed are {', '.join(map(str, first))}"
        )
    start, end = (codes.test[first[label]] for label in labels)
    images = decode(model, geometry.line(start, end, render.interpolation_steps))
    names = [classes[label] for label in labels]
    line = figures.interpolation(images, names, f"{title}: a straight line between two codes")
    frames = decode(model, geometry.line(start, end, render.gif_steps))
    return {"interpolation.png": figures.png(line), "interpolation.gif": figures.gif(frames)}
