"""Whether the outputs are the same on processors of other kinds: `python -m tools.processors`.

Runs the small project with this processor, then each computing stage of it as on others, by the
emulator QEMU. On x86-64 processors every output must have the same bytes. On ARM64 losses and
metrics must agree to six significant digits, and pictures to two levels of 255. Ends with exit code
1 if an output differs. Two processors take about twelve minutes on two cores.

    apt-get install qemu-user
    python -m tools.processors
    python -m tools.processors --as Haswell EPYC -S latent_dims=8 -S reconstruction_loss=bce
    python -m tools.processors --as neoverse-n1

ARM64 needs Debian, for its packages of Python; with the pinned packages for ARM64 they are put into
~/.cache/mnist-autoencoders, 6 GB, which may be removed. Neither root nor binfmt_misc is needed.
"""

import argparse
import copy
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import yaml

from benchmarks.speed import processor
from tools import arm, reference
from tools.small_project import Project, make_digits

PROCESSORS = ["Haswell", "Broadwell", "EPYC", "EPYC-Milan"]  # two of Intel's, two of AMD's
CACHE = Path("~/.cache/mnist-autoencoders").expanduser()
# What differs between processors depends on sizes: layers and batches as in the real project.
SETTINGS = {"hidden_dims": 512, "batch_size": 128, "threads": 2, "epochs": 1}


def emulator_of(name: str) -> str | None:
    """The emulator that knows a processor; None if none does."""
    for program in ("qemu-x86_64", "qemu-aarch64"):
        if shutil.which(program) is None:
            sys.exit(f"error: {program} is not installed; `apt-get install qemu-user` installs it")
        listing = subprocess.run([program, "-cpu", "help"], capture_output=True, text=True).stdout
        if name in listing.split():
            return program
    return None


class Machine(NamedTuple):
    """How Python runs as on another processor."""

    name: str
    python: list[str]  # a command
    packages: str  # the folder of the packages for it


def emulated_machine(name: str) -> Machine:
    """The emulated machine with a processor; for ARM64 its files may have to be downloaded."""
    if emulator_of(name) == "qemu-x86_64":
        python = os.path.realpath(sys.executable)
        command = ["qemu-x86_64", "-cpu", name, python]
        return Machine(name, command, sysconfig.get_paths()["purelib"])
    root = arm.prepare(CACHE)
    command = ["qemu-aarch64", "-cpu", name, "-L", str(root), str(arm.python(root))]
    return Machine(name, command, str(root / "packages"))


def run_as(machine: Machine, native: Project, root: Path) -> Project:
    """A copy of the project, in `root`, whose computing stages ran on an emulated machine."""
    shutil.copytree(native.root, root, symlinks=True)
    emulated = copy.copy(native)
    emulated.root = root
    # Threads that wait must not spin: two emulators share the cores.
    emulated.env = native.env | {"PYTHONPATH": machine.packages, "OMP_WAIT_POLICY": "PASSIVE"}
    for path in computed(native):
        (root / path).unlink()
    start = time.monotonic()
    emulated.run(*machine.python, "-m", "tools.every_stage", timeout=3600)
    seconds = time.monotonic() - start
    print(f"{machine.name}: all stages in {seconds:.0f} seconds", file=sys.stderr, flush=True)
    return emulated


def computed(project: Project) -> dict[str, str]:
    """The outputs that depend on arithmetic: SHA-256 by path."""
    folders = ("data/models/", "data/latents/", "data/training/", "reports/")
    return {path: digest for path, digest in project.outputs().items() if path.startswith(folders)}


def report(native: Project, emulated: dict[str, Project]) -> bool:
    """Print a table of every output on every processor; whether all are as promised."""
    expected = computed(native)
    actual = {name: computed(project) for name, project in emulated.items()}
    print(f"| output | {processor()} | {' | '.join(actual)} |\n|{' --- |' * (len(actual) + 2)}")
    for path, digest in expected.items():
        same = ["same" if actual[name].get(path) == digest else "other bytes" for name in actual]
        print(f"| {path} | {digest[:12]} | {' | '.join(same)} |")
    faults = [fault for name in emulated for fault in faults_of(name, native, emulated[name])]
    print("\n".join(["", *faults] if faults else ["\nall outputs are as promised"]))
    return not faults


def faults_of(name: str, native: Project, emulated: Project) -> Iterator[str]:
    """What breaks the promise for a processor: equal bytes, or on ARM64 equal digits and greys."""
    if emulator_of(name) == "qemu-x86_64":
        differing = set(computed(native).items()) ^ set(computed(emulated).items())
        yield from sorted({f"{name}: {path}: other bytes" for path, _ in differing})
    else:
        reports = native.root / "reports", emulated.root / "reports"
        yield from (f"{name}: {line}" for line in reference.differences(*reports))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--as",
        nargs="+",
        default=PROCESSORS,
        dest="processors",
        metavar="PROCESSOR",
        help="see `qemu-x86_64 -cpu help` and `qemu-aarch64 -cpu help`",
    )
    parser.add_argument(
        "-S", "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter"
    )
    arguments = parser.parse_args()
    for name in arguments.processors:
        if emulator_of(name) is None:
            sys.exit(f"error: no emulator knows {name}; see `qemu-x86_64 -cpu help`")
    try:
        machines = [emulated_machine(name) for name in arguments.processors]
    except arm.Missing as error:
        sys.exit(f"error: {error}")
    settings = SETTINGS | dict(pair.split("=", 1) for pair in arguments.set)
    with tempfile.TemporaryDirectory() as folder:
        native = Project(Path(folder, "native", "project"), make_digits(Path(folder, "digits")))
        for name, value in settings.items():
            native.set(name, yaml.safe_load(str(value)))
        native.repro()
        with ThreadPoolExecutor(2) as pool:  # the emulated stages themselves take turns for cores
            roots = [Path(folder, machine.name, "project") for machine in machines]
            projects = pool.map(run_as, machines, [native] * len(machines), roots)
            emulated = dict(zip(arguments.processors, projects, strict=True))
        changed = ", ".join(f"{name}={value}" for name, value in settings.items())
        print(f"{len(computed(native))} outputs, {changed}")
        sys.exit(not report(native, emulated))


if __name__ == "__main__":
    main()
