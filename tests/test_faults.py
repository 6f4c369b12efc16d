"""What is left after interruptions, full disks and damaged files, with the real `dvc` and real processes."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from dvc.repo import Repo

from src.files import write_whole
from stages import common

ROOT = Path(__file__).parent.parent
EPOCHS = 6


@pytest.fixture(scope="module")
def long(reproduced, tmp_path_factory):
    """A clone with an uncommitted change, a longer training, and the outputs of one that nothing disturbed."""
    clone = reproduced.clone(tmp_path_factory.mktemp("long") / "clone")
    clone.set("epochs", EPOCHS)
    clone.repro("train_vae")
    clone.finished = {name: clone.outputs()[name] for name in ("data/models/vae.pt", "reports/vae/loss.csv")}
    clone.state = clone.root / "data/unfinished/vae.pt"
    return clone


def disturb(project, epoch: int, action, *arguments: str) -> tuple[int, str]:
    """Run `dvc repro train_vae` and call `action` with its process after so many epochs; exit code and words."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "dvc", "repro", "--single-item", *arguments, "train_vae"],
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
        if f"epoch {epoch} of {EPOCHS}" in line:
            action(process)
    return process.wait(), "".join(said)


def assert_goes_on_to_the_same_end(project) -> None:
    cache = project.root / ".dvc/cache"
    aside = cache.rename(cache.with_name("aside"))  # DVC would take the results of the undisturbed run from it
    code, said = disturb(project, EPOCHS, lambda process: None)
    shutil.rmtree(cache)
    aside.rename(cache)
    assert code == 0
    assert "going on after" in said
    assert project.outputs().items() >= project.finished.items()
    assert not project.state.exists()


def test_an_interrupted_training_goes_on_with_the_same_bytes_and_another_starts_afresh(long):
    for seed, epoch, how in ((1, 1, signal.SIGINT), (0, 3, signal.SIGKILL)):
        long.set("seed", seed)
        long.repro("preflight")
        code, said = disturb(long, epoch, lambda process, how=how: os.killpg(process.pid, how), "--force")
        assert code != 0
        assert f"epoch {EPOCHS} of" not in said
        assert not (long.root / "data/models/vae.pt").exists()
        assert ("is of other parameters, data or code, or damaged: starting afresh" in said) == (seed == 0)
        if how == signal.SIGINT:
            assert "interrupted: the next `dvc repro` goes on" in said
            assert "Traceback" not in said
    assert_goes_on_to_the_same_end(long)


def test_ctrl_c_is_told_in_one_line_even_while_a_stage_is_still_importing():
    command = [sys.executable, "-c", "import stages; raise KeyboardInterrupt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT
    assert done.stderr == "interrupted: the next `dvc repro` goes on, a training after its last finished epoch\n"


def test_an_experiment_queued_beside_a_training_leaves_it_alone(long):
    """DVC puts the uncommitted params.yaml and the table aside for a moment, and back."""
    params = (long.root / "params.yaml").read_bytes()
    code, said = disturb(long, 1, lambda _: long.dvc("exp", "run", "--queue", "-S", "latent_dims=3"), "--force")
    assert code == 0, said
    assert long.outputs().items() >= long.finished.items()
    assert (long.root / "params.yaml").read_bytes() == params
    long.dvc("queue", "remove", "--all")


def test_an_experiment_run_in_the_place_of_a_training_mixes_nothing_with_it(long):
    """DVC refuses the experiment, but has changed params.yaml and checked out the outputs of the last run."""
    params = (long.root / "params.yaml").read_bytes()
    experiments = []

    def experiment(process) -> None:
        os.killpg(process.pid, signal.SIGSTOP)  # the training has not ended when the experiment comes to its stages
        experiments.append(long.dvc("exp", "run", "-S", "latent_dims=3", check=False))
        os.killpg(process.pid, signal.SIGCONT)

    code, said = disturb(long, 1, experiment, "--force")
    assert "is busy" in experiments[0].stderr
    assert code != 0
    assert "error: params.yaml changed while this stage was running, so it has written nothing" in said
    assert "Traceback" not in said

    code, said = disturb(long, EPOCHS, lambda process: None)  # with the experiment's params.yaml, past the gate
    assert code != 0
    assert "error: params.yaml has changed since the stage preflight checked it" in said

    (long.root / "params.yaml").unlink()
    (long.root / "params.yaml").write_bytes(params)
    assert_goes_on_to_the_same_end(long)


def test_code_that_changed_while_a_stage_was_loading_it_is_loaded_again(reproduced, monkeypatch):
    repo = Repo(str(reproduced.root))
    monkeypatch.chdir(repo.root_dir)
    monkeypatch.setenv("DVC_STAGE", "overview")
    monkeypatch.setattr(common, "_repo", lambda: repo)
    monkeypatch.setattr(sys, "argv", ["overview"])
    monkeypatch.setattr(os, "execv", lambda *command: sys.exit(command))
    for started, expected in ((time.time(), "main was called"), (0, (sys.executable, sys.orig_argv))):
        monkeypatch.setattr(common, "STARTED", started)
        with pytest.raises(SystemExit) as ended:
            common.run(lambda: sys.exit("main was called"))
        assert ended.value.code == expected


def test_two_at_once_end_as_one_after_the_other_or_are_refused(long):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "train_vae"]
    processes = [subprocess.Popen(command, cwd=long.root, env=long.env, **options) for _ in range(2)]
    said = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes
    refusals = ("Unable to acquire lock", "is busy")
    assert all(code == 0 or any(r in text for r in refusals) for code, text in zip(codes, said, strict=True)), said
    assert long.outputs().items() >= long.finished.items()


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
