"""Reads the last commits and their experiments, and says which have metrics of their own."""

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import yaml

from src.base.errors import UserError, reported

RECORDS = "data/environment/"
CODE = ("src/", "stages/")
Value = int | float | str | tuple | None


@dataclass(frozen=True)
class Run:
    """A commit, or an experiment."""

    name: str
    params: dict[str, Value]  # by name with dots
    metrics: dict[str, float]  # by MODEL.METRIC
    state: str  # done, queued, running, failed or stale
    reason: str = ""  # why it has no metrics of its own
    code: dict[str, str] = field(default_factory=dict)  # the hashes of what computed its metrics


def add_commits(parser: argparse.ArgumentParser) -> None:
    """Give a command the option for `read_runs`."""
    parser.add_argument(
        "--commits",
        type=positive,
        default=1,
        metavar="N",
        help="the last N commits and their experiments (default: 1)",
    )


def positive(text: str) -> int:
    """A number from 1; the name of this function is in the message for all else."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def read_runs(commits: int = 1) -> tuple[Run, list[Run]]:
    """The last commit, and then its experiments and the commits before it with theirs.

    DVC gives an experiment that failed, or has not ended, the metrics of its commit. Only a run
    whose `state` is "done" has metrics of its own.
    """
    _workspace, *shown = json.loads(_exp_show(commits))
    if not shown:
        raise UserError("there is no commit yet; run `dvc repro` and commit what it made")
    runs: list[Run] = []
    for commit in shown:
        runs.append(_run(commit, None))
        # Of several revisions of an experiment the first is the latest.
        experiments = [item for item in commit.get("experiments") or [] if item["revs"]]
        runs += [_run(item["revs"][0], item.get("executor")) for item in experiments]
    return runs[0], runs[1:]


def _exp_show(commits: int) -> str:
    """What DVC has of the last commits and their experiments, in JSON.

    Of what fails there DVC gives nothing but English; no other function reads it.
    """
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json", "--num", str(commits)]
    for _ in range(3):
        shown = subprocess.run(command, capture_output=True, text=True)
        if not shown.returncode:
            return shown.stdout
        if "does not exist" not in shown.stderr:  # as long as an experiment is starting
            break
        time.sleep(1)
    hint = ""
    if "Invalid experiment" in shown.stderr:
        hint = (
            ". DVC's queue has lost records; remove .dvc/tmp/exps to empty it: experiments that "
            "have ended well stay"
        )
    raise UserError(f"`dvc exp show` failed: {shown.stderr.strip().rstrip('.')}{hint}")


def lost() -> list[str]:
    """A line that says why experiments may be missing in this clone, if it is shallow."""
    command = ["git", "rev-parse", "--is-shallow-repository"]
    if subprocess.run(command, capture_output=True).stdout != b"true\n":
        return []
    return [
        "this is a shallow clone, in which DVC loses experiments of its queue and of --temp, and "
        "calls them successes; run `git fetch --unshallow`, then the experiments again"
    ]


def done(runs: Iterable[Run]) -> list[Run]:
    """The runs that have metrics of their own."""
    return [run for run in runs if run.state == "done"]


def left_out(runs: Iterable[Run]) -> list[str]:
    """One line for each reason why runs have no metrics of their own, with their names."""
    names: dict[tuple[str, str], list[str]] = {}
    for run in runs:
        if run.state != "done":
            names.setdefault((run.state, run.reason), []).append(run.name)
    return [
        f"{len(group)} {state} ({_shortened(group)})" + (f": {reason}" if reason else "")
        for (state, reason), group in names.items()
    ]


def flat(section: dict, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """The parameters of a section by name with dots. Equal values are equal: 1, 1.0 and "1"."""
    for name, value in section.items():
        if isinstance(value, dict) and value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", _plain(value)


def _plain(value: object) -> Value:
    if isinstance(value, list):
        return tuple(_plain(item) for item in value)
    if value is None or isinstance(value, int | float):
        return value
    try:
        return float(str(value))  # 1e-05, as DVC writes it, is text to other readers of YAML
    except ValueError:
        return str(value)


def _run(revision: dict, executor: dict | None) -> Run:
    """The run of a revision, and of DVC's queue if it ran there, as `dvc exp show` has them."""
    data = revision.get("data") or {}
    files = data.get("params", {})
    params = dict(flat(files.get("params.yaml", {}).get("data") or {}))
    metrics = {
        f"{Path(path).parent.name}.{name}": value
        for path, content in data.get("metrics", {}).items()
        for name, value in (content.get("data") or {}).items()
    }
    name = revision.get("name") or revision["rev"][:7]
    state, reason = _state(executor)
    if state != "done":
        return Run(name, params, metrics, state, reason)
    lock = _lock(revision["rev"])
    reason = _why_stale(lock, params, data.get("metrics", {}))
    needed = _needed_stages(lock, data.get("metrics", {}))
    for stage in needed.values():
        # DVC runs nothing for False instead of 0, or 2.0 instead of 2: results are of the latter.
        params |= {key: v for key, v in _recorded(stage).items() if v == params.get(key)}
    return Run(name, params, metrics, "stale" if reason else "done", reason, _code(needed))


def _needed_stages(lock: dict, metrics: Iterable[str]) -> dict[str, dict]:
    """The stages that the metrics depend on, as dvc.lock has them.

    `preflight`, which records the machine, reads all of params.yaml to check it: most of it decides
    no metric.
    """
    stages = lock.get("stages", {})
    makers = {out["path"]: name for name, stage in stages.items() for out in stage.get("outs", [])}
    needed: dict[str, dict] = {}
    paths = list(metrics)
    for path in paths:  # the loop appends what the stages of these paths depend on
        name = makers.get(path)
        if name and name not in needed:
            needed[name] = stages[name]
            inputs = [dep["path"] for dep in stages[name].get("deps", [])]
            paths += [path for path in inputs if not path.startswith(RECORDS)]
    return needed


def _recorded(stage: dict) -> dict[str, Value]:
    """The parameters with which a stage has run."""
    return dict(flat(stage.get("params", {}).get("params.yaml", {})))


def _code(stages: dict[str, dict]) -> dict[str, str]:
    """The hashes of the code of stages, by path."""
    return {
        dep["path"]: dep.get("md5", "")
        for stage in stages.values()
        for dep in stage.get("deps", [])
        if dep["path"].startswith(CODE)
    }


def changed_code(run: Run, other: Run) -> list[str]:
    """The files and folders of code that are not the same in two runs."""
    return sorted(path for path in run.code if other.code.get(path, "") not in ("", run.code[path]))


def _state(executor: dict | None) -> tuple[str, str]:
    """How an experiment ended, as DVC's queue has it; one that the queue does not know is done."""
    if executor is None or executor["state"] == "success":
        return "done", ""
    state, process = executor["state"], executor.get("local") or {}
    if state == "failed":
        try:
            log = Path(process.get("log") or "").read_text(errors="replace")
        except OSError:
            log = ""
        return state, reported(log) or "it has left no log"
    if state == "running" and process.get("pid") and not psutil.pid_exists(process["pid"]):
        return (
            "failed",
            "its process has ended without a message; `dvc queue kill NAME` marks it as failed",
        )
    return state, ""


def _lock(revision: str) -> dict:
    """The content of dvc.lock in a revision; empty if there is none."""
    shown = subprocess.run(["git", "show", f"{revision}:./dvc.lock"], capture_output=True)
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # four times as fast
    return yaml.load(shown.stdout, loader) or {}


def _why_stale(lock: dict, params: dict[str, Value], metrics: dict[str, dict]) -> str:
    """Why the metrics are not those of the parameters, by what dvc.lock says of how they were made.

    This happens if only a part of the stages has run, or if params.yaml was changed after the run.
    """
    stages = lock.get("stages", {}).values()
    hashes = {out["path"]: out.get("md5") for stage in stages for out in stage.get("outs", [])}
    if not metrics or any("error" in content for content in metrics.values()):
        return "it has no metrics that can be read"
    for path in metrics:
        if path not in hashes:
            return f"dvc.lock does not know {path}"
    for name, stage in _needed_stages(lock, metrics).items():
        inputs = {dep["path"]: dep.get("md5") for dep in stage.get("deps", [])}
        changed = [
            key
            for key, value in _recorded(stage).items()
            if changes_results(key) and value != params.get(key)
        ]
        changed += [path for path, md5 in inputs.items() if md5 != hashes.get(path, md5)]
        if changed:
            return f"{name} has not run since {', '.join(changed)} changed"
    return ""


def changes_results(name: str) -> bool:
    """Whether a parameter changes the results. A device changes their last digits only."""
    return not name.endswith(".device") and not changes_nothing(name)


def changes_nothing(name: str) -> bool:
    """Whether results have the same bytes with any value: data from anywhere, any threads."""
    return name.startswith("download.") or name == "threads"


def _shortened(names: list[str], most: int = 5) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest
