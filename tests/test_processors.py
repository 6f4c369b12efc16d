"""The comparison with emulated processors, as far as it goes without an emulator."""

import subprocess

import pytest
import yaml

from tools import arm, every_stage, processors
from tools.small_project import ROOT

LISTING = {"qemu-x86_64": "x86 EPYC\nx86 Haswell\n", "qemu-aarch64": "  a64fx\n  neoverse-n1\n"}


@pytest.fixture
def emulators(monkeypatch):
    """QEMU's programs, which only say which processors they know."""

    def run(command, **_):
        return subprocess.CompletedProcess(command, 0, LISTING[command[0]], "")

    monkeypatch.setattr(processors.subprocess, "run", run)
    monkeypatch.setattr(processors.shutil, "which", lambda program: f"/usr/bin/{program}")


def test_every_computing_stage_is_emulated():
    """All stages of dvc.yaml, also those of new models, but for the download."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    commands = [f"python -m stages.{' '.join(stage)}" for stage in every_stage.STAGES]
    assert set(commands) == {stages[name]["cmd"] for name in stages if name != "download"}


@pytest.mark.parametrize(
    ("name", "program"),
    [("EPYC", "qemu-x86_64"), ("neoverse-n1", "qemu-aarch64"), ("z80", None)],
)
def test_a_processor_has_its_emulator(emulators, name, program):
    """The emulators themselves say which processors they know."""
    assert processors.emulator_of(name) == program


def test_a_missing_emulator_is_named(monkeypatch):
    """With the command that installs it."""
    monkeypatch.setattr(processors.shutil, "which", lambda program: None)
    with pytest.raises(SystemExit, match=r"^error: qemu-.* `apt-get install qemu-user`"):
        processors.emulator_of("EPYC")


def test_without_debian_arm_says_what_it_needs(tmp_path, monkeypatch):
    """Nothing is left behind."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    with pytest.raises(arm.Missing, match="apt-get is not installed"):
        arm.prepare(tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


def test_a_failed_installation_is_one_line(tmp_path, monkeypatch):
    """The last line of the program that failed; the next attempt starts afresh."""
    for name in ("apt-get", "dpkg-deb"):
        (tmp_path / name).write_text("#!/bin/sh\necho first >&2\necho no network >&2\nexit 100\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(arm.Missing, match=r"^apt-get failed: no network$"):
        arm.prepare(tmp_path / "cache")
    assert not [path for path in (tmp_path / "cache").iterdir() if path.suffix != ".part"]
