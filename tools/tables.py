"""Writes the tables of numbers in the READMEs and docs/ from the results: `python -m tools.tables`.

A table stands between `<!-- table: NAME -->` and `<!-- end -->`. A test compares the committed
tables with the committed results.
"""

import argparse
import io
import re
from pathlib import Path

import pandas as pd
import yaml

from experiments.runs import changes_nothing, done, flat, read_runs
from src.base.errors import UserError, in_one_line
from src.base.files import write_whole
from tools import studies
from tools.studies import Read

# The parameters of the published run, and the seed of this project's.
DEFAULTS = {
    "dataset": "MNIST",
    "latent_dims": 2,
    "hidden_dims": 512,
    "reconstruction_loss": "sse",
    "batch_size": 128,
    "epochs": 20,
    "learning_rate": 0.001,
    "seed": 0,
    "train_vae.kl": "tutorial",
    "train_vae.beta": 1.0,
}


def other_parameters(read: Read) -> str:
    """The parameters with which no loss is comparable to a published one, such as "epochs=1"."""
    params = dict(flat(yaml.safe_load(read("params.yaml"))))
    names = [name for name, value in DEFAULTS.items() if params.get(name) != value]
    return ", ".join(f"{name}={params.get(name)}" for name in names)


def losses(read: Read) -> str:
    """The loss of the first and of the last epoch beside that of the tutorial's translator."""
    published = pd.DataFrame(yaml.safe_load(read("data/sets/MNIST.yaml"))["published"])
    if others := other_parameters(read):
        raise UserError(
            f"params.yaml has {others}, unlike the published run; take the table of losses out of "
            "the document, or go back to the default values"
        )
    last = len(published) - 1
    lines = [
        "| training loss, summed over 60,000 images | the translator's run | here | difference |",
        "| --- | --- | --- | --- |",
    ]
    for model in published:
        computed = pd.read_csv(io.StringIO(read(f"reports/{model}/loss.csv")))["loss"]
        for epoch, name in ((0, "first epoch"), (last, f"last of {len(published)} epochs")):
            expected, loss = published[model][epoch], computed[epoch]
            cells = f"{expected:,.0f} | {loss:,.0f} | {loss / expected - 1:+.1%}"
            lines.append(f"| {model.upper()}, {name} | {cells} |")
    return "\n".join(lines)


CHINESE = {
    "training loss, summed over 60,000 images": "60,000 张图像的训练损失之和",
    "the translator's run": "译者的运行",
    "here": "本项目",
    "difference": "相差",
    ", last of": "，最后一个 epoch：第",
    " epochs": " 个",
    ", first epoch": "，第一个 epoch",
}


def losses_zh(read: Read) -> str:
    """The same in Chinese."""
    table = losses(read)
    for english, chinese in CHINESE.items():
        table = table.replace(english, chinese)
    return table


def data_sets(read: Read) -> str:
    """The main metrics of both models on each data set at each number of latent dimensions."""
    runs = pd.read_csv(io.StringIO(read(RUNS)))
    lines = [
        f"| {' | '.join(['data set', 'latent_dims', *COLUMNS])} |",
        f"|{' --- |' * (2 + len(COLUMNS))}",
    ]
    for _, run in runs.iterrows():
        metrics = [
            f"{run[column]:.1%}" if "accuracy" in column else f"{run[column]:.2f}"
            for column in COLUMNS.values()
        ]
        lines.append(f"| {run['dataset']} | {run['latent_dims']} | {' | '.join(metrics)} |")
    return "\n".join(lines)


def rate_distortion(read: Read) -> str:
    """What beta does to the VAE with two latent dimensions, as docs/collapse.csv has it."""
    names = ("test_sse", "test_neg_elbo", "test_kl", "test_distortion")
    lines = [
        f"| beta | {' | '.join(f'VAE: {name}' for name in names)} | n |",
        f"|{' --- |' * (2 + len(names))}",
    ]
    table = studies.read_table("collapse", read)
    for _, row in table[table["latent_dims"] == 2].iterrows():
        cells = [f"{row[f'vae.{name}']:.2f} ± {row[f'vae.{name}.std']:.2f}" for name in names]
        lines.append(f"| {row[studies.BETA]:g} | {' | '.join(cells)} | {row['n']:g} |")
    return "\n".join(lines)


RUNS = "docs/data_sets.csv"  # of `--collect`
COLUMNS = {
    "AE: test_sse": "ae.test_sse",
    "AE: knn_accuracy": "ae.knn_accuracy",
    "AE: linear_probe_accuracy": "ae.linear_probe_accuracy",
    "VAE: test_sse": "vae.test_sse",
    "VAE: test_neg_elbo": "vae.test_neg_elbo",
    "VAE: knn_accuracy": "vae.knn_accuracy",
    "VAE: linear_probe_accuracy": "vae.linear_probe_accuracy",
}
TABLES = {
    "losses": losses,
    "losses_zh": losses_zh,
    "rate_distortion": rate_distortion,
    "data_sets": data_sets,
}


def collect() -> None:
    """Write docs/data_sets.csv from the last commit and its experiments.

    Only runs count that differ from the commit in nothing but `dataset` and `latent_dims`.
    """
    head, experiments = read_runs()
    keys = ("dataset", "latent_dims")
    rows: dict[tuple, dict] = {}
    for run in done([head, *experiments]):
        names = {*head.params, *run.params} - {*keys}
        differing = [n for n in names if run.params.get(n) != head.params.get(n)]
        if all(changes_nothing(name) for name in differing):
            values = {name: run.params[name] for name in keys}
            rows.setdefault(tuple(values.values()), values | run.metrics)
    if not rows:
        raise UserError("no run has metrics of its own; `python -m experiments.show` says why")
    table = pd.DataFrame(list(rows.values())).sort_values(list(keys), ascending=[False, True])
    table = table.reindex(columns=[*keys, *COLUMNS.values()])
    write_whole(RUNS, table.to_csv(index=False).encode())


def rewritten(document: str, read: Read) -> str:
    """A document with its tables written anew."""
    pattern = re.compile(r"(<!-- table: (\w+) -->\n\n).*?(\n\n<!-- end -->)", re.DOTALL)
    return pattern.sub(lambda match: match[1] + TABLES[match[2]](read) + match[3], document)


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--collect",
        action="store_true",
        help=f"first write {RUNS} from the last commit and its experiments",
    )
    if parser.parse_args().collect:
        collect()
    for path in sorted((*Path().glob("README*.md"), *Path("docs").glob("*.md"))):
        old = path.read_text(encoding="utf-8")
        new = rewritten(old, lambda name: Path(name).read_text(encoding="utf-8"))
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(f"{path}: tables written anew")


if __name__ == "__main__":
    main()
