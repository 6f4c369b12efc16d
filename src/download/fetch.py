"""Fetches a data set's files from the first of several sources that has the right bytes."""

import hashlib
import multiprocessing
import os
import re
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from src.base.errors import UserError
from src.data.sets import DataSet
from src.download.sources import SOURCES, lacking

try:
    import resource
except ImportError:  # Windows: there the time is what limits a download
    resource = None

LARGEST_FILE = (
    64 * 2**20
)  # bytes that a source may write to a file; the largest of the four has 47 million


def fetch(
    raw: str | Path, data_set: DataSet, sources: list[str], folder: str | None, timeout: float
) -> None:
    """Fill the folder `raw` with the files of a data set, from the first source that has them by their SHA-256.

    The files are written beside `raw` and moved into place when all are right. Each source runs in a process
    of its own, ended after `timeout` seconds: no library's own time-out covers a server that trickles.
    Prints why a source fails; raises UserError when none is left.
    """
    raw = Path(raw)
    part = raw.with_name(raw.name + ".part")
    for source in sources:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        print(f"download: trying {source}", flush=True)
        try:
            reason = (
                lacking(
                    source, data_set, folder
                )  # asked here, as a process takes half a second to start
                or _within(timeout, SOURCES[source], part, data_set, folder)
                or _wrong_file(part, data_set.files)
            )
            if reason is None:
                shutil.rmtree(raw, ignore_errors=True)
                os.replace(part, raw)
                print(f"download: {source} gave the right files", flush=True)
                return
        finally:
            shutil.rmtree(part, ignore_errors=True)
        print(f"download: {source} failed: {reason}", file=sys.stderr, flush=True)
    package = data_set.sources.system
    install = f"`apt-get install {package.package}` on Debian or Ubuntu, or " if package else ""
    raise UserError(
        f"no source in download.sources ({', '.join(sources)}) gave {data_set.name}; {install}put the four files, raw "
        "or gzipped, into a folder and run `dvc exp run -S download.folder=/the/folder`, or set it in params.yaml"
    )


def _wrong_file(folder: Path, checksums: dict[str, str]) -> str | None:
    for name, expected in checksums.items():
        if not (folder / name).is_file():
            return f"it has no {name}"
        with open(folder / name, "rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected:
            return f"{name} has SHA-256 {found}, not {expected}"
    return None


def _within(seconds: float, function: Callable, *arguments) -> str | None:
    """Call a function in a process that lives for so many seconds; the reason if it fails, else None."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(sender, function, *arguments), daemon=True)
    process.start()
    sender.close()
    try:
        if not receiver.poll(seconds):
            return f"not done within download.timeout, {seconds:g} seconds"
        return receiver.recv()
    except EOFError:
        return "its process ended without a word"
    finally:
        process.kill()
        process.join()


def _report(sender, function: Callable, *arguments) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    if not sys.stderr.isatty():
        os.environ["TQDM_DISABLE"] = "1"  # no progress bars in log files
    if resource:  # whatever writes it, a library or an archive that unpacks to terabytes
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    try:
        function(*arguments)
        sender.send(None)
    except Exception as error:  # whatever a library raises, the next source is tried
        sender.send(without_passwords(" ".join(f"{type(error).__name__}: {error}".split())))


def without_passwords(text: str) -> str:
    """A text in which addresses name no user and no password: the package index's may stand in pip's settings."""
    return re.sub(r"(?<=://)[^/@\s'\"]+@", "", text)
