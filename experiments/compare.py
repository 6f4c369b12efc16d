"""Draws experiments against one or two parameters: `python -m experiments.compare latent_dims`.

Writes reports/by_PARAMETER.png and, with every metric, reports/by_PARAMETER.csv; prints the main
metrics as a table. Runs that differ in nothing but their seed are one point, their mean with its
standard deviation. With a second parameter there is a curve for each of its values.
"""

import argparse
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import cycle
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.runs import (
    Run,
    Value,
    add_commits,
    changed_code,
    changes_nothing,
    changes_results,
    done,
    left_out,
    lost,
    read_runs,
)
from experiments.show import aligned, text
from src.base.errors import UserError, in_one_line
from src.base.files import write_whole
from src.render.figures import new_figure, png

# Of the printed table; the last two only where beta varies.
COLUMNS = ("test_sse", "test_neg_elbo", "test_kl", "test_distortion")
NAMES = {"sse": "squared error", "neg elbo": "negative ELBO", "neg elbo bce": "negative ELBO (bce)"}


@dataclass(frozen=True)
class Study:
    """What is compared: a row for each point, and lines on how it came about."""

    parameters: list[str]
    metrics: list[str]  # as MODEL.METRIC
    mean: pd.DataFrame  # the parameters, the metrics, and `n`, the number of runs
    std: pd.DataFrame  # the parameters and the metrics; NaN where n is 1
    notes: list[str]


def select(
    head: Run, experiments: list[Run], parameters: list[str], remarks: Iterable[str] = ()
) -> Study:
    """The runs that differ in nothing but the parameters, the seed and devices.

    All else is as in the last commit, or, if less than two values have been run with that, as in
    the runs with the most values. The notes begin with the `remarks`. Raises UserError unless there
    are two values of the first parameter, and it is a number.
    """
    first = parameters[0]
    runs = [head, *experiments]
    if not any(_is_number(run.params.get(first)) for run in runs):
        raise UserError(
            f"{first} is not a parameter with numbers; `dvc exp show` lists what there is"
        )
    for parameter in parameters[1:]:
        if not any(parameter in run.params for run in runs):
            raise UserError(f"{parameter} is not a parameter; `dvc exp show` lists what there is")
    notes = [*remarks, *(f"left out: {line}" for line in left_out(runs))]
    groups: dict[tuple, list[Run]] = {_held_fixed(head, parameters): []}
    for run in done(runs):
        if _is_number(run.params.get(first)):
            groups.setdefault(_held_fixed(run, parameters), []).append(run)
    like_head, *others = groups.values()
    group = max(others, key=lambda runs: _count(runs, first), default=like_head)
    if _count(like_head, first) >= min(2, _count(group, first)):
        group = like_head
    if _count(group, first) < 2:
        raise UserError(
            f"only {_count(like_head, first)} value of {first} was run with HEAD's other "
            f"parameters; run more with `dvc exp run --queue -S '{first}=...'` and `dvc queue "
            "start`, or count earlier commits with `--commits N`",
            *notes,
        )
    excluded_runs = [run for other in groups.values() if other is not group for run in other]
    notes += _differences(head, group, excluded_runs, parameters)
    return _study(group, parameters, notes)


def _is_number(value: Value) -> bool:
    return isinstance(value, int | float)


def _count(group: list[Run], parameter: str) -> int:
    return len({run.params[parameter] for run in group})


def _held_fixed(run: Run, parameters: list[str]) -> tuple:
    """The parameters that must be equal for runs to be compared, with their values."""
    names = {name for name in run.params if changes_results(name)} - {*parameters, "seed"}
    return tuple((name, run.params[name]) for name in sorted(names))


def _differences(
    head: Run, group: list[Run], excluded_runs: list[Run], parameters: list[str]
) -> Iterator[str]:
    """Lines that name the parameters in which the runs differ from HEAD and from each other."""
    fixed = dict(_held_fixed(group[0], parameters))
    unlike_head = _varying([fixed, dict(_held_fixed(head, parameters))])
    if unlike_head:
        values = ", ".join(f"{name}={text(fixed.get(name))}" for name in unlike_head)
        yield f"all with {values}, unlike HEAD"
    if excluded_runs:
        names = _varying([fixed, *(dict(_held_fixed(run, parameters)) for run in excluded_runs)])
        verb = "differs" if len(excluded_runs) == 1 else "differ"
        yield f"left out: {len(excluded_runs)} that {verb} in {', '.join(names)}"
    varying = [name for name in _varying([run.params for run in group]) if name not in parameters]
    minor = [name for name in varying if name != "seed" and not changes_nothing(name)]
    if minor:
        yield f"some differ in {', '.join(minor)} too, which changes last digits only"
    if "seed" in varying:
        seeds = sorted({text(run.params.get("seed")) for run in group})
        yield f"mean and standard deviation over seed={','.join(seeds)}"


def _varying(values: list[dict[str, Value]]) -> list[str]:
    """The names whose value is not the same in all of them, in order."""
    names = sorted(set().union(*values))
    return [name for name in names if len({params.get(name) for params in values}) > 1]


def _study(group: list[Run], parameters: list[str], notes: list[str]) -> Study:
    """One row for each set of the parameters' values; of equal runs only the first counts."""
    names = list(dict.fromkeys((*parameters, "seed")))
    rows = [{**{name: run.params.get(name) for name in names}, **run.metrics} for run in group]
    table = pd.DataFrame(rows).drop_duplicates(names)
    if len(table) < len(group):
        notes.append(f"left out: {len(group) - len(table)} with the parameters and seed of another")
    first, *others = [group[i] for i in table.index]
    code = sorted({path for other in others for path in changed_code(other, first)})
    if code:
        notes.append(f"some were run with other code in {', '.join(code)}, which may change more")
    for bound in [name for name in table if ".test_neg_elbo" in name]:
        rate = f"{bound.partition('.')[0]}.test_kl"
        table[bound.replace("test_neg_elbo", "test_distortion")] = table[bound] - table[rate]
    metrics = sorted(set(table) - set(names))
    points = table.groupby(parameters, dropna=False)
    mean = points[metrics].mean().assign(n=points.size()).reset_index()
    return Study(parameters, metrics, mean, points[metrics].std().reset_index(), notes)


def draw(study: Study) -> Figure:
    """The models' test losses and squared errors and, where beta varies, rate and distortion."""
    models = sorted({name.partition(".")[0] for name in study.metrics})
    losses = {}
    for model in models:
        bounds = [name for name in study.metrics if name.startswith(f"{model}.test_neg_elbo")]
        for column in bounds or [f"{model}.test_sse"]:
            name = column.partition(".test_")[2].replace("_", " ")
            losses[f"{model.upper()}: {NAMES.get(name, name)}"] = column
    errors = {model.upper(): f"{model}.test_mse" for model in models}
    errors["PCA"] = f"{models[0]}.pca_test_mse"
    with_beta = [model for model in models if f"train_{model}.beta" in study.parameters]
    count = 2 + len(with_beta)
    figure = new_figure(4.8 * count, 3.9)
    left, middle, *right = figure.subplots(1, count)
    _draw_against_first(left, study, losses, "test loss per image")
    _draw_against_first(middle, study, errors, "squared error per pixel on test images")
    for axes, model in zip(right, with_beta, strict=True):
        draw_rate_distortion(axes, study, model)
    return figure


def _draw_against_first(axes: Axes, study: Study, columns: dict[str, str], title: str) -> None:
    """A colour for each metric or, with a second parameter, for each of its values."""
    first = study.parameters[0]
    shown = {name: column for name, column in columns.items() if column in study.metrics}
    shapes = dict(zip(shown, cycle(("o-", "s-")), strict=False)) | {"PCA": "^--"}  # a baseline
    curves = _curves(study, first)
    for i, (name, column) in enumerate(shown.items()):
        for j, (curve, mean, std) in enumerate(curves):
            colour, label = (f"C{j}", "") if curve else (f"C{i}", name)
            points = mean[first], mean[column], std[column]
            axes.errorbar(*points, fmt=shapes[name], color=colour, label=label, capsize=3)
        if len(study.parameters) > 1:
            axes.plot([], [], shapes[name], color="grey", label=name)
    values = sorted(study.mean[first].unique())
    if values[0] > 0:
        axes.set_xscale("log", base=2)
    axes.set_xticks(values, [f"{value:g}" for value in values])
    axes.minorticks_off()
    axes.set(xlabel=first, ylabel=title)
    _finish(axes, curves)


def draw_rate_distortion(axes: Axes, study: Study, model: str) -> None:
    """Rate against distortion (Alemi et al. 2018), a point for each beta."""
    beta, rate = f"train_{model}.beta", f"{model}.test_kl"
    curves = _curves(study, beta)
    for distortion in [n for n in study.metrics if n.startswith(f"{model}.test_distortion")]:
        for j, (_, mean, std) in enumerate(curves):
            points = mean[rate], mean[distortion], std[distortion], std[rate]
            axes.errorbar(*points, fmt="o-", color=f"C{j}", capsize=3)
            beside: dict[str, Any] = {"xytext": (6, 6), "textcoords": "offset points"}
            for _, row in mean.dropna(subset=[distortion]).iterrows():
                point = (row[rate], row[distortion])
                name = f"{row[beta]:g}"
                axes.annotate(name, point, **beside, fontsize="small", color=f"C{j}")
    axes.set(
        title=f"{model.upper()}: rate and distortion at each beta",
        xlabel="rate: KL divergence from the prior (test_kl)",
        ylabel="distortion: error at a sampled z\n(test_neg_elbo - test_kl)",
    )
    _finish(axes, curves)


def _curves(study: Study, along: str) -> list[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """For each value of the other parameter: its name and value, means and standard deviations."""
    others = [name for name in study.parameters if name != along]
    if not others:
        return [("", study.mean, study.std)]
    groups = study.mean.sort_values(along).groupby(others[0], dropna=False)
    return [
        (f"{others[0]}={text(value)}", mean, study.std.loc[mean.index]) for value, mean in groups
    ]


def _finish(axes: Axes, curves: list[tuple[str, pd.DataFrame, pd.DataFrame]]) -> None:
    """Draw the grid, and a legend if there are labels, with the colour of each curve."""
    for j, (curve, _, _) in enumerate(curves):
        axes.plot([], [], color=f"C{j}", label=curve)
    axes.grid(alpha=0.3)
    if any(axes.get_legend_handles_labels()):
        axes.legend(fontsize="small" if curves[0][0] else None)


def table(study: Study) -> str:
    """A line for each point: parameters, the main metrics as far as they vary, number of runs."""
    models = sorted({name.partition(".")[0] for name in study.metrics})
    with_beta = any(name.endswith(".beta") for name in study.parameters)
    names = COLUMNS if with_beta else COLUMNS[:2]
    columns = [
        column
        for model in models
        for name in names
        for column in study.metrics
        if column.startswith(f"{model}.{name}")  # bounds end in their likelihood
        and study.mean[column].nunique(dropna=False) > 1
    ]
    heads = [f"{name.partition('.')[0].upper()}: {name.partition('.')[2]}" for name in columns]
    rows = [[*study.parameters, *heads, "n"]]
    for (_, mean), (_, std) in zip(study.mean.iterrows(), study.std.iterrows(), strict=True):
        cells = [_cell(mean[name], std[name]) for name in columns]
        values = [text(mean[name]) for name in study.parameters]
        rows.append([*values, *cells, f"{mean['n']:g}"])
    return "\n".join(aligned(rows))


def _cell(mean: float, std: float) -> str:
    if math.isnan(mean):
        return "-"
    return f"{mean:.2f}" + ("" if math.isnan(std) else f" ± {std:.2f}")


def csv(study: Study) -> bytes:
    """Every metric of every point; where runs differ in their seed, METRIC.std too."""
    table = study.mean[[*study.parameters, "n", *study.metrics]]
    if (table["n"] > 1).any():
        table = table.join(study.std[study.metrics].add_suffix(".std"))
    return table.to_csv(index=False, float_format="%.6g").encode()


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parameter", nargs="?", default="latent_dims", help="the parameter to draw against"
    )
    parser.add_argument("second", nargs="?", help="a curve for each value of this parameter")
    add_commits(parser)
    arguments = parser.parse_args()
    parameters = list(dict.fromkeys(filter(None, (arguments.parameter, arguments.second))))
    path = f"reports/by_{'_'.join(parameters)}"
    study = select(*read_runs(arguments.commits), parameters, lost())
    write_whole(f"{path}.png", png(draw(study)))
    write_whole(f"{path}.csv", csv(study))
    print(f"{table(study)}\n")
    print(f"{study.mean['n'].sum()} runs against {' and '.join(parameters)}: {path}.png and .csv")
    for note in study.notes:
        print(note)


if __name__ == "__main__":
    main()
