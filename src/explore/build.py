"""The front door: from models, images and results to the bytes of reports/explorer.html."""

import tomllib
from collections.abc import Callable

from src.explore import content
from src.explore.assemble import assemble
from src.explore.lesson import steps
from src.explore.packing import few_greys
from src.explore.page_model import PROBES, PageModel
from src.latent.colours import ON_DARK, ON_LIGHT


def build_page(
    read: Callable[[str], str],
    models: list[PageModel],
    *,
    dataset: str,
    classes: list[str],
    parameters: dict[str, str],
    seed: int,
) -> bytes:
    """The page of models that share their images, from its sources, which `read` gives by name."""
    images, facts_of_models = models[0].images, []
    arrays = {
        "train-images": few_greys(images.train),
        "train-labels": images.train_labels,
        "test-images": few_greys(images.test),
        "test-labels": images.test_labels,
    }
    for model in models:
        facts, arrays_of_model = content.of_model(model)
        facts_of_models.append(facts)
        arrays |= {f"{model.name}-{key}": array for key, array in arrays_of_model.items()}
    facts = {
        "dataset": dataset,
        "classes": classes,
        "parameters": parameters,
        "seed": seed % 2**32,  # as many bits as the page's generator takes
        "probes": PROBES,
        "colours": {"light": ON_LIGHT, "dark": ON_DARK},
        "models": facts_of_models,
        "steps": steps(models, classes, tomllib.loads(read("course.toml"))),
    }
    return assemble(read, facts, arrays)
