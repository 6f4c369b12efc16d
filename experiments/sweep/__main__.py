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

from dvc.exceptions import DvcException
from dvc.repo import Repo
from tqdm import tqdm

from experiments.runs import read_runs
from experiments.show import table
from experiments.sweep import task
from experiments.sweep.clone import (
    Cached,
    committed,
    committed_files,
    finished,
    prepared,
    remote,
)
from experiments.sweep.cluster import Sweep, connect, describe_resources, load_ray, submit
from experiments.sweep.facts import facts
from experiments.sweep.grid import grid, named_experiments, parameters
from experiments.sweep.task import Experiment
from src.base.errors import UserError, in_one_line, report


def run(
    repo: Repo, revision: str, experiments: list[Experiment], total: int, target: str
) -> dict[str, str]:
    """Run the experiments and receive their results; returns the faults by name."""
    ray = load_ray()
    connect(ray)
    done = total - len(experiments)
    try:
        with (
            prepared(repo, revision, experiments, target) as job,
            tqdm(total=total, initial=done, unit="experiment", disable=None) as bar,
        ):
            if job.remote:
                task.push(Path.cwd())
            cached = None if job.remote else Cached(repo)
            submitted = submit(ray, job, experiments, cached)
            sweep = Sweep(ray, submitted, cached, facts(job.arithmetic), bar)
            try:
                sweep.collect()
            except BaseException:
                sweep.cancel()
                raise
        return sweep.faults
    finally:
        ray.shutdown()


def sweep(arguments: list[str], prefix: str, target: str, dry: bool) -> int:
    """Run what is not done yet of a grid, and print how it ended; returns the exit code."""
    if not re.fullmatch(r"\w[\w-]*", prefix):
        raise UserError(f"--name is {prefix!r}, allowed are letters, digits, - and _")
    overrides = grid(arguments)
    revision = committed()
    params = parameters(overrides, committed_files(revision, "data/sets"))
    with contextlib.closing(Repo()) as repo:
        if target:
            repo.stage.collect(target)  # raises an error of DVC if there is no such stage
        experiments = named_experiments(params, overrides, prefix, revision, target)
        done = finished(repo, revision, experiments)
        if dry:
            for experiment in experiments:
                is_done = experiment.name in done
                state = "done" if is_done else describe_resources(experiment.params)
                print(experiment.name, *experiment.overrides, state)
            return 0
        remaining = [experiment for experiment in experiments if experiment.name not in done]
        total = len(experiments)
        faults = run(repo, revision, remaining, total, target) if remaining else {}
        for name, fault in faults.items():
            report(f"{name} failed: {fault}")
        successful = {experiment.name for experiment in experiments} - {*faults}
        if successful:
            head, runs = read_runs()
            print(table(head, [run for run in runs if run.name in successful]))
        if successful and remote(repo):  # `dvc exp apply` needs the files in the cache
            repo.fetch(revs=sorted(successful))
    return 1 if faults else 0


@in_one_line(DvcException)
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
        "--target",
        default="",
        metavar="STAGE",
        help="run this stage and those before it, such as evaluate: no pictures, less time",
    )
    parser.add_argument(
        "--dry",
        action="store_true",
        help="print the experiments and what they ask for, run nothing",
    )
    arguments = parser.parse_args()
    try:
        status = sweep(arguments.grid, arguments.name, arguments.target, arguments.dry)
    except KeyboardInterrupt:
        sys.exit("interrupted: what is done is kept; the same command goes on")
    sys.exit(status)


if __name__ == "__main__":
    main()
