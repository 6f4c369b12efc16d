"""Turns `auto | cpu | cuda | cuda:N | mps` into a torch.device, and shares GPUs and cores among processes."""

import os
import stat
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from threadpoolctl import threadpool_limits

from src.base.errors import UserError

if TYPE_CHECKING:
    import torch


def available() -> list[str]:
    """The devices of this machine; opens none of them."""
    import torch  # not at the top: the gate imports this module and seldom needs torch, which takes seconds

    gpus = [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    return [*gpus, *(["mps"] if torch.backends.mps.is_available() else []), "cpu"]


def free_memory(gpu: str) -> int:
    """The free bytes of a GPU; 0 if it cannot be asked, full or exclusive to another process as it may be."""
    import torch

    try:
        return torch.cuda.mem_get_info(gpu)[0]
    except RuntimeError:
        return 0


def candidates(
    wanted: str, found: list[str], free: Callable[[str], int] = free_memory
) -> list[str]:
    """The devices, of those `found`, that satisfy a wish of `auto | cpu | cuda | cuda:N | mps`, the best first.

    `auto` and `cuda` mean the GPUs, those with the most `free` memory first; without one, `auto` means MPS, then
    the CPU. No GPU is asked for its memory unless there are several to choose from, as asking opens it. Raises
    UserError if the machine has no such device.
    """
    gpus = [name for name in found if name.startswith("cuda:")]
    if wanted in ("auto", "cuda") and gpus:
        return sorted(gpus, key=lambda name: -free(name)) if len(gpus) > 1 else gpus
    if wanted == "auto":
        return ["mps" if "mps" in found else "cpu"]
    if wanted in found:
        return [wanted]
    there = ", ".join(["auto", *(["cuda"] if gpus else []), *found])
    raise UserError(
        f"device {wanted!r} is not on this machine; it has {there}: set the stage's `device` to one of these"
    )


def use(wanted: str, threads: int, arithmetic: str) -> "torch.device":
    """A device for this process until it ends, with `threads` CPU threads and deterministic algorithms.

    `arithmetic` is `portable` or `native`, as in src/arithmetic.

    Of several GPUs it is one that no other process of this project uses, if there is one. On the CPU it waits
    until `threads` cores are free of other processes of this project: threads of two processes that share
    a core spin while they wait for each other, and both run many times more slowly than one after the other.
    """
    # cuBLAS reads this when it starts; without it torch refuses its matrix products in deterministic mode.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    import torch

    from src.arithmetic import linear

    # Adam's averages of gradients that stay zero decay into denormal numbers, which CPUs handle many times
    # more slowly. This is a setting of the thread: made before torch starts its pool, it is inherited.
    torch.set_flush_denormal(True)
    torch.set_num_threads(threads)
    threadpool_limits(threads)  # NumPy's and scikit-learn's, which count threads for themselves
    torch.set_deterministic_debug_mode(
        "error"
    )  # use_deterministic_algorithms, without importing the compiler
    torch.utils.deterministic.fill_uninitialized_memory = (
        False  # each new tensor would be written twice
    )
    names = candidates(wanted, available())
    if names == ["cpu"]:
        from joblib import (
            cpu_count,  # what the affinity and the container leave, not what the machine has
        )

        claim_cores(threads, cpu_count())
        device = torch.device("cpu")
    else:
        device = torch.device(claim(names))
    linear.use(arithmetic, device)
    return device


_claims: list[
    FileLock
] = []  # held until the process ends, when the system releases them, however it ends


def claim(names: list[str]) -> str:
    """Claim for this process the first device that no other has claimed; the first of all, if none is left."""
    return next((name for name in names if _try_lock(name)), names[0])


def claim_cores(threads: int, cores: int) -> None:
    """Claim `threads` of the machine's `cores`, or all if it has fewer; wait until they are free.

    One process at a time collects: no two wait for each other's half.
    """
    missing, collecting, told = min(threads, cores), None, False
    while True:
        collecting = collecting or _try_lock("collecting")
        for core in range(cores if collecting else 0):
            missing -= missing > 0 and bool(_try_lock(f"core-{core}"))
        if not missing:
            _claims.remove(collecting)
            collecting.release()
            return
        if not told:
            print(
                "waiting for a CPU core: another run of this project computes",
                file=sys.stderr,
                flush=True,
            )
            told = True
        time.sleep(0.1)


def _try_lock(name: str) -> FileLock | None:
    lock = FileLock(_lock_folder() / f"{name.replace(':', '-')}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    _claims.append(lock)
    return lock


def _lock_folder() -> Path:
    """The folder of locks that all copies of the project share which one user runs on this machine."""
    if not hasattr(os, "getuid"):  # Windows, where the temporary folder is the user's own
        folder = Path(tempfile.gettempdir(), "mnist-autoencoders")
        folder.mkdir(exist_ok=True)
        return folder
    folder = Path(tempfile.gettempdir(), f"mnist-autoencoders-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()  # of a link itself: it could lead to where somebody else wants files
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise UserError(
            f"{folder} is not a folder of yours (owner {found.st_uid}); set TMPDIR to one that is"
        )
    folder.chmod(0o700)
    return folder
