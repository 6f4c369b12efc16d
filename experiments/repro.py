"""`dvc repro` with stages that do not need each other side by side: `python -m experiments.repro`.

DVC runs one stage after the other. Here each runs in a `dvc repro --single-item` of its own, as
soon as the stages that it needs have ended, with its part of the CPU cores. What is left is what
`dvc repro` leaves, byte for byte.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.reproduce import get_active_graph, plan_repro
from dvc.utils.serialize import load_yaml, modify_yaml

from src.arithmetic.kinds import PORTABLE
from src.base.errors import PREFIX, in_one_line
from src.machine import claims, devices

LOCK = "dvc.lock"
# With the first option DVC waits where another of its processes is busy for a moment. Without the
# second it would also look after the stages before, whose outputs others are reading.
COMMAND = [sys.executable, "-m", "dvc", "--wait-for-lock", "repro", "--single-item"]

Needs = dict[str, set[str]]  # for each stage, in DVC's order, the stages that it needs


def needs_of(repo: Repo) -> Needs:
    """The stages of the pipeline in the order in which `dvc repro` runs them."""
    graph = get_active_graph(repo.index.graph)
    stages = plan_repro(graph, repo.stage.collect("dvc.yaml"))
    return {
        stage.addressing: {needed.addressing for needed in graph.successors(stage)}
        for stage in stages
    }


def reproduce(needs: Needs) -> tuple[list[str], list[str]]:
    """Run all stages; those that failed, and those that did not run since they need one of them.

    The free cores are divided among the stages that could start. One that finds no core left waits.
    """
    waiting = list(needs)
    good: set[str] = set()
    failed: list[str] = []
    free = claims.usable_cores()[: devices.thread_count(sys.maxsize)]
    running: dict[Future[int], tuple[str, list[int]]] = {}
    processes: list[subprocess.Popen] = []
    with ThreadPoolExecutor(len(needs)) as pool, _ending_with_this(processes):
        while waiting or running:
            ready = [name for name in waiting if needs[name] <= good]
            for left, name in zip(range(len(ready), 0, -1), ready, strict=True):
                confined = _is_confined(name)
                if confined and not free:
                    continue
                cores = free[: -(-len(free) // left)] if confined else []
                free = free[len(cores) :]
                processes.append(_started(name, cores))
                running[pool.submit(_followed, name, processes[-1])] = name, cores
                waiting.remove(name)
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name, cores = running.pop(future)
                free = sorted([*free, *cores])
                if future.result():
                    failed.append(name)
                else:
                    good.add(name)
    return failed, waiting


def _is_confined(stage: str) -> bool:
    """Whether a stage computes in portable arithmetic: its bytes are the same on fewer cores.

    All others run as in params.yaml, and wait for each other if there are too few cores or GPUs.
    """
    try:
        record = json.loads(Path(f"data/environment/{stage}.json").read_bytes())
    except (OSError, ValueError):  # it computes nothing, or will say itself what is wrong
        return False
    return record.get("arithmetic") == PORTABLE


def _started(stage: str, cores: list[int]) -> subprocess.Popen:
    """The process of a stage on these cores, in a process group of its own."""
    before = os.sched_getaffinity(0) if cores else set()
    if cores:
        os.sched_setaffinity(0, cores)  # the process inherits it, and the stage counts its cores
    try:
        return subprocess.Popen(
            [*COMMAND, stage],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            process_group=0,
        )
    finally:
        if cores:
            os.sched_setaffinity(0, before)


def _followed(stage: str, process: subprocess.Popen) -> int:
    """Print the lines of a stage's process, each with its name; the exit code."""
    for line in process.stdout or ():
        if line.strip():
            print(f"{stage}: {line}", end="", flush=True)
    return process.wait()


@contextlib.contextmanager
def _ending_with_this(processes: list[subprocess.Popen]) -> Iterator[None]:
    """Within it, processes get the Ctrl-C or the request to end that this process gets."""
    handler = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except (KeyboardInterrupt, BrokenPipeError):  # the latter if nobody reads what they print
        for process in processes:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
        raise
    finally:
        signal.signal(signal.SIGTERM, handler)


def recorded() -> list[str]:
    """The stages in dvc.lock, in its order."""
    return list(load_yaml(LOCK).get("stages", {})) if Path(LOCK).exists() else []


def put_in_order(repo: Repo, before: list[str], order: list[str]) -> None:
    """Put the stages that are new in dvc.lock into this order, not that in which they ended."""
    with repo.lock, repo.scm_context():
        stages = recorded()
        kept = [name for name in stages if name in before]
        ordered = [*kept, *(name for name in order if name in stages and name not in before)]
        if ordered != stages:
            with modify_yaml(LOCK) as content:
                content["stages"] = {name: content["stages"][name] for name in ordered}
            repo.scm_context.track_file(LOCK)


@in_one_line(DvcException)
def main() -> None:
    repo = Repo(_wait_for_lock=True)
    with repo.lock:
        needs = needs_of(repo)
        before = recorded()
    try:
        failed, left_out = reproduce(needs)
    except KeyboardInterrupt:
        sys.exit("interrupted: the same command goes on, a training after its last epoch")
    finally:
        put_in_order(repo, before, list(needs))
    if failed:
        rest = f", so {', '.join(left_out)} did not run" if left_out else ""
        sys.exit(f"{PREFIX}{' and '.join(failed)} failed{rest}; the lines above say why")


if __name__ == "__main__":
    main()
