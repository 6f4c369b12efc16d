"""Ray: the cluster, the tasks that it is given, and what becomes of them."""

import contextlib
import os
import secrets
import socket
import time
from pathlib import Path

from tqdm import tqdm

from experiments.sweep import task
from experiments.sweep.clone import Cached, receive
from experiments.sweep.grid import devices
from experiments.sweep.task import Experiment, Job
from src.base.errors import UserError
from src.base.files import write_whole

LOGS = Path(".dvc/tmp/sweep")  # what failed experiments said
MODES = {  # of Ray, for the processes that it starts here; a cluster's other machines have them from `ray start`
    "RAY_AUTH_MODE": "token",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_process_group_cleanup_enabled": "1",  # what a killed worker has started ends with it
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # experiments without a GPU are hidden the GPUs by their task
}


def load_ray():
    """The module, with safe settings. Raises UserError if it is not installed."""
    # Ray reads them when it is imported. It would ask a cluster that refuses for twenty seconds, as one that starts.
    patience = (
        {"RAY_NUM_REDIS_GET_RETRIES": "5"} if ":" in os.environ.get("RAY_ADDRESS", "") else {}
    )
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
    except (
        OSError,
        RuntimeError,
        ValueError,
    ) as error:  # OSError: also of a TMPDIR too long for sockets
        raise UserError(
            f"no use of the cluster at {address or 'this machine'}: {_last_line(error)}"
        ) from error


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
        yield from task.run(
            job,
            experiment,
            gpus,
            lambda: dict(zip(files, ray.get(list(files.values())), strict=True)),
        )

    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    resources = [asked(one.params, nodes) for one in wanted]
    if any(r["num_gpus"] for r in resources) and not any(node.get("GPU") for node in nodes):
        raise UserError(
            "no machine of the cluster has a GPU, as `device` asks for; set it to auto or cpu"
        )
    shared, sent, submitted = ray.put(job), {}, {}
    for one, r in zip(wanted, resources, strict=True):
        paths = sorted(cached.needed(one.params)) if cached else []
        sent |= {
            path: ray.put((cached.root / path).read_bytes()) for path in paths if path not in sent
        }
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
            ready, _ = self.ray.wait(
                list(self.waiting), num_returns=1, timeout=1, fetch_local=False
            )
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
        self.bar.write(
            f"[{self.ended}/{self.bar.total}] {one.name} {' '.join(one.overrides)}: {end}"
        )

    def cancel(self, seconds: float = 5) -> None:
        """End the tasks: each ends what it has started and removes its folder; after some seconds by force."""
        deadline = time.monotonic() + seconds
        for generator in self.waiting:
            self.ray.cancel(generator)
        left = set(self.running)
        while left and self.waiting and time.monotonic() < deadline:
            ready, _ = self.ray.wait(
                list(self.waiting), num_returns=1, timeout=0.2, fetch_local=False
            )
            for generator in ready:
                with contextlib.suppress(StopIteration, self.ray.exceptions.RayError):
                    self.ray.get(next(generator))
                    continue
                left.discard(self.waiting.pop(generator).name)
        for generator in self.waiting:
            self.ray.cancel(generator, force=True)
