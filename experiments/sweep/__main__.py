"""Runs a grid of experiments here or on a cluster: `python -m experiments.sweep latent_dims=2,4,8`.

A grid is written as for `dvc exp run --queue -S`. Its experiments are those of the last commit, and
come back into this clone. After an interruption the same command goes on: what is done is not done
again. See docs/cluster.md.
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
from experiments.sweep.clone import (
    Cached,
    committed,
    committed_files,
    finished,
    prepared,
    remote,
)
from experiments.sweep.cluster import Sweep, connect, load_ray, submit
from experiments.sweep.grid import asks, grid, named_experiments, parameters
from experiments.sweep.task import Experiment
from src.base.errors import UserError, in_one_line


def table(experiments: list[Experiment]) -> str:
    """The swept parameters and the main metrics of the experiments that are done."""
    _, runs = read_runs()
    by_name = {run.name: run for run in done(runs)}
    rows = [by_name[experiment.name] for experiment in experiments if experiment.name in by_name]
    swept = {
        override.partition("=")[0].lstrip("+")
        for experiment in experiments
        for override in experiment.overrides
    }
    # What is swept may be a section, with columns for the parameters in it.
    columns = {name: None for run in rows for name in run.params
               if any(f"{name}.".startswith(f"{section}.") for section in swept)}  # fmt: skip
    metrics = sorted({n for run in rows for n in run.metrics if n.endswith(MAIN)})
    cells = [
        {name: run.params.get(name) for name in columns}
        | {name: round(run.metrics[name], 2) for name in metrics if name in run.metrics}
        for run in rows
    ]
    return pd.DataFrame(cells, [run.name for run in rows]).to_string()


def run(repo: Repo, revision: str, experiments: list[Experiment], total: int) -> dict[str, str]:
    """Run the experiments and receive their results; returns the faults by name."""
    ray = load_ray()
    connect(ray)
    done = total - len(experiments)
    try:
        with prepared(repo, revision) as job, _progress(total, done) as bar:
            if job.remote:
                task.push(Path.cwd())
            cached = None if job.remote else Cached(repo)
            sweep = Sweep(ray, submit(ray, job, experiments, cached), cached, bar)
            try:
                sweep.collect()
            except BaseException:
                sweep.cancel()
                raise
        return sweep.faults
    finally:
        ray.shutdown()


def sweep(arguments: list[str], prefix: str, dry: bool) -> int:
    """Run what is not done yet of a grid, and print how it ended; returns the exit code."""
    if not re.fullmatch(r"\w[\w-]*", prefix):
        raise UserError(f"--name is {prefix!r}, allowed are letters, digits, - and _")
    overrides = grid(arguments)
    revision = committed()
    params = parameters(overrides, committed_files(revision, "data/sets"))
    with contextlib.closing(Repo()) as repo:
        experiments = named_experiments(params, overrides, prefix, revision)
        done = finished(repo, revision, experiments)
        if dry:
            for experiment in experiments:
                request = "done" if experiment.name in done else asks(experiment.params)
                print(experiment.name, *experiment.overrides, request)
            return 0
        left = [experiment for experiment in experiments if experiment.name not in done]
        faults = run(repo, revision, left, len(experiments)) if left else {}
        kept = [experiment for experiment in experiments if experiment.name not in faults]
        for name, fault in faults.items():
            print(f"error: {name} failed: {fault}", file=sys.stderr)
        if kept:
            print(table(kept))
        if kept and remote(repo):  # `dvc exp apply` needs the files in the cache
            repo.fetch(revs=[experiment.name for experiment in kept])
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
    arguments = parser.parse_args()
    try:
        with in_one_line(DvcException):
            status = sweep(arguments.grid, arguments.name, arguments.dry)
    except KeyboardInterrupt:
        sys.exit("interrupted: what is done is kept; the same command goes on")
    sys.exit(status)


if __name__ == "__main__":
    main()
