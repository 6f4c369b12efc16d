"""A project with one stage that can be held, for the tests of sweeps."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tools.small_project import ROOT, Project

TOY = ROOT / "tests/toy"


class Toy(Project):
    """A project with one stage that waits until it is let go."""

    def __init__(self, root: Path, digits: Path, folder: Path):
        super().__init__(root, digits)
        self.folder = folder
        folder.mkdir()
        for name in ("dvc.yaml", "toy.py"):
            shutil.copyfile(TOY / name, root / name)
        self.set("download.folder", str(folder))
        self.let_go()
        self.dvc("repro")
        self.commit("a toy")
        self.baseline = self.run("git", "rev-parse", "HEAD").stdout.strip()

    def let_go(self) -> None:
        (self.folder / "go").touch()

    def hold(self) -> None:
        (self.folder / "go").unlink(missing_ok=True)

    def begun(self, *names: str) -> list[int]:
        """The processes that have run experiments so far, each named by latent_dims-seed."""
        files = [self.folder / f"begun-{name}" for name in names]
        return [int(line) for file in files if file.exists() for line in file.read_text().split()]

    def sweep(
        self, *arguments: str, program: str = "", timeout: float = 120
    ) -> subprocess.CompletedProcess:
        """Run a sweep to its end."""
        return self.run(*command(*arguments, program=program), check=False, timeout=timeout)

    def start(self, *arguments: str) -> subprocess.Popen:
        """Start a sweep, and leave it running."""
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(
            command(*arguments), cwd=self.root, env=self.env, text=True, **pipes
        )

    def dry(self, *arguments: str) -> list[str]:
        """The names of the experiments of a grid."""
        lines = self.sweep(*arguments, "--dry").stdout.splitlines()
        return [line.split()[0] for line in lines]

    def experiments(self, prefix: str = "") -> list[str]:
        refs = f"refs/exps/{self.baseline[:2]}"
        output = self.run("git", "for-each-ref", "--format=%(refname:lstrip=4)", refs).stdout
        return [name for name in output.split() if name.startswith(prefix)]


def command(*arguments: str, program: str = "") -> list[str]:
    return [sys.executable, *([program] if program else ["-m", "experiments.sweep"]), *arguments]


def until(
    condition: Callable[[], Any], driver: subprocess.Popen | None = None, seconds: float = 60
) -> Any:
    """Wait until a condition holds, its value; fails if the driver ends meanwhile."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline
        assert driver is None or driver.poll() is None, driver.communicate()
        time.sleep(0.05)
    return value
