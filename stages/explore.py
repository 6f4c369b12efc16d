"""Puts data, models and results into one interactive page -> reports/explorer.html."""

import json
from typing import Any

from src.base.errors import damaged_in_git
from src.data import idx, sets
from src.data.sets import DataSet
from src.explore.assemble import FOLDER
from src.explore.build import build_page
from src.explore.page_model import Images, PageModel, Results
from src.history.film import load_film
from src.history.loss_table import read_losses
from src.latent.codes import load_codes
from src.machine import devices
from src.models.networks import Model
from src.models.registry import MODELS, load_model
from stages.guard import Inputs, read_tracked

TEST_IMAGES = 1_000  # that the page holds


def main(inputs: Inputs) -> dict[str, bytes]:
    params = inputs.params
    devices.use("cpu", params.threads, inputs.kind)  # nothing here needs a GPU
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    images = _images(f"data/{params.dataset}/raw", params.render.scatter_images)
    models = [
        PageModel(
            name,
            kind.title,
            network_of(name, inputs),
            load_codes(f"data/latents/{name}.npz"),
            images,
            load_film(f"data/training/{name}.npz"),
            _results(name, data_set),
        )
        for name, kind in MODELS.items()
    ]
    deciding = {name: value for name, value in inputs.values.items() if name != "threads"}
    page = build_page(
        lambda name: read_tracked(f"{FOLDER}/{name}").decode(),
        models,
        dataset=params.dataset,
        classes=data_set.classes,
        parameters={**_parameters(deciding), "arithmetic": inputs.kind},
        seed=params.seed,
    )
    return {"reports/explorer.html": page}


def network_of(name: str, inputs: Inputs) -> Model:
    """The model with the settings of its loss, with which the page trains it further."""
    section = inputs.values.get(f"train_{name}", {})
    loss = {key: section[key] for key in ("kl", "beta") if key in section}
    reconstruction_loss = inputs.params.reconstruction_loss
    return load_model(f"data/models/{name}.pt", reconstruction_loss=reconstruction_loss, **loss)


def _images(raw: str, shown: int) -> Images:
    """The first `shown` training images, the first test images, and their labels."""
    parts = []
    for split, count in (("train", shown), ("test", TEST_IMAGES)):
        images, labels = idx.load(raw, split)
        parts += [images[:count].numpy(), labels[:count]]
    return Images(*parts)


def _results(name: str, data_set: DataSet) -> Results:
    """The metrics of a model; its training loss, and that of the tutorial's translator, if any."""
    metrics_path = f"reports/{name}/metrics.json"
    losses_path = f"reports/{name}/loss.csv"
    try:
        metrics = json.loads(read_tracked(metrics_path))
    except ValueError:
        raise damaged_in_git(metrics_path, "no metrics in JSON") from None
    losses = read_losses(losses_path, read_tracked(losses_path), "loss").tolist()
    return Results(metrics, losses, data_set.published.get(name))


def _parameters(params: dict[str, Any], section: str = "") -> dict[str, str]:
    """The parameters as text, as JavaScript rounds large numbers; with dots for sections."""
    texts: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            texts |= _parameters(value, f"{section}{name}.")
        else:
            texts[section + name] = str(value)
    return texts
