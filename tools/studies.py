"""Draws the pictures of docs/questions.md from its tables: `python -m tools.studies`.

`--collect` first writes the tables from the last commit's experiments: run the sweeps that
docs/questions.md lists, and this, in a clone in which nothing else has run.
"""

import argparse
import io
import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from dvc.repo.experiments.refs import ExpRefInfo
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments import compare
from experiments.runs import Run, Value, changes_results, done, read_runs
from experiments.show import text
from experiments.sweep.clone import git
from src.base.errors import UserError, in_one_line
from src.base.files import write_whole
from src.data import idx
from src.render.figures import new_figure, png

Read = Callable[[str], str]  # the text of a file of the project
BETA = "train_vae.beta"
BOUNDS = ("test_neg_elbo", "test_iwae_bound", "test_kl", "test_distortion", "active_units")
SAMPLES = ("draws_distance", "draws_precision", "draws_recall")
HALFWAY = ("line_distance", "line_precision", "sphere_distance", "sphere_precision")
IMAGES = ("draws_precision_images", "draws_recall_images")
READING = ("test_sse", "knn_accuracy", "test_greyness")


class Study(NamedTuple):
    """What is varied, which values count, and the metrics of the AE and of the VAE."""

    parameters: list[str]
    where: dict[str, tuple[Value, ...]]
    ae: tuple[str, ...]
    vae: tuple[str, ...]
    dims: int = 0  # whose KL divergences are in the table


STUDIES: Mapping[str, Study] = {  # by the name of the table
    "collapse": Study(
        [BETA, "latent_dims"],
        {"epochs": (10,), "latent_dims": (2, 16)},
        (),
        (*READING, *BOUNDS),
        dims=16,
    ),
    "dimensions": Study(
        ["latent_dims"],
        {"epochs": (10,)},
        (*READING, "pca_test_mse", *SAMPLES, *IMAGES, *HALFWAY),
        (*READING, *BOUNDS, *SAMPLES, *IMAGES, *HALFWAY),
    ),
    "likelihoods": Study(
        ["latent_dims", "reconstruction_loss"],
        {"epochs": (10,), "latent_dims": (2, 16)},
        READING,
        (*READING, "test_kl", "test_neg_elbo", "test_neg_elbo_bce"),
    ),
    "kl_forms": Study(
        ["latent_dims", "train_vae.kl"],
        {"epochs": (10,), "latent_dims": (2, 16)},
        (),
        ("test_sse", "test_neg_elbo", "test_kl", "latent_std_mean"),
    ),
    "learning_rates": Study(
        ["learning_rate"], {"epochs": (10,)}, ("test_sse",), ("test_sse", "test_kl", "active_units")
    ),
    "longer": Study(
        ["epochs", "latent_dims", BETA],
        {"seed": (0,), "latent_dims": (16, 64), BETA: (1, 8)},
        ("test_sse",),
        ("test_sse", "test_neg_elbo", "test_kl", "active_units"),
    ),
}
EIGENVALUES = 64  # as many as the largest latent_dims of the studies
MEAN_OVER_PIXELS = 784.0  # the beta that is drawn in no picture, as it is far from the others
MOST = 150_000  # bytes of a picture


def collect(name: str, head: Run, experiments: list[Run]) -> bytes:
    """The table of a study, with the commit and the parameters that it is of.

    All that is not studied is as in the last commit. Raises UserError if no experiment is of it.
    """
    parameters, where, ae, vae, dims = STUDIES[name]
    commit = git("rev-parse", "HEAD").decode().strip()
    fixed = {
        key: (value,)
        for key, value in head.params.items()
        if changes_results(key) and key not in (*parameters, "seed")
    } | where
    runs = [
        _with_kls(run, commit, dims)
        for run in done(experiments)
        if all(run.params.get(key) in values for key, values in fixed.items())
    ]
    if not runs:
        raise UserError(
            f"no experiment of the last commit is for docs/{name}.csv; run the sweeps of "
            "docs/questions.md, or draw the tables that are there without --collect"
        )
    study = compare.select(runs[0], runs[1:], parameters)
    table = study.mean[[*parameters, "n"]].copy()
    kls = [f"kl_{number}" for number in range(1, dims + 1)]
    for column in [f"ae.{metric}" for metric in ae] + [f"vae.{metric}" for metric in (*vae, *kls)]:
        table[column] = study.mean[column]
        if table["n"].max() > 1:
            table[f"{column}.std"] = study.std[column]
    values = {
        key: ",".join(map(text, allowed))
        for key, allowed in sorted(fixed.items())
        if key not in parameters
    }
    lines = [
        f"# {name}, at commit {commit}",
        "# " + " ".join(f"{k}={v}" for k, v in values.items() if not k.startswith("render.")),
        *(f"# {note}" for note in study.notes if "deviation" in note),
    ]
    content: str = table.to_csv(index=False, float_format="%.6g")
    return "\n".join((*lines, content)).encode()


def _with_kls(run: Run, commit: str, dims: int) -> Run:
    """An experiment with its `dims` largest KL divergences as metrics: vae.kl_1, and so on."""
    if not dims:
        return run
    table = git("show", f"{ExpRefInfo(commit, run.name)}:./reports/vae/kl.csv").decode()
    kls = sorted(pd.read_csv(io.StringIO(table))["kl"], reverse=True)[:dims]
    named = {f"vae.kl_{number}": kl for number, kl in enumerate(kls, start=1)}
    return replace(run, metrics=run.metrics | named)


def eigenvalues() -> bytes:
    """A table of the variances of MNIST's training images along their principal components."""
    images, _ = idx.load("data/MNIST/raw", "train")
    greys = images.flatten(1).numpy().T / np.float32(255)
    variances = np.linalg.eigvalsh(np.cov(greys))[::-1][:EIGENVALUES]
    rows = [f"{number},{variance:.6g}" for number, variance in enumerate(variances, start=1)]
    lines = ["# MNIST's training images, pixels from 0 to 1", "component,variance", *rows, ""]
    return "\n".join(lines).encode()


def read_table(name: str, read: Read) -> pd.DataFrame:
    """A table of docs/."""
    return pd.read_csv(io.StringIO(read(f"docs/{name}.csv")), comment="#")


def linear_kls(beta: float, variances: np.ndarray, dims: int) -> np.ndarray:
    """The KL divergence of each dimension of the best linear VAE, in nats: (dims,).

    The squared error with beta times the KL divergence is a Gaussian decoder of variance beta / 2.
    A linear VAE with it has ln(v / (beta / 2)) / 2 nats along a principal component of variance v,
    and none if v is smaller than beta / 2 (Lucas et al. 2019, arXiv 1911.02469).
    """
    kls: np.ndarray = np.log(2 * variances[:dims] / beta).clip(0) / 2
    return kls


def draw_collapse(read: Read) -> Figure:
    """Active units, KL of each dimension, and rate, beside those of a linear VAE."""
    table = read_table("collapse", read)
    table = table[table[BETA] < MEAN_OVER_PIXELS]
    variances = read_table("eigenvalues", read)["variance"].to_numpy()
    figure = new_figure(8.4, 3.1)
    active, each, rate = figure.subplots(1, 3)
    betas = np.geomspace(table[BETA].min(), table[BETA].max(), 400)
    for style, (dims, rows) in zip(("C0s-", "C1o-"), table.groupby("latent_dims"), strict=True):
        name = f"VAE, latent_dims={dims}"
        _errorbars(active, rows, BETA, "vae.active_units", style, label=name)
        _errorbars(rate, rows, BETA, "vae.test_kl", style, label=name)
        kls = [linear_kls(beta, variances, dims) for beta in betas]
        linear: dict[str, Any] = {"color": style[:2], "linestyle": "--", "linewidth": 1}
        active.plot(betas, [(kl > 0).sum() for kl in kls], **linear)
        rate.plot(betas, [kl.sum() for kl in kls], **linear)
    most = int(table["latent_dims"].max())
    numbers = np.arange(1, most + 1)
    chosen = table[(table["latent_dims"] == most) & table[BETA].isin((0.25, 1, 4, 16))]
    for i, (_, row) in enumerate(chosen.iterrows()):
        kls = [row[f"vae.kl_{number}"] for number in numbers]
        stds = [row[f"vae.kl_{number}.std"] for number in numbers]
        colour = f"C{i + 2}"
        label = f"beta {row[BETA]:g}"
        each.errorbar(numbers, kls, stds, fmt="o-", color=colour, capsize=3, label=label)
        each.plot(numbers, linear_kls(row[BETA], variances, most), "--", color=colour, linewidth=1)
    for axes in (active, rate):
        _logarithmic(axes, sorted(table[BETA].unique()))
        axes.plot([], [], "--", color="grey", label="a linear VAE, predicted")
    active.set(xlabel="beta", ylabel="active units", title="Dimensions that are used")
    active.set_ylim(-4.5, 17)  # the legend is below
    each.set(xlabel="dimension, the largest first", ylabel="KL divergence, nats an image")
    each.set(title=f"Each of {most} dimensions")
    rate.set(xlabel="beta", ylabel="rate: nats an image", title="Rate")
    return _finished(figure)


def draw_dimensions(read: Read) -> Figure:
    """What more dimensions do to AE, VAE and PCA."""
    table = read_table("dimensions", read)
    figure = new_figure(6.8, 5.2)
    error, bound, active, classes = figure.subplots(2, 2).flat
    for suffix in ("", ".std"):
        table[f"pca.test_sse{suffix}"] = table[f"ae.pca_test_mse{suffix}"] * 784
    for model, colour in (("ae", "C0"), ("vae", "C1"), ("pca", "C2")):
        column = f"{model}.test_sse"
        _errorbars(error, table, "latent_dims", column, color=colour, label=model.upper())
        if model != "pca":
            column = f"{model}.knn_accuracy"
            _errorbars(classes, table, "latent_dims", column, color=colour, label=model.upper())
    for column, colour, label in (
        ("test_neg_elbo", "C1", "negative ELBO"),
        ("test_distortion", "C3", "its distortion"),
        ("test_kl", "C4", "its rate"),
    ):
        _errorbars(bound, table, "latent_dims", f"vae.{column}", color=colour, label=label)
    _errorbars(active, table, "latent_dims", "vae.active_units", color="C1", label="VAE")
    sizes = table["latent_dims"].tolist()
    active.plot(sizes, sizes, ":", color="grey", label="all of them")
    for axes in (error, bound, active, classes):
        _logarithmic(axes, sizes)
        axes.set(xlabel="latent_dims")
    error.set(ylabel="squared error of a test image", title="Reconstruction")
    bound.set(ylabel="nats a test image", title="Negative ELBO of the VAE")
    active.set(ylabel="active units", title="Dimensions that are used")
    for axes in (error, active):
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter("{x:g}")
    classes.set(ylabel="5-NN accuracy", title="Classes read from the codes")
    return _finished(figure)


def draw_sampling(read: Read) -> Figure:
    """Draws of both models, and halfway points on lines and spheres, at each size."""
    table = read_table("dimensions", read)
    figure = new_figure(8.4, 3.1)
    draws, distances, halfway = figure.subplots(1, 3)
    for model, colour in (("ae", "C0"), ("vae", "C1")):
        name = model.upper()
        for axes, metric, kinds in (
            (draws, "precision", {"draws": ""}),
            (distances, "distance", {"line": "straight", "sphere": "on a sphere"}),
            (halfway, "precision", {"line": "straight", "sphere": "on a sphere"}),
        ):
            for (kind, label), style in zip(kinds.items(), ("o-", "s--"), strict=False):
                shown = table if kind != "sphere" else table[table["latent_dims"] > 1]
                label = f"{name}, {label}".rstrip(", ")
                column = f"{model}.{kind}_{metric}"
                _errorbars(axes, shown, "latent_dims", column, style, color=colour, label=label)
    for axes in (draws, distances, halfway):
        _logarithmic(axes, table["latent_dims"].tolist())
        axes.set(xlabel="latent_dims")
    draws.set(ylabel="share near decoded test codes", title="Decoded draws", ylim=(0, 1.03))
    distances.set(ylabel="distance to a code / that of test codes", title="Points halfway")
    halfway.set(ylabel="share near decoded test codes", title="Points halfway, decoded")
    halfway.set(ylim=(0, 1.03))
    return _finished(figure)


def draw_rate_distortion(read: Read) -> Figure:
    """Rate against distortion, as `python -m experiments.compare` draws them."""
    table = read_table("collapse", read)
    table = table[(table[BETA] <= 8) & (table["latent_dims"] == 2)]  # beyond, nothing moves
    metrics = ["vae.test_kl", "vae.test_distortion"]
    std = table[[BETA, *(f"{name}.std" for name in metrics)]]
    std = std.rename(columns=lambda name: name.removesuffix(".std"))
    figure = new_figure(5.6, 4.2)
    study = compare.Study([BETA], metrics, table, std, [])
    axes = figure.subplots()
    compare.draw_rate_distortion(axes, study, "vae")
    axes.set_title("VAE with 2 dimensions: rate and distortion at each beta", fontsize="medium")
    return figure


def _errorbars(
    axes: Axes, table: pd.DataFrame, x: str, y: str, fmt: str = "o-", **style: Any
) -> None:
    """The means of a metric, with the standard deviations over seeds."""
    axes.errorbar(table[x], table[y], table[f"{y}.std"], fmt=fmt, capsize=3, **style)


def _logarithmic(axes: Axes, values: list[float]) -> None:
    """A scale with marks at the powers of two."""
    axes.set_xscale("log", base=2)
    marks = [value for value in values if math.log2(value).is_integer()]
    axes.set_xticks(marks, [f"{value:g}" for value in marks])
    axes.minorticks_off()


def _finished(figure: Figure) -> Figure:
    for axes in figure.axes:
        axes.grid(alpha=0.3)
        axes.legend(fontsize="x-small")
        axes.title.set_fontsize("medium")
    return figure


PICTURES: Mapping[str, Callable[[Read], Figure]] = {
    "collapse": draw_collapse,
    "dimensions": draw_dimensions,
    "sampling": draw_sampling,
    "rate_distortion": draw_rate_distortion,
}


def picture(name: str, read: Read) -> bytes:
    """A picture of docs/ as a PNG file."""
    content = png(PICTURES[name](read))
    if len(content) > MOST:
        raise UserError(f"docs/{name}.png would have {len(content)} bytes, allowed are {MOST}")
    return content


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--collect", action="store_true", help="first write the tables, from the experiments"
    )
    if parser.parse_args().collect:
        head, experiments = read_runs()
        tables = {name: collect(name, head, experiments) for name in STUDIES}
        for name, content in {**tables, "eigenvalues": eigenvalues()}.items():
            write_whole(f"docs/{name}.csv", content)
    for name in PICTURES:
        write_whole(f"docs/{name}.png", picture(name, lambda path: Path(path).read_text()))


if __name__ == "__main__":
    main()
