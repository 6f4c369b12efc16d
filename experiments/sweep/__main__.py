"""Runs a grid of experiments here or on a cluster, with Ray: `python -m experiments.sweep latent_dims=2,4,8`.

A grid is written as for `dvc exp run --queue -S`. Its experiments are those of the last commit, and come back into this
clone. Run the same command again to go on after an interruption: what is done is not done again. See docs/cluster.md.
"""

import argparse
import contextlib
import re
import sys
from pathlib import Path

import pandas as pd
from dvc.exceptions import DvcException
from dvc.repo import Repo
from tqdm import tqdm

from experiments.runs import MAIN, done, read_runs
from experiments.sweep import task
from experiments.sweep.clone import Cached, committed, finished, prepared, remote
from experiments.sweep.cluster import Sweep, connect, load_ray, submit
from experiments.sweep.grid import asks, experiments, grid, parameters
from experiments.sweep.task import Experiment
from src.base.errors import UserError, in_one_line


def table(experiments: list[Experiment]) -> str:
    """The swept parameters and the main metrics of the experiments that are done."""
    names = {experiment.name for experiment in experiments}
    _, runs = read_runs()
    rows = [run for run in done(runs) if run.name in names]
    keys = {
        override.partition("=")[0].lstrip("+")
        for experiment in experiments
        for override in experiment.overrides
    }
    # What is swept may be a section, with columns for the parameters in it.
    columns = {name: None for run in rows for name in run.params
               if any(f"{name}.".startswith(f"{key}.") for key in keys)}  # fmt: skip
    metrics = sorted({n for run in rows for n in run.metrics if n.endswith(MAIN)})
    cells = [
        {name: run.params.get(name) for name in columns}
        | {name: round(run.metrics[name], 2) for name in metrics if name in run.metrics}
        for run in rows
    ]
    return pd.DataFrame(cells, [run.name for run in rows]).to_string()


def run(repo: Repo, revision: str, wanted: list[Experiment], total: int) -> dict[str, str]:
    """Run the experiments and receive their results; returns what went wrong with which."""
    ray = load_ray()
    connect(ray)
    try:
        with prepared(repo, revision) as job, _progress(total, total - len(wanted)) as bar:
            if job.remote:
                task.push(Path.cwd())
            cached = None if job.remote else Cached(repo)
            sweep = Sweep(ray, submit(ray, job, wanted, cached), cached, bar)
            try:
                sweep.collect()
            except BaseException:
                sweep.cancel()
                raise
        return sweep.faults
    finally:
        ray.shutdown()


def sweep(arguments: list[str], prefix: str, dry: bool) -> int:
    """Run what is not done yet of a grid, and print what came of it; returns the exit code."""
    if not re.fullmatch(r"\w[\w-]*", prefix):
        raise UserError(f"--name is {prefix!r}, allowed are letters, digits, - and _")
    overrides = grid(arguments)
    found = parameters(overrides)
    revision = committed()
    with contextlib.closing(Repo()) as repo:
        wanted = experiments(found, overrides, prefix, revision)
        there = finished(repo, revision)
        if dry:
            for one in wanted:
                print(one.name, *one.overrides, "done" if one.name in there else asks(one.params))
            return 0
        new = [one for one in wanted if one.name not in there]
        faults = run(repo, revision, new, len(wanted)) if new else {}
        if remote(repo):  # `dvc exp apply` wants the files in the cache
            repo.fetch(revs=[one.name for one in wanted if one.name not in faults])
    if len(faults) < len(wanted):
        print(table(wanted))
    for name, fault in faults.items():
        print(f"error: {name} failed: {fault}", file=sys.stderr)
    return 1 if faults else 0


def _progress(total: int, done: int) -> tqdm:
    return tqdm(
        total=total,
        initial=done,
        unit="experiment",
        disable=not sys.stderr.isatty(),
        file=sys.stderr,
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.sweep",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("grid", nargs="+", help="such as latent_dims=2,4,8 'seed=range(0,3)'")
    parser.add_argument(
        "--name", default="sweep", help="what the names of the experiments begin with"
    )
    parser.add_argument(
        "--dry",
        action="store_true",
        help="print the experiments and what they ask for, run nothing",
    )
    given = parser.parse_args()
    try:
        with in_one_line(DvcException):
            status = sweep(given.grid, given.name, given.dry)
    except KeyboardInterrupt:
        sys.exit("interrupted: what is done is kept; the same command goes on")
    sys.exit(status)


if __name__ == "__main__":
    main()
