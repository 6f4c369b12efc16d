"""Finds out which GPUs this torch can use, in a process of its own: `python -m src.machine.probe`.

The driver also lists GPUs that torch has no code for, or that a laptop has put to sleep; only a
product of two matrices shows which it can use. The process ends afterwards, so no GPU stays open.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from src.arithmetic import kinds
from src.base.errors import one_line

SECONDS = 120  # a driver that does not answer must not stop the check of params.yaml for ever


class Gpu(NamedTuple):
    """A GPU, as far as it is known."""

    name: str  # as torch names it, cuda:0 or mps
    kind: str  # of its arithmetic
    fault: str | None = None  # why torch cannot use it, in words


def find_gpus() -> list[Gpu]:
    """The GPUs that torch lists, each tried, in a child process that ends."""
    command = [sys.executable, "-m", "src.machine.probe"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
        return [Gpu(*fields) for fields in json.loads(done.stdout.splitlines()[-1])]
    except (subprocess.TimeoutExpired, ValueError, IndexError, TypeError) as error:
        return [Gpu("cuda:0", "", f"the trial of the GPUs failed: {one_line(error)[:200]}")]


def gpu_kind(index: int) -> str:
    """The kind of arithmetic of the GPU cuda:`index`; opens torch's connection to the driver."""
    import torch

    hip = torch.version.hip
    release = f"ROCm {hip}" if hip else f"CUDA {torch.version.cuda}"
    return kinds.of_gpu(torch.cuda.get_device_properties(index).name, release)


def _try_all() -> list[Gpu]:
    import torch

    gpus = range(torch.cuda.device_count())
    tried = [_try(f"cuda:{index}", partial(gpu_kind, index)) for index in gpus]
    if torch.backends.mps.is_available():
        tried.append(_try("mps", lambda: kinds.MPS))
    return tried


def _try(name: str, kind: Callable[[], str]) -> Gpu:
    """A GPU after a small product on it."""
    import torch

    try:
        ones = torch.ones(64, 64, device=name)
        correct = (ones @ ones).sum().item() == 64**3
        return Gpu(name, kind(), None if correct else "it computes a wrong product")
    except Exception as error:  # torch raises many kinds of errors here
        return Gpu(name, "", one_line(error)[:200])


if __name__ == "__main__":
    print(json.dumps(_try_all()))
