"""Prints, in Markdown, what has changed since a commit: `python -m tools.changes origin/main`.

Metrics and parameters are compared by DVC; of the losses, the first and the last epoch are shown.
"""

import argparse
import io
import subprocess
import sys
from pathlib import Path

import pandas as pd

from src.base.errors import UserError, in_one_line


def output(*command: str) -> str:
    """What a command prints. Raises UserError if it fails."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise UserError(f"`{' '.join(command[-3:])}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def losses(commit: str) -> str:
    """A table of the first and the last training loss of each model, in the commit and now."""
    lines = [f"| training loss | {commit} | now | difference |", "| --- | --- | --- | --- |"]
    names = output("git", "ls-tree", "-r", "--name-only", commit, "reports").splitlines()
    for path in (path.as_posix() for path in sorted(Path("reports").glob("*/loss.csv"))):
        now = pd.read_csv(path)["loss"]
        content = output("git", "show", f"{commit}:./{path}") if path in names else ""
        before = pd.read_csv(io.StringIO(content))["loss"] if content else None
        for epoch, name in ((0, "first"), (-1, "last")):
            new, old, change = now.iloc[epoch], "-", "new"
            if before is not None:
                old = f"{before.iloc[epoch]:,.0f}"
                change = f"{new / before.iloc[epoch] - 1:+.2%}"
            model = Path(path).parent.name.upper()
            lines.append(f"| {model}, {name} | {old} | {new:,.0f} | {change} |")
    return "\n".join(lines)


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("commit", metavar="COMMIT")
    commit = parser.parse_args().commit
    dvc = (sys.executable, "-m", "dvc")
    print(f"## Metrics\n\n{output(*dvc, 'metrics', 'diff', '--md', commit)}\n")
    print(f"## Parameters\n\n{output(*dvc, 'params', 'diff', '--md', commit)}\n")
    print(f"## Losses\n\n{losses(commit)}")


if __name__ == "__main__":
    main()
