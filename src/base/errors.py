"""The exception for faults that a user can cause and mend, and how such faults end a process."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LACK_OF_MEMORY = ("out of memory", "allocate memory", "alloc_failed")  # alloc_failed: cuBLAS


class UserError(Exception):
    """Its message is one line: which parameter or file, what was found, what to do."""


def unusable(path: str | Path, content: str | None) -> UserError:
    """The error for an output of the pipeline that does not hold the `content` it should.

    `content` is for example "a model"; None stands for a file that is missing.
    """
    if content is None:
        return UserError(f"{path} is missing; make it with `dvc repro` or fetch it with `dvc pull`")
    return UserError(
        f"{path} is damaged, or not {content} of this project; `dvc checkout --force {path}` "
        "restores it from the cache, `dvc repro` makes it again"
    )


def unlike_committed(path: str | Path, fault: str) -> UserError:
    """The error for a file in git that has a `fault`, for example "no metrics in JSON"."""
    return UserError(f"{path} has {fault}; restore it with `git checkout {path}`")


@contextmanager
def in_one_line(*others: type[Exception]) -> Iterator[None]:
    """End the process with one line and exit code 1 for faults that are not the code's.

    These are faults of the user and of the system, lack of memory, and the exceptions `others`.
    """
    try:
        yield
    except (UserError, OSError, *others) as error:  # type: ignore[misc]  # OSErrors name a file
        sys.exit(f"error: {one_line(error)}")
    except (MemoryError, RuntimeError) as error:
        if not is_lack_of_memory(error):
            raise
        sys.exit(
            f"error: out of memory ({one_line(error)[:200]}); smaller batch_size, hidden_dims or "
            "latent_dims in params.yaml need less, or set the stage's `device` to another"
        )


def one_line(error: Exception) -> str:
    """The message of an error with every run of spaces and line ends as one space."""
    return " ".join(str(error).split())


def is_lack_of_memory(error: Exception) -> bool:
    """Whether memory ran out: torch has no exception of its own for it on the CPU, only words."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or any(words in message for words in LACK_OF_MEMORY)
