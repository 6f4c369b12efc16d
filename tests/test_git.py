"""What settings of git may not change: a user's own ignore patterns hide nothing from DVC."""

from pathlib import Path

import pytest

from tools.small_project import Project


@pytest.mark.parametrize("pattern", ["*.lock", "*.yaml"])
def test_ignore_patterns_stop_no_command(reproduced: Project, tmp_path: Path, pattern: str) -> None:
    """DVC refuses to work if git ignores dvc.lock or dvc.yaml, as many people's patterns do."""
    patterns = tmp_path / "ignore"
    patterns.write_text(f"{pattern}\n")
    clone = reproduced.clone(tmp_path / "clone")
    clone.run("git", "config", "core.excludesFile", str(patterns))
    assert clone.repro("--allow-missing", "--dry") == []
