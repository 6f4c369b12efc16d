"""Linux on ARM64 in a folder: Python, and the pinned packages, for the emulator QEMU to run.

Needs Debian's apt-get and dpkg-deb, and a package index; no root, and nothing is installed. Debian
has the packages of every architecture in one place; Ubuntu has those of ARM64 in another.
"""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGES = ["python3", "libgomp1", "libstdc++6"]
# Older releases of QEMU show the host's processor in this file, where the project looks for AVX2.
# Torch crashes while it loads if no maker and part are named; here they are those of Neoverse N1.
CPUINFO = """\
processor\t: 0
Features\t: fp asimd
CPU implementer\t: 0x41
CPU architecture: 8
CPU variant\t: 0x0
CPU part\t: 0xd0c
CPU revision\t: 0

"""
OLDEST_GLIBC, NEWEST_GLIBC = (
    17,
    36,
)  # 2.17 is the oldest that wheels are built for; Debian 12 has 2.36


class Missing(Exception):
    """Says what this machine lacks for the emulation."""


def prepare(cache: Path) -> Path:
    """A folder with an ARM64 system, made in `cache` unless it is there; 6 GB.

    Its packages are in packages/. Raises Missing with one line.
    """
    pins = (ROOT / "constraints.txt").read_bytes()
    root = cache / f"arm64-{hashlib.sha256(pins).hexdigest()[:12]}"
    if root.exists():
        return root
    for program in ("apt-get", "dpkg-deb"):
        if shutil.which(program) is None:
            raise Missing(f"{program} is not installed; ARM64's files come from Debian's packages")
    part = root.with_suffix(".part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    print(f"preparing ARM64's Python and packages in {root}", file=sys.stderr, flush=True)
    _unpack_python(part)
    _install_packages(part, python(part).name.removeprefix("python"))
    (part / "proc").mkdir()
    (part / "proc/cpuinfo").write_text(CPUINFO)
    os.replace(part, root)
    return root


def python(root: Path) -> Path:
    """The ARM64 system's Python, such as usr/bin/python3.11."""
    return (root / "usr/bin/python3").resolve()


def _unpack_python(root: Path) -> None:
    """Unpack Debian's Python for ARM64 and all that it needs, with lists and a cache of its own."""
    apt = root / "apt"
    (apt / "lists/partial").mkdir(parents=True)
    (apt / "archives/partial").mkdir(parents=True)
    (apt / "status").touch()  # nothing is installed: everything that is needed is downloaded
    options = {
        "APT::Architecture": "arm64",
        "APT::Architectures": "arm64",
        "APT::Install-Recommends": "false",
        "APT::Sandbox::User": "",
        "Dir::State": str(apt),
        "Dir::State::status": str(apt / "status"),
        "Dir::Cache": str(apt),
    }
    command = ["apt-get", "-qq"]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    _run(*command, "update")
    _run(*command, "install", "--yes", "--download-only", *PACKAGES)
    for package in sorted(apt.glob("archives/*.deb")):
        _run("dpkg-deb", "--extract", str(package), str(root))
    shutil.rmtree(apt)


def _install_packages(root: Path, version: str) -> None:
    """Install every pin, built for ARM64; a package that has no wheel must be pure Python."""
    abi = f"cp{version.replace('.', '')}"
    options = ["--python-version", version, "--implementation", "cp"]
    options += ["--abi", abi, "--abi", "abi3", "--abi", "none"]
    for minor in range(OLDEST_GLIBC, NEWEST_GLIBC + 1):
        options += ["--platform", f"manylinux_2_{minor}_aarch64"]
    options += ["--platform", "manylinux2014_aarch64", "--no-deps"]
    target = ["--target", str(root / "packages"), "--requirement", str(ROOT / "constraints.txt")]
    _run(sys.executable, "-m", "pip", "install", "--quiet", *options, *target)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no message"]
        raise Missing(f"{command[0]} failed: {lines[-1]}")
