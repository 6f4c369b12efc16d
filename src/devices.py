"""Turns `auto | cpu | cuda | cuda:N | mps` into a torch.device and prepares torch to compute on it."""

import os
from typing import TYPE_CHECKING

from src.errors import UserError

if TYPE_CHECKING:
    import torch


def available() -> dict[str, int]:
    """The devices of this machine and the free memory of each in bytes (0 where torch cannot tell)."""
    import torch  # not at the top: the gate imports this module and seldom needs torch, which takes seconds

    found = {f"cuda:{i}": torch.cuda.mem_get_info(i)[0] for i in range(torch.cuda.device_count())}
    if torch.backends.mps.is_available():
        found["mps"] = 0
    return {**found, "cpu": 0}


def choose(wanted: str, found: dict[str, int]) -> str:
    """The name of the device to use, out of those `found`, for a wish of `auto | cpu | cuda | cuda:N | mps`.

    `auto` and `cuda` take the GPU with the most free memory, the first of equals; `auto` falls back to MPS,
    then to the CPU. Raises UserError if the machine has no such device.
    """
    gpus = [name for name in found if name.startswith("cuda:")]
    if wanted in ("auto", "cuda") and gpus:
        return max(gpus, key=lambda name: found[name])
    if wanted == "auto":
        return "mps" if "mps" in found else "cpu"
    if wanted in found:
        return wanted
    there = ", ".join(["auto", *(["cuda"] if gpus else []), *found])
    raise UserError(
        f"device {wanted!r} is not on this machine; it has {there}: set the stage's `device` to one of these"
    )


def use(wanted: str, threads: int) -> "torch.device":
    """Choose a device and make torch compute on it with `threads` CPU threads and deterministic algorithms."""
    # cuBLAS reads this when it starts; without it torch refuses its matrix products in deterministic mode.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    # Adam's averages of gradients that stay zero decay into denormal numbers, which CPUs handle many times
    # more slowly. This is a setting of the thread: made before torch starts its pool, it is inherited.
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)
    return torch.device(choose(wanted, available()))
