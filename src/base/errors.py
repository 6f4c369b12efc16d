"""The exception for faults that a user can cause and mend, and how such faults end a process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class UserError(Exception):
    """Its message is one line: which parameter or file, what was found, what is allowed, what to do."""


def unusable(path: str | Path, wanted: str | None) -> UserError:
    """The error for an output of the pipeline that is missing (`wanted` None) or does not hold what is `wanted`."""
    if wanted is None:
        return UserError(f"{path} is missing; make it with `dvc repro` or fetch it with `dvc pull`")
    return UserError(
        f"{path} is damaged, or not {wanted} of this project; `dvc checkout --force {path}` restores it from the "
        "cache, `dvc repro` makes it again"
    )


def unlike_committed(path: str | Path, missing: str) -> UserError:
    """The error for a file that git keeps, not DVC's cache, in which something is missing."""
    return UserError(f"{path} has {missing}; restore it with `git checkout {path}`")


@contextmanager
def in_one_line(*others: type[Exception]) -> Iterator[None]:
    """End the process with one line and exit code 1 at a fault of the user's, of the system or of `others`."""
    try:
        yield
    except (UserError, OSError, *others) as error:  # the system's errors name their file
        sys.exit(f"error: {' '.join(str(error).split())}")
    except (MemoryError, RuntimeError) as error:
        if not _is_lack_of_memory(error):
            raise
        sys.exit(
            f"error: out of memory ({' '.join(str(error).split())[:200]}); smaller batch_size, hidden_dims or "
            "latent_dims in params.yaml need less, or set the stage's `device` to another"
        )


def _is_lack_of_memory(error: Exception) -> bool:
    """NumPy and Python have an exception for it; torch has one for GPUs, and on the CPU a RuntimeError's words."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "allocate memory" in words
