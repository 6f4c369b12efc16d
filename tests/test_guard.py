"""What is left after interruptions, full disks and damaged files, with the real `dvc` and real processes."""

import os
import shutil
import signal
import subprocess
import sys

import pytest

from src.models.registry import load_model
from tests.small_project import ROOT

EPOCHS = 6


@pytest.fixture(scope="module")
def long(reproduced, tmp_path_factory):
    """A clone with an uncommitted change, a longer training, and the outputs of one that nothing disturbed."""
    clone = reproduced.clone(tmp_path_factory.mktemp("long") / "clone")
    clone.set("epochs", EPOCHS)
    clone.repro("train_vae")
    clone.finished = {
        name: clone.outputs()[name] for name in ("data/models/vae.pt", "reports/vae/loss.csv")
    }
    clone.state = clone.root / "data/unfinished/train_vae.pt"
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
    aside = cache.rename(
        cache.with_name("aside")
    )  # DVC would take the results of the undisturbed run from it
    code, said = disturb(project, EPOCHS, lambda process: None)
    shutil.rmtree(cache)
    aside.rename(cache)
    assert code == 0
    assert "going on after" in said
    assert project.outputs().items() >= project.finished.items()


def test_an_interrupted_training_goes_on_with_the_same_bytes_and_another_starts_afresh(long):
    for seed, epoch, how in ((1, 1, signal.SIGINT), (0, 3, signal.SIGKILL)):
        long.set("seed", seed)
        long.repro("preflight")
        code, said = disturb(
            long, epoch, lambda process, how=how: os.killpg(process.pid, how), "--force"
        )
        assert code != 0
        assert f"epoch {EPOCHS} of" not in said
        assert not (long.root / "data/models/vae.pt").exists()
        assert ("is of other parameters, data or code, or damaged: starting afresh" in said) == (
            seed == 0
        )
        if how == signal.SIGINT:
            assert "interrupted: the next `dvc repro` goes on" in said
            assert "Traceback" not in said
    assert_goes_on_to_the_same_end(long)


def test_ctrl_c_is_told_in_one_line_even_while_a_stage_is_still_importing():
    command = [sys.executable, "-c", "import stages; raise KeyboardInterrupt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT
    assert (
        done.stderr
        == "interrupted: the next `dvc repro` goes on, a training after its last finished epoch\n"
    )


def test_an_experiment_queued_beside_a_training_leaves_it_alone(long):
    """DVC puts the uncommitted params.yaml and the table aside for a moment, and back."""
    params = (long.root / "params.yaml").read_bytes()
    code, said = disturb(
        long, 1, lambda _: long.dvc("exp", "run", "--queue", "-S", "latent_dims=3"), "--force"
    )
    assert code == 0, said
    assert long.outputs().items() >= long.finished.items()
    assert (long.root / "params.yaml").read_bytes() == params
    long.dvc("queue", "remove", "--all")


def test_an_experiment_run_in_the_place_of_a_training_mixes_nothing_with_it(long):
    """DVC refuses the experiment, but has changed params.yaml and checked out the outputs of the last run."""
    params = (long.root / "params.yaml").read_bytes()
    experiments = []

    def experiment(process) -> None:
        os.killpg(
            process.pid, signal.SIGSTOP
        )  # the training has not ended when the experiment comes to its stages
        experiments.append(long.dvc("exp", "run", "-S", "latent_dims=3", check=False))
        os.killpg(process.pid, signal.SIGCONT)

    code, said = disturb(long, 1, experiment, "--force")
    assert "is busy" in experiments[0].stderr
    assert code != 0
    assert (
        "error: params.yaml changed while this stage was running, so its results are not kept"
        in said
    )
    assert "Traceback" not in said

    code, said = disturb(
        long, EPOCHS, lambda process: None
    )  # with the experiment's params.yaml, past the gate
    assert code != 0
    assert "error: params.yaml has changed since the stage preflight checked it" in said

    (long.root / "params.yaml").unlink()
    (long.root / "params.yaml").write_bytes(params)
    assert_goes_on_to_the_same_end(long)


def test_code_that_changes_while_a_stage_loads_it_is_refused(project):
    """The stage's own module changes another that it has loaded before."""
    losses = project.root / "src/models/losses.py"
    train = project.root / "stages/train.py"
    train.write_text(
        f"import pathlib, src.models.losses\npathlib.Path({str(losses)!r}).touch()\n"
        + train.read_text()
    )
    done = project.run("python", "-m", "stages.train", "ae", check=False)
    assert done.returncode == 1
    assert (
        "src/models/losses.py changed while this stage was being loaded; run `dvc repro` again\n"
        in done.stderr
    )
    assert done.stderr.count("\n") == 1


def test_code_that_changes_during_a_run_keeps_its_results_out(long):
    new = long.root / "src/models/new.py"
    code, said = disturb(long, 1, lambda _: new.write_text("x = 1\n"), "--force")
    new.unlink()
    assert code != 0
    assert (
        "error: src/models changed while this stage was running, so its results are not kept"
        in said
    )
    assert not (long.root / "data/models/vae.pt").exists()
    long.repro("train_vae")
    assert long.outputs().items() >= long.finished.items()


def test_a_parameter_that_dvc_yaml_does_not_list_cannot_be_read(project):
    pipeline = project.root / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace(" evaluate.importance_samples,", ""))
    done = project.run("python", "-m", "stages.evaluate", check=False)
    assert done.returncode == 1
    assert (
        "'importance_samples' is read as a parameter, but dvc.yaml does not list it" in done.stderr
    )


def test_numbers_are_those_that_dvc_records(project):
    """DVC reads YAML 1.2, where 016 is sixteen."""
    text = (project.root / "params.yaml").read_text()
    (project.root / "params.yaml").write_text(text.replace("latent_dims: 2", "latent_dims: 016"))
    assert project.repro("train_ae") == ["preflight", "train_ae"]
    assert load_model(project.root / "data/models/ae.pt").config["latent_dims"] == 16
    assert "latent_dims: 16" in (project.root / "dvc.lock").read_text()


def test_windows_line_ends_and_comments_change_nothing(project):
    text = (project.root / "params.yaml").read_text()
    (project.root / "params.yaml").write_bytes(
        ("# a comment\n" + text).replace("\n", "\r\n").encode()
    )
    assert project.repro() == []


def test_other_packages_than_the_recorded_ones_are_refused(project, tmp_path):
    """What pip would do when it installs another release: the package's metadata say so."""
    other = tmp_path / "torch-2.0.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.0.0\n")
    done = project.run(
        "env", f"PYTHONPATH={tmp_path}", "python", "-m", "stages.evaluate", check=False
    )
    assert done.returncode == 1
    assert "error: installed is torch 2.0.0, not " in done.stderr
    assert "dvc repro --force preflight" in done.stderr


@pytest.mark.parametrize("hardlink_lock", ["false", "true"])
def test_the_lock_is_given_back_by_a_stage_that_fails_and_by_one_that_is_run_by_hand(
    reproduced, tmp_path, hardlink_lock
):
    """In a clone that has met no other kind of lock, as the file that one kind leaves looks held to the other."""
    clone = reproduced.clone(tmp_path / "clone")
    clone.dvc("config", "--local", "core.hardlink_lock", hardlink_lock)
    clone.dvc("cache", "dir", "--local", str(reproduced.root / ".dvc/cache"))
    assert "is missing; " in clone.run("python", "-m", "stages.render", check=False).stderr
    clone.dvc("checkout", "--quiet")
    clone.run("python", "-m", "stages.render")
    assert clone.repro("--force", "--single-item", "render") == ["render"]
    assert clone.run("git", "status", "--porcelain").stdout == ""


def test_a_training_whose_result_could_not_be_cached_keeps_its_state_until_it_is(long):
    """A file where the cache's folder should be stands for a full disk."""
    shutil.rmtree(long.state.parent, ignore_errors=True)
    cache = long.root / ".dvc/cache"
    aside = cache.rename(cache.with_name("aside"))
    cache.write_text("no folder")
    code, said = disturb(long, EPOCHS, lambda process: None, "--force")
    cache.unlink()
    assert f"epoch {EPOCHS} of {EPOCHS}" in said
    assert code != 0
    assert long.state.exists()
    code, said = disturb(long, EPOCHS, lambda process: None)
    assert code == 0
    assert f"going on after {EPOCHS} finished epochs" in said
    assert long.outputs().items() >= long.finished.items()
    code, said = disturb(
        long, EPOCHS, lambda process: None, "--force"
    )  # now it is in the cache: trained again
    assert "going on after" not in said
    assert f"epoch 1 of {EPOCHS}" in said
    shutil.rmtree(cache)
    aside.rename(cache)


def test_two_at_once_end_as_one_after_the_other_or_are_refused(long):
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "train_vae"]
    processes = [
        subprocess.Popen(command, cwd=long.root, env=long.env, **options) for _ in range(2)
    ]
    said = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes
    refusals = ("Unable to acquire lock", "is busy")
    assert all(
        code == 0 or any(r in text for r in refusals)
        for code, text in zip(codes, said, strict=True)
    ), said
    assert long.outputs().items() >= long.finished.items()


def test_a_damaged_model_is_refused_with_the_command_that_rebuilds_it(project):
    path = project.root / "data/models/vae.pt"
    whole = path.read_bytes()
    path.unlink()  # a new file, not the cache's through a link
    path.write_bytes(whole[:2000])
    done = project.run("python", "-m", "stages.render", check=False)
    assert done.returncode == 1
    assert (
        "error: data/models/vae.pt is damaged, or not a model of this project; `dvc checkout --force"
        in done.stderr
    )
    assert "Traceback" not in done.stderr
    project.dvc("checkout", "--force", "data/models/vae.pt")
    assert path.read_bytes() == whole


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_is_told_in_one_line(project):
    """What a stage writes goes to /dev/full; nothing that looks like an output is left."""
    table = project.root / "reports/vae/loss.csv.part"
    table.symlink_to("/dev/full")
    done = project.run("python", "-m", "stages.train", "vae", check=False)
    assert done.returncode == 1
    assert done.stderr == "error: [Errno 28] No space left on device: 'reports/vae/loss.csv'\n"
    assert not os.path.lexists(table)


def test_the_receipt_of_a_stage_that_is_no_more_stops_nothing(project):
    """It is of a branch with one model more."""
    receipt = project.root / "data/unfinished/train_gone.json"
    receipt.parent.mkdir(exist_ok=True)
    receipt.write_text("{}")
    assert project.repro("--force", "--single-item", "render") == ["render"]
