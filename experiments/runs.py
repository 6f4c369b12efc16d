"""Reads the last commit and its experiments, and says which of them have metrics of their own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import yaml

from src.base.errors import UserError, reported

RECORDS = "data/environment/"
Value = int | float | str | tuple | None


@dataclass(frozen=True)
class Run:
    """The last commit, or one of its experiments."""

    name: str
    params: dict[str, Value]  # by name with dots
    metrics: dict[str, float]  # by MODEL.METRIC
    state: str  # done, queued, running, failed or stale
    reason: str = ""  # why it has no metrics of its own


def read_runs() -> tuple[Run, list[Run]]:
    """The last commit, and its experiments.

    DVC gives an experiment that failed, or has not ended, the metrics of its commit. Only a run
    whose `state` is "done" has metrics of its own.
    """
    _workspace, *commits = json.loads(_exp_show())
    if not commits:
        raise UserError("there is no commit yet; run `dvc repro` and commit what it made")
    head = commits[0]
    # Of several revisions of an experiment the first is the latest.
    experiments = [
        _run(item["revs"][0], item.get("executor"))
        for item in head.get("experiments") or []
        if item["revs"]
    ]
    return _run(head, None), experiments


def _exp_show() -> str:
    """What DVC has of all experiments, in JSON.

    Of what fails there DVC gives nothing but English; no other function reads it.
    """
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
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
    state, reason = _state(executor)
    if state == "done":
        reason = _why_stale(_lock(revision["rev"]), params, data.get("metrics", {}))
        state = "stale" if reason else "done"
    return Run(revision.get("name") or revision["rev"][:7], params, metrics, state, reason)


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
    stages = lock.get("stages", {})
    makers = {out["path"]: name for name, stage in stages.items() for out in stage.get("outs", [])}
    hashes = {out["path"]: out.get("md5") for s in stages.values() for out in s.get("outs", [])}
    paths = list(metrics)
    if not paths or any("error" in content for content in metrics.values()):
        return "it has no metrics that can be read"
    for path in paths:  # the loop appends what the stages of these paths depend on
        name = makers.get(path)
        if name is None:
            return f"dvc.lock does not know {path}"
        stage = stages[name]
        recorded = dict(flat(stage.get("params", {}).get("params.yaml", {})))
        inputs = {d["path"]: d.get("md5") for d in stage.get("deps", []) if d["path"] in makers}
        changed = [
            key
            for key, value in recorded.items()
            if changes_results(key) and value != params.get(key)
        ]
        changed += [path for path, md5 in inputs.items() if md5 != hashes[path]]
        if changed:
            return f"{name} has not run since {', '.join(changed)} changed"
        # `preflight`, which records the machine, reads all of params.yaml to check it: most of it
        # decides no metric.
        upstream = [path for path in inputs if not path.startswith(RECORDS)]
        paths += [path for path in upstream if path not in paths]
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
