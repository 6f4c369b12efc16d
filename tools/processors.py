"""Whether the outputs are the same on other processors and with other numbers of threads.

Runs the small project with this x86-64 processor, then each computing stage of it as on others, by
the emulator QEMU, or with more threads than there are cores. Every output must have the same bytes:
ends with exit code 1 if one differs. Two processors take about twelve minutes on two cores.

    apt-get install qemu-user
    python -m tools.processors
    python -m tools.processors --as Haswell EPYC -S latent_dims=8 -S reconstruction_loss=bce
    python -m tools.processors --as --threads 1 2 3 5 8 -S hidden_dims=300 -S batch_size=100
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
    if not processors:
        return
    if shutil.which(EMULATOR) is None:
        raise UserError(f"{EMULATOR} is not installed; `apt-get install qemu-user` installs it")
    listing = subprocess.run([EMULATOR, "-cpu", "help"], capture_output=True, text=True).stdout
    for name in processors:
        if name not in listing.split():
            raise UserError(f"{EMULATOR} does not know {name}; see `{EMULATOR} -cpu help`")


def commands(processors: list[str], counts: list[int]) -> dict[str, list[str]]:
    """What runs all stages as on each processor and with each number of threads, by a name."""
    # The emulator runs Python's own file, not its link in the virtual environment with packages.
    run = [os.path.realpath(sys.executable), "-m", "tools.every_stage"]
    return {
        **{name: [EMULATOR, "-cpu", name, *run] for name in processors},
        **{f"threads={count}": [*run, "--threads", str(count)] for count in counts},
    }


def run_again(name: str, command: list[str], native: Project, root: Path) -> dict[str, str]:
    """What the computing stages write, run by a command in a copy of the project."""
    shutil.copytree(native.root, root, symlinks=True)
    other = copy.copy(native)
    other.root = root
    other.env = native.env | {
        "PYTHONPATH": sysconfig.get_paths()["purelib"],
        "OMP_WAIT_POLICY": "PASSIVE",  # threads that wait must not spin: cores are fewer
    }
    for path in computed(native):
        (root / path).unlink()
    start = time.monotonic()
    other.run(*command, timeout=3600)
    seconds = time.monotonic() - start
    print(f"{name}: all stages in {seconds:.0f} seconds", file=sys.stderr, flush=True)
    return computed(other)


def computed(project: Project) -> dict[str, str]:
    """The outputs that depend on arithmetic: SHA-256 by path."""
    folders = ("data/models/", "data/latents/", "data/training/", "reports/")
    return {path: digest for path, digest in project.outputs().items() if path.startswith(folders)}


def table(expected: dict[str, str], others: dict[str, dict[str, str]]) -> tuple[str, bool]:
    """A table of every output of every run, and whether all are the same."""
    lines = [f"| output | {processor_field('model name')} | {' | '.join(others)} |"]
    lines.append(f"|{' --- |' * (len(others) + 2)}")
    for path in sorted(set(expected).union(*others.values())):
        digest = expected.get(path, "none")
        same = [outputs.get(path, "none") == digest for outputs in others.values()]
        cells = ["same" if equal else "other bytes" for equal in same]
        lines.append(f"| {path} | {digest[:12]} | {' | '.join(cells)} |")
    return "\n".join(lines), all(outputs == expected for outputs in others.values())


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--as",
        nargs="*",
        default=PROCESSORS,
        dest="processors",
        metavar="PROCESSOR",
        help=f"see `{EMULATOR} -cpu help`; none runs no emulator",
    )
    parser.add_argument(
        "--threads", nargs="+", type=int, default=[], metavar="N", help="also with so many threads"
    )
    parser.add_argument(
        "-S", "--set-param", type=name_and_value, action="append", default=[], metavar="NAME=VALUE"
    )
    arguments = parser.parse_args()
    check_emulator(arguments.processors)
    runs = commands(arguments.processors, arguments.threads)
    settings = SETTINGS | dict(arguments.set_param)
    with tempfile.TemporaryDirectory() as folder:
        native = Project(Path(folder, "native", "project"), make_digits(Path(folder, "digits")))
        for name, value in settings.items():
            native.set(name, value)
        native.repro()
        with ThreadPoolExecutor(2) as pool:  # the stages themselves take turns for cores
            outputs = pool.map(
                lambda name: run_again(name, runs[name], native, Path(folder, name, "project")),
                runs,
            )
            others = dict(zip(runs, outputs, strict=True))
        changed = ", ".join(f"{name}={value}" for name, value in settings.items())
        lines, same = table(computed(native), others)
        print(f"{len(computed(native))} outputs, {changed}\n{lines}")
        sys.exit(not same)


if __name__ == "__main__":
    main()
