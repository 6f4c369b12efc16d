"""Whether every output has the same bytes on processors of other kinds: `python -m tools.processors`.

Runs the small project with this processor, then each computing stage of it as on others, by the emulator QEMU, and
compares the SHA-256 of every output. Ends with exit code 1 if one differs. Two processors take about twelve
minutes on two cores.

    apt-get install qemu-user
    python -m tools.processors
    python -m tools.processors --as Haswell EPYC -S latent_dims=8 -S reconstruction_loss=bce
"""

import argparse
import copy
import os
import shutil
import sys
import sysconfig
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml

from benchmarks.speed import processor
from tests.small_project import Project, make_digits

PROCESSORS = [
    "Haswell",
    "Broadwell",
    "EPYC",
    "EPYC-Milan",
]  # two of Intel's, two of AMD's, as QEMU names them
# All computing stages in one emulated process, as imports take most of the time there. Each stage is a fork of it:
# another program that it started would run natively.
EVERY_STAGE = """
import os, sys, __main__
from stages import train, evaluate, render, explore, guard
for stage, *arguments in [(train, "ae"), (train, "vae"), (evaluate,), (render,), (explore,)]:
    child = os.fork()
    if not child:
        __main__.__spec__, sys.argv[1:] = stage.__spec__, arguments
        guard.run(stage.main)
        os._exit(0)
    if os.waitpid(child, 0)[1]:
        sys.exit(f"{stage.__name__} {arguments} failed")
"""
# What differs between processors depends on sizes: layers and batches as in the real project, and a smaller batch.
SETTINGS = {"hidden_dims": 512, "batch_size": 128, "threads": 2, "epochs": 1}


def run_as(processor: str, native: Project, root: Path) -> dict[str, str]:
    """The outputs of all computing stages on an emulated processor: SHA-256 by path."""
    shutil.copytree(native.root, root, symlinks=True)
    emulated = copy.copy(native)
    # Threads that wait must not spin: two emulators share the cores.
    own = {"PYTHONPATH": sysconfig.get_paths()["purelib"], "OMP_WAIT_POLICY": "PASSIVE"}
    emulated.root, emulated.env = root, native.env | own
    for path in computed(native):
        (root / path).unlink()
    start = time.monotonic()
    python = ["qemu-x86_64", "-cpu", processor, os.path.realpath(sys.executable)]
    emulated.run(*python, "-c", EVERY_STAGE, timeout=3600)
    print(
        f"{processor}: all stages in {time.monotonic() - start:.0f} seconds",
        file=sys.stderr,
        flush=True,
    )
    return computed(emulated)


def computed(project: Project) -> dict[str, str]:
    """The outputs that depend on arithmetic."""
    folders = ("data/models/", "data/latents/", "reports/")
    return {path: digest for path, digest in project.outputs().items() if path.startswith(folders)}


def report(found: dict[str, dict[str, str]]) -> bool:
    """Print a table of every output against every processor; whether all are the same."""
    native, *others = found
    print(f"| output | {native} | {' | '.join(others)} |\n|{' --- |' * (len(found) + 1)}")
    for path, digest in found[native].items():
        same = ["same" if found[other].get(path) == digest else "OTHER" for other in others]
        print(f"| {path} | {digest[:12]} | {' | '.join(same)} |")
    return all(found[other] == found[native] for other in others)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--as", nargs="+", default=PROCESSORS, dest="processors", help="see `qemu-x86_64 -cpu help`"
    )
    parser.add_argument(
        "-S", "--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter"
    )
    wanted = parser.parse_args()
    if shutil.which("qemu-x86_64") is None:
        sys.exit(
            "error: qemu-x86_64 is not installed; on Debian and Ubuntu `apt-get install qemu-user` installs it"
        )
    settings = SETTINGS | dict(pair.split("=", 1) for pair in wanted.set)
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder, "native", "project"), make_digits(Path(folder, "digits")))
        for name, value in settings.items():
            project.set(name, yaml.safe_load(str(value)))
        project.repro()
        found = {processor(): computed(project)}
        with (
            ThreadPoolExecutor() as pool
        ):  # the emulated stages themselves take turns for the cores
            places = [Path(folder, name, "project") for name in wanted.processors]
            results = pool.map(run_as, wanted.processors, [project] * len(places), places)
            found |= dict(zip(wanted.processors, results, strict=True))
    print(
        f"{len(found[processor()])} outputs, {', '.join(f'{name}={value}' for name, value in settings.items())}"
    )
    sys.exit(not report(found))


if __name__ == "__main__":
    main()
