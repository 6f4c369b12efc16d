"""Runs one experiment of a sweep on any machine, in a clone of its own; knows nothing of Ray."""

import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# A node needs the pinned packages only: this module is sent there by value, and imports DVC only
# after the driver has been sent the releases there.


@dataclass(frozen=True)
class Job:
    """What all experiments of a sweep have in common."""

    revision: str
    source: bytes  # a tar archive of a clone with this revision alone, not checked out yet
    subfolder: str  # of the project in the clone; "" if it is the clone's root
    target: str  # the stage to run, with those before it; "" for all stages
    arithmetic: str  # the parameter; native if it is that in any experiment
    cache: str  # the cache folder of the sweep's clone
    marker: str  # a file in it: a node that has it under this path sees the same folder
    remote: dict[str, str]  # `name` and `url` of DVC's default remote there; empty without one


@dataclass(frozen=True)
class Experiment:
    """One set of parameters to run, and the name of the experiment."""

    name: str
    overrides: tuple[str, ...]  # as for `dvc exp run -S`
    params: dict  # all that params.yaml then holds


def run(
    job: Job, experiment: Experiment, gpus: int, fetch: Callable[[], dict[str, bytes]]
) -> Iterator[dict | bytes]:
    """Run an experiment; gives first what the node is, then how it ended, then its new files.

    The first is {"node": name, "facts": of experiments/sweep/facts.py, "unfit": why the node is of
    no use to the whole sweep, or ""}. The end is the same with {"fault": words, "log": text}; or,
    if it ended well, with {"bundle": the experiment's commit, "files": paths in the cache, "log":
    text}, and after it comes the content of each file. `fetch` gives the cached files that the
    experiment may need, by path; it is called only where there is neither the cache folder nor a
    remote.
    """
    # Only this user can read the folder. It is removed at the end, unless the task is killed.
    with tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        node: dict[str, Any] = {"node": socket.gethostname(), "facts": {}, "unfit": ""}
        try:
            project = _clone(job, folder)
            node |= {"facts": _facts(job, project, folder, gpus), "unfit": _missing_remote(job)}
            yield node
            for message in _run(job, experiment, gpus, fetch, folder, project):
                yield message if isinstance(message, bytes) else node | message
        except Exception as error:  # a full disk, git, DVC: they end this experiment and no other
            yield node | {"fault": getattr(error, "stderr", None) or str(error), "log": ""}


def _clone(job: Job, folder: Path) -> Path:
    """Check out the sweep's clone; the project's folder in it."""
    clone = folder / "clone"
    with tarfile.open(fileobj=io.BytesIO(job.source)) as archive:
        archive.extractall(clone, filter="data")
    _git("-C", str(clone), "checkout", "--quiet", "--detach", job.revision)
    return clone / job.subfolder


def _git(*command: str) -> None:
    subprocess.run(["git", *command], capture_output=True, text=True, check=True)


def _facts(job: Job, project: Path, folder: Path, gpus: int) -> dict[str, str]:
    """What decides the bytes of results on this node, as the project's own code has it."""
    command = [sys.executable, "-m", "experiments.sweep.facts", job.arithmetic, str(gpus)]
    status, output = _call(command, project, folder / "facts", gpus)
    if status:
        raise RuntimeError(output)
    return json.loads(output.splitlines()[-1])


def _missing_remote(job: Job) -> str:
    """That the default remote is a folder that this node does not see; DVC would make one."""
    url = job.remote.get("url", "")
    if "://" in url or Path(url).is_dir() or _is_shared(job):
        return ""
    return f"does not see the remote's folder {url}; mount it there, or use another remote"


def _is_shared(job: Job) -> bool:
    return Path(job.cache, job.marker).is_file()


def _run(
    job: Job,
    experiment: Experiment,
    gpus: int,
    fetch: Callable[[], dict[str, bytes]],
    folder: Path,
    project: Path,
) -> Iterator[dict | bytes]:
    private = folder / "cache"
    _configure(job, folder, project)
    through_ray = not _is_shared(job) and not job.remote
    for path, content in (fetch() if through_ray else {}).items():
        (private / path).parent.mkdir(parents=True, exist_ok=True)
        (private / path).write_bytes(content)
    before = _files(private)
    pull = ["--pull"] if job.remote and not _is_shared(job) else []
    overrides = [word for override in experiment.overrides for word in ("-S", override)]
    target = [job.target] if job.target else []
    command = ["exp", "run", *pull, "--name", experiment.name, *overrides, *target]
    status, log = _call([sys.executable, "-m", "dvc", *command], project, folder / "log", gpus)
    if status:
        yield {"fault": log.strip() or "it left no log, as on a full disk", "log": log}
        return
    if pull:
        push(project)
    from dvc.repo.experiments.refs import ExpRefInfo

    ref, bundle = str(ExpRefInfo(job.revision, experiment.name)), folder / "bundle"
    _git("-C", str(project), "bundle", "create", "--quiet", str(bundle), ref, f"^{job.revision}")
    files = sorted(_files(private) - before) if through_ray else []
    yield {"bundle": bundle.read_bytes(), "files": files, "log": log}
    for path in files:
        yield (private / path).read_bytes()


def _configure(job: Job, folder: Path, project: Path) -> None:
    from dvc.config import Config

    with Config(str(project / ".dvc")).edit("local") as config:
        config["core"]["site_cache_dir"] = str(folder / "site")
        config["cache"]["dir"] = job.cache if _is_shared(job) else str(folder / "cache")
        if job.remote:
            config["core"]["remote"] = job.remote["name"]
            config["remote"][job.remote["name"]] = {"url": job.remote["url"]}


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _call(command: list[str], folder: Path, log: Path, gpus: int) -> tuple[int, str]:
    """Run a command to its end, or until this process is interrupted: exit status and output."""
    # The experiment must not see Ray's variables, its token among them.
    hidden = ("RAY_", "OMP_", "DVC_")
    env = {name: value for name, value in os.environ.items() if not name.startswith(hidden)}
    # Stages say `python`.
    env["PATH"] = os.pathsep.join((str(Path(sys.executable).parent), env.get("PATH", "")))
    if not gpus:
        env["CUDA_VISIBLE_DEVICES"] = ""
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stderr": subprocess.STDOUT}
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=folder, env=env, stdout=output, **pipes)
        try:
            while process.poll() is None:
                time.sleep(0.05)  # not in one long wait, which Ray's interruption does not end
        except BaseException:
            _end_tree(process)
            raise
    return process.returncode, log.read_text(errors="replace")


def _end_tree(process: subprocess.Popen) -> None:
    """End a process and all that it started: DVC leaves its stage running."""
    import psutil

    with contextlib.suppress(psutil.NoSuchProcess):
        root = psutil.Process(process.pid)
        for child in [root, *root.children(recursive=True)]:
            with contextlib.suppress(psutil.NoSuchProcess):
                child.kill()
    process.wait()


def push(project: Path) -> None:
    """Push what the last commit and the run cache use to the default remote.

    `dvc push --run-cache` leaves out the cached copies of outputs that git keeps, without which no
    other machine can use the run cache.
    """
    from dvc.repo import Repo

    with contextlib.chdir(project), contextlib.closing(Repo()) as repo:
        repo.push()
        runs = repo.stage_cache.push(None)
        for odb, objects in repo.stage_cache.get_used_objs(runs).items():
            repo.cloud.push(objects, odb=odb)
