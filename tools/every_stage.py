"""Runs all stages of dvc.yaml but `download` in one process: `python -m tools.every_stage`.

It is for an emulator, where most of a stage's time is that of its imports. Here they are done once,
and each stage runs in a fork: another program that this one started would not be emulated. With
`--threads 3` each stage computes with three threads, also on fewer cores.
"""

import argparse
import importlib
import os
import pkgutil
import runpy
import sys
from pathlib import Path

import yaml
from threadpoolctl import threadpool_info

import stages
from src.arithmetic.pins import pin
from src.base.errors import UserError, in_one_line
from src.machine import devices


def run_stage(command: str, count: int | None) -> None:
    """Run a command `python -m MODULE ARGUMENTS` in a fork. Raises UserError if it fails."""
    child = os.fork()
    if not child:
        _, _, module, *sys.argv[1:] = command.split()
        if count:
            devices.thread_count = lambda most: count
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        if count and sys.argv[1] != "preflight":  # it computes nothing
            _check_threads(count)
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise UserError(f"`{command}` failed")


def _check_threads(count: int) -> None:
    """Raise UserError unless each library has the threads that it should have."""
    import torch

    from src.arithmetic import threads

    with threads.divided():
        torchs = torch.get_num_threads()
    others = {
        library["filepath"]: library["num_threads"]
        for library in threadpool_info()
        if "torch" not in library["filepath"]
    }
    started = len(os.listdir("/proc/self/task"))
    if torchs != count or started < count or set(others.values()) != {1}:
        raise UserError(
            f"torch has {torchs} threads of {started} in the process, not {count}; the others, "
            f"which should have one, have {others}"
        )


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--threads", type=int, help="of each stage; otherwise as in params.yaml")
    count = parser.parse_args().threads
    pin()  # before NumPy loads
    for module in pkgutil.iter_modules(stages.__path__):
        if module.name != "__main__":
            importlib.import_module(f"stages.{module.name}")
    described = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    for name, stage in described.items():  # in the order of the pipeline
        if name != "download":
            run_stage(stage["cmd"], count)


if __name__ == "__main__":
    main()
