"""Whether the outputs are the same on processors of other kinds: `python -m tools.processors`.

Runs the small project with this x86-64 processor, then each computing stage of it as on others, by
the emulator QEMU. Every output must have the same bytes: ends with exit code 1 if one differs. Two
processors take about twelve minutes on two cores.

    apt-get install qemu-user
    python -m tools.processors
    python -m tools.processors --as Haswell EPYC -S latent_dims=8 -S reconstruction_loss=bce
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
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from src.arithmetic.pins import processor_field
from src.base.errors import UserError, in_one_line
from tools.small import name_and_value
from tools.small_project import Project, make_digits

EMULATOR = "qemu-x86_64"
PROCESSORS = ["Haswell", "Broadwell", "EPYC", "EPYC-Milan"]  # two of Intel's, two of AMD's
# What differs between processors depends on sizes: layers and batches as in the real project.
SETTINGS = {"hidden_dims": 512, "batch_size": 128, "threads": 2, "epochs": 1}


def check_emulator(processors: list[str]) -> None:
    """Raise UserError if the emulator is not installed, or does not know one of the processors."""
    if shutil.which(EMULATOR) is None:
        raise UserError(f"{EMULATOR} is not installed; `apt-get install qemu-user` installs it")
    listing = subprocess.run([EMULATOR, "-cpu", "help"], capture_output=True, text=True).stdout
    for name in processors:
        if name not in listing.split():
            raise UserError(f"{EMULATOR} does not know {name}; see `{EMULATOR} -cpu help`")


def run_as(name: str, native: Project, root: Path) -> dict[str, str]:
    """What the computing stages write, run as on another processor in a copy of the project."""
    shutil.copytree(native.root, root, symlinks=True)
    emulated = copy.copy(native)
    emulated.root = root
    # The emulator runs Python's own file, not its link in the virtual environment with packages.
    packages = sysconfig.get_paths()["purelib"]
    # Threads that wait must not spin: two emulators share the cores.
    emulated.env = native.env | {"PYTHONPATH": packages, "OMP_WAIT_POLICY": "PASSIVE"}
    for path in computed(native):
        (root / path).unlink()
    start = time.monotonic()
    python = os.path.realpath(sys.executable)
    emulated.run(EMULATOR, "-cpu", name, python, "-m", "tools.every_stage", timeout=3600)
    seconds = time.monotonic() - start
    print(f"{name}: all stages in {seconds:.0f} seconds", file=sys.stderr, flush=True)
    return computed(emulated)


def computed(project: Project) -> dict[str, str]:
    """The outputs that depend on arithmetic: SHA-256 by path."""
    folders = ("data/models/", "data/latents/", "data/training/", "reports/")
    return {path: digest for path, digest in project.outputs().items() if path.startswith(folders)}


def table(expected: dict[str, str], emulated: dict[str, dict[str, str]]) -> tuple[str, bool]:
    """A table of every output on every processor, and whether all are the same."""
    lines = [f"| output | {processor_field('model name')} | {' | '.join(emulated)} |"]
    lines.append(f"|{' --- |' * (len(emulated) + 2)}")
    for path in sorted(set(expected).union(*emulated.values())):
        digest = expected.get(path, "none")
        same = [outputs.get(path, "none") == digest for outputs in emulated.values()]
        cells = ["same" if equal else "other bytes" for equal in same]
        lines.append(f"| {path} | {digest[:12]} | {' | '.join(cells)} |")
    return "\n".join(lines), all(outputs == expected for outputs in emulated.values())


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
        help=f"see `{EMULATOR} -cpu help`",
    )
    parser.add_argument(
        "-S", "--set-param", type=name_and_value, action="append", default=[], metavar="NAME=VALUE"
    )
    arguments = parser.parse_args()
    names = arguments.processors
    with in_one_line():
        check_emulator(names)
    settings = SETTINGS | dict(arguments.set_param)
    with tempfile.TemporaryDirectory() as folder:
        native = Project(Path(folder, "native", "project"), make_digits(Path(folder, "digits")))
        for name, value in settings.items():
            native.set(name, value)
        native.repro()
        with ThreadPoolExecutor(2) as pool:  # the emulated stages themselves take turns for cores
            roots = [Path(folder, name, "project") for name in names]
            outputs = pool.map(run_as, names, [native] * len(names), roots)
            emulated = dict(zip(names, outputs, strict=True))
        changed = ", ".join(f"{name}={value}" for name, value in settings.items())
        lines, same = table(computed(native), emulated)
        print(f"{len(computed(native))} outputs, {changed}\n{lines}")
        sys.exit(not same)


if __name__ == "__main__":
    main()
