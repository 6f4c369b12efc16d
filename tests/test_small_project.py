"""The tests' own surroundings: no setting of the user and no variable of git reaches them."""

import os
import subprocess
import sys

import pytest

from tools.small_project import ROOT, without_settings

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


def test_settings_reach_no_project(hostile, tmp_path):
    """Also where tools use the small project without pytest."""
    environment = without_settings(hostile, tmp_path / "home")
    assert not [name for name in environment if name.startswith(("GIT_DIR", "GIT_CONFIG_G"))]
    command = ["git", "config", "--list", "--show-origin"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "gpgsign" not in done.stdout
    assert f"{tmp_path}/home/.gitconfig" in done.stdout


def test_these_tests_have_their_own_home():
    """No test of this run sees the user's home or variables of git."""
    assert "home-" in os.environ["HOME"]
    assert not [name for name in os.environ if name.startswith("GIT_") and "NOSYSTEM" not in name]
