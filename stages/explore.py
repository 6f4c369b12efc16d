"""Puts data, models and results into one interactive page -> reports/explorer.html."""

import json
from typing import Any

from src.base.errors import damaged_in_git
from src.data import idx, sets
from src.data.sets import DataSet
from src.explore import assemble, content
from src.explore.tries import subject_of, tries
from src.history.film import load_film
from src.history.loss_table import read_losses
from src.latent.codes import load_codes
from src.latent.colours import ON_DARK, ON_LIGHT
from src.machine import devices
from src.models.registry import MODELS, load_model
from stages.guard import Inputs, read_tracked


def main(inputs: Inputs) -> dict[str, bytes]:
    params = inputs.params
    # For NumPy's threads; nothing here needs a GPU.
    devices.use("cpu", params.threads, inputs.arithmetic)
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    images = _images(f"data/{params.dataset}/raw", params.render.scatter_images)
    arrays = content.of_images(images)
    models, subjects = [], []
    for name, kind in MODELS.items():
        model, codes = load_model(f"data/models/{name}.pt"), load_codes(f"data/latents/{name}.npz")
        facts, own_arrays = content.of_model(model, codes, images)
        film, frames = content.of_film(load_film(f"data/training/{name}.npz"), codes)
        results = _results(name, data_set)
        models.append({"name": name, "title": kind.title, **facts, **film, **results})
        arrays |= {f"{name}-{key}": array for key, array in (own_arrays | frames).items()}
        is_live = "mosaic" not in facts
        subject = subject_of(name, kind.title, model, codes, len(images.train), is_live)
        subjects.append(subject)
    facts = {
        "dataset": params.dataset,
        "classes": data_set.classes,
        "parameters": {**_parameters(inputs.values), "arithmetic": inputs.arithmetic},
        "seed": params.seed % 2**32,  # as many bits as the page's generator takes
        "probes": content.PROBES,
        "colours": {"light": ON_LIGHT, "dark": ON_DARK},
        "models": models,
        "tries": tries(subjects, images, data_set.classes),
    }
    return {"reports/explorer.html": assemble.assemble(_source, facts, arrays)}


def _source(name: str) -> str:
    """A file of the page's sources."""
    return read_tracked(f"{assemble.FOLDER}/{name}").decode()


def _images(raw: str, shown: int) -> content.Images:
    """The first `shown` training images, the first test images, and their labels."""
    parts = []
    for split, count in (("train", shown), ("test", content.TAKEN)):
        images, labels = idx.load(raw, split)
        parts += [images[:count].numpy(), labels[:count]]
    return content.Images(*parts)


def _results(name: str, data_set: DataSet) -> dict[str, Any]:
    """The metrics of a model, and its training loss beside the published one, if there is any."""
    metrics_path = f"reports/{name}/metrics.json"
    losses_path = f"reports/{name}/loss.csv"
    try:
        metrics = json.loads(read_tracked(metrics_path))
    except ValueError:
        raise damaged_in_git(metrics_path, "no metrics in JSON") from None
    return {
        "metrics": metrics,
        "losses": read_losses(losses_path, read_tracked(losses_path), "loss").tolist(),
        "published": data_set.published.get(name),
    }


def _parameters(params: dict[str, Any], section: str = "") -> dict[str, str]:
    """The parameters as text, as JavaScript rounds large numbers; with dots for sections."""
    texts: dict[str, str] = {}
    for name, value in params.items():
        if isinstance(value, dict):
            texts |= _parameters(value, f"{section}{name}.")
        else:
            texts[section + name] = str(value)
    return texts
