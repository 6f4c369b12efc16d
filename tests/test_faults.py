"""What is left after interruptions, full disks and damaged files, with the real `dvc` and real processes."""

import os
import signal
import subprocess
import sys

import pytest

from src.files import write_whole

EPOCHS = 6


@pytest.fixture
def long(project):
    """The small project with a training of several epochs, and the outputs of one that nothing interrupted."""
    project.set("epochs", EPOCHS)
    project.repro("train_vae")
    project.finished = {name: project.outputs()[name] for name in ("data/models/vae.pt", "reports/vae/loss.csv")}
    return project


def train(project, *, stop_after: int, how: int, command=("dvc", "repro", "--single-item", "--force")) -> str:
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


def test_an_interrupted_training_goes_on_with_the_same_bytes_and_another_starts_afresh(long):
    for stop_after, how in ((1, signal.SIGINT), (3, signal.SIGKILL)):
        said = train(long, stop_after=stop_after, how=how)
        assert f"epoch {EPOCHS} of" not in said
        assert not (long.root / "data/models/vae.pt").exists()
        if how == signal.SIGINT:
            assert "interrupted: the next `dvc repro` goes on" in said
            assert "Traceback" not in said
    (state,) = (long.root / "data/unfinished").iterdir()
    unfinished = state.read_bytes()

    said = long.dvc("repro", "--single-item", "--no-run-cache", "train_vae").stdout
    assert "going on after" in said
    assert {name: long.outputs()[name] for name in long.finished} == long.finished
    assert not state.exists()

    state.write_bytes(unfinished)
    long.set("learning_rate", 0.002)
    said = long.dvc("repro", "train_vae").stdout
    assert "is of other parameters, data or code, or damaged: starting afresh" in said
    assert not state.exists()


def test_two_at_once_end_as_one_after_the_other_or_are_refused(project):
    """Two `dvc repro` in one clone, after a change that trains again."""
    project.set("train_vae.beta", 0.5)
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    options |= {"cwd": project.root, "env": project.env}
    command = [sys.executable, "-m", "dvc", "repro", "train_vae"]
    processes = [subprocess.Popen(command, **options) for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes
    refusals = ("Unable to acquire lock", "is busy")
    assert all(code == 0 or any(r in text for r in refusals) for code, text in zip(codes, said, strict=True)), said
    together = project.outputs()
    project.dvc("repro", "--force", "train_vae")
    assert project.outputs() == together


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_keeps_the_file_that_was_there(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"after epoch 3")
    (tmp_path / "state.pt.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: .*state\.pt"):
        write_whole(tmp_path / "state.pt", b"after epoch 4")
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    assert (tmp_path / "state.pt").read_bytes() == b"after epoch 3"


def test_a_damaged_model_is_refused_with_the_command_that_rebuilds_it(project):
    path = project.root / "data/models/vae.pt"
    whole = path.read_bytes()
    path.unlink()  # a new file, not the cache's through a link
    path.write_bytes(whole[:2000])
    done = project.run("python", "-m", "stages.render", "vae", check=False)
    assert done.returncode == 1
    assert "data/models/vae.pt is not a model of this project" in done.stderr
    assert "Traceback" not in done.stderr
    project.repro("train_vae")
    assert path.read_bytes() == whole


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_told_in_one_line(project):
    """What a stage writes goes to /dev/full; nothing that looks like an output is left."""
    table = project.root / "reports/vae/loss.csv.part"
    table.symlink_to("/dev/full")
    done = project.run("python", "-m", "stages.train_vae", check=False)
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 28] No space left on device: 'reports/vae/loss.csv'\n"
    assert not os.path.lexists(table)
