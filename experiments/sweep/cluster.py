"""Ray: the cluster, the tasks that it is given, and how they end."""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tqdm import tqdm

from experiments.sweep import task
from experiments.sweep.clone import Cached, receive
from experiments.sweep.grid import devices
from experiments.sweep.task import Experiment, Job
from src.base.errors import UserError, one_line, reported
from src.base.files import write_whole

LOGS = Path(".dvc/tmp/sweep")  # the output of each experiment
# Of Ray, for the processes that it starts here; other machines have them from `ray start`.
MODES = {
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_process_group_cleanup_enabled": "1",  # what a killed worker has started ends with it
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # a task without a GPU hides them itself
}


def load_ray() -> Any:
    """The module, with safe settings. Raises UserError if it is not installed."""
    # Ray reads them when it is imported. By default it tries for 20 seconds when a cluster refuses.
    has_port = ":" in os.environ.get("RAY_ADDRESS", "")
    patience = {"RAY_NUM_REDIS_GET_RETRIES": "5"} if has_port else {}
    for name, value in (MODES | patience).items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError:
        raise UserError("Ray is not installed: pip install -r requirements-cluster.txt") from None
    return ray


def connect(ray: Any) -> None:
    """Connect to the cluster at RAY_ADDRESS, or to one on this machine; else start Ray here.

    Ray then runs for this process alone. Raises UserError if nobody answers at the address, or
    the cluster refuses.
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
    except (OSError, RuntimeError, ValueError) as error:
        if "AF_UNIX" in str(error):  # the path of a socket
            name = "RAY_TMPDIR" if "RAY_TMPDIR" in os.environ else "TMPDIR"
            raise UserError(
                f"{name} is {os.environ.get(name)}, too long for the paths of Ray's sockets, which "
                "leave it about 39 letters; name a shorter folder: `export RAY_TMPDIR=/tmp`"
            ) from error
        place = address or "this machine"
        raise UserError(f"cannot use the cluster at {place}: {_reason(error)}") from error


def _make_token() -> None:
    """Make a token where Ray looks for one; Ray would make one that others can read."""
    path = Path.home() / ".ray/auth_token"
    if {"RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ) or path.exists():
        return
    path.parent.mkdir(mode=0o700, exist_ok=True)
    with open(path, "x", opener=lambda name, flags: os.open(name, flags, mode=0o600)) as file:
        file.write(secrets.token_hex(32))


def _reason(error: Exception) -> str:
    """The last line of an error of Ray, which may hold the traceback of another process."""
    return reported(str(error)) or type(error).__name__


def resources(params: dict, nodes: list[dict]) -> dict[str, int]:
    """The cores and GPUs that an experiment gets from a cluster with these nodes.

    `auto` is a GPU if there is one anywhere, so that all of a sweep runs on one kind of device.
    More threads than any node has cores are as many as the largest has, as the stages take it.
    """
    largest = max((int(node.get("CPU", 0)) for node in nodes), default=0)
    any_gpu = any(node.get("GPU") for node in nodes)
    gpu = {"never": False, "if any": any_gpu, "always": True}[_gpu_request(params)]
    return {"num_cpus": min(params["threads"], largest or params["threads"]), "num_gpus": int(gpu)}


def describe_resources(params: dict) -> str:
    """The cores and the GPU that an experiment asks for, in words."""
    gpu = {"never": "", "if any": " and a GPU if there is one", "always": " and a GPU"}
    cores = f"{params['threads']} core{'s' * (params['threads'] > 1)}"
    return cores + gpu[_gpu_request(params)]


def _gpu_request(params: dict) -> str:
    requested = devices(params)
    if any(device.startswith("cuda") for device in requested):
        return "always"
    return "if any" if "auto" in requested else "never"


def submit(ray: Any, job: Job, experiments: list[Experiment], cached: Cached | None) -> dict:
    """Give all experiments to Ray. Returns its generators, each with its experiment."""
    from ray import cloudpickle

    cloudpickle.register_pickle_by_value(task)  # the nodes need no copy of the project

    @ray.remote(max_retries=3, num_returns="streaming")
    def run(job: Job, experiment: Experiment, gpus: int, files: dict) -> Iterator[dict | bytes]:
        def fetch() -> dict[str, bytes]:
            return dict(zip(files, ray.get(list(files.values())), strict=True))

        yield from task.run(job, experiment, gpus, fetch)

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    requests = [resources(experiment.params, nodes) for experiment in experiments]
    if any(r["num_gpus"] for r in requests) and not any(node.get("GPU") for node in nodes):
        raise UserError(
            "no machine of the cluster has a GPU, as `device` asks for; set it to auto or cpu"
        )
    shared = ray.put(job)
    sent: dict[str, Any] = {}
    submitted = {}
    for experiment, request in zip(experiments, requests, strict=True):
        files = {}
        if cached:
            paths = sorted(cached.needed(experiment.params))
            sent |= {path: ray.put(cached.read(path)) for path in paths if path not in sent}
            files = {path: sent[path] for path in paths}
        remote = run.options(name=experiment.name, **request).remote
        submitted[remote(shared, experiment, request["num_gpus"], files)] = experiment
    return submitted


class Sweep:
    """The experiments that Ray still has, and how the others ended."""

    def __init__(
        self, ray: Any, submitted: dict, cached: Cached | None, facts: dict[str, str], bar: tqdm
    ):
        self.ray = ray
        self.remaining = submitted
        self.cached = cached
        self.bar = bar
        self.running: set[str] = set()
        self.faults: dict[str, str] = {}
        # What all nodes must share, and where it was seen first.
        self.facts = {name: (value, "here") for name, value in facts.items()}

    def collect(self) -> None:
        """Receive messages until all have ended. Raises UserError if a node is unfit for it."""
        while self.remaining:
            ready, _ = self.ray.wait(
                list(self.remaining), num_returns=1, timeout=1, fetch_local=False
            )
            for generator in ready:
                try:
                    self._receive(generator)
                except self.ray.exceptions.RayError as error:  # with its retries used up
                    self._end(generator, _reason(error))
            self.bar.set_postfix_str(f"{len(self.running)} running, {len(self.faults)} failed")

    def _receive(self, generator: Any) -> None:
        """Take a message of a task: that it runs, or how it ended."""
        message = self.ray.get(next(generator))
        experiment = self.remaining[generator]
        self.running.add(experiment.name)
        self._check(message)  # at the end too: Ray may have run it once more, on another node
        if "log" not in message:
            return
        fault = ""
        if "fault" in message:  # it may be a whole log
            fault = f"{message['node']}: {reported(message['fault'])}"
        try:
            if message["log"]:
                log = LOGS / f"{experiment.name}.log"
                write_whole(log, message["log"].encode())
                fault += f" (see {log})" if fault else ""
            if not fault:
                self._keep(message, generator)
        except (UserError, OSError) as error:  # a locked ref or a full disk, for example
            fault = fault or f"its result could not be received: {one_line(error)}"
        for _ in generator:  # until the task has removed its folder: Ray would kill it before that
            pass
        self._end(generator, fault)

    def _check(self, message: dict) -> None:
        """Raise UserError if a node would give other bytes than this machine or another node."""
        node, fault = message["node"], message["unfit"]
        differing = []
        for name, value in message["facts"].items():
            expected, place = self.facts.setdefault(name, (value, f"on {node}"))
            if value != expected:
                differing.append(f"{name} {value}, not {expected} as {place}")
        if differing:
            fault = (
                f"has {', '.join(differing)}; it would give other bytes: install the same releases "
                "there, or take it out of the cluster"
            )
        if fault:
            raise UserError(f"{node} {fault}; what is done is kept")

    def _keep(self, message: dict, generator: Any) -> None:
        """Take an experiment into this clone. A file is fetched only if it is new here."""
        for path, reference in zip(message["files"], generator, strict=False):
            if self.cached and not self.cached.has(path):
                self.cached.keep(path, self.ray.get(reference))
        receive(message["bundle"])

    def _end(self, generator: Any, fault: str = "") -> None:
        experiment = self.remaining.pop(generator)
        self.running.discard(experiment.name)
        if fault:
            self.faults[experiment.name] = fault
        self.bar.update()
        count = f"[{self.bar.total - len(self.remaining)}/{self.bar.total}]"
        end = f"failed: {fault}" if fault else "done"
        self.bar.write(" ".join((count, experiment.name, *experiment.overrides)) + f": {end}")

    def cancel(self, seconds: float = 5) -> None:
        """End the tasks: each ends what it has started and removes its folder; then by force."""
        deadline = time.monotonic() + seconds
        for generator in self.remaining:
            self.ray.cancel(generator)
        while self.running and self.remaining and time.monotonic() < deadline:
            ready, _ = self.ray.wait(
                list(self.remaining), num_returns=1, timeout=0.2, fetch_local=False
            )
            for generator in ready:
                with contextlib.suppress(StopIteration, self.ray.exceptions.RayError):
                    self.ray.get(next(generator))
                    continue
                self.running.discard(self.remaining.pop(generator).name)
        for generator in self.remaining:
            self.ray.cancel(generator, force=True)
