"""Runs the whole pipeline on a small data set, in about a minute: `python -m tools.small`.

It tries uncommitted code: a copy of the project trains each model for two epochs on 1,200 images
of 8x8 digits, in a new temporary folder, which it keeps. Parameters change as with `dvc exp run`;
tools/small_project.yaml holds the small values.

    python -m tools.small
    python -m tools.small -S latent_dims=8 -S train_vae.kl=standard
"""

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

from src.base.errors import UserError, in_one_line
from tools.small_project import Project, make_digits


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "-S", "--set-param", type=name_and_value, action="append", default=[], metavar="NAME=VALUE"
    )
    changes = parser.parse_args().set_param
    folder = Path(tempfile.mkdtemp(prefix="small-project-"))
    project = Project(folder / "project", make_digits(folder / "digits"))
    for name, value in changes:
        project.set(name, value)
    done = subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=project.root, env=project.env)
    if done.returncode:
        raise UserError(f"the pipeline has stopped; the small project is in {project.root}")
    print(f"The results are in {project.root / 'reports'}: open explorer.html in a browser first.")


def name_and_value(change: str) -> tuple[str, Any]:
    """The name of a parameter, and its value as YAML reads it. `preflight` checks both."""
    name, equals, value = change.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError(f"{change!r} is not NAME=VALUE")
    try:
        return name, yaml.safe_load(value)
    except yaml.YAMLError:
        raise argparse.ArgumentTypeError(f"the value in {change!r} is not YAML") from None


if __name__ == "__main__":
    main()
