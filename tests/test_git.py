"""What settings of git may not change: of those who run the tests, and of those who use DVC."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.small_project import ROOT, Project


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_settings_reach_no_test(tmp_path):
    """Tests that commit by git and by DVC's libraries pass, and nothing is committed elsewhere.

    They run as in a hook of another repository, and the user signs commits by a broken program.
    """
    settings = "[commit]\n  gpgsign = true\n[gpg]\n  program = false\n"
    (tmp_path / ".gitconfig").write_text(settings)
    subprocess.run(["git", "init", "--quiet", tmp_path / "other"], check=True)
    git = tmp_path / "other/.git"
    environment = os.environ | {
        "HOME": str(tmp_path),
        "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig"),
        "GIT_DIR": str(git),
        "GIT_WORK_TREE": str(git.parent),
        "GIT_INDEX_FILE": str(git / "index"),
    }
    before = contents(tmp_path / "other")
    name = "tests/test_download.py::test_a_relative_folder_in_temporary_runs"
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", name]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert contents(tmp_path / "other") == before


def test_fresh_clone_is_up_to_date(reproduced: Project, tmp_path: Path) -> None:
    """As continuous integration checks it, without data; also where git ignores *.lock, *.yaml.

    DVC refuses to work if git ignores dvc.lock or dvc.yaml, as many people's patterns do.
    """
    patterns = tmp_path / "ignore"
    patterns.write_text("*.lock\n*.yaml\n")
    clone = reproduced.clone(tmp_path / "clone")
    clone.run("git", "config", "core.excludesFile", str(patterns))
    assert clone.repro("--allow-missing", "--dry") == []
