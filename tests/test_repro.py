"""`experiments.repro` against `dvc repro`, and with stages that can be held."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from experiments import repro
from tests.toy_project import until
from tools.small_project import ROOT, Project

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "experiments.repro"]


def test_it_leaves_what_dvc_repro_leaves(project, tmp_path):
    """Also without dvc.lock: files, dvc.lock, git's index, DVC's cache and its run cache."""

    def reproduced(name: str, *command: str) -> tuple[dict[str, str], str, str, set[str]]:
        copy = project.clone(tmp_path / name)
        copy.run("git", "rm", "--quiet", "dvc.lock")
        copy.run(*command)
        lock = (copy.root / "dvc.lock").read_text()
        cached = {str(path.relative_to(copy.root)) for path in copy.root.glob(".dvc/cache/**/*")}
        return copy.outputs(), lock, copy.run("git", "status", "--short").stdout, cached

    plain = reproduced("plain", sys.executable, "-m", "dvc", "repro")
    side_by_side = reproduced("side by side", *COMMAND)
    for ours, expected in zip(side_by_side, plain, strict=True):
        assert ours == expected


def test_order_in_dvc_lock(project, monkeypatch):
    """It does not depend on which training ends first."""
    monkeypatch.chdir(project.root)
    lock = Path("dvc.lock")
    before = lock.read_bytes()
    content = yaml.safe_load(before)
    order = list(content["stages"])
    content["stages"] = {name: content["stages"][name] for name in reversed(order)}
    lock.write_text(yaml.safe_dump(content, sort_keys=False))
    with Repo() as repo:
        repro.put_in_order(repo, order[:2], order)
        assert repro.recorded() == [*reversed(order[:2]), *order[2:]]
        repro.put_in_order(repo, [], order)
    assert lock.read_bytes() == before


def test_nothing_runs_twice(project):
    """And a changed seed runs what depends on it, with threads as in params.yaml."""
    assert "Running" not in project.run(*COMMAND).stdout
    project.set("seed", 7)
    lines = project.run(*COMMAND).stdout.splitlines()
    started = [line.partition(":")[0] for line in lines if "Running stage" in line]
    assert started[0] == "preflight"
    assert {"train_ae", "train_vae"} <= set(started)
    assert "download" not in started
    assert "up to date" in project.dvc("status").stdout


@pytest.fixture
def meeting(tmp_path, project):
    """A project whose stages left and right each wait until the other has begun."""
    script = (
        "import os, pathlib, sys, time\n"
        "me, other = sys.argv[1:]\n"
        "pathlib.Path(f'{me}.cores').write_text(str(sorted(os.sched_getaffinity(0))))\n"
        "while not pathlib.Path(f'{other}.cores').exists() or pathlib.Path('hold').exists():\n"
        "    time.sleep(0.02)\n"
        "sys.exit(pathlib.Path(f'{me}.fails').exists())\n"
    )
    root = tmp_path / "meeting"
    stages: dict[str, Any] = {
        me: {
            "cmd": f"{sys.executable} {root}/stage.py {me} {other}",
            "deps": ["stage.py"],
            "outs": [f"{me}.cores"],
        }
        for me, other in (("left", "right"), ("right", "left"))
    }
    for me in ("left", "right"):
        after = f"after_{me}"
        stages[after] = {"cmd": f"touch {after}", "deps": [f"{me}.cores"], "outs": [after]}
    shutil.copytree(ROOT / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    (root / "stage.py").write_text(script)
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": stages}))
    for me in ("left", "right"):
        record = root / f"data/environment/{me}.json"
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_text('{"arithmetic": "portable"}')
    other: Project = project.clone(tmp_path / "clone")  # for its environment
    other.root = root
    other.env = other.env | {"PYTHONPATH": str(ROOT)}
    other.run("git", "init", "--quiet")
    return other


needs_two_cores = pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")


@needs_two_cores
def test_side_by_side_each_on_cores_of_its_own(meeting):
    """One after the other, the first would wait for ever."""
    meeting.run(*COMMAND, timeout=60)
    left, right = (
        set(yaml.safe_load((meeting.root / f"{me}.cores").read_text())) for me in ("left", "right")
    )
    assert left.isdisjoint(right)
    assert min(len(left), len(right)) >= len(left | right) // 2


@needs_two_cores
def test_a_failure_stops_only_what_needs_it(meeting):
    """The last line names both."""
    (meeting.root / "left.fails").touch()
    done = meeting.run(*COMMAND, check=False, timeout=60)
    assert done.returncode == 1
    assert done.stderr == "error: left failed, so after_left did not run; the lines above say why\n"
    assert (meeting.root / "after_right").exists()
    assert not (meeting.root / "after_left").exists()


@needs_two_cores
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_all(meeting, how):
    """Sent to the command alone, as by a scheduler; a terminal sends it to its whole group."""
    (meeting.root / "hold").touch()
    process = subprocess.Popen(
        COMMAND, cwd=meeting.root, env=meeting.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip
    until(lambda: all((meeting.root / f"{me}.cores").exists() for me in ("left", "right")), process)
    alive = ("pgrep", "-f", f"{meeting.root}/stage.py")
    assert len(meeting.run(*alive).stdout.split()) >= 2
    process.send_signal(how)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert errors.splitlines()[-1].startswith("interrupted: ")
    assert meeting.run(*alive, check=False).stdout == ""
    (meeting.root / "hold").unlink()
    meeting.run(*COMMAND, timeout=60)


def test_one_core_runs_one_after_the_other(monkeypatch, meeting):
    """Its stages would share the core; here they would wait for ever, so none is let in."""
    started = []
    monkeypatch.chdir(meeting.root)
    monkeypatch.setattr(repro.claims, "usable_cores", lambda: [0])
    monkeypatch.setattr(repro, "_started", lambda name, cores: started.append((name, cores)))
    monkeypatch.setattr(repro, "_followed", lambda name, process: 0)
    assert repro.reproduce({"left": set(), "right": set(), "last": {"left", "right"}}) == ([], [])
    assert started == [("left", [0]), ("right", [0]), ("last", [])]
