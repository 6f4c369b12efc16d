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
import yaml
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml

from experiments.sweep import clone, cluster, grid, task
from experiments.sweep.facts import facts
from experiments.sweep.task import Experiment
from src.base.errors import UserError
from tests.toy_project import TOY, Toy, command, until
from tools.ray_nodes import ray_nodes
from tools.small_project import ROOT

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
    environment = lone.env
    lone.env = environment | {"RAY_ADDRESS": nodes.address, "RAY_AUTH_TOKEN": TOKEN}
    lone.let_go()
    yield lone
    lone.let_go()
    lone.env = environment
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
    ],
)
def test_mistakes_in_a_grid_raise(lone, monkeypatch, mistake, words):
    """Whatever error Hydra's parser raises."""
    monkeypatch.chdir(lone.root)
    with pytest.raises(UserError, match=re.escape(words)):
        grid.parameters(grid.grid(["latent_dims=2", mistake]), {"data/sets/MNIST.yaml"})


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["seed=range(0,3"], r"'seed=range\(0,3' is not a grid: .*"),
        (["seed=1", "--name", "a/b"], "--name is 'a/b', allowed are letters, digits, - and _"),
        (
            ["latent_dims=0,2", "train_vae.kl=tutorial,tutoral"],
            "latent_dims is 0, .*; train_vae.kl is 'tutoral', .*. Nothing was sent; .*",
        ),
    ],
)
def test_mistakes_cost_one_line(lone, arguments, line):
    """It names each wrong value once."""
    done = lone.sweep(*arguments)
    assert done.returncode == 1
    assert re.fullmatch(f"error: {line}\n", done.stderr)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (["latent_dims=4"], ["seed=0", "latent_dims=4"]),
        (["learning_rate=1e-5"], ["learning_rate=0.00001"]),  # text to other readers of YAML
    ],
)
def test_equal_parameters_have_one_name(lone, first, second):
    """However they are written."""
    (name,) = lone.dry(*first)
    assert lone.dry(*second) == [name]


def test_two_sets_with_one_name(monkeypatch):
    """A hash that two sets of parameters share drops none of them without a word."""
    monkeypatch.setattr(grid, "DIGITS", 1)
    params = [{"seed": seed} for seed in range(17)]
    overrides = [(f"seed={seed}",) for seed in range(17)]
    with pytest.raises(UserError, match="would have the same name"):
        grid.named_experiments(params, overrides, "sweep", "revision")


def test_name_taken_by_another_experiment(lone):
    """An experiment of other parameters is not taken for one of the sweep that is done."""
    (name,) = lone.dry("latent_dims=3", "--name", "taken")
    lone.dvc("exp", "run", "--name", name, "-S", "latent_dims=4")
    lone.run("git", "checkout", "--force", "main")
    done = lone.sweep("latent_dims=3", "--name", "taken")
    lone.dvc("exp", "remove", name)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: there is an experiment {name} with other parameters")


def test_run_cache_finds_whole_sections(project, monkeypatch):
    """Files that a stage made with other values of a section are not sent, and its own are."""
    project.set("render.grid_range.vae", [-2.5, 2.5])
    project.repro()
    outs = yaml.safe_load((project.root / "dvc.lock").read_text())["stages"]["render"]["outs"]
    md5 = next(out["md5"] for out in outs if out["path"] == "reports/vae/grid.png")
    project.run("git", "checkout", "--force", "main")
    monkeypatch.chdir(project.root)
    cached = clone.Cached(Repo())
    params = load_yaml("params.yaml")
    assert f"files/md5/{md5[:2]}/{md5[2:]}" not in cached.needed(params)
    params["render"]["grid_range"]["vae"] = [-2.5, 2.5]
    assert f"files/md5/{md5[:2]}/{md5[2:]}" in cached.needed(params)


@pytest.fixture
def new_set(lone) -> Iterator[str]:
    """A data set of the user's own that git does not know yet."""
    path = "data/sets/Mine.yaml"
    shutil.copyfile(lone.root / "data/sets/MNIST.yaml", lone.root / path)
    yield path
    lone.run("git", "reset", "--quiet", "--hard", lone.baseline)


def test_data_set_must_be_committed(lone, new_set):
    """Experiments would not find it before, so nothing is sent, and no dry run passes."""
    refused = lone.sweep("dataset=MNIST,Mine", "--dry")
    assert refused.returncode == 1
    assert re.match(
        f"error: dataset is 'Mine', .* must be in git: `git add {new_set}`", refused.stderr
    )
    lone.commit("a data set")
    assert len(lone.dry("dataset=MNIST,Mine")) == 2


def test_uncommitted_change_is_refused(lone):
    """What a sweep runs is the last commit."""
    lone.set("epochs", 3)
    done = lone.sweep("latent_dims=2,4")
    lone.run("git", "checkout", "params.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("error: params.yaml changed since the last commit")
    assert done.stderr.count("\n") == 1


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


@pytest.fixture
def files_up_to_10_kb() -> Iterator[None]:
    """A limit on the size of files: to the code the same as a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_of_a_node(files_up_to_10_kb):
    """It is the experiment's fault, and no traceback."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        about = tarfile.TarInfo("file")
        about.size = 50_000
        archive.addfile(about, io.BytesIO(bytes(about.size)))
    job = task.Job("", content.getvalue(), "", "portable", "/nowhere", "none", {})
    (end,) = task.run(job, Experiment("name", (), {}), 0, dict)
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
        clone.prepared(repo, lone.baseline, [experiment]) as job,
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
    """Those that ended well are experiments here, those that failed are one line each."""
    done = toy.sweep("latent_dims=5,6", "seed=1,13", "--name", "wide")
    assert done.returncode == 1, done.stderr
    assert all(line.startswith("error: ") for line in done.stderr.splitlines())
    assert done.stderr.count("13 is no lucky seed") == 2
    assert sorted(re.findall(r"latent_dims=(\d) seed=(\d+): (\w+)", done.stdout)) == [
        ("5", "1", "done"), ("5", "13", "failed"), ("6", "1", "done"), ("6", "13", "failed"),
    ]  # fmt: skip
    assert re.search(r"^wide-\w+ +5.01  latent_dims=5 seed=1$", done.stdout, re.MULTILINE)
    logs = [log.read_text() for log in toy.root.glob(".dvc/tmp/sweep/wide-*.log")]
    assert len(logs) == 4  # of those that ended well too, as they hold warnings
    assert all("warning: " in log for log in logs)
    names = toy.experiments("wide-")
    assert len(names) == 2
    toy.dvc("exp", "apply", names[0])
    assert (toy.root / "data/weights.bin").stat().st_size == 2000
    toy.restore()
    again = toy.sweep("latent_dims=5,6", "seed=1,13", "--name", "wide")
    assert again.returncode == 1
    assert again.stdout.startswith("[3/4]")
    assert len(toy.begun("5-1", "6-1")) == 2
    assert task_folders(nodes) == []


@needs_ray
def test_results_that_cannot_be_received(toy):
    """A locked ref or a full disk is the fault of one experiment, not the end of all."""
    swept = ["latent_dims=27,28,29", "--name", "refused"]
    locked, unwritable, other = toy.dry(*swept)
    lock = toy.root / f".git/refs/exps/{toy.baseline[:2]}/{toy.baseline[2:]}/{locked}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    folder = toy.root / f".dvc/tmp/sweep/{unwritable}.log"  # in the place of the file
    folder.mkdir(parents=True)
    done = toy.sweep(*swept)
    lock.unlink()
    folder.rmdir()
    assert done.returncode == 1
    faults = [line.split(": its result could not be received: ")[0] for line in sorted(
        done.stderr.splitlines())]  # fmt: skip
    assert faults == sorted(f"error: {name} failed" for name in (locked, unwritable))
    assert toy.experiments("refused-") == [other]
    assert toy.sweep(*swept).returncode == 0
    assert len(toy.begun("27-0", "28-0", "29-0")) == 3


@needs_ray
def test_project_in_a_sub_folder(toy, nodes, tmp_path):
    """A clone that is a part of a larger repository runs its own sweep."""
    part = copy.copy(toy)
    part.root = tmp_path / "larger/project"
    shutil.copytree(toy.root, part.root, ignore=shutil.ignore_patterns(".git", "tmp"))
    unrelated = tmp_path / "larger/unrelated"
    unrelated.touch()
    part.run("git", "init", "--quiet", "--initial-branch=main", "..")
    part.run("git", "add", "--all", "..")
    part.run("git", "commit", "--quiet", "--message", "all")
    unrelated.write_text("changed")  # which is nothing to the sweep
    done = part.sweep("latent_dims=31")
    assert done.returncode == 0, done.stderr
    (name,) = re.findall(r"\] (sweep-\w+) latent_dims=31: done", done.stdout)
    assert re.search(rf"{name} +31.00  latent_dims=31$", done.stdout, re.MULTILINE)


@needs_ray
def test_files_come_back_through_ray(toy):
    """Without a shared folder; only new ones, protected as DVC does it."""
    cache = toy.root / ".dvc/cache"
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    first = toy.sweep("latent_dims=7,8", "seed=2", "--name", "far", program=ELSEWHERE)
    assert first.returncode == 0, first.stderr
    after = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    assert after.items() >= before.items()
    new = [path for path in after if path not in before]
    assert len([path for path in new if "runs" in path.parts]) == 2
    files = [path for path in new if "files" in path.parts]
    assert len(files) == 4  # weights and metrics, as the run cache needs them
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o444}
    toy.dvc("exp", "apply", toy.experiments("far-")[0])
    assert toy.dvc("status").stdout.strip() == "Data and pipelines are up to date."
    toy.restore()
    again = toy.sweep("latent_dims=7,8", "seed=2", "--name", "farther", program=ELSEWHERE)
    assert again.returncode == 0
    assert len(toy.begun("7-2", "8-2")) == 2


@pytest.fixture
def remote(toy, tmp_path) -> Iterator[None]:
    """A default remote of the toy that is a folder."""
    (tmp_path / "store").mkdir()
    toy.dvc("remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    yield
    toy.dvc("remote", "remove", "--local", "store")
    toy.restore()


@needs_ray
def test_files_come_back_over_a_remote(toy, remote):
    """The node pushes to it, and takes what others have pushed."""
    done = toy.sweep("latent_dims=9", "seed=3", "--name", "pushed", program=ELSEWHERE)
    assert done.returncode == 0, done.stderr
    toy.dvc("exp", "apply", toy.experiments("pushed-")[0])
    assert toy.dvc("status").returncode == 0
    assert (toy.root / "data/weights.bin").read_bytes() == bytes([9, 3]) * 1000
    toy.restore()
    again = toy.sweep("latent_dims=9", "seed=3", "--name", "pulled", program=ELSEWHERE)
    assert again.returncode == 0
    assert len(toy.begun("9-3")) == 1


@needs_ray
def test_killed_node_loses_nothing(toy, nodes):
    """Its experiment runs again, and a node that comes late is used."""
    toy.hold()
    driver = toy.start("latent_dims=10,11,12", "--name", "killed")
    until(lambda: len(toy.begun("10-0", "11-0", "12-0")) == 2, driver)
    nodes.workers.append(nodes.add())
    until(lambda: len(toy.begun("10-0", "11-0", "12-0")) == 3, driver)
    nodes.remove_node(nodes.workers.pop(0), allow_graceful=False)
    nodes.workers.append(nodes.add())
    until(lambda: len(toy.begun("10-0", "11-0", "12-0")) == 4, driver)
    toy.let_go()
    output, errors = driver.communicate(timeout=120)
    assert driver.returncode == 0, errors
    assert output.count(": done\n") == 3
    assert len(toy.experiments("killed-")) == 3
    nodes.remove_node(nodes.workers.pop())


@needs_ray
def test_killed_worker_runs_again(toy):
    """It ends with all that it started, and its experiment runs a second time."""
    toy.hold()
    driver = toy.start("latent_dims=13", "--name", "worker")
    (stage,) = until(lambda: toy.begun("13-0"), driver)
    parents = psutil.Process(stage).parents()
    next(parent for parent in parents if parent.name().startswith("ray::")).kill()
    until(lambda: not is_alive(stage))
    until(lambda: len(toy.begun("13-0")) == 2, driver)
    toy.let_go()
    _, errors = driver.communicate(timeout=120)
    assert driver.returncode == 0, errors
    assert len(toy.experiments("worker-")) == 1


@needs_ray
def test_killed_driver_starts_again(toy):
    """It leaves nothing running."""
    driver = toy.start("latent_dims=14,15,16", "--name", "driver")
    driver.stdout.readline()
    toy.hold()
    (stage,) = until(lambda: toy.begun("16-0"), driver)
    driver.kill()
    driver.communicate()
    until(lambda: not is_alive(stage))
    toy.let_go()
    done = toy.sweep("latent_dims=14,15,16", "--name", "driver")
    assert done.returncode == 0, done.stderr
    assert len(toy.experiments("driver-")) == 3


@needs_ray
def test_interruption_keeps_what_is_done(toy, nodes):
    """It ends the tasks, and removes their folders."""
    assert toy.sweep("latent_dims=17", "--name", "stopped").returncode == 0
    toy.hold()
    driver = toy.start("latent_dims=17,18,19", "--name", "stopped")
    running = lambda: toy.begun("18-0", "19-0")  # noqa: E731
    until(lambda: len(running()) == 2, driver)
    stages = running()
    driver.send_signal(signal.SIGINT)
    _, errors = driver.communicate(timeout=10)
    assert driver.returncode == 1
    assert errors == "interrupted: what is done is kept; the same command goes on\n"
    assert not [stage for stage in stages if is_alive(stage)]
    assert len(toy.experiments("stopped-")) == 1
    assert task_folders(nodes) == []


@pytest.fixture
def other_torch(nodes, tmp_path) -> Iterator[None]:
    """A third node, with another release of torch."""
    about = tmp_path / "torch-0.0.1.dist-info/METADATA"
    about.parent.mkdir()
    about.write_text("Metadata-Version: 2.1\nName: torch\nVersion: 0.0.1\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        node = nodes.add()
    nodes.wait_for_nodes()
    yield
    nodes.remove_node(node)


@needs_ray
def test_other_releases_stop_the_sweep(toy, other_torch):
    """One line says which node has which release."""
    toy.hold()
    done = toy.sweep("latent_dims=20,21,22")
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert re.search(r"^error: \S+ has torch 0.0.1, not [\d.]+ as here; it would give", last)


# Addresses and tokens


@needs_ray
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"RAY_ADDRESS": "127.0.0.1:9"}, "error: no cluster at RAY_ADDRESS=127.0.0.1:9: .*\n"),
        ({"RAY_AUTH_TOKEN": "6" * 64}, "(?s).*oken.*\nerror: cannot use the cluster at [^\n]*\n"),
    ],
)
def test_closed_doors(toy, monkeypatch, changes, words):
    """It ends with one line, and no minute of trying; of another token Ray itself tells."""
    monkeypatch.setattr(toy, "env", toy.env | changes)
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
def test_sweep_without_a_cluster(lone, short, tmp_path, monkeypatch):
    """It runs here, makes a token that is its user's alone, and leaves no process."""
    lone.let_go()
    variables = {"HOME": str(tmp_path), "SWEEP_TEST": str(tmp_path), "TMPDIR": str(short)}
    monkeypatch.setattr(lone, "env", lone.env | {"RAY_ADDRESS": "local", **variables})
    done = lone.sweep("latent_dims=23", "--name", "here")
    assert done.returncode == 0, done.stderr
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
    assert project.outputs() == here.outputs()
    assert (project.root / "dvc.lock").read_bytes() == (here.root / "dvc.lock").read_bytes()
