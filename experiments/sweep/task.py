"""Runs one experiment of a sweep on any machine, in a clone of its own; knows nothing of Ray."""

import contextlib
import io
import os
import platform
import shutil
import socket
import stat
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

# A node needs the pinned packages only: this module is sent there by value, and imports DVC only
# after it has compared the releases.

Facts = tuple[tuple[str, str], ...]
NATIVE_FACTS = ("processor", "avx512")  # they decide nothing in portable arithmetic
MACHINE_FACTS = ("system", "machine", "instructions", *NATIVE_FACTS)
CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Job:
    """What all experiments of a sweep have in common."""

    revision: str
    source: bytes  # a tar archive of a bare clone with this revision alone
    subfolder: str  # of the project in the clone; "" if it is the clone's root
    author: dict[str, str]  # `name` and `email`, as git has them
    facts: Facts  # what a node must share with the machine of the sweep
    cache: str  # the cache there
    marker: str  # a file in it: whoever finds it under this path sees the same folder
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
    """Run an experiment; gives first {"node": name, "gpu": model}, then how it ended, then files.

    The end is {"fault": line, "log": text}, with "unfit": True if this node is of no use to the
    whole sweep; or {"bundle": the experiment's commit, "files": paths in the cache, "log": text},
    and after it the content of each file. `fetch` gives the cached files that the experiment may
    need, by path; it is called only where there is neither the cache folder nor a remote.
    """
    node = socket.gethostname()
    yield {"node": node, "gpu": _gpu_model() if gpus else ""}
    native = experiment.params.get("arithmetic") == "native"
    unfit = _differing_facts(job.facts, native, gpus) or _missing_remote(job)
    if unfit:
        yield {"fault": f"{node} {unfit}", "log": "", "unfit": True}
        return
    from dvc.exceptions import DvcException

    try:
        with _folder() as folder:
            yield from _run(job, experiment, gpus, fetch, folder)
    except (OSError, subprocess.CalledProcessError, DvcException) as error:  # such as a full disk
        words = getattr(error, "stderr", None) or str(error)
        words = words.decode(errors="replace") if isinstance(words, bytes) else words
        yield {"fault": f"{node}: {' '.join(words.split())}", "log": ""}


def facts(packages: Iterable[str]) -> Facts:
    """What decides the bytes of results: the releases of Python and packages, and the machine."""
    releases = [(name, _release(name)) for name in packages]
    words = _processor_flags()
    instructions = " and ".join(sorted({"avx2", "fma"} & words)) or "neither avx2 nor fma"
    return (
        ("python", platform.python_version().rpartition(".")[0]),
        *releases,
        ("system", platform.system()),
        ("machine", platform.machine()),
        ("instructions", instructions),
        ("processor", " ".join(sorted({"GenuineIntel", "AuthenticAMD"} & words)) or "of no name"),
        ("avx512", "present" if "avx512f" in words else "absent"),
    )


def _release(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "missing"


def _processor_flags() -> set[str]:
    """The words that the system says about its processors; empty where it says nothing."""
    try:
        return set(CPUINFO.read_text().split())
    except OSError:
        return set()


def _differing_facts(expected: Facts, native: bool, gpus: int) -> str:
    """How this node differs from the machine of the sweep, so that it would give other bytes.

    On the CPU all builds of a release of torch give the same bytes: the part after the plus in
    2.14.1+cu130 counts on a GPU only.
    """
    actual = dict(facts(name for name, _ in expected if name not in {"python", *MACHINE_FACTS}))
    differing = []
    for name, value in expected:
        pair = (actual[name], value)
        if name not in MACHINE_FACTS and not gpus:
            pair = (actual[name].partition("+")[0], value.partition("+")[0])
        if pair[0] != pair[1] and (native or name not in NATIVE_FACTS):
            differing.append((name, f"{name} {pair[0]}, not {pair[1]}"))
    if not differing:
        return ""
    words = ", ".join(text for _, text in differing)
    if any(name in MACHINE_FACTS for name, _ in differing):
        return f"has {words}; it would give other bytes: take it out of the cluster"
    return f"has {words}; install there what the driver has, or take it out of the cluster"


def _missing_remote(job: Job) -> str:
    """That the default remote is a folder that this node does not see; DVC would make one."""
    url = job.remote.get("url", "")
    if "://" in url or Path(url).is_dir() or _is_shared(job):
        return ""
    return f"does not see the remote's folder {url}; mount it there, or use another remote"


def _gpu_model() -> str:
    """The model of the GPU that this task sees, by the driver's tool; "" without the tool."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        done = subprocess.run(
            [*command, *(["--id", visible] if visible else [])],
            capture_output=True,
            text=True,
            timeout=30,
        )
        return done.stdout.partition("\n")[0].strip() if done.returncode == 0 else ""
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _is_shared(job: Job) -> bool:
    return Path(job.cache, job.marker).is_file()


@contextlib.contextmanager
def _folder() -> Iterator[Path]:
    """A folder that only this user can read, and that is removed at the end."""
    from filelock import FileLock

    _remove_left_folders()
    with (
        tempfile.TemporaryDirectory(prefix="mnist-sweep-", ignore_cleanup_errors=True) as name,
        FileLock(Path(name, "lock")),
    ):
        yield Path(name)


def _remove_left_folders() -> None:
    """Remove the folders of killed tasks of this user, and nothing that a link leads to."""
    from filelock import FileLock, Timeout

    for path in Path(tempfile.gettempdir()).glob("mnist-sweep-*"):
        with contextlib.suppress(OSError, Timeout):
            status = path.lstat()
            is_own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
            # The system frees a lock when its process ends, however it ends. The folder of a task
            # that has just started may not be locked yet.
            if is_own and time.time() - status.st_mtime > 60 and not (path / "lock").is_symlink():
                with FileLock(path / "lock", blocking=False):
                    shutil.rmtree(path)


def _run(
    job: Job, experiment: Experiment, gpus: int, fetch: Callable, folder: Path
) -> Iterator[dict | bytes]:
    project = folder / "clone" / job.subfolder
    private = folder / "cache"
    _clone(job, folder)
    _configure(job, folder, project)
    through_ray = not _is_shared(job) and not job.remote
    for path, content in (fetch() if through_ray else {}).items():
        (private / path).parent.mkdir(parents=True, exist_ok=True)
        (private / path).write_bytes(content)
    before = _files(private)
    pull = ["--pull"] if job.remote and not _is_shared(job) else []
    overrides = [word for override in experiment.overrides for word in ("-S", override)]
    command = ["exp", "run", *pull, "--name", experiment.name, *overrides]
    status, log = _call([sys.executable, "-m", "dvc", *command], project, folder / "log", gpus)
    if status:
        fault = log.strip() or _free_space(folder)
        yield {"fault": f"{socket.gethostname()}: {fault}", "log": log}
        return
    if pull:
        push(project)
    from dvc.repo.experiments.refs import ExpRefInfo

    ref = str(ExpRefInfo(job.revision, experiment.name))
    bundle = subprocess.run(
        ["git", "bundle", "create", "--quiet", "-", ref, f"^{job.revision}"],
        cwd=folder / "clone",  # in a sub-folder git takes the dash for a file's name
        capture_output=True,
        check=True,
    )
    files = sorted(_files(private) - before) if through_ray else []
    yield {"bundle": bundle.stdout, "files": files, "log": log}
    for path in files:
        yield (private / path).read_bytes()


def _clone(job: Job, folder: Path) -> None:
    clone = folder / "clone"
    with tarfile.open(fileobj=io.BytesIO(job.source)) as archive:
        archive.extractall(folder / "source", filter="data")
    for command in (
        ["clone", "--quiet", "--no-checkout", str(folder / "source"), str(clone)],
        ["-C", str(clone), "checkout", "--quiet", "--detach", job.revision],
        *(["-C", str(clone), "config", f"user.{key}", word] for key, word in job.author.items()),
    ):
        git = ["git", "-c", "advice.detachedHead=false", *command]
        subprocess.run(git, capture_output=True, text=True, check=True)


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


def _free_space(folder: Path) -> str:
    """What to say where a log is empty: there is none on a full disk."""
    free = shutil.disk_usage(folder).free // 2**20
    return f"there is no log, with {free} MiB free in {folder.parent}"


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
