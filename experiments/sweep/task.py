"""Runs one experiment of a sweep on whatever machine this is, in a clone of its own; knows nothing of Ray."""

import contextlib
import io
import os
import platform
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

# A node needs the pinned packages only: this module is sent there by value, and what it imports of DVC, it imports
# after it has looked at the releases.


@dataclass(frozen=True)
class Job:
    """What all experiments of a sweep have in common."""

    revision: str
    source: bytes  # a tar archive of a bare clone with this revision alone
    author: dict[str, str]  # `name` and `email`, as git has them
    releases: dict[str, str]  # of Python and the packages, where the sweep was started
    cache: str  # the cache there
    marker: str  # a file in it: whoever finds it under this path sees the same folder
    remote: dict[str, str]  # `name` and `url` of DVC's default remote there; empty if there is none


@dataclass(frozen=True)
class Experiment:
    """One set of parameters to run, and the name of what comes of it."""

    name: str
    overrides: tuple[str, ...]  # as for `dvc exp run -S`
    params: dict  # all that params.yaml then holds


def run(
    job: Job, experiment: Experiment, gpus: int, fetch: Callable[[], dict[str, bytes]]
) -> Iterator[dict | bytes]:
    """Run an experiment; gives first {"node": name}, then how it ended, then the files that the end names.

    The end is {"fault": line, "log": text}, with "unfit": True if this node is of no use to the whole sweep, or
    {"bundle": the experiment's commit, "files": paths in the cache}, and after it the content of each file. `fetch`
    gives the cached files that the experiment may need, by path; it is called only where there is neither the cache
    folder nor a remote.
    """
    node = socket.gethostname()
    yield {"node": node}
    unfit = _unfit(job)
    if unfit:
        yield {"fault": f"{node} {unfit}", "log": "", "unfit": True}
        return
    from dvc.exceptions import DvcException

    try:
        with _folder() as folder:
            yield from _run(job, experiment, gpus, fetch, folder)
    except (
        OSError,
        subprocess.CalledProcessError,
        DvcException,
    ) as error:  # a full disk, for example
        said = getattr(error, "stderr", None) or str(error)
        said = said.decode(errors="replace") if isinstance(said, bytes) else said
        yield {"fault": f"{node}: {' '.join(said.split())}", "log": ""}


def _unfit(job: Job) -> str:
    """Why this node would give other bytes than the machine where the sweep was started, or lose them; else nothing."""
    other = [f"{name} {found}, not {job.releases[name]}" for name, found in releases(job.releases).items()
             if found != job.releases[name]]  # fmt: skip
    if other:
        return f"has {', '.join(other)}; install there what the driver has, or take it out of the cluster"
    url = job.remote.get("url", "")
    if (
        "://" not in url and not Path(url).is_dir() and not _shared(job)
    ):  # DVC would make a folder, and push into it
        return f"does not see the remote's folder {url}; mount it there, or use another remote"
    return ""


def releases(names) -> dict[str, str]:
    """The installed release of each package; `python` is the interpreter's."""
    found = {}
    for name in names:
        try:
            found[name] = (
                platform.python_version().rpartition(".")[0] if name == "python" else version(name)
            )
        except PackageNotFoundError:
            found[name] = "none"
    return found


def _shared(job: Job) -> bool:
    return Path(job.cache, job.marker).is_file()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that only this user can read, gone at the end; before that, those of killed tasks are removed."""
    from filelock import FileLock, Timeout

    for old in Path(tempfile.gettempdir()).glob("mnist-sweep-*"):
        # The system frees a lock when its process ends, however it ends. One just made may not be locked yet.
        with contextlib.suppress(OSError, Timeout):
            if time.time() - old.stat().st_mtime > 60:
                with FileLock(old / "lock", blocking=False):
                    shutil.rmtree(old)
    with (
        tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as name,
        FileLock(Path(name, "lock")),
    ):
        yield Path(name)


def _run(
    job: Job, experiment: Experiment, gpus: int, fetch: Callable, folder: Path
) -> Iterator[dict | bytes]:
    clone, private = folder / "clone", folder / "cache"
    _clone(job, folder, clone)
    _configure(job, folder, clone)
    through_ray = not _shared(job) and not job.remote
    for path, content in (fetch() if through_ray else {}).items():
        (private / path).parent.mkdir(parents=True, exist_ok=True)
        (private / path).write_bytes(content)
    before = _files(private)
    pull = ["--pull"] if job.remote and not _shared(job) else []
    overrides = [word for override in experiment.overrides for word in ("-S", override)]
    command = [
        sys.executable,
        "-m",
        "dvc",
        "exp",
        "run",
        *pull,
        "--name",
        experiment.name,
        *overrides,
    ]
    status, log = _call(command, clone, folder / "log", gpus)
    if status:
        fault = line_of_fault(log) or _free_space(folder)
        yield {"fault": f"{socket.gethostname()}: {fault}", "log": log}
        return
    if pull:
        push(clone)
    from dvc.repo.experiments.refs import ExpRefInfo

    ref = str(ExpRefInfo(job.revision, experiment.name))
    bundle = subprocess.run(
        ["git", "bundle", "create", "--quiet", "-", ref, f"^{job.revision}"],
        cwd=clone,
        capture_output=True,
        check=True,
    )
    files = sorted(_files(private) - before) if through_ray else []
    yield {"bundle": bundle.stdout, "files": files}
    for path in files:
        yield (private / path).read_bytes()


def _clone(job: Job, folder: Path, clone: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(job.source)) as archive:
        archive.extractall(folder / "source", filter="data")
    git = ["git", "-c", "advice.detachedHead=false"]
    for command in (
        [*git, "clone", "--quiet", "--no-checkout", folder / "source", clone],
        [*git, "-C", clone, "checkout", "--quiet", "--detach", job.revision],
        *([*git, "-C", clone, "config", f"user.{key}", value] for key, value in job.author.items()),
    ):
        subprocess.run(command, capture_output=True, text=True, check=True)


def _configure(job: Job, folder: Path, clone: Path) -> None:
    from dvc.config import Config

    with Config(str(clone / ".dvc")).edit("local") as config:
        config["core"]["site_cache_dir"] = str(folder / "site")
        config["cache"]["dir"] = job.cache if _shared(job) else str(folder / "cache")
        if job.remote:
            config["core"]["remote"] = job.remote["name"]
            config["remote"][job.remote["name"]] = {"url": job.remote["url"]}


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def _call(command: list[str], clone: Path, log: Path, gpus: int) -> tuple[int, str]:
    """Run a command until it ends, or this process is interrupted; its exit status, and all that it said."""
    # Ray's variables, its token among them, are none of the experiment's business.
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("RAY_", "OMP_", "DVC_"))
    }
    env["PATH"] = os.pathsep.join(
        (str(Path(sys.executable).parent), env.get("PATH", ""))
    )  # stages say `python`
    if not gpus:
        env["CUDA_VISIBLE_DEVICES"] = ""
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=clone, env=env, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        )
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


def _free_space(folder: Path) -> str:
    """What to say where a log is empty: a full disk holds none."""
    free = shutil.disk_usage(folder).free // 2**20
    return f"there is no log, with {free} MiB free in {folder.parent}"


def line_of_fault(log: str) -> str:
    """The line of a log that tells what went wrong: this project's own words, else the last line."""
    lines = [" ".join(line.split()) for line in log.splitlines() if line.strip()]
    own = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (own or lines[-1:] or [""])[0]


def push(root: Path) -> None:
    """Push what a clone's last commit and its run cache use to its default remote.

    `dvc push --run-cache` leaves out the cached copies of outputs that git keeps, without which no other machine can
    use the run cache.
    """
    from dvc.repo import Repo

    with contextlib.chdir(root), contextlib.closing(Repo()) as repo:
        repo.push()
        runs = repo.stage_cache.push(None)
        for odb, objects in repo.stage_cache.get_used_objs(runs).items():
            repo.cloud.push(objects, odb=odb)
