"""Sweeps with real Ray nodes on this host: what comes back, and what faults leave behind."""

import contextlib
import copy
import importlib.util
import io
import os
import re
import resource
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from dvc.repo import Repo

from experiments.sweep import clone, cluster, grid, task
from experiments.sweep.__main__ import sweep
from experiments.sweep.facts import facts
from experiments.sweep.task import Experiment
from src.base.errors import UserError
from tests.toy_project import TOY, Toy, command, until
from tools.ray_nodes import ray_nodes
from tools.small_project import PARAMS, ROOT

INSTALL = "pip install -r requirements-cluster.txt"
needs_ray = pytest.mark.usefixtures("ray")

TOKEN = "5" * 64
ELSEWHERE = str(TOY / "sweep_elsewhere.py")  # as on a machine whose cache the nodes do not see


def is_alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture(scope="module")
def ray() -> None:
    """A skip without Ray, a failure where CLUSTER_TESTS is set."""
    if importlib.util.find_spec("ray") is None:
        missing = pytest.fail if os.environ.get("CLUSTER_TESTS") else pytest.skip
        missing(f"Ray is not installed: {INSTALL}")


@pytest.fixture(scope="module")
def short() -> Iterator[Path]:
    """A temporary folder with a short path: that of a socket in it has 107 bytes at most."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def too_long(tmp_path) -> Path:
    """A temporary folder as of a cluster's scheduler."""
    folder = tmp_path / ("x" * 100)
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def nodes(short) -> Iterator[Any]:
    """Two nodes with a core each; `temporary` is their folder."""
    temporary = short / "nodes"
    temporary.mkdir()
    with ray_nodes([1, 1], RAY_AUTH_TOKEN=TOKEN, TMPDIR=str(temporary)) as ray_cluster:
        ray_cluster.temporary = temporary
        yield ray_cluster


@pytest.fixture(scope="module")
def lone(tmp_path_factory, digits) -> Toy:
    """The toy without a cluster."""
    folder = tmp_path_factory.mktemp("toy")
    return Toy(folder / "project", digits, folder / "signals")


@pytest.fixture
def toy(lone, nodes) -> Iterator[Toy]:
    """The toy beside the cluster."""
    toy = copy.copy(lone)
    toy.env = lone.env | {"RAY_ADDRESS": nodes.address, "RAY_AUTH_TOKEN": TOKEN}
    toy.let_go()
    yield toy
    toy.let_go()
    for folder in task_folders(nodes):  # of killed tasks
        shutil.rmtree(folder, ignore_errors=True)


def task_folders(nodes: Any) -> list[Path]:
    """The folders of tasks that exist on the nodes."""
    return list(nodes.temporary.glob("mnist-sweep-*"))


# Before anything is sent


def test_grid_expands_like_the_queue(lone):
    """Each set of values is an experiment with a name of its own."""
    swept = ["latent_dims=2,4", "seed=range(0,2)", "render.grid_range.ae=[-3,3]"]
    output = lone.sweep(*swept, "--dry", "--name", "wide").stdout
    names, *columns = zip(*(line.split() for line in output.splitlines()), strict=True)
    assert all(re.fullmatch("wide-[0-9a-f]{12}", name) for name in names)
    assert len(set(names)) == 4
    assert columns == [
        ("latent_dims=2", "latent_dims=2", "latent_dims=4", "latent_dims=4"),
        ("seed=0", "seed=1", "seed=0", "seed=1"),
        ("render.grid_range.ae=[-3,3]",) * 4,
        ("1",) * 4,
        ("core",) * 4,
    ]


@pytest.fixture
def parameters(tmp_path, monkeypatch) -> None:
    """A folder with the small project's parameters, and a data set that git knows."""
    monkeypatch.chdir(tmp_path)
    Path("data/sets").mkdir(parents=True)
    shutil.copy(ROOT / "data/sets/MNIST.yaml", "data/sets")
    Path("params.yaml").write_text(PARAMS)


def experiments(*arguments: str) -> list[Experiment]:
    """The experiments of a grid."""
    overrides = grid.grid([*arguments])
    params = grid.parameters(overrides, {"data/sets/MNIST.yaml"})
    return grid.named_experiments(params, overrides, "sweep", "revision")


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("latent_dims", "'latent_dims' is not a grid: "),
        ("seed='1", "is not a grid: LexerNoViableAltException"),
        ("seed=range(0,3", "is not a grid: no viable alternative"),
        ("seed=range(0,3,0)", "is not a grid: range() arg 3 must not be zero"),
        ("seed=interval(0,1)", "is not a grid: BasicSweeper does not support"),
        ("seed=range(3,0)", "'seed=range(3,0)' gives no value"),
        ("other.yaml:seed=1", "only parameters of params.yaml"),
        ("latent=1", "Could not override 'latent': "),
        ("@x=1", "Override @x=1 looks like a config group override"),
        ("~seed", "seed is missing, allowed is"),
        ("train_ae.device=cuda:1", "device cuda:1: an experiment of a sweep sees one GPU"),
        ("dataset=MNIST,Mine", "must be in git: `git add data/sets/Mine.yaml`"),
    ],
)
def test_mistakes_in_a_grid_raise(parameters, mistake, words):
    """Whatever error Hydra's parser raises."""
    shutil.copy("data/sets/MNIST.yaml", "data/sets/Mine.yaml")  # not in git
    with pytest.raises(UserError, match=re.escape(words)):
        experiments("latent_dims=2", mistake)


def test_mistakes_cost_one_line(lone):
    """It names each wrong value once."""
    done = lone.sweep("latent_dims=0,2", "train_vae.kl=tutorial,tutoral")
    assert done.returncode == 1
    line = "latent_dims is 0, .*; train_vae.kl is 'tutoral', .*. Nothing was sent; .*"
    assert re.fullmatch(f"error: {line}\n", done.stderr)


def test_prefix_of_names_is_a_word():
    """A name with a slash would be several folders of git."""
    with pytest.raises(UserError, match="--name is 'a/b', allowed are letters, digits, - and _"):
        sweep(["seed=1"], "a/b", target="", dry=True)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["latent_dims=4"], ["seed=0", "latent_dims=4"]),
        (["learning_rate=1e-5"], ["learning_rate=0.00001"]),  # text to other readers of YAML
    ],
)
def test_equal_parameters_have_one_name(parameters, first, second):
    """However they are written."""
    assert [e.name for e in experiments(*first)] == [e.name for e in experiments(*second)]


def test_two_sets_with_one_name(monkeypatch):
    """A hash that two sets of parameters share drops none of them without a word."""
    monkeypatch.setattr(grid, "DIGITS", 1)
    params = [{"seed": seed} for seed in range(17)]
    overrides = [(f"seed={seed}",) for seed in range(17)]
    with pytest.raises(UserError, match="would have the same name"):
        grid.named_experiments(params, overrides, "sweep", "revision")


def test_name_taken_by_another_experiment(lone, monkeypatch):
    """An experiment of other parameters is not taken for one of the sweep that is done."""
    monkeypatch.chdir(lone.root)
    ref = f"refs/exps/{lone.baseline[:2]}/{lone.baseline[2:]}/taken"
    lone.run("git", "update-ref", ref, "HEAD")
    taken = Experiment("taken", (), {"latent_dims": 3})
    with (
        contextlib.closing(Repo()) as repo,
        pytest.raises(UserError, match="there is an experiment taken with other parameters"),
    ):
        clone.finished(repo, lone.baseline, [taken])
    lone.run("git", "update-ref", "-d", ref)


def test_uncommitted_change_is_refused(lone, monkeypatch):
    """What a sweep runs is the last commit."""
    monkeypatch.chdir(lone.root)
    lone.set("epochs", 3)
    with pytest.raises(UserError, match=r"^params\.yaml changed since the last commit"):
        clone.committed()
    lone.run("git", "checkout", "params.yaml")


def test_missing_ray_is_named(monkeypatch):
    """The message is the command that installs it."""
    monkeypatch.setitem(sys.modules, "ray", None)
    for name in cluster.MODES:
        monkeypatch.setenv(name, "0")
    with pytest.raises(UserError, match=f"^Ray is not installed: {re.escape(INSTALL)}$"):
        cluster.load_ray()


def test_documented_clusters_are_safe():
    """Each wants a token, reports nothing and has no dashboard."""
    text = (ROOT / "docs/cluster.md").read_text()
    starts = re.findall(r"^    (export .*)\n    (ray start .*)$", text, re.MULTILINE)
    assert len(starts) == text.count("    ray start") == 2
    for variables, start in starts:
        assert "RAY_AUTH_MODE=token" in variables
        assert "--disable-usage-stats" in start
        assert "--head" not in start or "--include-dashboard=false" in start


# One experiment on a node


def test_full_disk_of_a_node():
    """It is the experiment's fault, and no traceback. To the code a limit on files is the same."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(ROOT / "requirements.txt", "file")
    job = task.Job("", content.getvalue(), "", "", "portable", "/nowhere", "none", {})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        (end,) = task.run(job, Experiment("name", (), {}), 0, dict)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert isinstance(end, dict)
    assert "File too large" in end["fault"]


def test_what_a_node_says_first(lone, tmp_path, monkeypatch):
    """What decides bytes there; and that the remote's folder is missing, which DVC would make."""
    monkeypatch.chdir(lone.root)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    experiment = Experiment("name", (), {"arithmetic": "native"})
    store = tmp_path / "store"
    with (
        contextlib.closing(Repo()) as repo,
        clone.prepared(repo, lone.baseline, [experiment], target="") as job,
    ):
        far = replace(job, marker="none", remote={"name": "store", "url": str(store)})
    messages = task.run(far, experiment, 0, dict)
    first = next(messages)
    (folder,) = tmp_path.glob("mnist-sweep-*")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    messages.close()
    assert first["facts"] == facts("native")
    assert first["unfit"].startswith(f"does not see the remote's folder {store}; ")
    assert [*tmp_path.iterdir()] == []


ALIKE = {"torch": "2.0", "arithmetic": "portable", "GPU": "A100, CUDA 13.0"}


@pytest.mark.parametrize(
    ("changes", "unfit", "words"),
    [
        ({"torch": "1.0"}, "", "other has torch 1.0, not 2.0 as here; it would give other bytes"),
        ({"arithmetic": "native"}, "", "other has arithmetic native, not portable as here; "),
        ({"GPU": "H100"}, "", "other has GPU H100, not A100, CUDA 13.0 as on first; "),
        ({}, "does not see the folder", "other does not see the folder; what is done is kept"),
    ],
)
def test_unfit_nodes(changes, unfit, words):
    """A sweep does not mix what gives other bytes; the driver itself may have no GPU."""
    here = {name: value for name, value in ALIKE.items() if name != "GPU"}
    sweep = cluster.Sweep(None, {}, None, here, SimpleNamespace(total=2))  # type: ignore[arg-type]
    for node in ("first", "second"):
        sweep._check({"node": node, "facts": ALIKE, "unfit": ""})
    with pytest.raises(UserError, match=re.escape(words)):
        sweep._check({"node": "other", "facts": ALIKE | changes, "unfit": unfit})


# On the cluster


@needs_ray
def test_results_come_back(toy, nodes):
    """As experiments here; those that fail, or cannot be received, end no other: one line each."""
    swept = ["latent_dims=5,6", "seed=1,13", "--name", "wide"]
    good, _, locked, _ = toy.dry(*swept)
    lock = toy.root / f".git/refs/exps/{toy.baseline[:2]}/{toy.baseline[2:]}/{locked}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    done = toy.sweep(*swept)
    lock.unlink()
    assert done.returncode == 1, done.stderr
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert done.stderr.count("13 is no lucky seed") == 2
    assert f"error: {locked} failed: its result could not be received: " in done.stderr
    assert sorted(re.findall(r"latent_dims=(\d) seed=(\d+): (\w+)", done.stdout)) == [
        ("5", "1", "done"), ("5", "13", "failed"), ("6", "1", "failed"), ("6", "13", "failed"),
    ]  # fmt: skip
    assert re.search(rf"^{good} +5.01  latent_dims=5 seed=1$", done.stdout, re.MULTILINE)
    logs = [log.read_text() for log in toy.root.glob(".dvc/tmp/sweep/wide-*.log")]
    assert len(logs) == 4  # of those that ended well too, as they hold warnings
    assert all("warning: " in log for log in logs)
    assert toy.experiments("wide-") == [good]
    toy.dvc("exp", "apply", good)
    assert (toy.root / "data/weights.bin").stat().st_size == 2000
    toy.restore()
    again = toy.sweep(*swept)
    assert again.returncode == 1
    assert again.stdout.startswith("[2/4]")
    assert len(toy.experiments("wide-")) == 2
    assert len(toy.begun("5-1", "6-1")) == 2
    assert task_folders(nodes) == []


@needs_ray
def test_sweep_to_a_stage(toy):
    """With --target no stage after it runs."""
    for options, ran in (["--target", "toy"], False), ([], True):
        done = toy.sweep("latent_dims=9", "--name", f"to-{ran}", *options)
        assert done.returncode == 0, done.stderr
        (log,) = toy.root.glob(f".dvc/tmp/sweep/to-{ran}-*.log")
        assert ("'after'" in log.read_text()) == ran


def test_unknown_stage_is_named(lone):
    """In one line, before anything is sent."""
    done = lone.sweep("latent_dims=9", "--target", "evalute")
    assert done.returncode == 1
    assert re.fullmatch("error: .*'evalute'.*\n", done.stderr)


@pytest.fixture(params=[2, 3], ids=["through Ray", "over a remote"])
def seed(request, toy, tmp_path) -> Iterator[int]:
    """One for each of the ways without a shared folder; the remote is a folder."""
    if request.param == 3:
        (tmp_path / "store").mkdir()
        toy.dvc("remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    yield request.param
    if request.param == 3:
        toy.dvc("remote", "remove", "--local", "store")
    toy.restore()


@needs_ray
def test_files_come_back(toy, seed):
    """New ones, protected as DVC does it; nodes take what was made with the same parameters."""
    swept = ["latent_dims=7", f"seed={seed}", "render.grid_range.ae=[-3,3]"]
    cache = toy.root / ".dvc/cache/files"
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    first = toy.sweep(*swept, "--name", "far", program=ELSEWHERE)
    assert first.returncode == 0, first.stderr
    after = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    assert after.items() > before.items()
    assert {stat.S_IMODE(path.stat().st_mode) for path in after.keys() - before} == {0o444}
    toy.dvc("exp", "apply", re.findall(r"\] (far-\w+)", first.stdout)[0])
    assert toy.dvc("status").stdout.strip() == "Data and pipelines are up to date."
    assert (toy.root / "data/weights.bin").read_bytes() == bytes([7, seed]) * 1000
    toy.restore()
    again = toy.sweep(*swept, "--name", "farther", program=ELSEWHERE)
    assert again.returncode == 0
    assert len(toy.begun(f"7-{seed}")) == 1


@needs_ray
def test_killed_experiments_run_again(toy, nodes):
    """A killed worker ends with all that it started; a node that comes late is used."""
    names = ("10-0", "11-0", "12-0")
    toy.hold()
    driver = toy.start("latent_dims=10,11,12", "--name", "killed")
    until(lambda: len(toy.begun(*names)) == 2, driver)
    stage = toy.begun(*names)[0]
    parents = psutil.Process(stage).parents()
    next(parent for parent in parents if parent.name().startswith("ray::")).kill()
    until(lambda: not is_alive(stage))
    until(lambda: len(toy.begun(*names)) == 3, driver)
    nodes.workers.append(nodes.add())
    until(lambda: len(toy.begun(*names)) == 4, driver)
    nodes.remove_node(nodes.workers.pop(0), allow_graceful=False)
    nodes.workers.append(nodes.add())
    until(lambda: len(toy.begun(*names)) == 5, driver)
    toy.let_go()
    output, errors = driver.communicate(timeout=120)
    assert driver.returncode == 0, errors
    assert output.count(": done\n") == 3
    assert len(toy.experiments("killed-")) == 3
    nodes.remove_node(nodes.workers.pop())


@needs_ray
def test_ended_driver_goes_on(toy, nodes):
    """Interrupted or killed, it leaves nothing running; what is done is kept."""
    swept = ["latent_dims=14,15,16", "--name", "ended"]
    stages = lambda: toy.begun("15-0", "16-0")  # noqa: E731
    assert toy.sweep("latent_dims=14", "--name", "ended").returncode == 0
    toy.hold()
    driver = toy.start(*swept)
    until(lambda: len(stages()) == 2, driver)
    driver.send_signal(signal.SIGINT)
    _, errors = driver.communicate(timeout=10)
    assert driver.returncode == 1
    assert errors == "interrupted: what is done is kept; the same command goes on\n"
    assert not [stage for stage in stages() if is_alive(stage)]
    assert len(toy.experiments("ended-")) == 1
    assert task_folders(nodes) == []
    driver = toy.start(*swept)
    until(lambda: len(stages()) == 4, driver)
    driver.kill()
    driver.communicate()
    until(lambda: not [stage for stage in stages() if is_alive(stage)])
    toy.let_go()
    done = toy.sweep(*swept)
    assert done.returncode == 0, done.stderr
    assert len(toy.experiments("ended-")) == 3


# Addresses and tokens


@needs_ray
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RAY_ADDRESS": "127.0.0.1:9"}, "error: no cluster at RAY_ADDRESS=127.0.0.1:9: .*\n"),
        ({"RAY_AUTH_TOKEN": "6" * 64}, "(?s).*oken.*\nerror: cannot use the cluster at [^\n]*\n"),
    ],
)
def test_closed_doors(toy, changes, words):
    """It ends with one line, and no minute of trying; of another token Ray itself tells."""
    toy.env |= changes
    done = toy.sweep("latent_dims=2,4", timeout=50)
    assert done.returncode == 1
    assert re.fullmatch(words, done.stderr)


@needs_ray
def test_no_log_holds_the_token(toy, nodes):
    """Neither Ray's nor those of experiments."""
    logs = nodes.head_node.get_logs_dir_path()
    search = ["grep", "-rl", TOKEN, logs, toy.root / ".dvc/tmp"]
    assert subprocess.run(search, capture_output=True).stdout == b""


@needs_ray
def test_long_temporary_folder(lone, too_long):
    """Ray's sockets would have too long paths in it: the message names the remedy."""
    toy = copy.copy(lone)
    toy.env = lone.env | {"RAY_ADDRESS": "local", "TMPDIR": str(too_long)}
    done = toy.sweep("latent_dims=30")
    assert done.returncode == 1
    assert re.fullmatch(r"error: TMPDIR is .*`export RAY_TMPDIR=/tmp`\n", done.stderr)


@needs_ray
def test_sweep_without_a_cluster(lone, short, too_long, tmp_path):
    """It runs here, also in a part of a larger repository, and with a long TMPDIR.

    It makes a token that is its user's alone, and leaves no process.
    """
    part = copy.copy(lone)
    part.root = tmp_path / "larger/project"
    shutil.copytree(lone.root, part.root, ignore=shutil.ignore_patterns(".git", "tmp"))
    unrelated = tmp_path / "larger/unrelated"
    unrelated.touch()
    part.run("git", "init", "--quiet", "--initial-branch=main", "..")
    part.run("git", "add", "--all", "..")
    part.run("git", "commit", "--quiet", "--message", "all")
    unrelated.write_text("changed")  # which is nothing to the sweep
    lone.let_go()
    variables = {"HOME": str(tmp_path), "SWEEP_TEST": str(tmp_path), "RAY_TMPDIR": str(short)}
    part.env = lone.env | {"RAY_ADDRESS": "local", "TMPDIR": str(too_long), **variables}
    done = part.sweep("latent_dims=31")
    assert done.returncode == 0, done.stderr
    (name,) = re.findall(r"\] (sweep-\w+) latent_dims=31: done", done.stdout)
    assert re.search(rf"^{name} +31.00  latent_dims=31$", done.stdout, re.MULTILINE)
    assert stat.S_IMODE((tmp_path / ".ray/auth_token").stat().st_mode) == 0o600
    processes = lambda: psutil.process_iter(["environ"])  # noqa: E731
    until(lambda: not [p for p in processes() if "SWEEP_TEST" in (p.info["environ"] or {})])


# The project's own pipeline


@needs_ray
def test_node_gives_the_same_bytes(project, nodes, tmp_path):
    """An experiment on a node has the bytes, and the lock, of one that runs here."""
    here = project.clone(tmp_path / "here")
    env = project.env | {"RAY_ADDRESS": nodes.address, "RAY_AUTH_TOKEN": TOKEN}
    sweep = command("latent_dims=3", "--name", "there", program=ELSEWHERE)
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    driver = subprocess.Popen(sweep, cwd=project.root, env=env, **pipes)
    here.dvc("exp", "run", "-S", "latent_dims=3")
    output, errors = driver.communicate(timeout=300)
    assert driver.returncode == 0, errors
    (name,) = re.findall(r"\] (there-\w+)", output)
    project.dvc("exp", "apply", name)
    for root in (project.root, here.root):  # the states of trainings are no outputs
        shutil.rmtree(root / "data/unfinished", ignore_errors=True)
    assert project.outputs() == here.outputs()
    assert (project.root / "dvc.lock").read_bytes() == (here.root / "dvc.lock").read_bytes()
