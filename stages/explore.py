"""Puts data, models and results into one page to look at and to play with -> reports/explorer.html."""

import json

from src.base import devices
from src.base.errors import unlike_committed
from src.data import idx, sets
from src.data.sets import DataSet
from src.explore import assemble, content
from src.latent.codes import load_codes
from src.models.loss_table import read_losses
from src.models.registry import MODELS, load_model
from stages.guard import read_tracked, run
from stages.records import Parameters


def main(params: Parameters) -> dict[str, bytes]:
    devices.use(
        "cpu", params.threads, params.environment.arithmetic
    )  # for NumPy's threads; nothing here needs a GPU
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    models, arrays = [], _images(f"data/{params.dataset}/raw", params.render.scatter_images)
    for name, kind in MODELS.items():
        model, codes = load_model(f"data/models/{name}.pt"), load_codes(f"data/latents/{name}.npz")
        facts, own = content.of_model(model, codes, params.render.scatter_images)
        models.append({"name": name, "title": kind.title, **facts, **_results(name, data_set)})
        arrays |= {f"{name}-{key}": array for key, array in own.items()}
    facts = {
        "dataset": params.dataset,
        "classes": data_set.classes,
        "parameters": {
            name: str(value) for name, value in _flat(params).items()
        },  # JavaScript rounds large numbers
        "seed": params.seed % 2**32,  # as many bits as the page's generator takes
        "probes": content.PROBES,
        "models": models,
    }
    return {"reports/explorer.html": assemble.assemble(_source, facts, arrays)}


def _source(name: str) -> str:
    """A file of the page's sources."""
    return read_tracked(f"{assemble.FOLDER}/{name}").decode()


def _images(raw: str, shown: int) -> content.Arrays:
    """The first `shown` training images and all test images, with their labels."""
    (train, train_labels), (test, test_labels) = idx.load(raw, "train"), idx.load(raw, "test")
    greys = [(255 * images.squeeze(1).numpy()).round() for images in (train[:shown], test)]
    return content.of_images(greys[0], train_labels[:shown], greys[1], test_labels)


def _results(name: str, data_set: DataSet) -> dict:
    """The metrics of a model, and the training loss of its epochs beside the published one, if there is any."""
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


def _flat(params: Parameters, prefix: str = "") -> dict:
    """The parameters with dots in their names instead of sections."""
    found = {}
    for key, value in params.items():
        found |= (
            _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        )
    return found


if __name__ == "__main__":
    run(main)
