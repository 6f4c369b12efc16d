"""Puts data, models and results into one page to play with -> reports/explorer.html."""

import json
from typing import Any

import numpy as np

from src.base import devices
from src.base.colours import ON_DARK, ON_LIGHT
from src.base.errors import unlike_committed
from src.data import idx, sets
from src.data.sets import DataSet
from src.explore import assemble, content
from src.explore.tries import subject_of, tries
from src.latent.codes import load_codes
from src.models.loss_table import read_losses
from src.models.registry import MODELS, load_model
from stages.guard import Parameters, read_tracked, run


def main(params: Parameters) -> dict[str, bytes]:
    # For NumPy's threads; nothing here needs a GPU.
    devices.use("cpu", params.threads, params.arithmetic)
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    images = _images(f"data/{params.dataset}/raw", params.render.scatter_images)
    arrays = content.of_images(images)
    models, subjects = [], []
    for name, kind in MODELS.items():
        model, codes = load_model(f"data/models/{name}.pt"), load_codes(f"data/latents/{name}.npz")
        facts, own_arrays = content.of_model(model, codes, images)
        models.append({"name": name, "title": kind.title, **facts, **_results(name, data_set)})
        arrays |= {f"{name}-{key}": array for key, array in own_arrays.items()}
        is_live = "mosaic" not in facts
        subject = subject_of(name, kind.title, model, codes, len(images.train), is_live)
        subjects.append(subject)
    facts = {
        "dataset": params.dataset,
        "classes": data_set.classes,
        # As text: JavaScript rounds large numbers.
        "parameters": {name: str(value) for name, value in _flat(params).items()},
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
        greys = (255 * images[:count].squeeze(1).numpy()).round().astype(np.uint8)
        parts += [greys, labels[:count]]
    return content.Images(*parts)


def _results(name: str, data_set: DataSet) -> dict[str, Any]:
    """The metrics of a model, and its training loss beside the published one, if there is any."""
    metrics, losses = f"reports/{name}/metrics.json", f"reports/{name}/loss.csv"
    try:
        found = json.loads(read_tracked(metrics))
    except ValueError:
        raise unlike_committed(metrics, "no metrics in JSON") from None
    return {
        "metrics": found,
        "losses": read_losses(losses, read_tracked(losses), "loss").tolist(),
        "published": data_set.published.get(name),
    }


def _flat(params: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """The parameters with dots in their names instead of sections."""
    found: dict[str, Any] = {}
    for key, value in params.items():
        found |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return found


if __name__ == "__main__":
    run(main)
