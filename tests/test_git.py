"""What settings of git may not change: of those who run the tests, and of those who use DVC."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.small_project import ROOT, Project

SETTINGS = """
[commit]
    gpgsign = true
[gpg]
    program = false
[core]
    hooksPath = {hooks}
[user]
    useConfigOnly = true
"""


@pytest.fixture
def hostile(tmp_path) -> dict[str, str]:
    """The environment of a hook of git in another repository, for a user with many settings."""
    settings = SETTINGS.format(hooks=tmp_path / "hooks")
    for path in (".gitconfig", "config/git/config"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(settings)
    (tmp_path / "hooks").mkdir()
    (tmp_path / "hooks/pre-commit").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "hooks/pre-commit").chmod(0o755)
    subprocess.run(["git", "init", "--quiet", tmp_path / "other"], check=True)
    git = tmp_path / "other/.git"
    return os.environ | {
        "HOME": str(tmp_path),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
        "GIT_CONFIG_GLOBAL": str(tmp_path / ".gitconfig"),
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "commit.gpgsign",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_DIR": str(git),
        "GIT_WORK_TREE": str(git.parent),
        "GIT_INDEX_FILE": str(git / "index"),
        "GIT_OBJECT_DIRECTORY": str(git / "objects"),
        "GIT_AUTHOR_DATE": "not a date",
    }


def contents(folder) -> dict:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_settings_reach_no_test(hostile, tmp_path):
    """Tests that commit by git and by DVC's libraries pass, and nothing is committed elsewhere."""
    before = contents(tmp_path / "other")
    name = "tests/test_download.py::test_a_relative_folder_in_temporary_runs"
    command = [sys.executable, "-m", "pytest", "-n0", "-p", "no:cacheprovider", name]
    done = subprocess.run(command, cwd=ROOT, env=hostile, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
    assert contents(tmp_path / "other") == before


@pytest.mark.parametrize("pattern", ["*.lock", "*.yaml"])
def test_ignore_patterns_stop_no_command(reproduced: Project, tmp_path: Path, pattern: str) -> None:
    """DVC refuses to work if git ignores dvc.lock or dvc.yaml, as many people's patterns do."""
    patterns = tmp_path / "ignore"
    patterns.write_text(f"{pattern}\n")
    clone = reproduced.clone(tmp_path / "clone")
    clone.run("git", "config", "core.excludesFile", str(patterns))
    assert clone.repro("--allow-missing", "--dry") == []
