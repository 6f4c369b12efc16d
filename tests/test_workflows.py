"""GitHub's workflows: what they may do, and the summary of a pull request."""

import re
import sys
from typing import Any

import pytest
import yaml

from tools.small_project import ROOT, Project

FILES = sorted((ROOT / ".github/workflows").glob("*.yml"))
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.stem: yaml.safe_load(path.read_text()) for path in FILES
}


@pytest.mark.parametrize("name", WORKFLOWS)
def test_rights_are_in_one_job(name: str) -> None:
    """Only the job that deploys may write anything."""
    workflow = WORKFLOWS[name]
    assert workflow["permissions"] == {"contents": "read"}
    for job, content in workflow["jobs"].items():
        rights = {"pages": "write", "id-token": "write"} if job == "deploy" else None
        assert content.get("permissions") == rights


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_actions_are_pinned(path) -> None:
    """To a commit, as a tag can be moved; the release is beside it."""
    for action in re.findall(r"uses: (.*)", path.read_text()):
        assert re.fullmatch(r"actions/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_summary_names_what_has_changed(project: Project) -> None:
    """Metrics, parameters and losses, and nothing else."""
    project.set("latent_dims", 3)
    path = project.root / "reports/ae/loss.csv"
    lines = path.read_text().splitlines(keepends=True)
    epoch, loss, *rest = lines[-1].split(",")
    lines[-1] = ",".join([epoch, f"{1.5 * float(loss):.6f}", *rest])
    path.write_text("".join(lines))
    metrics = project.root / "reports/vae/metrics.json"
    metrics.write_text(metrics.read_text().replace('"active_units": ', '"active_units": 1'))
    done = project.run(sys.executable, "-m", "tools.changes", "main")
    assert re.findall(r"^\| ([\w./]+) +\| (\w+)", done.stdout, re.MULTILINE) == [
        ("Path", "Metric"),
        ("reports/vae/metrics.json", "active_units"),
        ("Path", "Param"),
        ("params.yaml", "latent_dims"),
    ]
    changes = re.findall(r"^\| (\w+, \w+) \|.* (\S+) \|$", done.stdout, re.MULTILINE)
    assert changes == [
        ("AE, first", "+0.00%"),
        ("AE, last", "+50.00%"),
        ("VAE, first", "+0.00%"),
        ("VAE, last", "+0.00%"),
    ]


def test_summary_of_an_unknown_commit(project: Project) -> None:
    """One line says so."""
    done = project.run(sys.executable, "-m", "tools.changes", "nowhere", check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"error: .*unknown Git revision 'nowhere'\n", done.stderr)
