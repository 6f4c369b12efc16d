"""The course: questions about the models at hand, each with the state of the page that answers it.

page/course.toml has the words. Of a step's sentences only those are taken that hold for this run's
own numbers.
"""

from itertools import combinations
from string import Template
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn import functional as F

from src.explore.near import nearest
from src.explore.packing import GREYS, levels
from src.explore.page_model import PageModel
from src.latent.geometry import line, sample_prior
from src.models.losses import kl_divergence

SOME = 1_000  # of the first images, among which one is looked for that shows a thing well
NEIGHBOURS = 5
ASKED = 3_000  # codes that are asked for their neighbours
DRAWS = 500
PATH_POINTS = 21  # points of a path at which the nearest code is looked for
TOUCHING = 0.05  # of a class' neighbours that are of another one: less is chance


class Draft(NamedTuple):
    """A step by its name in the words: its numbers, and which of its other sentences hold."""

    name: str
    values: dict[str, Any]
    holds: list[str]
    act: str = "act"


def steps(
    models: list[PageModel], classes: list[str], words: dict[str, dict[str, str]]
) -> list[dict[str, str]]:
    """The steps that apply to the models, in the order of the course.

    They are about the first model without a prior, `ae`, and the first with one, `vae`.
    """
    ae = next((model for model in models if not model.has_prior), None)
    vae = next((model for model in models if model.has_prior), None)
    of_both = [model for model in (ae, vae) if model]
    live = vae if vae and vae.weights else None  # whose posterior the page computes
    is_trainable = bool(vae and vae.is_trainable)
    drafts = [
        _compress(of_both) if of_both else None,
        _left_open(of_both, classes) if ae and len(ae.middles) > 1 else None,
        *(_one_image(live) if live else []),
        _pull(ae, vae) if ae and vae else None,
        *([Draft("beta-0", {}, []), Draft("beta-40", {}, [])] if is_trainable else []),
        _sampling(of_both) if vae else None,
        _blur(live) if live else None,
        _touching(of_both, classes) if of_both else None,
        _dimensions(live) if live else None,
    ]
    titles = {"ae": ae.title if ae else "", "vae": vae.title if vae else ""}
    return [_step(words[draft.name], draft, titles) for draft in drafts if draft]


def _step(words: dict[str, str], draft: Draft, titles: dict[str, str]) -> dict[str, str]:
    """A step as the page has it; its sentence is about the whole state, if not said otherwise."""

    def filled(key: str, default: str = "") -> str:
        return Template(words.get(key, default)).substitute(titles | draft.values)

    state = filled("state")
    fields = [field.split("=")[0] for field in state.split("&") if field]
    return {
        "name": draft.name,
        "question": filled("question"),
        "act": filled(draft.act),
        "see": " ".join(filled(key) for key in ("see", *draft.holds)),
        "state": state,
        "near": filled("near", "models"),
        "about": words.get("about", ",".join([*fields, "trained"])),
    }


def _compress(models: list[PageModel]) -> Draft:
    metrics = {model.title: model.results.metrics for model in models}
    errors = {name: 784 * each["test_mse"] for name, each in metrics.items() if "test_mse" in each}
    votes = {
        name: 100 * each["knn_accuracy"] for name, each in metrics.items() if "knn_accuracy" in each
    }
    values = {
        "dims": models[0].codes.latent_dims,
        "errors": _listed(errors, "{:.1f}"),
        "votes": _listed(votes, "{:.0f} %"),
    }
    holds = [name for name, known in (("vote", votes), ("errors", errors)) if known]
    pca = models[0].results.metrics.get("pca_test_mse")
    if not errors or pca is None:
        return Draft("compress", values, holds)
    least, most = min(errors.values()), max(errors.values())
    compared = "worse" if 784 * pca > most else "better" if 784 * pca < least else "between them"
    values |= {"pca": f"{784 * pca:.1f}", "compared": compared}
    return Draft("compress", values, [*holds, "pca"])


def _left_open(models: list[PageModel], classes: list[str]) -> Draft:
    """What the loss of the first, an AE, does not ask for; gaps are in usual distances."""
    ae, *others = models
    (start, end), gap = _widest_gap(ae)
    is_wide = gap > ae.spacing["most"] / (ae.spacing["usual"] or 1)
    values = {
        "spans": _listed({model.title: _span(model) for model in models}, "{:.3g}"),
        "gaps": _listed({model.title: _gap(model, (start, end)) for model in models}, "{:.1f}"),
        "start": start,
        "end": end,
        "from": classes[start],
        "to": classes[end],
    }
    widest = 0.0
    for vae in others:
        (first, last), widest = _widest_gap(vae)
        values |= {"vae_gap": f"{widest:.1f}", "vae_from": classes[first], "vae_to": classes[last]}
    verdict = "none" if not is_wide else "hole" if gap > 1.5 * widest else "small"
    return Draft("open", values, [*(["other"] if others else []), verdict])


def _one_image(vae: PageModel) -> list[Draft]:
    """Noise, sigma, the chain from x to z, the loss: with the image of the widest posterior."""
    mu, log_sigma, kl = _posteriors(vae)
    width = log_sigma.mean(1)
    number, narrow = int(width.argmax()), int(width.argmin())
    sigma = np.exp(log_sigma)
    where = vae.plane.project(mu[number : number + 1])[0]
    crowded = _rank_correlation(width, nearest(vae.along[: len(width)], vae.along, 2)[1][:, 1])
    values = {
        "name": vae.name,
        "some": f"{len(width):,}",
        "number": number,
        "narrow": narrow,
        "widest": _values(sigma[number]),
        "narrowest": _values(sigma[narrow]),
        "view": ",".join(f"{value:.3f}" for value in (*where, 9 * sigma[number].max())),
    }
    noise, chain = Draft("noise", values, []), Draft("chain", values, [])
    spread = Draft("sigma", values, ["crowded"] if crowded > 0.3 else [])
    if not vae.is_trainable:
        return [spread, chain]
    beta, error, cost = vae.network.beta, float(_errors(vae)[number]), float(kl[number])
    loss = {
        "error": f"{_error_name(vae)} {error:.1f}",
        "weight": "" if beta == 1 else f"{beta:g} \u00d7 ",
        "kl": f"{cost:.1f}",
        "sum": f"{round(error, 1) + beta * round(cost, 1):.1f}",  # of the terms as they are read
        "prior": f"{vae.network.prior_std:.3g}",
        "least": f"{kl.min():.1f}",
        "most": f"{kl.max():.1f}",
    }
    return [noise, spread, chain, Draft("loss", values | loss, ["elbo"] if beta == 1 else [])]


def _pull(ae: PageModel, vae: PageModel) -> Draft:
    wide, narrow, prior = _span(ae), _span(vae), vae.network.prior_std or 1
    values = {
        "prior": f"{prior:.3g}",
        "ae_span": f"{wide:.3g}",
        "vae_span": f"{narrow:.3g}",
    }
    tutorial = ["tutorial"] if abs(prior**2 - 0.5) < 1e-6 else []
    return Draft("pull", values, [*tutorial, "pulled" if wide > 1.5 * narrow else "alike"])


def _sampling(models: list[PageModel]) -> Draft:
    """Draws from the prior; and from what stands in for one."""
    shares = {model.title: _far_draws(model) for model in models}
    values = {"far": _listed(shares, "{:.0f} %")}
    if len(models) == 1:
        return Draft("sampling", values, ["far"])
    own, prior = shares.values()
    return Draft("sampling", values, ["fitted", "far", "fewer" if prior < own else "more"])


def _blur(vae: PageModel) -> Draft:
    """The image with the greyest pixels after the model with a prior."""
    pixels = _decoded(vae).numpy()
    number = int((pixels * (1 - pixels)).sum(1).argmax())
    return Draft("blur", {"some": f"{len(pixels):,}", "number": number}, [])


def _touching(models: list[PageModel], classes: list[str]) -> Draft | None:
    """The two classes that are each other's neighbours most often."""
    mixed = {model.title: _neighbour_shares(model, len(classes)) for model in models}
    shares = mixed[models[-1].title]
    first, second = map(int, np.unravel_index(int(shares.argmax()), shares.shape))
    if shares[first, second] < TOUCHING:
        return None
    values = {
        "names": f"{_plural(classes[first])} and {_plural(classes[second])}",
        "shares": _listed(
            {name: 100 * of[first, second] for name, of in mixed.items()}, "{:.0f} %"
        ),
        "model": models[-1].title,
        "first": first,
        "second": second,
    }
    return Draft("touch", values, [])


def _dimensions(vae: PageModel) -> Draft | None:
    metrics, dims = vae.results.metrics, vae.codes.latent_dims
    kl, active = metrics.get("test_kl"), metrics.get("active_units")
    if kl is None or active is None:
        return None
    values = {"dims": dims, "kl": f"{kl:.1f}", "active": f"{active:.0f}"}
    holds = ["all" if active == dims else "some"]
    return Draft("dimensions", values, holds, "act" if dims <= 2 else "act_many")


def _widest_gap(model: PageModel) -> tuple[tuple[int, int], float]:
    """The two classes with the widest gap on the straight way between their middles; the gap."""
    gaps = {pair: _gap(model, pair) for pair in combinations(model.middles, 2)}
    pair = max(gaps, key=lambda each: gaps[each])
    return pair, gaps[pair]


def _gap(model: PageModel, pair: tuple[int, int]) -> float:
    """How far the straight way between the middles of two classes leads from any code, at most.

    In usual distances between neighbouring codes: the units of two models cannot be compared.
    """
    start, end = (model.along[model.middles[label]] for label in pair)
    farthest = _distances(line(start, end, PATH_POINTS), model.along).max()
    return float(farthest / (model.spacing["usual"] or 1))


def _far_draws(model: PageModel) -> float:
    """The percentage of draws farther from any code than 99.5 % of codes from their neighbour."""
    generator = torch.Generator().manual_seed(0)
    prior_std = model.network.prior_std
    if prior_std is not None:
        draws = sample_prior(DRAWS, model.axes.mean.size, prior_std, generator)
        draws = model.axes.project(draws)
    else:
        noise = torch.randn(DRAWS, model.axes.stds.size, generator=generator).numpy()
        draws = noise * model.axes.stds
    return 100 * float((_distances(draws, model.along) > model.spacing["most"]).mean())


def _neighbour_shares(model: PageModel, classes: int) -> np.ndarray:
    """The share of a class among the codes nearest to another's, both ways; above the diagonal."""
    numbers, _ = nearest(model.along[:ASKED], model.along, NEIGHBOURS + 1)
    labels = model.images.train_labels
    counts = np.zeros((classes, classes))
    # The first of them is the code itself.
    own = np.repeat(labels[: len(numbers)], numbers.shape[1] - 1)
    np.add.at(counts, (own, labels[numbers[:, 1:]].ravel()), 1)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    return np.triu(shares + shares.T, 1) / 2


@torch.no_grad()
def _posteriors(vae: PageModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of the first images as the page shows them: mean, log sigma (n, dims), KL divergence (n,)."""
    log_sigma = vae.network.encoder(_inputs(vae))[1]
    mu = torch.from_numpy(vae.shown[:SOME])
    kl = kl_divergence(mu, log_sigma, vae.network.prior_std or 1).sum(1)
    return mu.numpy(), log_sigma.numpy(), kl.numpy()


@torch.no_grad()
def _errors(model: PageModel) -> np.ndarray:
    """The reconstruction loss of the first images, as the page computes it: (n,)."""
    loss = F.binary_cross_entropy if _error_name(model) == "Cross-entropy" else F.mse_loss
    return loss(_decoded(model), _inputs(model).flatten(1), reduction="none").sum(1).numpy()


@torch.no_grad()
def _decoded(model: PageModel) -> torch.Tensor:
    """What the model makes of the first images: pixels (n, 784)."""
    return model.network.decoder(torch.from_numpy(model.shown[:SOME])).flatten(1)


def _error_name(model: PageModel) -> str:
    """How the page measures reconstructions: of a loss that it does not know, nothing is said."""
    is_bce = model.is_trainable and model.network.reconstruction_loss.name == "bce"
    return "Cross-entropy" if is_bce else "Squared error"


def _inputs(model: PageModel) -> torch.Tensor:
    """The first images in few greys, as the page has them: (n, 1, 28, 28)."""
    return torch.from_numpy(levels(model.images.train[:SOME]) / np.float32(GREYS - 1))[:, None]


def _rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's rank correlation of two rows of numbers."""
    ranks = [np.argsort(np.argsort(each, kind="stable"), kind="stable") for each in (a, b)]
    return float(np.asarray(np.corrcoef(np.stack(ranks)))[0, 1])


def _span(model: PageModel) -> float:
    """How far the codes shown spread on the plane, in its longer direction."""
    return float(np.ptp(model.points, axis=0).max())


def _distances(places: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How far the nearest of the codes (n, k) is from each of the places (m, k): (m,)."""
    return nearest(places, codes, 1)[1][:, 0]


def _listed(values: dict[str, float], form: str) -> str:
    """'31.5 (AE), 31.9 (VAE)'."""
    return ", ".join(f"{form.format(value)} ({name})" for name, value in values.items())


def _plural(name: str) -> str:
    """A class in a sentence: '4s'; names longer than a digit in quotes."""
    return f"images of \u201c{name}\u201d" if len(name) > 1 else f"{name}s"


def _values(sigma: np.ndarray) -> str:
    """The first numbers of a standard deviation, as the page writes them."""
    more = " and more" if len(sigma) > 4 else ""
    return ", ".join(f"{value:.2g}" for value in sigma[:4]) + more
