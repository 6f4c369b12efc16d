"""Runs all computing stages in one process: `python -m tools.every_stage`, in an emulator.

Most of an emulated stage's time is that of its imports. Here they are done once, and each stage
runs in a fork: another program that this one started would not be emulated.
"""

import importlib
import os
import runpy
import sys

import stages  # noqa: F401, sets the variables of the arithmetic before NumPy loads
from src.models.registry import MODELS

STAGES = [
    ("preflight",),
    *(("train", name) for name in MODELS),
    ("evaluate",),
    ("render",),
    ("explore",),
]


def run_stage(name: str, *arguments: str) -> None:
    """Run one stage as `python -m stages.NAME` would; end this process if it fails."""
    child = os.fork()
    if not child:
        sys.argv[1:] = arguments
        del sys.modules[f"stages.{name}"]  # to be run as the main module
        runpy.run_module(f"stages.{name}", run_name="__main__", alter_sys=True)
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"error: {' '.join((name, *arguments))} failed")


def main() -> None:
    for name, *_ in STAGES:
        importlib.import_module(f"stages.{name}")
    for stage in STAGES:
        run_stage(*stage)


if __name__ == "__main__":
    main()
