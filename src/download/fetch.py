"""Fetches a data set's files from the first of several sources that has the right bytes."""

import multiprocessing
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from src.base.errors import UserError
from src.data.sets import DataSet
from src.download.copying import LARGEST_FILE
from src.download.sources import Skipped, source_of

try:
    import resource
except ImportError:  # Windows: there only the time limits a download
    resource = None  # type: ignore[assignment]


def fetch(
    raw: str | Path, data_set: DataSet, sources: Sequence[str], folder: str | None, timeout: float
) -> None:
    """Fill the folder `raw` with a data set's files, from the first source with the right ones.

    Each source checks the SHA-256 of what it copies. The files are written beside `raw` and moved
    into place when all are right. A source runs in a process of its own, ended after `timeout`
    seconds: no library's own time limit covers a server that sends a byte now and then.
    Prints which sources are skipped and why others fail; raises UserError when none is left.
    """
    raw = Path(raw)
    part = raw.with_name(raw.name + ".part")
    for source in sources:
        try:
            copy_files = source_of(source, data_set, folder)
        except Skipped as skipped:
            print(f"download: {source} skipped: {skipped}", flush=True)
            continue
        print(f"download: trying {source}", flush=True)
        try:
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            reason = _error_within(timeout, copy_files, part)
            if reason is None:
                shutil.rmtree(raw, ignore_errors=True)
                os.replace(part, raw)
                print(f"download: {source} gave the right files", flush=True)
                return
        finally:
            shutil.rmtree(part, ignore_errors=True)
        print(f"download: {source} failed: {reason}", file=sys.stderr, flush=True)
    system = data_set.sources.system
    install = f"`apt-get install {system.package}` on Debian or Ubuntu, or " if system else ""
    raise UserError(
        f"no source in download.sources ({', '.join(sources)}) gave {data_set.name}; "
        f"{install}put the four files, raw or gzipped, into a folder and run "
        "`dvc exp run -S download.folder=/the/folder`, or set it in params.yaml"
    )


def _error_within(seconds: float, copy_files: Callable[[Path], None], part: Path) -> str | None:
    """Copy the files in a process that lives for so many seconds; why it failed, or None."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(sender, copy_files, part), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            return f"not done within download.timeout, {seconds:g} seconds"
        return receiver.recv()
    except EOFError:
        return "its process was ended from outside"
    finally:
        process.kill()
        process.join()


def _report(sender: Connection, copy_files: Callable[[Path], None], part: Path) -> None:
    """Copy the files; send why that failed, or None."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    if not sys.stderr.isatty():
        os.environ["TQDM_DISABLE"] = "1"  # no progress bars in log files
    if resource:  # also for what libraries write, and for archives that unpack to terabytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    try:
        copy_files(part)
        sender.send(None)
    except UserError as error:
        sender.send(without_passwords(str(error)))
    except Exception as error:  # whatever a library raises, the next source is tried
        sender.send(without_passwords(f"{type(error).__name__}: {error}"))


def without_passwords(text: str) -> str:
    """A text in one line, without the users and passwords in pip's addresses of indexes."""
    return re.sub(r"(?<=://)[^/@\s'\"]+@", "", " ".join(text.split()))
