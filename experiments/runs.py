"""Reads HEAD and its experiments as DVC shows them."""

import json
import subprocess
import sys

import pandas as pd

from src.base.errors import UserError


def read_runs() -> pd.DataFrame:
    """A row for HEAD and each of its experiments, by name: `params` by name, and `metrics` as MODEL.METRIC."""
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
    shown = subprocess.run(command, capture_output=True, text=True)
    if shown.returncode:
        raise UserError(f"`dvc exp show` failed: {shown.stderr.strip()}")
    _workspace, *baselines = json.loads(shown.stdout)
    runs = [
        line
        for baseline in baselines
        for line in (baseline, *_experiments(baseline))
        if line["data"]
    ]
    params = [
        pd.json_normalize(run["data"]["params"]["params.yaml"]["data"]).iloc[0].map(str)
        for run in runs
    ]
    metrics = [
        {
            f"{path.split('/')[1]}.{name}": value
            for path, content in run["data"]["metrics"].items()
            for name, value in content.get("data", {}).items()
        }
        for run in runs
    ]
    table = pd.concat(
        {"params": pd.DataFrame(params).reset_index(drop=True), "metrics": pd.DataFrame(metrics)},
        axis=1,
    )
    return table.set_axis([run.get("name") for run in runs])


def _experiments(baseline: dict) -> list[dict]:
    return [
        revision
        for experiment in baseline.get("experiments") or []
        for revision in experiment["revs"] or []
    ]
