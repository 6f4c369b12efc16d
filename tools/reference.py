"""The small project's losses, metrics and pictures, committed for machines with other last digits.

    python -m tools.reference           run the small project, compare it with tests/reference
    python -m tools.reference --write   write tests/reference anew, after a change that is meant

On an x86-64 processor with AVX2 every byte of a run is promised. Elsewhere, as on ARM,
numbers shall agree to six significant digits, and pictures to two levels of 255. What is counted
among nearest neighbours shall agree to two percent: a last digit can move an image across an edge.
"""

import argparse
import json
import math
import shutil
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageSequence

from src.base.errors import in_one_line
from tools.small_project import ROOT, Project, make_digits

REFERENCE = ROOT / "tests/reference"
OF_NEIGHBOURS = ("draws_", "line_", "sphere_")  # metrics of src/evaluate/sampling.py
DIGITS = 6  # significant ones of a number
LEVELS = 2  # of 255 in a picture
REDUCTION = 5  # of the width and height of committed pictures, which are to stay small
# The overview is left out: it shows the same pictures, and changes with each new model.
PATTERNS = ("*/loss.csv", "*/metrics.json", "*/*.png", "*/*.gif")


def compared(folder: Path) -> list[str]:
    """The files of a folder of reports that are compared, by their paths in it."""
    paths = [path for pattern in PATTERNS for path in folder.glob(pattern)]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def differences(expected: Path, actual: Path) -> list[str]:
    """What differs between two folders of reports by more than is allowed, a line for each file.

    Models that are not in `expected` may be there as well.
    """
    before = set(compared(expected))
    models = {Path(name).parent for name in before}
    after = {name for name in compared(actual) if Path(name).parent in models}
    lines = [f"{name}: missing" for name in before - after]
    lines += [f"{name}: not expected" for name in after - before]
    for name in before & after:
        reason = _difference(expected / name, actual / name)
        lines += [f"{name}: {reason}"] if reason else []
    return sorted(lines)


def _difference(expected: Path, actual: Path) -> str | None:
    if expected.suffix in (".png", ".gif"):
        return _difference_of_pictures(frames(expected), frames(actual))
    before, after = numbers(expected), numbers(actual)
    if list(before) != list(after):
        return "it has other names or rows"
    for name, value in before.items():
        is_near = name.startswith(OF_NEIGHBOURS) and math.isclose(value, after[name], rel_tol=0.02)
        if not agree(value, after[name]) and not is_near:
            return f"{name} is {after[name]}, not {value}"
    return None


def agree(first: float, second: float) -> bool:
    """Whether two numbers differ by at most one unit of the sixth significant digit."""
    if first == second or (math.isnan(first) and math.isnan(second)):
        return True
    smaller = min(abs(first), abs(second))
    if not math.isfinite(first - second) or smaller == 0:
        return False
    unit = 10.0 ** (math.floor(math.log10(smaller)) - DIGITS + 1)
    return abs(first - second) <= unit * (1 + 1e-6)  # the difference is itself rounded


def numbers(path: Path) -> dict[str, float]:
    """The numbers of a table or of metrics, by column and row or by name."""
    if path.suffix == ".json":
        return {name: float(value) for name, value in json.loads(path.read_text()).items()}
    table = pd.read_csv(path)
    return {f"{name} {row}": float(x) for name in table for row, x in enumerate(table[name])}


def frames(path: Path) -> np.ndarray:
    """A picture as an array of (frames, height, width, 3)."""
    with Image.open(path) as picture:
        frames = [np.asarray(frame.convert("RGB")) for frame in ImageSequence.Iterator(picture)]
    return np.stack(frames)


def _difference_of_pictures(expected: np.ndarray, actual: np.ndarray) -> str | None:
    if expected.shape != actual.shape:
        return f"frames, height, width are {actual.shape[:3]}, not {expected.shape[:3]}"
    levels = np.abs(expected.astype(int) - actual.astype(int)).max()
    return f"a pixel differs by {levels} levels" if levels > LEVELS else None


def shrink(reports: Path, folder: Path) -> None:
    """Copy what is compared into a folder; pictures become small and grey, frames a column."""
    for name in compared(reports):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix in (".png", ".gif"):
            with Image.open(reports / name) as picture:
                small = [f.convert("L").reduce(REDUCTION) for f in ImageSequence.Iterator(picture)]
            column = np.concatenate([np.asarray(frame) for frame in small])
            Image.fromarray(column).save(path.with_name(f"{path.name}.png"), optimize=True)
        else:
            shutil.copyfile(reports / name, path)


def compare_with_reference(reports: Path) -> list[str]:
    """What differs from tests/reference by more than is allowed, a line for each file."""
    with tempfile.TemporaryDirectory() as folder:
        shrink(reports, Path(folder))
        return differences(REFERENCE, Path(folder))


@in_one_line()
def main() -> None:
    description = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=description)
    parser.add_argument("--write", action="store_true", help="write tests/reference anew")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        project = Project(Path(folder, "project"), make_digits(Path(folder, "digits")))
        project.repro()
        reports = project.root / "reports"
        if arguments.write:
            shutil.rmtree(REFERENCE, ignore_errors=True)
            shrink(reports, REFERENCE)
        lines = compare_with_reference(reports)
    count = len(compared(REFERENCE))
    print("\n".join(lines) or f"{count} files agree with tests/reference")
    sys.exit(bool(lines))


if __name__ == "__main__":
    main()
