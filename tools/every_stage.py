"""Runs all stages of dvc.yaml but `download` in one process: `python -m tools.every_stage`.

It is for an emulator, where most of a stage's time is that of its imports. Here they are done once,
and each stage runs in a fork: another program that this one started would not be emulated.
"""

import importlib
import os
import pkgutil
import runpy
import sys
from pathlib import Path

import yaml

import stages
from src.arithmetic.pins import pin
from src.base.errors import UserError, in_one_line


def run_stage(command: str) -> None:
    """Run a command `python -m MODULE ARGUMENTS` in a fork. Raises UserError if it fails."""
    child = os.fork()
    if not child:
        _, _, module, *sys.argv[1:] = command.split()
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        sys.stdout.flush()
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        raise UserError(f"`{command}` failed")


def main() -> None:
    pin()  # before NumPy loads
    for module in pkgutil.iter_modules(stages.__path__):
        if module.name != "__main__":
            importlib.import_module(f"stages.{module.name}")
    described = yaml.safe_load(Path("dvc.yaml").read_text())["stages"]
    with in_one_line():
        for name, stage in described.items():  # in the order of the pipeline
            if name != "download":
                run_stage(stage["cmd"])


if __name__ == "__main__":
    main()
