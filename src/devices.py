"""Turns `auto | cpu | cuda | cuda:N | mps` into a torch.device, and shares GPUs and cores among processes."""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from threadpoolctl import threadpool_limits

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


def candidates(wanted: str, found: dict[str, int]) -> list[str]:
    """The devices, of those `found`, that satisfy a wish of `auto | cpu | cuda | cuda:N | mps`, the best first.

    `auto` and `cuda` mean the GPUs, those with the most free memory first; without one, `auto` means MPS,
    then the CPU. Raises UserError if the machine has no such device.
    """
    gpus = sorted((name for name in found if name.startswith("cuda:")), key=lambda name: -found[name])
    if wanted in ("auto", "cuda") and gpus:
        return gpus
    if wanted == "auto":
        return ["mps" if "mps" in found else "cpu"]
    if wanted in found:
        return [wanted]
    there = ", ".join(["auto", *(["cuda"] if gpus else []), *found])
    raise UserError(
        f"device {wanted!r} is not on this machine; it has {there}: set the stage's `device` to one of these"
    )


def use(wanted: str, threads: int) -> "torch.device":
    """A device for this process until it ends, with `threads` CPU threads and deterministic algorithms.

    Of several GPUs it is one that no other process of this project uses, if there is one. On the CPU it waits
    until `threads` cores are free of other processes of this project: threads of two processes that share
    a core spin while they wait for each other, and both run many times more slowly than one after the other.
    """
    # cuBLAS reads this when it starts; without it torch refuses its matrix products in deterministic mode.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    # Adam's averages of gradients that stay zero decay into denormal numbers, which CPUs handle many times
    # more slowly. This is a setting of the thread: made before torch starts its pool, it is inherited.
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    threadpool_limits(threads)  # NumPy's and scikit-learn's, which count threads for themselves
    torch.set_deterministic_debug_mode("error")  # use_deterministic_algorithms, without importing the compiler
    names = candidates(wanted, available())
    if names == ["cpu"]:
        claim_cores(threads, os.cpu_count() or 1)
        return torch.device("cpu")
    return torch.device(claim(names))


_claims: list[FileLock] = []  # held until the process ends, when the system releases them, however it ends


def claim(names: list[str]) -> str:
    """Claim for this process the first device that no other has claimed; the first of all, if none is left."""
    return next((name for name in names if _try_lock(name)), names[0])


def claim_cores(threads: int, cores: int) -> None:
    """Claim `threads` of the machine's `cores`, or all if it has fewer; wait until they are free."""
    missing, told = min(threads, cores), False
    with FileLock(_lock_path("collecting")):  # one process at a time: no two wait for each other's half
        while True:
            for core in range(cores):
                missing -= missing > 0 and _try_lock(f"core-{core}")
            if not missing:
                return
            if not told:
                print("waiting for a CPU core: another run of this project computes", file=sys.stderr, flush=True)
                told = True
            time.sleep(0.1)


def _try_lock(name: str) -> bool:
    lock = FileLock(_lock_path(name))
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return False
    _claims.append(lock)
    return True


def _lock_path(name: str) -> Path:
    """A lock file shared by all copies of the project that a user runs on this machine."""
    # Windows has no user ids; there the temporary folder is the user's own.
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir(), f"mnist-autoencoders-{user}")
    folder.mkdir(exist_ok=True)
    return folder / f"{name.replace(':', '-')}.lock"
