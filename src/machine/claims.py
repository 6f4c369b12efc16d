"""Shares CPU cores and GPUs among the processes of this project, by locks in a common folder.

The system frees a lock when its process ends, however it ends.
"""

import os
import platform
import stat
import sys
import tempfile
import time
from pathlib import Path

from filelock import FileLock, Timeout

from src.base.errors import UserError

_held: list[FileLock] = []  # until the process ends


def claim_one(names: list[str]) -> str:
    """Claim the first of these that no other process has; the first of all if none is left."""
    return next((name for name in names if _try_lock(name)), names[0])


def claim_cores(count: int, cores: list[int]) -> None:
    """Claim `count` of these CPU cores, or all if they are fewer; wait until they are free.

    Threads of two processes that share a core spin while they wait for each other, and both run
    many times more slowly than one after the other. One process at a time collects cores, so
    that no two processes each hold a part and wait for the rest.
    """
    missing = min(count, len(cores))
    collecting = None
    announced = False
    while True:
        collecting = collecting or _try_lock("collecting")
        for core in cores if collecting else []:
            if missing and _try_lock(f"core-{core}"):
                missing -= 1
        if not missing and collecting:
            _held.remove(collecting)
            collecting.release()
            return
        if not announced:
            message = "waiting for a CPU core: another run of this project computes"
            print(message, file=sys.stderr, flush=True)
            announced = True
        time.sleep(0.1)


def usable_cores() -> list[int]:
    """The numbers of the CPU cores that this process may use: a scheduler may give it few."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def _try_lock(name: str) -> FileLock | None:
    lock = FileLock(_folder() / f"{name.replace(':', '-')}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        return None
    _held.append(lock)
    return lock


def _folder() -> Path:
    """The folder of locks, common to all clones of one user on one machine.

    The temporary folder may be shared between machines, whose cores have the same numbers.
    """
    name = f"mnist-autoencoders-{platform.node()}"
    if not hasattr(os, "getuid"):  # Windows, where the temporary folder is the user's alone
        folder = Path(tempfile.gettempdir(), name)
        folder.mkdir(exist_ok=True)
        return folder
    folder = Path(tempfile.gettempdir(), f"{name}-{os.getuid()}")
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()  # of a link itself: it could lead to where somebody else wants files
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise UserError(
            f"{folder} is not a folder of yours (owner {status.st_uid}); set TMPDIR to one that is"
        )
    folder.chmod(0o700)
    return folder
