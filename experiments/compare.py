"""Draws all experiments against one of their parameters: `python -m experiments.compare latent_dims`.

Writes reports/by_PARAMETER.png and, with every metric, reports/by_PARAMETER.csv; prints the main ones as a table.
"""

import argparse

import pandas as pd
from matplotlib.figure import Figure

from experiments.runs import read_runs
from src.base.errors import UserError, in_one_line
from src.base.files import write_whole
from src.render.figures import png


def select(runs: pd.DataFrame, parameter: str) -> tuple[pd.DataFrame, int]:
    """The runs that differ from the first, HEAD's, in this parameter alone, in its order; how many others there are.

    Raises UserError unless the parameter is a number with at least two values among them.
    """
    params = runs["params"]
    values = (
        pd.to_numeric(params.get(parameter), errors="coerce")
        if parameter in params
        else pd.Series(dtype=float)
    )
    if not values.notna().any():
        raise UserError(
            f"{parameter} is not a parameter with numbers; `dvc exp show` lists what there is"
        )
    # Where data come from decides nothing; devices and threads decide the last digits of sums.
    minor = (parameter, "threads")
    others = [
        n
        for n in params
        if n not in minor and not n.endswith(".device") and not n.startswith("download.")
    ]
    same = params[others].eq(params[others].iloc[0]).all(axis=1)
    table = (
        runs["metrics"]
        .assign(**{parameter: values})[same]
        .dropna(how="all", subset=runs["metrics"].columns)
    )
    table = table.drop_duplicates(parameter).sort_values(parameter)
    if len(table) < 2:
        raise UserError(
            f"{len(table)} value of {parameter} among the runs that otherwise have HEAD's parameters; run more with "
            f"`dvc exp run --queue -S '{parameter}=...'` and `dvc queue start`"
        )
    return table[[parameter, *sorted(runs["metrics"])]], int((~same).sum())


def draw(table: pd.DataFrame, parameter: str) -> Figure:
    """Test loss and squared error of every model, and PCA's error, against the parameter."""
    models = sorted({name.split(".")[0] for name in table if "." in name})
    losses = {}
    for model in models:
        with_prior = f"{model}.test_neg_elbo" in table
        name, column = (
            ("negative ELBO", "test_neg_elbo") if with_prior else ("squared error", "test_sse")
        )
        losses[f"{model.upper()}: {name}"] = f"{model}.{column}"
    errors = {model.upper(): f"{model}.test_mse" for model in models} | {
        "PCA": f"{models[0]}.pca_test_mse"
    }
    panels = {"test loss per image": losses, "squared error per pixel on test images": errors}
    figure = Figure(figsize=(4.8 * len(panels), 3.8), layout="constrained")
    values = table[parameter]
    for axes, (unit, curves) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        for name, column in curves.items():
            axes.plot(values, table[column], "^--" if name == "PCA" else "o-", label=name)
        if values.min() > 0:
            axes.set_xscale("log", base=2)
        axes.set_xticks(values, [f"{value:g}" for value in values], minor=False)
        axes.set(xlabel=parameter, ylabel=unit)
        axes.grid(alpha=0.3)
        axes.legend()
    return figure


def markdown(table: pd.DataFrame) -> str:
    """A table for people: the parameter, and of each model the squared error and, with a prior, the negative ELBO."""
    parameter, *columns = [
        n for n in table if "." not in n or n.split(".")[-1] in ("test_sse", "test_neg_elbo")
    ]
    names = [
        parameter,
        *(f"{name.split('.')[0].upper()}: {name.split('.')[1]}" for name in columns),
    ]
    rows = [
        [f"{row[parameter]:g}", *(f"{row[name]:.2f}" for name in columns)]
        for _, row in table.iterrows()
    ]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (names, ["---"] * len(names), *rows))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "parameter", nargs="?", default="latent_dims", help="the parameter to draw against"
    )
    parameter = parser.parse_args().parameter
    with in_one_line():
        table, left_out = select(read_runs(), parameter)
        write_whole(f"reports/by_{parameter}.png", png(draw(table, parameter)))
        write_whole(f"reports/by_{parameter}.csv", table.to_csv(index=False).encode())
    print(
        f"{markdown(table)}\n\n{len(table)} runs against {parameter}: reports/by_{parameter}.png and .csv"
    )
    if left_out:
        print(f"{left_out} runs left out, as they differ from HEAD in other parameters too")


if __name__ == "__main__":
    main()
