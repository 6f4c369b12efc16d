"""'Try this': sentences about the models at hand, each with the state of the page that shows it."""

from itertools import combinations

import numpy as np
import torch

from src.explore.live_weights import codes_of
from src.explore.near import nearest
from src.explore.packing import GREYS, levels
from src.explore.page_model import AXES, PageModel
from src.latent.geometry import line, sample_prior
from src.models.coding import decode

SOME = 1_000  # of the first images, among which one is looked for that shows a thing well
PAIRS = 400  # of codes between which an empty place is looked for
OUTLYING = 25  # one code in so many, the farthest from the mean, is one of such a pair
NEIGHBOURS = 5
DRAWS = 500
PATH_POINTS = 21  # points of a path at which the nearest code is looked for
DIGITS = [str(digit) for digit in range(10)]
# Strokes on the page's paper, in units of WIDTH in page/picture.js: a 4 whose top is nearly closed.
NEARLY_A_NINE = [
    [(118, 62), (98, 92), (92, 124), (108, 144), (140, 146), (172, 132)],
    [(122, 60), (146, 52), (166, 62)],
    [(182, 58), (178, 130), (164, 222)],
]

Suggestion = dict[str, str]  # a title, words, and the state of the page


def suggestions(models: list[PageModel], classes: list[str]) -> list[Suggestion]:
    """Those that apply to the models.

    They compare the first model without a prior with the first that has one.
    """
    ae = next((model for model in models if not model.has_prior), None)
    vae = next((model for model in models if model.has_prior), None)
    candidates = [
        _one_scale(ae, vae) if ae and vae else None,
        _hole(ae, vae) if ae else None,
        _path([model for model in (ae, vae) if model], classes),
        _samples(ae, vae) if vae else None,
        _drawing(classes) if any(model.weights for model in models) else None,
        _two_spaces(ae, vae, classes) if ae and vae else None,
        _blur(ae, vae) if ae and vae and vae.weights else None,
    ]
    return [suggestion for suggestion in candidates if suggestion]


def _one_scale(ae: PageModel, vae: PageModel) -> Suggestion | None:
    (ae_middle, wide), (vae_middle, narrow) = (_frame(each.points) for each in (ae, vae))
    if wide < 1.5 * narrow:
        return None
    views = [
        f"{name}.view={_numbers(middle)},{_number(1.08 * wide)}"
        for name, middle in ((ae.name, ae_middle), (vae.name, vae_middle))
    ]
    return {
        "title": "What the KL term does",
        "words": f"Both planes at one scale. Nothing tells the {ae.title} where to put its "
        f"codes: they spread over {wide:.3g} units. The KL term pulls those of the "
        f"{vae.title} towards 0, until they fill its prior (the rings): {narrow:.2g} units.",
        "state": "&".join(views),
    }


def _hole(ae: PageModel, vae: PageModel | None) -> Suggestion | None:
    """The emptiest place between codes."""
    if ae.axes.mean.size > AXES:  # the page's address holds whole codes only
        return None
    place, distance = _emptiest(ae.along)
    if distance < 2 * ae.spacing["most"]:
        return None
    words = (
        f"Between codes, but {_short(distance)} units from the nearest: no training image taught "
        f"the {ae.title} what to make of this place."
    )
    state = [f"{ae.name}={_numbers(_code(ae, place))}"]
    if vae:
        place, distance = _emptiest(vae.along)
        state.append(f"{vae.name}={_numbers(_code(vae, place))}")
        words += f" In the {vae.title} the emptiest place is {_short(distance)} from a code."
    return {"title": f"A hole in the {ae.title}", "words": words, "state": "&".join(state)}


def _code(model: PageModel, along: np.ndarray) -> np.ndarray:
    """The code (latent_dims) at coordinates along the axes."""
    return model.axes.mean + along @ model.axes.axes


def _emptiest(codes: np.ndarray) -> tuple[np.ndarray, float]:
    """Of places between pairs of outlying codes, the one farthest from any, and how far it is.

    It lies between codes, so it is a hole and not the outside.
    """
    outlying = np.argsort(-np.square(codes - codes.mean(0)).sum(1), kind="stable")
    outlying = outlying[: max(2, len(codes) // OUTLYING)]
    pairs = np.linspace(0, len(outlying) - 1, PAIRS).astype(int)
    first, second = codes[outlying[pairs]], codes[outlying[(pairs * 7919 + 13) % len(outlying)]]
    places = np.concatenate([first + share * (second - first) for share in (0.3, 0.5, 0.7)])
    distances = _distances(places, codes)
    best = int(distances.argmax())
    return places[best], float(distances[best])


def _path(models: list[PageModel], classes: list[str]) -> Suggestion | None:
    """The path between two classes on which the first model passes farthest from any code."""
    first, *others = models
    pairs = list(combinations(first.middles, 2))
    if not pairs:
        return None
    gaps = [_gap(first, pair) for pair in pairs]
    best = int(np.argmax(gaps))
    start, end = pairs[best]
    words = (
        f"Straight from the middle of class {classes[start]} to that of {classes[end]}: on the way "
        f"the {first.title} is up to {_short(gaps[best])} from any code"
    )
    for other in others:
        words += f", the {other.title} at most {_short(_gap(other, pairs[best]))}"
    return {
        "title": f"From {classes[start]} to {classes[end]}",
        "words": f"{words}. Watch the images, and the curves: the distance to the nearest code.",
        "state": f"tool=path&path={start},{end},0&play=1",
    }


def _gap(model: PageModel, pair: tuple[int, int]) -> float:
    """How far the straight way between the middles of two classes leads from any code, at most."""
    start, end = (model.along[model.middles[label]] for label in pair)
    return float(_distances(line(start, end, PATH_POINTS), model.along).max())


def _samples(ae: PageModel | None, vae: PageModel) -> Suggestion:
    """Draws from the prior; and from what stands in for one."""
    words = f"Crosses are codes drawn at random, from the prior of the {vae.title}"
    far = f"{_far_draws(vae):.0f} % of the {vae.title}'s"
    if ae:
        words += f"; as the {ae.title} has none, from a Gaussian fitted to its codes"
        far = f"{_far_draws(ae):.0f} % of the {ae.title}'s draws, {far}"
    return {
        "title": "New images, from chance",
        "words": f"{words}. Farther from any code than codes from each other: {far}.",
        "state": "tool=samples&show=both",
    }


def _far_draws(model: PageModel) -> float:
    """The percentage of draws that lie farther from any code than codes from each other."""
    generator = torch.Generator().manual_seed(0)
    prior_std = model.network.prior_std
    if prior_std is not None:
        draws = sample_prior(DRAWS, model.axes.mean.size, prior_std, generator)
        draws = model.axes.project(draws)
    else:
        noise = torch.randn(DRAWS, model.axes.stds.size, generator=generator).numpy()
        draws = noise * model.axes.stds
    is_far = _distances(draws, model.along) > model.spacing["most"]
    return 100 * float(is_far.mean())


def _drawing(classes: list[str]) -> Suggestion | None:
    """A drawing, where the classes are digits."""
    if classes != DIGITS:
        return None
    strokes = [
        "".join(f"{np.base_repr(value, 36).lower():0>2}" for point in stroke for value in point)
        for stroke in NEARLY_A_NINE
    ]
    return {
        "title": "Draw between 4 and 9",
        "words": "A 4 that is nearly a 9: where does it fall, and what does each model make of it? "
        "Change it by a stroke, or draw something else.",
        "state": f"tool=draw&image=lines-{'.'.join(strokes)}",
    }


def _two_spaces(ae: PageModel, vae: PageModel, classes: list[str]) -> Suggestion | None:
    """An image among other classes in the one space, and among its class in the other."""
    in_ae, in_vae = (_neighbours(model) for model in (ae, vae))
    labels = vae.images.train_labels[: len(in_vae)]
    fits = (in_vae == labels[:, None]).all(1)
    strays = (in_ae == in_ae[:, :1]).all(1) & (in_ae[:, 0] != labels)
    numbers = np.flatnonzero(fits & strays)
    if not len(numbers):
        return None
    number = int(numbers[0])
    return {
        "title": "One image, two spaces",
        "words": "The same training image in both planes: "
        f"{_class(classes, labels[number])} that lies among "
        f"{_class(classes, in_ae[number, 0], several=True)} in the {ae.title} and among its own "
        f"kind in the {vae.title}. Click any dot to see its image in both.",
        "state": f"image=train-{number}",
    }


def _neighbours(model: PageModel) -> np.ndarray:
    """The classes of the codes nearest to those of the first images: (`SOME`, `NEIGHBOURS`)."""
    numbers, _ = nearest(model.along[:SOME], model.along, NEIGHBOURS + 1)
    return model.images.train_labels[numbers[:, 1:]]  # the first of them is the code itself


def _class(classes: list[str], label: int, several: bool = False) -> str:
    """The class in a sentence: 'a 4', '4s'; names longer than a digit in quotes."""
    name = classes[label]
    if len(name) > 1:
        return f"images of \u201c{name}\u201d" if several else f"an image of \u201c{name}\u201d"
    return f"{name}s" if several else f"{'an' if name == '8' else 'a'} {name}"


def _blur(ae: PageModel, vae: PageModel) -> Suggestion | None:
    """The image that the model with a prior makes worse by most."""
    before, after = (_errors(model) for model in (ae, vae))
    number = int((after - before).argmax())
    if after[number] <= before[number]:
        return None
    return {
        "title": f"What the {vae.title} blurs",
        "words": f"Squared error {before[number]:.0f} in the {ae.title}, "
        f"{after[number]:.0f} in the {vae.title}: its code is a whole cloud (the ellipses), so "
        "near images share it. The draws from this cloud show what it cannot tell apart.",
        "state": f"image=train-{number}",
    }


def _errors(model: PageModel) -> np.ndarray:
    """The squared error of the first images' reconstructions, in few greys as on the page: (n,)."""
    images = model.images.train[:SOME]
    decoded = decode(model.network, codes_of(model.network, images))
    return np.square(decoded - levels(images) / (GREYS - 1)).sum((1, 2))


def _frame(points: np.ndarray) -> tuple[np.ndarray, float]:
    """The middle of points (n, 1 or 2), and how far they spread in their longer direction."""
    low, high = points.min(0), points.max(0)
    return (low + high) / 2, float((high - low).max())


def _distances(places: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How far the nearest of the codes (n, k) is from each of the places (m, k): (m,)."""
    return nearest(places, codes, 1)[1][:, 0]


def _number(value: float) -> str:
    return f"{value:.3f}"


def _numbers(values: np.ndarray) -> str:
    return ",".join(_number(value) for value in values)


def _short(distance: float) -> str:
    return f"{distance:.2g}" if distance < 10 else f"{distance:.0f}"
