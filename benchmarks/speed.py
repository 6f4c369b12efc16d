"""Measures speed as ratios of things that take turns: `python -m benchmarks.speed --help`.

Run nothing else meanwhile. A ratio is taken in each round. Printed are the median and, in brackets,
the lowest and the highest. docs/speed.md has the tables, and says how long each takes.
"""

import argparse
import contextlib
import itertools
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import yaml

from benchmarks.contenders import (
    ROOT,
    jax,
    products,
    releases,
    training,
    tutorial,
)
from src.arithmetic.pins import processor_field
from src.machine.claims import usable_cores

THREADS = 2
KINDS = ("ae", "vae")
Contender = tuple[Callable[..., None], dict[str, Any]]  # of benchmarks.contenders, its arguments


# Processes


def start(
    function: Callable[..., None], cores: list[int] | None = None, **arguments: Any
) -> "subprocess.Popen[str]":
    """A new process that calls a function of benchmarks.contenders, by default on THREADS cores."""
    cores = cores or usable_cores()[-THREADS:]
    call = [json.dumps(cores), function.__name__, json.dumps(arguments)]
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.contenders", *call],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def printed_by(function: Callable[..., None], **arguments: Any) -> str:
    """What the function prints in a new process, in which it waits for nobody."""
    process = start(function, **arguments)
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{function.__name__} failed")
    return printed


def side_by_side(function: Callable[..., None], **arguments: Any) -> float:
    """Seconds of a function for both models at once, each in a process with a core of its own."""
    begin = time.perf_counter()
    processes = [
        start(function, [core], kind=kind, **arguments)
        for core, kind in zip(usable_cores(), KINDS, strict=False)
    ]
    for process in processes:
        assert process.stdin
        process.stdin.close()  # neither waits for a line
    if sum(process.wait() for process in processes):  # each is waited for
        raise RuntimeError(f"{function.__name__} failed")
    return time.perf_counter() - begin


def in_turns(contenders: Mapping[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Seconds of the first epoch of each, which warms up or compiles, and of one in each round.

    All processes stay, and one epoch runs at a time: a disturbance of the machine reaches all.
    """
    processes = {}
    seconds: dict[str, list[float]] = {}
    for name, (function, arguments) in contenders.items():
        processes[name] = start(function, epochs=rounds + 1, **arguments)
        seconds[name] = [_seconds_from(processes[name], name)]
    for _, (name, process) in itertools.product(range(rounds), processes.items()):
        assert process.stdin
        print(file=process.stdin, flush=True)
        seconds[name].append(_seconds_from(process, name))
    for process in processes.values():
        process.kill()
        process.communicate()
    return seconds


def _seconds_from(process: "subprocess.Popen[str]", name: str) -> float:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{name} failed")
    return float(line)


def timed(
    command: list[str], folder: str | os.PathLike[str], env: Mapping[str, str] | None = None
) -> tuple[float, float]:
    """Seconds and peak memory in GB of a Python module that runs in a folder.

    Processes that it starts and waits for are included.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1e6


@contextlib.contextmanager
def clone() -> Iterator[str]:
    """A new clone of the last commit, removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, f"{folder}/clone"], check=True)
        yield f"{folder}/clone"


def experiment(*changes: str) -> list[str]:
    """The command of an experiment with changed parameters, such as "epochs=1"."""
    return ["dvc", "exp", "run", *(word for change in changes for word in ("-S", change))]


def stage_commands() -> dict[str, list[str]]:
    """The Python module of each stage, and its arguments."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: stage["cmd"].split()[2:] for name, stage in stages.items()}  # python -m


def run_stage(name: str, folder: str) -> tuple[float, float]:
    """Seconds and peak memory in GB of a stage of a clone, run as DVC starts it."""
    return timed(stage_commands()[name], folder, os.environ | {"DVC_STAGE": name})


# Tables in Markdown


def print_head(*columns: str) -> None:
    print_row(*columns)
    print_row(*["---"] * len(columns))


def print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def spread(values: list[float]) -> str:
    """The median and, of several values, the lowest and the highest."""
    span = f" [{min(values):.2f} to {max(values):.2f}]" if len(values) > 1 else ""
    return f"{statistics.median(values):.2f}{span}"


def ratios(above: list[float], below: list[float]) -> list[float]:
    """The quotients of two lists of seconds, round by round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def cells(name: str, seconds: list[float], reference: list[float]) -> list[str]:
    """A name, its seconds, and these as multiples of what they are compared with."""
    return [name, spread(seconds), spread(ratios(seconds, reference))]


# What is measured


def epochs(rounds: int) -> None:
    """An epoch against the tutorial's loop, its matrix products alone, and JAX."""
    for kind in KINDS:
        model = {"kind": kind}
        contenders: dict[str, Contender] = {
            "this project": (training, model | {"alone": True}),
            "with test images and state": (training, model),
            "the bare products": (products, {}),
            "the tutorial's loop": (tutorial, model),
        }
        if has_jax():
            scan, step = "JAX, an epoch compiled as one scan", "JAX, a compiled step in a loop"
            contenders[scan] = (jax, model)
            contenders[step] = (jax, model | {"way": "step"})
            if "avx512f" in processor_field("flags").split():
                narrow = model | {"without_avx512": True}
                contenders["JAX, one scan, without AVX-512"] = (jax, narrow)
        seconds = in_turns(contenders, rounds)
        print_head(f"{kind.upper()}: an epoch", "seconds", "times this project", "first: s more")
        for name, (first, *later) in seconds.items():
            more = f"{first - statistics.median(later):.2f}"
            print_row(*cells(name, later, seconds["this project"][1:]), more)
        print()


def has_jax() -> bool:
    """Whether JAX is installed; if not, a line says how to install it."""
    if find_spec("jax"):
        return True
    print("JAX takes part after `pip install -r requirements-jax.txt`.\n", file=sys.stderr)
    return False


def trainings(rounds: int) -> None:
    """Twenty epochs with start and end against JAX, alone and side by side with one thread each."""
    contenders: dict[str, Contender] = {"this project": (training, {"alone": True, "epochs": 20})}
    if has_jax():
        contenders["JAX"] = (jax, {"epochs": 20})
    print_head("twenty epochs with start and end", "seconds", "times this project", "an hour")
    for kind in (*KINDS, "both side by side, one thread each"):
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _, name in itertools.product(range(rounds), contenders):
            function, arguments = contenders[name]
            begin = time.perf_counter()
            if kind in KINDS:
                printed_by(function, kind=kind, **arguments)
            else:
                side_by_side(function, **arguments)
            seconds[name].append(time.perf_counter() - begin)
        for name, durations in seconds.items():
            an_hour = [(1 if kind in KINDS else 2) * 3600 / duration for duration in durations]
            title = f"{kind.upper() if kind in KINDS else kind}: {name}"
            print_row(*cells(title, durations, seconds["this project"]), spread(an_hour))


def stages(rounds: int) -> None:
    """The seconds and the peak memory of each stage, without its epochs."""
    seconds: dict[str, list[float]] = {name: [] for name in stage_commands()}
    memory = dict.fromkeys(seconds, 0.0)
    with clone() as folder:
        timed(experiment("epochs=1"), folder)
        for _, name in itertools.product(range(rounds), seconds):
            duration, peak = run_stage(name, folder)
            if name.startswith("train_"):
                kind = name.removeprefix("train_")
                duration -= float(printed_by(training, kind=kind, epochs=1))
            seconds[name].append(duration)
            memory[name] = max(memory[name], peak)
    print_head("stage, without its epochs", "seconds", "peak memory in GB")
    for name, durations in seconds.items():
        print_row(name, spread(durations), f"{memory[name]:.2f}")
    print_row("in sum", spread([sum(turn) for turn in zip(*seconds.values(), strict=True)]), "")


def sizes(rounds: int) -> None:
    """The stages evaluate and render for several latent_dims and hidden_dims."""
    names = ("evaluate", "render")
    print_head("size", *(f"{name}: s, GB" for name in names))
    with clone() as folder:
        for latent, hidden in [(1, 512), (2, 512), (8, 512), (64, 512), (784, 512), (2, 4096)]:
            changes = ("epochs=1", f"latent_dims={latent}", f"hidden_dims={hidden}")
            timed(experiment(*changes), folder)
            row = [f"latent_dims {latent}, hidden_dims {hidden}"]
            for name in names:
                turns = [run_stage(name, folder) for _ in range(rounds)]
                seconds, memory = zip(*turns, strict=True)
                row.append(f"{spread(list(seconds))}, {max(memory):.2f}")
            print_row(*row)


def pipeline(rounds: int) -> None:
    """The pipeline against the tutorial's epochs; with nothing to do, against `dvc status`."""
    script, both = "the tutorial's loops", "its loops side by side, one thread each"
    one, several = "python -m dvc repro", "python -m experiments.repro"
    seconds: dict[str, list[float]] = {name: [] for name in (script, both, one, several)}
    idle: list[float] = []
    for _ in range(rounds):
        with clone() as folder:
            repro, status = ["dvc", "repro"], ["dvc", "status"]
            seconds[one].append(timed(repro, folder)[0])
            idle += [timed(repro, folder)[0] / timed(status, folder)[0] for _ in range(5)]
        with clone() as folder:
            seconds[several].append(timed(["experiments.repro"], folder)[0])
        begin = time.perf_counter()
        for kind in KINDS:
            printed_by(tutorial, kind=kind, epochs=20)
        seconds[script].append(time.perf_counter() - begin)
        seconds[both].append(side_by_side(tutorial, epochs=20))
    print_head("both models", "seconds", "times as fast as the tutorial's loops")
    for name, durations in seconds.items():
        print_row(name, spread(durations), spread(ratios(seconds[script], durations)))
    print(f"\n`dvc repro` with nothing to do: {spread(idle)} times `dvc status`")


def main() -> None:
    global THREADS
    parser = argparse.ArgumentParser(description=__doc__)
    tables = (epochs, trainings, stages, sizes, pipeline)
    for table in tables:
        parser.add_argument(
            f"--{table.__name__}",
            action="store_const",
            dest="table",
            const=table,
            default=epochs,
            help=table.__doc__,
        )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each thing takes its turn (default: 5)"
    )
    parser.add_argument("--threads", type=int, default=THREADS, help="default: %(default)s")
    arguments = parser.parse_args()
    THREADS = arguments.threads
    processor = processor_field("model name") or platform.processor()
    print(f"{processor}: {printed_by(releases)}")
    arguments.table(arguments.rounds)


if __name__ == "__main__":
    main()
