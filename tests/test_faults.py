"""What is left after interruptions, full disks and damaged files, with the real `dvc` and real processes."""

import os
import signal
import subprocess
import sys

import pytest

EPOCHS = 6


@pytest.fixture
def long(project):
    """The small project with a training of several epochs, and the outputs of one that nothing interrupted."""
    project.set("epochs", EPOCHS)
    project.repro("train_vae")
    finished = {name: project.outputs()[name] for name in ("data/models/vae.pt", "reports/vae/loss.csv")}
    project.restore()
    project.set("epochs", EPOCHS)
    project.repro("preflight")
    project.finished = finished
    return project


def train(project, *, stop_after: int, how: int, command=("dvc", "repro", "--single-item", "--no-run-cache")) -> str:
    """Start the training of the VAE and send a signal after so many epochs; what it said."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", *command, "train_vae"],
        cwd=project.root,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    said = []
    for line in process.stdout:
        said.append(line)
        if f"epoch {stop_after} of {EPOCHS}" in line:
            os.killpg(process.pid, how)
    process.wait()
    return "".join(said)


def finish(project) -> str:
    said = project.dvc("repro", "--single-item", "--no-run-cache", "train_vae").stdout
    assert {name: project.outputs()[name] for name in project.finished} == project.finished
    assert not list((project.root / "data/unfinished").iterdir())
    return said


def test_an_interrupted_training_goes_on_and_ends_with_the_same_bytes(long):
    for stop_after, how in ((1, signal.SIGINT), (3, signal.SIGKILL)):
        said = train(long, stop_after=stop_after, how=how)
        assert f"epoch {EPOCHS} of" not in said
        assert not (long.root / "data/models/vae.pt").exists()
        if how == signal.SIGINT:
            assert "interrupted: the next `dvc repro` goes on" in said
            assert "Traceback" not in said
    assert "going on after" in finish(long)


def test_another_training_does_not_go_on_from_it(long):
    train(long, stop_after=2, how=signal.SIGKILL)
    long.set("learning_rate", 0.002)
    said = long.dvc("repro", "--single-item", "train_vae").stdout
    assert "is of other parameters, data or code, or damaged: starting afresh" in said
    assert not list((long.root / "data/unfinished").iterdir())
