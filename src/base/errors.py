"""Errors that a user can correct, and the one place that prints them and ends the process."""

import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PREFIX = "error: "  # of the line with which a process ends
STDOUT = 1  # the number of the standard output
LACK_OF_MEMORY = ("out of memory", "allocate memory", "alloc_failed")  # alloc_failed: cuBLAS


class UserError(Exception):
    """A list of faults, each with the parameter or file, what it is, and what is allowed.

    All are faults of one `file`, if it is given; `remedy` is what to do about all of them.
    """

    def __init__(self, *faults: str, file: str | Path = "", remedy: str = ""):
        super().__init__(*faults)
        self.faults = faults
        self.file = Path(file).as_posix() if file else ""
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.file}: " if self.file else ""
        remedy = f". {self.remedy}." if self.remedy else ""
        return f"{place}{'; '.join(self.faults)}{remedy}"


def missing(path: str | Path) -> UserError:
    """The error for an output of the pipeline that is not there."""
    return UserError(f"{path} is missing; make it with `dvc repro` or fetch it with `dvc pull`")


def damaged(path: str | Path, content: str) -> UserError:
    """The error for an output of the pipeline that does not hold its `content`, such as a model."""
    return UserError(
        f"{path} is damaged, or not {content} of this project; `dvc checkout --force {path}` "
        "restores it from the cache, `dvc repro` makes it again"
    )


def damaged_in_git(path: str | Path, fault: str) -> UserError:
    """The error for a file in git that has a `fault`, for example "no metrics in JSON"."""
    return UserError(f"{path} has {fault}; restore it with `git checkout {path}`")


@contextmanager
def in_one_line(*others: type[Exception]) -> Iterator[None]:
    """End the process with one line and exit code 1 for faults that are not the code's.

    These are faults of the user and of the system, code that cannot be loaded, lack of memory, and
    the exceptions `others`. If nobody reads on, as after `| head -1`, it ends without a word.
    """
    try:
        try:
            yield
        finally:
            _flush()
    except BrokenPipeError as error:  # of what is printed, or of a connection
        sys.exit(f"{PREFIX}{one_line(error)}" if _is_read() else 1)
    except (UserError, OSError, *others) as error:  # type: ignore[misc]  # OSErrors name a file
        sys.exit(f"{PREFIX}{one_line(error)}")
    except SyntaxError as error:
        path = os.path.relpath(error.filename or "")
        sys.exit(f"{PREFIX}{path}, line {error.lineno}: {error.msg}")
    except ImportError as error:  # also of a library that does not fit into the memory
        sys.exit(f"{PREFIX}{one_line(error)}; `pip install -r requirements.txt` installs packages")
    except (MemoryError, RuntimeError) as error:
        if not is_lack_of_memory(error):
            raise
        sys.exit(
            f"{PREFIX}out of memory ({one_line(error)[:200]}); smaller batch_size, hidden_dims or "
            "latent_dims in params.yaml need less, or set the stage's `device` to another"
        )


def _flush() -> None:
    """Write what was printed, or end the process if nobody reads it."""
    try:
        print(end="", flush=True)
    except OSError as error:
        # What is left is thrown away: Python would complain of it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), STDOUT)
        if isinstance(error, BrokenPipeError):
            sys.exit(1)
        raise


def _is_read() -> bool:
    """Whether what this process prints has a reader."""
    output = select.poll()
    output.register(STDOUT, 0)  # only for errors, which are always reported
    return not output.poll(0)


def report(fault: str) -> None:
    """Print the line of a fault, where the process does not end by `in_one_line`."""
    print(f"{PREFIX}{fault}", file=sys.stderr, flush=True)


def reported(log: str) -> str:
    """What a log says went wrong: the first fault of this project in it, else its last line.

    A log is all that DVC keeps of a stage that failed in its queue, or on another machine.
    """
    lines = [" ".join(line.split()) for line in log.splitlines() if line.strip()]
    faults = [line.removeprefix(PREFIX) for line in lines if line.startswith(PREFIX)]
    return (faults or lines[-1:] or [""])[0]


def one_line(error: Exception) -> str:
    """The message of an error with every run of spaces and line ends as one space."""
    return " ".join(str(error).split())


def is_lack_of_memory(error: Exception) -> bool:
    """Whether memory ran out: torch has no exception of its own for it on the CPU, only words."""
    message = str(error).lower()
    return isinstance(error, MemoryError) or any(words in message for words in LACK_OF_MEMORY)
