"""What is left after interruptions, changes and full disks, with the real `dvc` and processes."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest
import yaml

from src.models.registry import load_model
from tools.small_project import ROOT

EPOCHS = 60  # so many that a signal after the third finds the training at work
FINISHED = ("data/models/vae.pt", "data/training/vae.npz", "reports/vae/loss.csv")


@pytest.fixture(scope="module")
def long(reproduced, tmp_path_factory):
    """A clone with a longer training, an uncommitted change, and undisturbed outputs of it."""
    clone = reproduced.clone(tmp_path_factory.mktemp("long") / "clone")
    clone.set("epochs", EPOCHS)
    clone.repro("train_vae")
    clone.finished = {name: clone.outputs()[name] for name in FINISHED}
    clone.state = clone.root / "data/unfinished/train_vae.pt"
    return clone


def disturb(
    project, *options: str, epoch: int = EPOCHS, action: Callable = lambda process: None
) -> tuple[int, str]:
    """Run `dvc repro train_vae`; call `action` with its process after an epoch.

    Returns the exit code and all that was printed.
    """
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "dvc", "repro", "--single-item", *options, "train_vae"],
        cwd=project.root,
        env=project.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    lines = []
    for line in process.stdout:
        lines.append(line)
        if f"epoch {epoch} of {EPOCHS}" in line:
            action(process)
    return process.wait(), "".join(lines)


def signal_all(how: int) -> Callable:
    """Send a signal to `dvc` and to all that it has started."""
    return lambda process: os.killpg(process.pid, how)


@contextlib.contextmanager
def without_cache(project):
    """The cache is put aside: DVC would take the undisturbed results from it."""
    cache = project.root / ".dvc/cache"
    aside = cache.rename(cache.with_name("aside"))
    try:
        yield cache
    finally:
        shutil.rmtree(cache, ignore_errors=True)
        aside.rename(cache)


def assert_goes_on_to_the_same_end(project) -> None:
    with without_cache(project):
        code, printed = disturb(project)
    assert code == 0
    assert "going on after" in printed
    assert project.outputs().items() >= project.finished.items()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_training_goes_on(long, how):
    """With the same bytes at the end."""
    shutil.rmtree(long.state.parent, ignore_errors=True)
    code, printed = disturb(long, "--force", epoch=3, action=signal_all(how))
    assert code != 0
    assert f"epoch {EPOCHS} of" not in printed
    assert not (long.root / "data/models/vae.pt").exists()
    if how == signal.SIGINT:
        assert "interrupted: the next `dvc repro` goes on" in printed
        assert "Traceback" not in printed
    assert_goes_on_to_the_same_end(long)


def test_other_seed_starts_afresh(long):
    """A state fits one set of inputs only."""
    long.set("seed", 1)
    long.repro("preflight")
    disturb(long, "--force", epoch=1, action=signal_all(signal.SIGKILL))
    long.set("seed", 0)
    long.repro("preflight")
    with without_cache(long):
        code, printed = disturb(long)
    assert code == 0
    assert "is of other parameters, data or code: starting afresh" in printed
    assert long.outputs().items() >= long.finished.items()


def replace(path, content: bytes) -> None:
    """Write a new file: DVC and git look at the inode too."""
    path.unlink()
    path.write_bytes(content)


DIGEST = """
from stages import records
stage = records.stage_named("train_vae")
print(records.digest(stage, records.input_hashes(stage)))
"""


def test_inputs_decide_the_digest(project):
    """A state fits a digest. It is of all that dvc.yaml lists: code, and also a new parameter."""

    def digest() -> str:
        return project.run("python", "-c", DIGEST).stdout.strip()

    pipeline = project.root / "dvc.yaml"
    stages = yaml.safe_load(pipeline.read_text())
    stages["stages"]["train_vae"]["params"].append("warmup")
    replace(pipeline, yaml.safe_dump(stages, sort_keys=False).encode())
    project.set("warmup", 1)
    before = digest()
    project.set("train_vae.device", "cuda:1")  # not listed: another device of equal arithmetic
    assert digest() == before
    project.set("warmup", 2)
    assert digest() != before
    project.set("warmup", 1)
    assert digest() == before
    loop = project.root / "src/train/loop.py"
    replace(loop, loop.read_bytes() + b"# a comment\n")
    assert digest() != before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_failing_stage_leaves_earlier_results(project):
    """Here the disk is full after the first epoch; nothing that looks like an output is left."""
    before = project.outputs()
    table = project.root / "reports/vae/loss.csv.part"
    table.symlink_to("/dev/full")
    done = project.dvc("repro", "--force", "--single-item", "train_vae", check=False)
    assert done.returncode != 0
    assert "error: [Errno 28] No space left on device: 'reports/vae/loss.csv'\n" in done.stderr
    assert "Traceback" not in done.stderr
    assert not os.path.lexists(table)
    after = project.outputs()
    assert {name: after[name] for name in FINISHED} == {name: before[name] for name in FINISHED}


def test_training_ends_with_its_dvc(long):
    """Also if only `dvc` is killed, and the shell between it and the stage lives on."""
    shell = long.root.parent / "shell"
    shell.write_text('#!/bin/sh\nshift $(($# - 1))\n/bin/sh -c "$1; exit \\$?"\nexit $?\n')
    shell.chmod(0o755)
    environment = long.env
    long.env = environment | {"SHELL": str(shell)}
    long.set("epochs", 100_000)
    long.repro("preflight")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "dvc", "repro", "--single-item", "train_vae"],
        cwd=long.root, env=long.env, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    while "epoch 1 of" not in process.stdout.readline():
        pass
    stages = [
        child
        for child in psutil.Process(process.pid).children(recursive=True)
        if "train" in child.cmdline() and "python" in child.name()
    ]
    process.kill()
    assert len(stages) == 1
    _, alive = psutil.wait_procs(stages, timeout=60)
    process.communicate()
    long.env = environment
    table = long.root / "reports/vae/loss.csv"
    rows = table.read_text()
    time.sleep(1)  # nothing to wait for: it must not change any more
    assert alive == []
    assert table.read_text() == rows
    long.set("epochs", EPOCHS)
    long.repro("train_vae")
    assert long.outputs().items() >= long.finished.items()


def test_early_interruption_is_one_line():
    """Even while a stage is still importing."""
    command = [sys.executable, "-c", "import stages; raise KeyboardInterrupt"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == -signal.SIGINT
    assert done.stderr == (
        "interrupted: the next `dvc repro` goes on, a training after its last finished epoch\n"
    )


CANNOT_LOAD = {
    "src/models/networks.py": ("class Encoder(:\n", "src/models/networks.py, line 1: "),
    "src/base/files.py": ("def write_whole(\n", "src/base/files.py, line 1: "),
    "stages/train.py": ("import src.models.conv\n", "No module named 'src.models.conv'; "),
}


@pytest.mark.parametrize("path", CANNOT_LOAD)
def test_code_that_cannot_be_loaded_costs_nothing(project, path):
    """One line says what is wrong, and the earlier results are put back."""
    before = project.outputs()
    source, fault = CANNOT_LOAD[path]
    replace(project.root / path, source.encode())
    done = project.dvc("repro", "--single-item", "train_vae", check=False)
    assert done.returncode != 0
    assert f"error: {fault}" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.outputs() == before


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit of memory")
def test_too_little_memory_costs_nothing(project):
    """So little that torch cannot be loaded."""
    before = project.outputs()
    command = "ulimit -v 2000000; python -m dvc repro --force --single-item train_vae"
    done = project.run("sh", "-c", command, check=False)
    assert done.returncode != 0
    assert "Traceback" not in done.stderr
    assert done.stderr.count("error: ") == 1
    assert project.outputs() == before


def test_queued_experiment_leaves_a_training_alone(long):
    """DVC puts the uncommitted params.yaml and the loss table aside for a moment, and back."""
    params = (long.root / "params.yaml").read_bytes()

    def queue(process) -> None:
        long.dvc("exp", "run", "--queue", "-S", "latent_dims=3")

    code, printed = disturb(long, "--force", epoch=1, action=queue)
    assert code == 0, printed
    assert long.outputs().items() >= long.finished.items()
    assert (long.root / "params.yaml").read_bytes() == params
    long.dvc("queue", "remove", "--all")


def test_experiment_beside_a_training_mixes_nothing(long):
    """DVC refuses it, but has changed params.yaml and checked out the outputs of the last run."""
    params = (long.root / "params.yaml").read_bytes()
    experiments = []

    def run_experiment(process) -> None:
        os.killpg(process.pid, signal.SIGSTOP)  # the training must not end before
        experiments.append(long.dvc("exp", "run", "-S", "latent_dims=3", check=False))
        os.killpg(process.pid, signal.SIGCONT)

    code, printed = disturb(long, "--force", epoch=1, action=run_experiment)
    assert "is busy" in experiments[0].stderr
    assert code != 0
    assert "error: params.yaml changed while this stage was running" in printed
    assert "Traceback" not in printed

    code, printed = disturb(long)  # with the parameters of the experiment, without preflight
    assert code != 0
    assert "error: params.yaml has changed since the stage preflight checked it" in printed

    replace(long.root / "params.yaml", params)
    assert_goes_on_to_the_same_end(long)


def test_code_changed_while_loading_is_refused(project):
    """The module of the stage changes another one that it has loaded before."""
    losses = project.root / "src/models/losses.py"
    train = project.root / "stages/train.py"
    change = f"import src.models.losses\nopen({str(losses)!r}, 'a').write('# changed')\n"
    train.write_text(change + train.read_text())
    done = project.run("python", "-m", "stages", "train", "ae", check=False)
    assert done.returncode == 1
    assert "src/models/losses.py changed while this stage was being loaded" in done.stderr
    assert done.stderr.count("\n") == 1


def test_stale_bytecode_is_not_used(project):
    """Python takes a .pyc whose source has the same second and length."""
    source = project.root / "src/base/errors.py"
    status = source.stat()
    cached = ["env", "-u", "PYTHONDONTWRITEBYTECODE", "-u", "PYTHONPYCACHEPREFIX", "python"]
    project.run(*cached, "-c", "import src.base.errors")
    assert list(source.parent.glob("__pycache__/errors.*.pyc"))
    text = source.read_text()
    assert "is missing; make it" in text
    replace(source, text.replace("is missing; make it", "is MISSING; make it").encode())
    os.utime(source, (status.st_mtime, status.st_mtime))
    (project.root / "data/models/ae.pt").unlink()
    done = project.run(*cached, "-m", "stages", "render", check=False)
    assert "data/models/ae.pt is MISSING; make it" in done.stderr


def test_code_changed_during_a_run(long):
    """Its results are not kept."""
    module = long.root / "src/models/new.py"
    code, printed = disturb(
        long, "--force", epoch=1, action=lambda process: module.write_text("x = 1\n")
    )
    module.unlink()
    assert code != 0
    assert "error: src/models changed while this stage was running" in printed
    assert long.outputs().items() >= long.finished.items()  # the earlier results


def test_unlisted_parameter_of_the_section_is_refused(project):
    """The training would go on with the default of its model, whatever params.yaml says."""
    before = project.outputs()
    pipeline = project.root / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("      - train_vae.beta\n", "", 1))
    done = project.dvc("repro", "--force", "--single-item", "train_vae", check=False)
    assert "error: params.yaml has train_vae.beta, but dvc.yaml does not list it" in done.stderr
    assert project.outputs() == before


def test_undeclared_parameter_cannot_be_read(project):
    """A change of it would not re-run the stage."""
    pipeline = project.root / "dvc.yaml"
    pipeline.write_text(pipeline.read_text().replace("      - seed\n", ""))
    done = project.run("python", "-m", "stages", "evaluate", check=False)
    assert done.returncode == 1
    assert "'seed' is read as a parameter, but dvc.yaml does not list it" in (done.stderr)


def test_params_are_read_as_by_dvc(project):
    """Comments and the line ends of Windows change nothing; in YAML 1.2, 016 is sixteen."""
    params = project.root / "params.yaml"
    text = ("# a comment\n" + params.read_text()).replace("\n", "\r\n")
    replace(params, text.encode())
    assert project.repro() == []
    replace(params, text.replace("latent_dims: 2", "latent_dims: 016").encode())
    assert project.repro("train_ae") == ["preflight", "train_ae"]
    assert load_model(project.root / "data/models/ae.pt").config["latent_dims"] == 16
    assert "latent_dims: 16" in (project.root / "dvc.lock").read_text()


def test_other_packages_than_recorded_are_refused(project, tmp_path):
    """What pip would write when it installs another release."""
    other = tmp_path / "torch-2.0.0.dist-info"
    other.mkdir()
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: torch\nVersion: 2.0.0\n")
    done = project.run(
        "env", f"PYTHONPATH={tmp_path}", "python", "-m", "stages", "evaluate", check=False
    )
    assert done.returncode == 1
    assert "error: installed is torch 2.0.0, not " in done.stderr
    assert "dvc repro --force preflight" in done.stderr


def test_other_arithmetic_than_recorded_is_refused(project):
    """The stage gives back the outputs that DVC had removed for it."""
    before = project.outputs()
    record = project.root / "data/environment/train_vae.json"
    facts = json.loads(record.read_text()) | {"arithmetic": "native Windows AMD64"}
    replace(record, json.dumps(facts).encode())
    done = project.dvc("repro", "--single-item", "train_vae", check=False)
    assert done.returncode != 0
    assert "this machine computes with " in done.stderr
    assert "records native Windows AMD64" in done.stderr
    assert "dvc repro --force preflight" in done.stderr
    replace(record, b"{")
    done = project.dvc("repro", "--single-item", "train_vae", check=False)
    assert "data/environment/train_vae.json is damaged" in done.stderr
    record.unlink()
    after = project.outputs()
    assert {name: after.get(name) for name in FINISHED} == {name: before[name] for name in FINISHED}


@pytest.mark.parametrize("hardlink_lock", ["false", "true"])
def test_lock_is_given_back(reproduced, tmp_path, hardlink_lock):
    """By a stage that fails, and by one that is run by hand.

    In a clone that has met no other kind of lock: the file of one kind looks held to the other.
    """
    clone = reproduced.clone(tmp_path / "clone")
    clone.dvc("config", "--local", "core.hardlink_lock", hardlink_lock)
    clone.dvc("cache", "dir", "--local", str(reproduced.root / ".dvc/cache"))
    assert "is missing; " in clone.run("python", "-m", "stages", "render", check=False).stderr
    clone.dvc("checkout", "--quiet")
    clone.run("python", "-m", "stages", "render")
    assert clone.repro("--force", "--single-item", "render") == ["render"]
    assert clone.run("git", "status", "--porcelain").stdout == ""


def test_uncached_result_keeps_its_state(long):
    """Until DVC has it in its cache; a file in the place of the cache stands for a full disk."""
    shutil.rmtree(long.state.parent, ignore_errors=True)
    with without_cache(long) as cache:
        cache.write_text("no folder")
        code, printed = disturb(long, "--force")
        cache.unlink()
        assert f"epoch {EPOCHS} of {EPOCHS}" in printed
        assert code != 0
        assert long.state.exists()
        code, printed = disturb(long)
        assert code == 0
        assert f"going on after {EPOCHS} finished epochs" in printed
        assert long.outputs().items() >= long.finished.items()
        _, printed = disturb(long, "--force")  # now it is cached, and so trained again
    assert "going on after" not in printed
    assert f"epoch 1 of {EPOCHS}" in printed


def test_two_at_once_are_refused_or_queued(long):
    """One of two `dvc repro` ends well at least, and nothing is mixed."""
    command = [sys.executable, "-m", "dvc", "repro", "--force", "--single-item", "train_vae"]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    processes = [
        subprocess.Popen(command, cwd=long.root, env=long.env, **options) for _ in range(2)
    ]
    printed = [process.communicate()[0] for process in processes]
    codes = [process.returncode for process in processes]
    assert 0 in codes
    refusals = ("Unable to acquire lock", "is busy")
    for code, text in zip(codes, printed, strict=True):
        assert code == 0 or any(refusal in text for refusal in refusals), text
    assert long.outputs().items() >= long.finished.items()


def test_damaged_model_names_its_remedy(project):
    """And the remedy works."""
    path = project.root / "data/models/vae.pt"
    whole = path.read_bytes()
    replace(path, whole[:2000])
    done = project.run("python", "-m", "stages", "render", check=False)
    assert done.returncode == 1
    assert "error: data/models/vae.pt is damaged, or not a model of this project; " in done.stderr
    assert "Traceback" not in done.stderr
    project.dvc("checkout", "--force", "data/models/vae.pt")
    assert path.read_bytes() == whole
