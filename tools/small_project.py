"""A small data set in MNIST's format, and a small copy of the project for `dvc` to run in."""

import copy
import hashlib
import os
import re
import shutil
import site
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from sklearn.datasets import load_digits

ROOT = Path(__file__).parent.parent


def overlaid(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Nested values, with the `changes` that another dictionary of the same shape names."""
    return values | {
        name: overlaid(values.get(name, {}), change) if isinstance(change, dict) else change
        for name, change in changes.items()
    }


PARAMS = yaml.safe_dump(
    overlaid(
        yaml.safe_load((ROOT / "params.yaml").read_text()),
        yaml.safe_load((ROOT / "tools/small_project.yaml").read_text()),
    ),
    sort_keys=False,
)


def sources(environment: Mapping[str, str] | None = None) -> list[str]:
    """The paths of all files in git, and of new sources that are not in git yet."""

    def git(*arguments: str) -> list[str]:
        options: dict[str, Any] = {"cwd": ROOT, "env": environment, "check": True, "text": True}
        return subprocess.run(
            ["git", *arguments], stdout=subprocess.PIPE, **options
        ).stdout.splitlines()

    new = git("ls-files", "--others", "--exclude-standard", "src", "stages")
    return git("ls-files") + new


def write_idx(path: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    path.write_bytes(header + array.astype(np.uint8).tobytes())


def make_digits(folder: Path) -> Path:
    """A folder with scikit-learn's 8x8 digits, enlarged to 28x28, in MNIST's four files."""
    folder.mkdir(parents=True)
    data = load_digits()
    images = np.pad(data.images.repeat(3, 1).repeat(3, 2), ((0, 0), (2, 2), (2, 2))) * 255 // 16
    for prefix, part in {"train": slice(0, 1200), "t10k": slice(1200, None)}.items():
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images[part])
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", data.target[part])
    return folder


def without_settings(environment: Mapping[str, str], home: Path) -> dict[str, str]:
    """An environment in which git, DVC and DVC's git libraries see no settings of the user.

    They read the folders HOME and XDG_CONFIG_HOME and variables such as GIT_DIR, which git sets for
    hooks. `home` becomes the home; it is made.
    """
    home.mkdir(parents=True, exist_ok=True)
    # Otherwise git would refuse a clone that belongs to another user, as in a container.
    (home / ".gitconfig").write_text("[safe]\n\tdirectory = *\n")
    kept = {
        name: value
        for name, value in environment.items()
        if not name.startswith(("GIT_", "DVC_", "XDG_CONFIG"))
    }
    return kept | {
        "HOME": str(home),
        "GIT_CONFIG_NOSYSTEM": "1",
        "PYTHONUSERBASE": site.getuserbase(),  # packages may be installed below the real home
    }


def checksums_of(folder: Path, pattern: str = "*") -> dict[str, str]:
    """The SHA-256 of each file of a folder whose path in it is like the pattern, by that path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.glob(pattern))
        if path.is_file()
    }


class Project:
    """A copy of the project in a git repository of its own, small enough to run in seconds."""

    def __init__(self, root: Path, digits: Path):
        self.root = root
        environment = without_settings(os.environ, root.with_name("home"))
        for name in sources(environment):
            if not name.startswith(("tests/", "reports/", "docs/", "dvc.lock")):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ROOT / name, root / name)
        # What the workspace has set its parameters to is none of the tests' business.
        (root / "params.yaml").write_text(PARAMS)
        about = yaml.safe_load((root / "data/sets/MNIST.yaml").read_text()) | {
            "files": checksums_of(digits)
        }
        (root / "data/sets/MNIST.yaml").write_text(yaml.safe_dump(about))
        self.env = {
            **environment,
            # The stages run as `python`: let that be the Python of the tests.
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "DVC_SITE_CACHE_DIR": str(root.with_name("site-cache")),
            "TMPDIR": str(root.parent),  # locks of its own: it waits for no other run
            **dict.fromkeys(("GIT_AUTHOR_NAME", "GIT_COMMITTER_NAME"), "tester"),
            **dict.fromkeys(("GIT_AUTHOR_EMAIL", "GIT_COMMITTER_EMAIL"), "tester@example.org"),
        }
        self.set("download.folder", str(digits))
        self.run("git", "init", "--quiet", "--initial-branch=main")
        self.commit("a small copy")

    def run(
        self, *command: str, check: bool = True, timeout: float = 300
    ) -> subprocess.CompletedProcess:
        options: dict[str, Any] = {"cwd": self.root, "env": self.env, "timeout": timeout}
        done = subprocess.run(command, capture_output=True, text=True, **options)
        output = f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        assert not check or done.returncode == 0, output
        return done

    def dvc(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess:
        return self.run(sys.executable, "-m", "dvc", *arguments, check=check)

    def repro(self, *arguments: str) -> list[str]:
        """Run `dvc repro`; the names of the stages that it ran."""
        return re.findall(r"Running stage '(.+)'", self.dvc("repro", *arguments).stdout)

    def commit(self, message: str) -> None:
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def set(self, key: str, value: Any) -> None:
        """Change a parameter in params.yaml."""
        path = self.root / "params.yaml"
        params = yaml.safe_load(path.read_text())
        *sections, name = key.split(".")
        section = params
        for part in sections:
            section = section.setdefault(part, {})
        section[name] = value
        # A new file: git compares only second, length and inode, and tests are quick.
        new = path.with_suffix(".part")
        new.write_text(yaml.safe_dump(params, sort_keys=False))
        new.replace(path)

    def clone(self, root: Path) -> "Project":
        """A shallow clone without this one's cache."""
        self.run("git", "clone", "--quiet", "--depth", "1", self.root.as_uri(), str(root))
        other = copy.copy(self)
        other.root = root
        return other

    def restore(self) -> None:
        """Put everything back as it was after the first run."""
        # git may take a file of the same second and length for the same
        (self.root / "params.yaml").unlink()
        self.run("git", "checkout", "--quiet", "--force", "main")
        self.run("git", "reset", "--quiet", "--hard")
        self.run("git", "clean", "--quiet", "--force")
        shutil.rmtree(self.root / "data/unfinished", ignore_errors=True)
        for comparison in self.root.glob("reports/by_*"):  # git ignores them
            comparison.unlink()
        self.dvc("checkout", "--force", "--quiet")

    def outputs(self) -> dict[str, str]:
        """The SHA-256 of every output in the workspace."""
        return checksums_of(self.root, "data/**/*") | checksums_of(self.root, "reports/**/*")
