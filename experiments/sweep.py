"""Runs a grid of experiments here or on a cluster, with Ray: `python -m experiments.sweep latent_dims=2,4,8`.

A grid is written as for `dvc exp run --queue -S`. Its experiments are those of the last commit, and come back into this
clone. Run the same command again to go on after an interruption: what is done is not done again. See docs/cluster.md.
"""

import argparse
import contextlib
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import yaml
from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.experiments.utils import exp_refs_by_baseline
from dvc.utils.cli_parse import to_path_overrides
from dvc.utils.hydra import apply_overrides, get_hydra_sweeps
from tqdm import tqdm

from experiments import task
from experiments.compare import read_runs
from experiments.task import Experiment, Job
from src.base.environment import PACKAGES
from src.base.errors import UserError, in_one_line
from src.base.files import write_whole
from src.data import sets
from src.gate import schema

LOGS = Path(".dvc/tmp/sweep")  # what failed experiments said
MODES = {  # of Ray, for the processes that it starts here; a cluster's other machines have them from `ray start`
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_process_group_cleanup_enabled": "1",  # what a killed worker has started ends with it
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # experiments without a GPU are hidden the GPUs by their task
}


# The grid


def grid(arguments: list[str]) -> list[tuple[str, ...]]:
    """The sets of overrides that `dvc exp run --queue` would make of the arguments."""
    sets_by_file = get_hydra_sweeps(to_path_overrides(arguments))
    if any(set(by_file) != {"params.yaml"} for by_file in sets_by_file):
        raise UserError("only parameters of params.yaml can be swept")
    return [tuple(by_file["params.yaml"]) for by_file in sets_by_file]


def parameters(overrides: list[tuple[str, ...]]) -> list[dict]:
    """What params.yaml holds with each set of overrides, checked as the gate does.

    Raises UserError with all faults of all sets.
    """
    classes = {name: sets.parse(name, Path(f"data/sets/{name}.yaml").read_bytes()).classes for name in sets.names()}
    found, faults = [], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "params.yaml")
        for changes in overrides:
            shutil.copyfile("params.yaml", path)
            try:
                apply_overrides(path, list(changes))
            except DvcException as error:
                faults.append(str(error.__cause__ or error).splitlines()[0])
                continue
            found.append(yaml.safe_load(path.read_text(encoding="utf-8")))
            faults += _faults(found[-1], classes)
    if faults:
        raise UserError(f"nothing was sent: {'; '.join(dict.fromkeys(faults))}")
    return found


def _faults(params: dict, classes: dict[str, list[str]]) -> list[str]:
    numbered = sorted(device for device in devices(params) if re.fullmatch(r"cuda:0*[1-9]\d*", device))
    faults = [f"device {device}: an experiment of a sweep sees one GPU, so write cuda" for device in numbered]
    try:
        schema.check(params, classes)
    except UserError as error:
        words = str(error).removeprefix("params.yaml: ").partition(". Correct it there")[0]
        faults = [*words.split("; "), *faults]
    return faults


def devices(params: dict) -> set[str]:
    """The devices that the stages are to use."""
    return {str(section["device"]) for section in params.values() if isinstance(section, dict) and "device" in section}


def experiments(found: list[dict], overrides: list[tuple[str, ...]], prefix: str, revision: str) -> list[Experiment]:
    """The experiments of a grid; equal parameters at the same revision have the same name, however they came about."""
    named = {}
    for params, changes in zip(found, overrides, strict=True):
        text = json.dumps([revision, params], sort_keys=True)
        name = f"{prefix}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"
        named.setdefault(name, Experiment(name, changes, params))
    return list(named.values())


def done(repo: Repo, revision: str) -> set[str]:
    """The names of the revision's experiments."""
    return {ref.name for ref in exp_refs_by_baseline(repo.scm, {revision})[revision]}


# What is sent


def git(*command: str) -> subprocess.CompletedProcess:
    try:
        return subprocess.run(["git", *command], capture_output=True, check=True)
    except subprocess.CalledProcessError as error:
        raise UserError(f"`git {' '.join(command)}`: {error.stderr.decode()}") from error


def committed() -> str:
    """The revision to run. Raises UserError if the workspace differs from it."""
    changed = git("status", "--porcelain", "--untracked-files=no").stdout.decode().split("\n")[:-1]
    if changed:
        raise UserError(
            f"{', '.join(line[3:] for line in changed)} changed since the last commit, which is what a sweep runs; "
            "commit the change, or take it back with `git checkout`"
        )
    return git("rev-parse", "HEAD").stdout.decode().strip()


def source() -> bytes:
    """A bare clone of the last commit, without the history before it, as a tar archive."""
    with tempfile.TemporaryDirectory() as folder:
        git("clone", "--quiet", "--bare", "--depth", "1", Path.cwd().as_uri(), folder)
        content = io.BytesIO()
        with tarfile.open(fileobj=content, mode="w") as archive:
            archive.add(folder, ".")
    return content.getvalue()


@contextlib.contextmanager
def prepared(repo: Repo, revision: str) -> Iterator[Job]:
    """What the experiments have in common, and while this lasts, the marker in the cache."""
    author = {key: git("log", "-1", f"--format=%a{key[0]}").stdout.decode().strip() for key in ("name", "email")}
    names = ("python", "dvc", *PACKAGES)
    cache = Path(repo.cache.local_cache_dir)
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache, prefix="sweep-") as marker:
        yield Job(revision, source(), author, task.releases(names), str(cache), Path(marker.name).name, remote(repo))


def remote(repo: Repo) -> dict[str, str]:
    """The default remote's name and URL, without what is secret of it."""
    name = repo.config["core"].get("remote")
    return {"name": name, "url": str(repo.config["remote"][name]["url"])} if name else {}


def _leaves(section: dict, prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in section.items():
        yield from _leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else [(prefix + name, value)]


class Cached:
    """The files of the cache that experiments need on a machine that does not see it, by their paths in the cache."""

    def __init__(self, repo: Repo):
        self.repo = repo
        self.root = Path(repo.cache.local_cache_dir)
        self.committed = self._paths(repo.used_objs())
        self.runs: dict[tuple, dict[str, set[str]]] = {}  # by the parameters' names, then by their values
        for path in sorted(Path(repo.stage_cache.cache_dir).glob("*/*/*")):
            run = path.parent.name, path.name
            entry = repo.stage_cache._load_cache(*run)
            if entry:
                paths = self._paths(repo.stage_cache.get_used_objs([run])) | {path.relative_to(self.root).as_posix()}
                recorded = entry.get("params", {}).get("params.yaml", {})
                known = self.runs.setdefault(tuple(recorded), {})
                known.setdefault(json.dumps(list(recorded.values())), set()).update(paths)

    def _paths(self, used: dict) -> set[str]:
        odb = self.repo.cache.local
        paths = {Path(odb.oid_to_path(item.value)) for objects in used.values() for item in objects}
        return {path.relative_to(self.root).as_posix() for path in paths if path.is_file()}

    def needed(self, params: dict) -> set[str]:
        """What the last commit uses, and what the run cache knows of stages with these parameters."""
        flat = dict(_leaves(params))
        values = {names: json.dumps([flat.get(name) for name in names]) for names in self.runs}
        return self.committed.union(*(self.runs[names].get(values[names], ()) for names in self.runs))

    def keep(self, path: str, content: bytes) -> None:
        write_whole(self.root / path, content)
        if path.startswith("files"):
            self.repo.cache.local.protect(str(self.root / path))


# Ray


def load_ray():
    """The module, with safe settings. Raises UserError if it is not installed."""
    # Ray reads them when it is imported. It would ask a cluster that refuses for twenty seconds, as one that starts.
    patience = {"RAY_NUM_REDIS_GET_RETRIES": "5"} if ":" in os.environ.get("RAY_ADDRESS", "") else {}
    for name, value in (MODES | patience).items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError("Ray is not installed: pip install -r requirements-cluster.txt") from None
    return ray


def connect(ray) -> None:
    """Connect to the cluster at RAY_ADDRESS, or on this machine; without one start Ray here, for this process alone.

    Raises UserError if nobody answers at the address, or whoever answers refuses.
    """
    address = os.environ.get("RAY_ADDRESS", "")
    host, _, port = address.rpartition(":")
    if host:
        try:  # Ray itself would try for a minute
            socket.create_connection((host, int(port)), timeout=5).close()
        except (OSError, ValueError) as error:
            raise UserError(f"no cluster at RAY_ADDRESS={address}: {error}") from error
    _make_token()
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level="error")
    except (ConnectionError, RuntimeError, ValueError) as error:
        raise UserError(f"no use of the cluster at {address or 'this machine'}: {_last_line(error)}") from error


def _make_token() -> None:
    """Make a token where Ray looks for one; it would make one too, but readable by others."""
    path = Path.home() / ".ray/auth_token"
    if {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ) or path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, mode=0o600)) as file:
        file.write(secrets.token_hex(32))


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def asked(params: dict, nodes: list[dict]) -> dict[str, int]:
    """The cores and GPUs that an experiment with these parameters asks of a cluster with these nodes.

    `auto` is a GPU if there is one anywhere, so that all of a sweep runs on the same kind of device. More threads than
    any node has are as many as the largest has, as the stages take it.
    """
    wishes = devices(params)
    there = any(node.get("GPU") for node in nodes)
    largest = max((int(node.get("CPU", 0)) for node in nodes), default=0)
    gpu = any(wish.startswith("cuda") for wish in wishes) or ("auto" in wishes and there)
    return {"num_cpus": min(params["threads"], largest or params["threads"]), "num_gpus": int(gpu)}


def submit(ray, job: Job, wanted: list[Experiment], cached: Cached | None) -> dict:
    """Give all experiments to Ray. Returns its generators, each with its experiment."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(task)  # the nodes need no copy of the project

    @ray.remote(max_retries=3, num_returns="streaming")
    def run(job: Job, experiment: Experiment, gpus: int, files: dict):
        yield from task.run(job, experiment, gpus, lambda: dict(zip(files, ray.get(list(files.values())), strict=True)))

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    resources = [asked(one.params, nodes) for one in wanted]
    if any(r["num_gpus"] for r in resources) and not any(node.get("GPU") for node in nodes):
        raise UserError("no machine of the cluster has a GPU, as `device` asks for; set it to auto or cpu")
    shared, sent, submitted = ray.put(job), {}, {}
    for one, r in zip(wanted, resources, strict=True):
        paths = sorted(cached.needed(one.params)) if cached else []
        sent |= {path: ray.put((cached.root / path).read_bytes()) for path in paths if path not in sent}
        files = {path: sent[path] for path in paths}
        submitted[run.options(name=one.name, **r).remote(shared, one, r["num_gpus"], files)] = one
    return submitted


class Sweep:
    """Experiments on their way, and what has become of the others."""

    def __init__(self, ray, submitted: dict, cached: Cached | None, bar: tqdm):
        self.ray, self.waiting, self.cached, self.bar = ray, submitted, cached, bar
        self.running: set[str] = set()
        self.faults: dict[str, str] = {}
        self.ended = bar.total - len(submitted)

    def collect(self) -> None:
        """Receive what comes until all have ended. Raises UserError if a node is unfit for the sweep."""
        while self.waiting:
            ready, _ = self.ray.wait(list(self.waiting), num_returns=1, timeout=1, fetch_local=False)
            for generator in ready:
                try:
                    self._receive(generator)
                except self.ray.exceptions.RayError as error:  # with its retries used up
                    self._end(generator, _last_line(error))
            self.bar.set_postfix_str(f"{len(self.running)} running, {len(self.faults)} failed")

    def _receive(self, generator) -> None:
        """Take a message of a task: that it runs, or how it ended; a file that it made is fetched only if it is new."""
        message, one = self.ray.get(next(generator)), self.waiting[generator]
        if "node" in message:
            self.running.add(one.name)
        elif "fault" in message:
            log = LOGS / f"{one.name}.log"
            if message["log"]:
                write_whole(log, message["log"].encode())
            self._drain(generator)
            self._end(generator, message["fault"] + (f" (see {log})" if message["log"] else ""))
            if message.get("unfit"):
                raise UserError(f"{message['fault']}; what is done is kept")
        else:
            for path, reference in zip(message["files"], generator, strict=False):
                if not (self.cached.root / path).exists():
                    self.cached.keep(path, self.ray.get(reference))
            receive(message["bundle"])
            self._drain(generator)
            self._end(generator)

    def _drain(self, generator) -> None:
        """Let a task come to its end: Ray would kill it while it removes its folder."""
        for _ in generator:
            pass

    def _end(self, generator, fault: str = "") -> None:
        one = self.waiting.pop(generator)
        self.running.discard(one.name)
        if fault:
            self.faults[one.name] = fault
        self.ended += 1
        self.bar.update()
        end = f"failed: {fault}" if fault else "done"
        self.bar.write(f"[{self.ended}/{self.bar.total}] {one.name} {' '.join(one.overrides)}: {end}")

    def cancel(self, seconds: float = 5) -> None:
        """End the tasks: each ends what it has started and removes its folder; after some seconds by force."""
        deadline = time.monotonic() + seconds
        for generator in self.waiting:
            self.ray.cancel(generator)
        left = set(self.running)
        while left and self.waiting and time.monotonic() < deadline:
            ready, _ = self.ray.wait(list(self.waiting), num_returns=1, timeout=0.2, fetch_local=False)
            for generator in ready:
                with contextlib.suppress(StopIteration, self.ray.exceptions.RayError):
                    self.ray.get(next(generator))
                    continue
                left.discard(self.waiting.pop(generator).name)
        for generator in self.waiting:
            self.ray.cancel(generator, force=True)


def receive(bundle: bytes) -> None:
    """Take the experiment that a bundle holds into this clone, in the place of one of its name."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(bundle)
        file.flush()
        git("fetch", "--quiet", "--no-write-fetch-head", file.name, "+refs/exps/*:refs/exps/*")


# The command


def table(wanted: list[Experiment]) -> str:
    """The swept parameters and the main metrics of the experiments that are done."""
    runs = read_runs()
    runs = runs.loc[[one.name for one in wanted if one.name in runs.index]]
    swept = list(dict.fromkeys(override.partition("=")[0] for one in wanted for override in one.overrides))
    metrics = [name for name in sorted(runs["metrics"]) if name.endswith((".test_sse", ".test_neg_elbo"))]
    return pd.concat([runs["params"][swept], runs["metrics"][metrics].round(2)], axis=1).to_string()


def run(repo: Repo, revision: str, wanted: list[Experiment], total: int) -> dict[str, str]:
    """Run the experiments and receive their results; returns what went wrong with which."""
    ray = load_ray()
    connect(ray)
    try:
        with prepared(repo, revision) as job, _progress(total, total - len(wanted)) as bar:
            if job.remote:
                task.push(Path.cwd())
            cached = None if job.remote else Cached(repo)
            sweep = Sweep(ray, submit(ray, job, wanted, cached), cached, bar)
            try:
                sweep.collect()
            except BaseException:
                sweep.cancel()
                raise
        return sweep.faults
    finally:
        ray.shutdown()


def sweep(arguments: list[str], prefix: str, dry: bool) -> int:
    """Run what is not done yet of a grid, and print what came of it; returns the exit code."""
    if not re.fullmatch(r"\w[\w-]*", prefix):
        raise UserError(f"--name is {prefix!r}, allowed are letters, digits, - and _")
    overrides = grid(arguments)
    found = parameters(overrides)
    revision = committed()
    with contextlib.closing(Repo()) as repo:
        wanted = experiments(found, overrides, prefix, revision)
        there = done(repo, revision)
        if dry:
            for one in wanted:
                print(one.name, *one.overrides, "done" if one.name in there else asks(one.params))
            return 0
        new = [one for one in wanted if one.name not in there]
        faults = run(repo, revision, new, len(wanted)) if new else {}
        if remote(repo):  # `dvc exp apply` wants the files in the cache
            repo.fetch(revs=[one.name for one in wanted if one.name not in faults])
    if len(faults) < len(wanted):
        print(table(wanted))
    for name, fault in faults.items():
        print(f"error: {name} failed: {fault}", file=sys.stderr)
    return 1 if faults else 0


def asks(params: dict) -> str:
    """What an experiment asks for, in words."""
    wishes = devices(params)
    forced = any(wish.startswith("cuda") for wish in wishes)
    gpu = " and a GPU" if forced else " and a GPU if there is one" if "auto" in wishes else ""
    return f"{params['threads']} core{'s' * (params['threads'] > 1)}{gpu}"


def _progress(total: int, done: int) -> tqdm:
    return tqdm(total=total, initial=done, unit="experiment", disable=not sys.stderr.isatty(), file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("grid", nargs="+", help="such as latent_dims=2,4,8 'seed=range(0,3)'")
    parser.add_argument("--name", default="sweep", help="what the names of the experiments begin with")
    parser.add_argument("--dry", action="store_true", help="print the experiments and what they ask for, run nothing")
    given = parser.parse_args()
    try:
        with in_one_line(DvcException):
            status = sweep(given.grid, given.name, given.dry)
    except KeyboardInterrupt:
        sys.exit("interrupted: what is done is kept; the same command goes on")
    sys.exit(status)


if __name__ == "__main__":
    main()
