"""The course: questions about the models at hand, each with the state of the page that answers it.

A sentence is written only if it holds for this run's own numbers: else what holds, or nothing.
"""

from itertools import combinations

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
DIGITS = [str(digit) for digit in range(10)]
# Strokes on the page's paper, in units of WIDTH in page/picture.js: between a 4 and a 9.
FOUR_OR_NINE = [
    [(118, 62), (98, 92), (92, 124), (108, 144), (140, 146), (172, 132)],
    [(122, 60), (146, 52), (166, 62)],
    [(182, 58), (178, 130), (164, 222)],
]

# A name for the address, a question, what to do, what one sees, the state of the page, the fields
# of it that the sentence is about, and the part of the page in which it is done.
Step = dict[str, str]


def steps(models: list[PageModel], classes: list[str]) -> list[Step]:
    """The steps that apply to the models, in the order of the course.

    They are about the first model without a prior, `ae`, and the first with one, `vae`.
    """
    ae = next((model for model in models if not model.has_prior), None)
    vae = next((model for model in models if model.has_prior), None)
    of_both = [model for model in (ae, vae) if model]
    live = vae if vae and vae.weights else None  # whose posterior the page computes
    trainable = vae if vae and vae.is_trainable else None
    candidates = [
        _compress(of_both) if of_both else None,
        _left_open(ae, vae, classes) if ae else None,
        _noise(trainable) if trainable else None,
        *(_one_image(live) if live else []),
        _pull(ae, vae) if ae and vae else None,
        *(_beta(trainable) if trainable else []),
        _sampling(of_both) if vae else None,
        _blur(ae, live) if ae and live else None,
        _touching(of_both, classes) if of_both else None,
        _dimensions(live) if live else None,
    ]
    return [step for step in candidates if step]


def _step(
    name: str,
    question: str,
    act: str,
    see: str,
    state: str,
    near: str = "models",
    *,
    about: str | None = None,
) -> Step:
    """A step; without `about` its sentence is about the whole state, and the pipeline's models."""
    fields = [field.split("=")[0] for field in state.split("&") if field]
    return {
        "name": name,
        "question": question,
        "act": act,
        "see": see,
        "state": state,
        "near": near,
        "about": ",".join([*fields, "trained"]) if about is None else about,
    }


def _compress(models: list[PageModel]) -> Step:
    dims = models[0].codes.latent_dims
    see = (
        f"A code has {dims} number{'s' if dims > 1 else ''}, an image 784 pixels. To make an image "
        "of so little, a model must learn what images have in common: near codes mean similar "
        "images."
    )
    errors = {model.title: model.results.metrics.get("test_mse") for model in models}
    pca = models[0].results.metrics.get("pca_test_mse")
    known = [error for error in errors.values() if error is not None]
    if known:
        listed = ", ".join(f"{name} {784 * mse:.1f}" for name, mse in errors.items() if mse)
        see += f" Squared error of a test image, summed over its pixels: {listed}"
        if pca is not None:
            better = "more" if pca > max(known) else "less" if pca < min(known) else "between them"
            see += f"; the best code that is linear (PCA) {784 * pca:.1f}, {better}"
        see += "."
    return _step(
        "compress",
        "Why squeeze an image through a few numbers?",
        "Move over a plane. Each place is a code; the image above the plane is what the decoder "
        "makes of it. Click a dot: its image, and what each model makes of it.",
        see,
        "",
    )


def _left_open(ae: PageModel, vae: PageModel | None, classes: list[str]) -> Step | None:
    """What the loss of an AE does not ask for; gaps between classes are in usual distances."""
    if len(ae.middles) < 2:
        return None
    gaps = {model.title: _widest_gap(model) for model in (ae, vae) if model}
    (start, end), _ = gaps[ae.title]
    listed = ", ".join(
        f"{gap:.1f} in the {name} ({classes[pair[0]]} to {classes[pair[1]]})"
        for name, (pair, gap) in gaps.items()
    )
    own, *others = (gap for _, gap in gaps.values())
    is_wide = own > ae.spacing["most"] / (ae.spacing["usual"] or 1)
    if is_wide and own > 1.5 * max(others, default=0):
        verdict = f"So the {ae.title} has a hole: no image taught it what to make of that place."
    else:
        verdict = "The difference is small" if is_wide else "That is no hole"
        verdict += f": what the {ae.title} leaves open is where codes lie, and how far apart."
    return _step(
        "open",
        f"What does the {ae.title} leave open?",
        "Drag the slider \u201calong\u201d: the point walks straight from the middle of one class "
        "to that of another. Watch the images, and the curve: how far the nearest code is.",
        f"The loss of the {ae.title} is the error alone: it does not say where codes shall lie. "
        f"Its codes spread over {_span(ae):.3g} units"
        + (f", the {vae.title}'s over {_span(vae):.2g}" if vae else "")
        + ". Units differ, so gaps are counted in the usual distance between neighbouring codes: "
        f"straight between two classes they are at most {listed}. {verdict}",
        f"tool=path&path={start},{end},0.5",
        "tools",
        about="tool,trained",
    )


def _noise(vae: PageModel) -> Step:
    return _step(
        "noise",
        f"Why does the {vae.title} add noise to its codes?",
        "Here noise is off and the KL term is on. Press Run for some seconds, and watch the "
        "dots and the distortion. Then press Back, turn noise on, and run again.",
        "Noise makes nearness cost something: images whose codes lie nearer to each other than the "
        "noise is wide get mixed up. So noise pushes unlike images apart, and makes each image "
        "share its neighbourhood with like ones. Without it nothing resists the KL term: it "
        "pulls all codes together, and the images hardly suffer.",
        "tool=train&noise=off&beta=10",
        "tools",
        about="tool",
    )


def _one_image(vae: PageModel) -> list[Step]:
    """What sigma is, the chain from x to z, the loss: with the image of the widest posterior."""
    mu, log_sigma, kl = _posteriors(vae)
    width = log_sigma.mean(1)
    number, narrow = int(width.argmax()), int(width.argmin())
    sigma = np.exp(log_sigma)
    image = f"image=train-{number}"
    where = vae.plane.project(mu[number : number + 1])[0]
    view = f"&{vae.name}.view={_numbers(where)},{_number(9 * sigma[number].max())}"
    crowded = _rank_correlation(width, nearest(vae.along[: len(width)], vae.along, 2)[1][:, 1])
    return [
        _step(
            "sigma",
            "What is sigma?",
            "The ellipses are 1 and 2 sigma of one image, seen from near. Click other dots; "
            "\u201cWhole\u201d shows the whole plane again.",
            "The encoder gives each image not one code but a Gaussian of codes, its posterior: the "
            f"mean mu (the cross) and the standard deviation sigma. Of the first {len(width):,} "
            f"images this one has the widest, {_values(sigma[number])}; the narrowest, of training "
            f"image {narrow}, is {_values(sigma[narrow])}."
            + (
                " Where codes lie close together, sigma is small: there a little noise would "
                "already make another image."
                if crowded > 0.3
                else ""
            ),
            image + view,
            vae.name,
        ),
        _step(
            "chain",
            "How does chance get into a code?",
            "Move epsilon in the drawing, by hand or with \u201cDraw epsilon\u201d: z moves within "
            "the ellipse, and the image follows.",
            "x is the image. The encoder makes mu and sigma of it, and epsilon is drawn from "
            "N(0, 1). z = mu + sigma \u00d7 epsilon is the code that is decoded. Chance comes from "
            "outside, so the gradient passes through mu and sigma: the reparameterisation trick. "
            f"Here sigma is {_values(sigma[number])}.",
            f"{image}&tool=chain",
            "tools",
        ),
        *([_loss(vae, kl, number)] if vae.is_trainable else []),
    ]


def _loss(vae: PageModel, kl: np.ndarray, number: int) -> Step:
    """The two terms of the loss of one image, at its posterior mean."""
    beta, error = vae.network.beta, float(_errors(vae)[number])
    weight = "" if beta == 1 else f"{beta:g} \u00d7 "
    bound = (
        " The sum is the negative ELBO (evidence lower bound): up to a constant, a bound on how "
        "surprising the image is to the model, -ln p(x)."
    )
    return _step(
        "loss",
        "What is made small in the training?",
        f"Read the line at the {vae.title}'s image: error + KL. Click dots in the middle and "
        "dots far out: which of the two terms grows?",
        f"{_error_name(vae)} {error:.1f} + {weight}KL divergence {kl[number]:.1f} = "
        f"{round(error, 1) + beta * round(float(kl[number]), 1):.1f}: the loss of this image, at its posterior mean. The "
        "error: how well the image comes back. The KL divergence, in nats: how far its posterior "
        "is from the prior, the one Gaussian around 0 that all images share "
        f"({kl.min():.1f} to {kl.max():.1f} in the first {len(kl):,} images)."
        + (bound if beta == 1 else ""),
        f"image=train-{number}",
        "chosen",
    )


def _pull(ae: PageModel, vae: PageModel) -> Step:
    """Both planes at one scale."""
    wide, narrow = _span(ae), _span(vae)
    prior = vae.network.prior_std
    see = (
        f"Both planes at one scale. The rings are 1, 2 and 3 standard deviations ({prior:.3g}) of "
        "the prior. The KL term pulls each posterior towards it, mu to 0 and sigma up to "
        f"{prior:.3g}; the error pulls the other way. "
    )
    see += (
        f"So the {vae.title}'s codes stay within {narrow:.2g} units, where the {ae.title}'s "
        f"take {wide:.3g}."
        if wide > 1.5 * narrow
        else f"The {ae.title}'s codes, which nothing pulls, spread over {wide:.3g} units, the "
        f"{vae.title}'s over {narrow:.3g}: here the pull does not show in the scale."
    )
    span = _number(1.08 * max(wide, narrow))
    views = [f"{model.name}.view={_numbers(_middle(model.points))},{span}" for model in (ae, vae)]
    return _step(
        "pull",
        "What does the KL term pull?",
        f"Compare the two planes, then press \u201cWhole\u201d under the {vae.title}'s to see it "
        "near. The two models differ in two things, noise and KL: the next steps change only "
        "beta, the weight of the KL term.",
        see,
        "&".join(views),
    )


def _beta(vae: PageModel) -> list[Step]:
    return [
        _step(
            "beta-0",
            "What happens without the KL term?",
            "beta is 0. Press Run for some seconds, and watch the dots and the plot; then Back.",
            "Now a nat of rate (the KL divergence: what a code costs) costs nothing. So codes may "
            "move apart and sigma may shrink, until noise hardly matters and the "
            f"{vae.title} is nearly an AE: the dot in the plot goes to the right. The line below "
            "the buttons says what has happened in your run.",
            "tool=train&beta=0",
            "tools",
            about="tool",
        ),
        _step(
            "beta-40",
            "What happens with far too much of it?",
            "beta is 40. Press Run for some seconds, and watch the dots and the decoded images. "
            "Then set beta to 0 without Back: does the space come back?",
            "A nat costs more than it saves in error, so each posterior moves onto the prior, "
            "which is the same for all images: the rate falls towards 0, and the decoder makes "
            "nearly one image of all. That is posterior collapse. The way back is slow: from "
            "equal codes the decoder learns nothing about the images.",
            "tool=train&beta=40",
            "tools",
            about="tool",
        ),
    ]


def _sampling(models: list[PageModel]) -> Step:
    """Draws from the prior; and from what stands in for one."""
    shares = {model.title: _far_draws(model) for model in models}
    vae = models[-1]
    listed = ", ".join(f"{name} {share:.0f} %" for name, share in shares.items())
    see = (
        f"Crosses are codes drawn at random: for the {vae.title} from its prior, a Gaussian that "
        "is known before any image is seen, and towards which the KL term has pulled its codes."
    )
    if len(models) > 1:
        ae = models[0]
        see += (
            f" The {ae.title} has none: one must look at its codes first, and fit a Gaussian to "
            "them."
        )
    see += (
        " Farther from any code than 199 of 200 codes from their neighbour, where no image taught "
        f"the decoder anything: {listed}."
    )
    if len(models) > 1:
        own, prior = shares.values()
        see += (
            f" So one can sample from the {vae.title}; to reconstruct is another task, which both "
            "do."
            if prior < own
            else f" In this run that is not fewer for the {vae.title}: it needs more training, or "
            "another beta, before one can sample from it."
        )
    return _step(
        "sampling",
        "Can a new image be drawn by chance?",
        "Press \u201cDraw others\u201d several times. Click an image to see where its code lies.",
        see,
        "tool=samples&show=both",
        "tools",
    )


def _blur(ae: PageModel, vae: PageModel) -> Step | None:
    """The image that the model with a prior makes worse by most."""
    before, after = (_errors(model) for model in (ae, vae))
    number = int((after - before).argmax())
    if after[number] <= before[number] or after.mean() <= before.mean():
        return None
    return _step(
        "blur",
        f"Why are the {vae.title}'s images blurred?",
        "Compare the image with what each model makes of it, and with the eight draws.",
        f"{_error_name(vae)} {before[number]:.0f} in the {ae.title}, {after[number]:.0f} in the "
        f"{vae.title}; over the first {len(before):,} images {before.mean():.1f} and "
        f"{after.mean():.1f} on average. One code is in the reach of several posteriors, so the "
        "decoder answers with the mean of their images, which has the least squared error for all "
        f"of them, and a mean of images is blurred. The {ae.title} blurs too: its codes are short.",
        f"image=train-{number}",
        "chosen",
    )


def _touching(models: list[PageModel], classes: list[str]) -> Step | None:
    """The two classes that are each other's neighbours most often."""
    model = models[-1]
    shares = _neighbour_shares(model, len(classes))
    first, second = map(int, np.unravel_index(int(shares.argmax()), shares.shape))
    if shares[first, second] < TOUCHING:
        return None
    listed = ", ".join(
        f"{100 * _neighbour_shares(each, len(classes))[first, second]:.0f} % in the {each.title}"
        for each in models
    )
    names = f"{_plural(classes[first])} and {_plural(classes[second])}"
    drawn = classes == DIGITS and (first, second) == (4, 9) and any(m.weights for m in models)
    return _step(
        "touch",
        f"Why do {names} touch?",
        "The drawing is between the two. Where does it fall? Clear it, and draw a clear one."
        if drawn
        else "Follow the path from one class to the other. Where does the image change?",
        f"No model was told the classes: it places images by their pixels alone, and {names} have "
        f"many in common. Of the {NEIGHBOURS} codes nearest to one of them, so many are of the "
        f"other: {listed}. No two classes are mixed more in the {model.title}.",
        _drawing() if drawn else f"tool=path&path={first},{second},0.5",
        "tools",
        about="tool,trained",
    )


def _drawing() -> str:
    strokes = [
        "".join(f"{np.base_repr(value, 36).lower():0>2}" for point in stroke for value in point)
        for stroke in FOUR_OR_NINE
    ]
    return f"tool=draw&image=lines-{'.'.join(strokes)}"


def _dimensions(vae: PageModel) -> Step:
    dims = vae.codes.latent_dims
    _, _, kl = _posteriors(vae)
    active = vae.results.metrics.get("active_units")
    see = f"Here a code has {dims} dimension{'s' if dims > 1 else ''}"
    see += f" and costs {kl.mean():.1f} nats on average"
    if active is not None:
        see += (
            f". All of them are in use (their posterior mean varies from image to image): the "
            f"{vae.title} has none to spare, so more may lower its error"
            if active == dims
            else f". {active:.0f} of them are in use; in the others the posterior is the prior for "
            "every image, and more dimensions would stay unused as well"
        )
    return _step(
        "dimensions",
        "Would more dimensions help?",
        "Train it: `dvc exp run -S latent_dims=8`, then open the page again. The plane then shows "
        "two axes that you choose, and each dimension has a row of images."
        if dims <= 2
        else "Choose other axes under a plane, and read the rows of images: each changes one "
        "dimension alone. \u201cTrain\u201d shows the KL divergence of each.",
        f"{see}.",
        "tool=train" if vae.is_trainable else "",
        "tools" if vae.is_trainable else "models",
    )


def _widest_gap(model: PageModel) -> tuple[tuple[int, int], float]:
    """The two classes with the widest gap on the straight way between their middles, and how wide.

    In usual distances between neighbouring codes.
    """
    gaps = {pair: _gap(model, pair) for pair in combinations(model.middles, 2)}
    pair = max(gaps, key=lambda each: gaps[each])
    return pair, gaps[pair] / (model.spacing["usual"] or 1)


def _gap(model: PageModel, pair: tuple[int, int]) -> float:
    """How far the straight way between the middles of two classes leads from any code, at most."""
    start, end = (model.along[model.middles[label]] for label in pair)
    return float(_distances(line(start, end, PATH_POINTS), model.along).max())


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
    pixels = model.network.decoder(torch.from_numpy(model.shown[:SOME])).flatten(1)
    x = _inputs(model).flatten(1)
    if _error_name(model) == "Cross-entropy":
        return F.binary_cross_entropy(pixels, x, reduction="none").sum(1).numpy()
    return (pixels - x).square().sum(1).numpy()


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


def _middle(points: np.ndarray) -> np.ndarray:
    return (points.min(0) + points.max(0)) / 2


def _distances(places: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """How far the nearest of the codes (n, k) is from each of the places (m, k): (m,)."""
    return nearest(places, codes, 1)[1][:, 0]


def _plural(name: str) -> str:
    """A class in a sentence: '4s'; names longer than a digit in quotes."""
    return f"images of \u201c{name}\u201d" if len(name) > 1 else f"{name}s"


def _values(sigma: np.ndarray) -> str:
    """The first numbers of a standard deviation, as the page writes them."""
    return ", ".join(f"{value:.2g}" for value in sigma[:4]) + (
        " and more" if len(sigma) > 4 else ""
    )


def _number(value: float) -> str:
    return f"{value:.3f}"


def _numbers(values: np.ndarray) -> str:
    return ",".join(_number(value) for value in values)
