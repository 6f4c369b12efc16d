"""Sweeps with real Ray nodes on this host: what comes back, and what faults leave behind."""

import ast
import contextlib
import copy
import fcntl
import importlib.util
import io
import json
import os
import pty
import re
import resource
import shutil
import signal
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import termios
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
import yaml
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml

from experiments.sweep import clone, cluster, grid, task
from experiments.sweep.task import Experiment, Job
from src.base.errors import UserError
from tests.toy_project import TOY, Toy, command, until
from tools.small_project import ROOT

INSTALL = "pip install -r requirements-cluster.txt"
WITHOUT_RAY = importlib.util.find_spec("ray") is None
if WITHOUT_RAY and os.environ.get("CLUSTER_TESTS"):
    raise RuntimeError(f"CLUSTER_TESTS is set, and Ray is not installed: {INSTALL}")
needs_ray = pytest.mark.skipif(WITHOUT_RAY, reason=f"Ray is not installed: {INSTALL}")

ELSEWHERE = str(TOY / "sweep_elsewhere.py")  # as on a machine whose cache the nodes do not see


def job(**changes: Any) -> Job:
    """A job for no particular node, with these fields changed."""
    fields: dict[str, Any] = {
        "revision": "",
        "source": b"",
        "subfolder": "",
        "author": {},
        "facts": (),
        "cache": "/nowhere",
        "marker": "none",
        "remote": {},
    }
    return Job(**fields | changes)


def experiment(name: str = "name", **params: Any) -> Experiment:
    return Experiment(name, (), params)


def outcome(of_job: Job, gpus: int = 0) -> dict:
    """How an experiment of a job ends on this machine."""
    _, end = task.run(of_job, experiment(), gpus, dict)
    assert isinstance(end, dict)
    return end


def shown_on_terminal(toy: Toy, *arguments: str) -> str:
    """What a sweep shows on a terminal's error stream."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    pipes: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": follower}
    done = subprocess.run(command(*arguments), cwd=toy.root, env=toy.env, **pipes)
    os.close(follower)
    with contextlib.closing(os.fdopen(leader, "rb")) as stream:
        shown = stream.read1(1 << 16).decode()
    assert done.returncode == 0, shown
    return shown


def is_alive(pid: int) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


@pytest.fixture(scope="module")
def token(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("token") / "token"
    path.touch(0o600)
    path.write_text("5" * 64)
    return path


@pytest.fixture(scope="module")
def short() -> Iterator[Path]:
    """A temporary folder with a short path: that of a socket in it has 107 bytes at most."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def nodes(short, token) -> Iterator[Any]:
    """A head without cores and two nodes with a core each; `temporary` is their folder."""
    temporary = short / "nodes"
    temporary.mkdir()
    modes = {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_process_group_cleanup_enabled": "1",
        "TMPDIR": str(temporary),
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in modes.items():
            patch.setenv(name, value)
        from ray.cluster_utils import Cluster

        small = {"object_store_memory": 80 * 2**20}
        head = {"num_cpus": 0, "include_dashboard": False, **small}
        ray_cluster = Cluster(initialize_head=True, head_node_args=head)
        ray_cluster.temporary = temporary
        ray_cluster.add = lambda: ray_cluster.add_node(num_cpus=1, **small)
        ray_cluster.workers = [ray_cluster.add(), ray_cluster.add()]
        ray_cluster.wait_for_nodes()
        yield ray_cluster
        ray_cluster.shutdown()


@pytest.fixture(scope="module")
def lone(tmp_path_factory, digits) -> Toy:
    """The toy without a cluster."""
    folder = tmp_path_factory.mktemp("toy")
    return Toy(folder / "project", digits, folder / "signals")


@pytest.fixture
def toy(lone, nodes, token) -> Iterator[Toy]:
    """The toy beside the cluster."""
    environment = lone.env
    lone.env = environment | {"RAY_ADDRESS": nodes.address, "RAY_AUTH_TOKEN_PATH": str(token)}
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
    lines = [line.split() for line in output.splitlines()]
    assert [line[1:4] for line in lines] == [
        [f"latent_dims={dims}", f"seed={seed}", "render.grid_range.ae=[-3,3]"]
        for dims in (2, 4)
        for seed in (0, 1)
    ]
    assert all(line[4:] == ["1", "core"] for line in lines)
    assert len({line[0] for line in lines if re.fullmatch("wide-[0-9a-f]{12}", line[0])}) == 4


@pytest.mark.parametrize(
    ("mistake", "words"),
    [
        ("seed=range(0,3", "no viable alternative"),
        ("latent_dims=2,,4", "extraneous input ','"),
        ("latent_dims", "missing EQUAL"),
        ("latent_dims=2 seed=1", "mismatched input '='"),
        ("seed='1", "LexerNoViableAltException"),
        ("seed=[1,2", "no viable alternative"),
        ("seed=range(0,3,0)", "must not be zero"),
        ("seed=choice()", "empty choice"),
        ("seed=interval(0,1)", "does not support"),
        ("seed=glob(*)", "not supported"),
        ("seed=range(3,0)", "gives no value"),
        ("other.yaml:seed=1", "only parameters of params.yaml"),
    ],
)
def test_mistakes_in_a_grid_raise(mistake, words):
    """A grid that Hydra cannot read is named, whatever error its parser raises."""
    with pytest.raises(UserError, match=re.escape(repr(mistake))) as error:
        grid.grid(["latent_dims=2", mistake])
    assert words in str(error.value)


@pytest.mark.parametrize("mistake", ["seed=range(0,3", "=3", "@x=1", "latent_dims.x=1", "~seed"])
def test_mistake_costs_one_line(lone, mistake):
    """The command ends with one line, and no traceback."""
    done = lone.sweep(mistake)
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_prefix_with_a_slash_is_refused(lone):
    """A name must be one that git accepts."""
    refusal = "error: --name is 'a/b', allowed are letters"
    assert lone.sweep("latent_dims=4", "--name", "a/b").stderr.startswith(refusal)


def test_equal_parameters_have_one_name(lone):
    """However they are written."""
    assert lone.dry("latent_dims=4") == lone.dry("seed=0", "latent_dims=4")


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


def test_small_number_as_dvc_reads_it(lone):
    """DVC writes 0.00001 as 1e-05, which is text to other readers of YAML."""
    done = lone.sweep("learning_rate=1e-5,1e-4", "--dry")
    assert (done.stdout.count("\n"), done.stderr) == (2, "")


def test_table_of_a_swept_section(lone):
    """The section's parameters have a column each, and a prefix is no part of a name."""
    swept = ["++latent_dims=3", "render.grid_range={ae:auto,vae:auto}"]
    (name,) = lone.dry(*swept)
    settings = [word for override in swept for word in ("-S", override)]
    lone.dvc("exp", "run", "--name", name, *settings)
    lone.run("git", "checkout", "--force", "main")
    done = lone.sweep(*swept)  # all of it is done
    assert (done.returncode, done.stderr) == (0, "")
    head, row = (line.split() for line in done.stdout.splitlines())
    assert {"latent_dims", "render.grid_range.ae", "render.grid_range.vae"} <= {*head}
    assert row[0] == name


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


def test_all_faults_at_once(lone):
    """One line names each wrong value of each parameter."""
    done = lone.sweep("latent_dims=0,2", "train_vae.kl=tutorial,tutoral", "train_ae.device=cuda:1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert done.stderr.startswith("error: nothing was sent: ")
    assert "latent_dims is 0" in done.stderr
    assert "train_vae.kl is 'tutoral'" in done.stderr
    assert "device cuda:1: an experiment of a sweep sees one GPU" in done.stderr


def test_mistyped_name_is_refused(lone):
    """A parameter that params.yaml does not have is no new one."""
    done = lone.sweep("latent=1,2")
    assert done.stderr.startswith("error: nothing was sent: Could not override 'latent'.")
    assert done.stderr.count("\n") == 1


@pytest.fixture
def untracked_set(lone) -> Iterator[str]:
    """A data set of the user's own that git does not know yet."""
    path = "data/sets/Mine.yaml"
    shutil.copyfile(lone.root / "data/sets/MNIST.yaml", lone.root / path)
    yield path
    (lone.root / path).unlink()


def test_untracked_data_set_is_refused(lone, untracked_set):
    """Experiments would not find it, so nothing is sent, and no dry run passes."""
    done = lone.sweep("dataset=MNIST,Mine", "--dry")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: nothing was sent: {untracked_set} is not in the last")
    assert f"`git add {untracked_set}`" in done.stderr


def test_committed_data_set_is_taken(lone, untracked_set):
    """A description that is committed is as good as those of the project."""
    lone.commit("a data set")
    done = lone.sweep("dataset=MNIST,Mine", "--dry")
    lone.run("git", "reset", "--quiet", "HEAD~1")
    assert (done.returncode, done.stdout.count("\n")) == (0, 2)


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


def test_pipeline_imports_no_ray():
    """Neither do the stages, nor what runs one experiment."""
    paths = [*ROOT.glob("src/**/*.py"), *ROOT.glob("stages/*.py"), Path(task.__file__)]
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [
                alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)
            ]
            modules = [*names, getattr(node, "module", None) or ""]
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert "ray" not in [module.split(".")[0] for module in modules]


def documented_starts() -> list[tuple[str, str]]:
    """Each line with `ray start` in the documents, after the block that it is in."""
    texts = [(ROOT / path).read_text() for path in ("README.md", "docs/cluster.md")]
    blocks = [b for text in texts for b in re.findall(r"(?:^    .*\n)+", text, re.MULTILINE)]
    return [(block, line) for block in blocks for line in block.splitlines() if "ray start" in line]


def test_documented_clusters_are_safe():
    """Each wants a token, reports nothing and has no dashboard."""
    starts = documented_starts()
    assert len(starts) >= 2
    for block, line in starts:
        assert "RAY_AUTH_MODE=token" in block
        assert "--disable-usage-stats" in line
        assert "--head" not in line or "--include-dashboard=false" in line


# One experiment on a node


@pytest.fixture
def files_up_to_10_kb() -> Iterator[None]:
    """A limit on the size of files: to the code the same as a disk without room."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_full_disk_costs_one_line(files_up_to_10_kb):
    """It is the experiment's fault, and no traceback."""
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        about = tarfile.TarInfo("file")
        about.size = 50_000
        archive.addfile(about, io.BytesIO(bytes(about.size)))
    assert "File too large" in outcome(job(source=content.getvalue()))["fault"]


def test_missing_folder_of_the_remote(tmp_path):
    """DVC would make the folder, and push into it."""
    store = tmp_path / "store"
    end = outcome(job(cache=str(tmp_path), remote={"name": "store", "url": str(store)}))
    assert end["unfit"]
    assert f"does not see the remote's folder {store}" in end["fault"]
    assert not store.exists()


@pytest.mark.parametrize(
    ("name", "value", "advice"),
    [
        ("torch", "0.0.1", "install there"),
        ("python", "3.10", "install there"),
        ("machine", "aarch64", "take it out"),
        ("instructions", "neither avx2 nor fma", "take it out"),
        ("system", "Darwin", "take it out"),
    ],
)
def test_nodes_of_another_kind(name, value, advice):
    """A node is unfit if its releases or its machine would give other bytes."""
    facts = {**dict(task.facts(["torch", "numpy"])), name: value}
    end = outcome(job(facts=tuple(facts.items())))
    assert end["unfit"]
    assert re.search(rf" has {name} [^,]+, not {re.escape(value)}; .*{advice}", end["fault"])


def test_builds_of_torch_mix_on_cpus():
    """The part after the plus in a release counts on a GPU only."""
    release = dict(task.facts(["torch"]))["torch"].partition("+")[0]
    facts = (("torch", f"{release}+other"),)
    assert task._differing_facts(facts, native=False, gpus=0) == ""
    assert "not " in task._differing_facts(facts, native=False, gpus=1)


def test_processors_mix_in_portable_arithmetic():
    """Their makes and AVX-512 count in native arithmetic only."""
    facts = (("processor", "of another make"), ("avx512", "perhaps"))
    assert task._differing_facts(facts, native=False, gpus=0) == ""
    assert "processor" in task._differing_facts(facts, native=True, gpus=0)


def test_two_models_of_gpu():
    """A sweep does not mix their last digits."""
    bar = SimpleNamespace(total=2)
    sweep = cluster.Sweep(None, {}, None, bar)  # type: ignore[arg-type]
    sweep._check_gpu("first", "A100")
    sweep._check_gpu("second", "A100")
    with pytest.raises(UserError, match="first has A100 and third has H100"):
        sweep._check_gpu("third", "H100")


class FullDisk:
    """A cache that takes no file."""

    def has(self, path: str) -> bool:
        return False

    def keep(self, path: str, content: bytes) -> None:
        raise OSError(28, "No space left on device", path)


def test_full_disk_here(tmp_path, monkeypatch):
    """A result that the driver has no room for is its experiment's fault, and no end of all."""
    monkeypatch.chdir(tmp_path)
    messages = [{"bundle": b"", "files": ["files/md5/00/1"], "log": "a warning"}, b"content"]
    generator = iter(messages)
    ray = SimpleNamespace(get=lambda reference: reference)
    bar = SimpleNamespace(total=1, update=lambda: None, write=lambda line: None)
    sweep = cluster.Sweep(ray, {generator: experiment()}, FullDisk(), bar)  # type: ignore[arg-type]
    sweep._receive(generator)
    assert sweep.faults["name"].startswith("its result could not be received: ")
    assert "No space left on device" in sweep.faults["name"]
    assert sweep.waiting == {}
    assert (tmp_path / cluster.LOGS / "name.log").read_text() == "a warning"


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """The system's temporary folder, with one that a killed task has left long ago."""
    folder = tmp_path / "temporary"
    (folder / "mnist-sweep-killed/clone").mkdir(parents=True)
    os.utime(folder / "mnist-sweep-killed", (0, 0))
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_folder_of_a_killed_task(temporary):
    """The next task removes it, and none that is in use; each is its user's alone."""
    with task._folder() as folder:
        assert not (temporary / "mnist-sweep-killed").exists()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        os.utime(folder, (0, 0))
        with task._folder():
            assert folder.exists()
    assert not list(temporary.iterdir())


def test_links_are_not_followed(temporary, tmp_path):
    """Where a link leads nothing is removed, and no lock is made."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "precious").touch()
    os.utime(elsewhere, (0, 0))
    link = temporary / "mnist-sweep-link"
    link.symlink_to(elsewhere)
    os.utime(link, (0, 0), follow_symlinks=False)
    task._remove_left_folders()
    assert [path.name for path in elsewhere.iterdir()] == ["precious"]
    assert link.is_symlink()


def test_other_users_folders_stay(temporary, monkeypatch):
    """Neither removed nor locked."""
    monkeypatch.setattr("os.getuid", lambda: os.geteuid() + 1)
    task._remove_left_folders()
    assert [path.name for path in (temporary / "mnist-sweep-killed").iterdir()] == ["clone"]


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
    assert re.search(r"wide-\w+ +5 +1 +5.01\n", done.stdout)
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
def test_logs_are_kept(toy):
    """Of experiments that ended well too, as they hold warnings."""
    done = toy.sweep("latent_dims=24", "seed=1,13", "--name", "logs")
    assert done.returncode == 1
    for name in toy.dry("latent_dims=24", "seed=1,13", "--name", "logs"):
        log = (toy.root / f".dvc/tmp/sweep/{name}.log").read_text()
        assert "warning: 24 is small" in log


@needs_ray
def test_progress_on_a_terminal(toy):
    """It counts what is running and what has failed."""
    shown = shown_on_terminal(toy, "latent_dims=25,26", "seed=1", "--name", "bar")
    assert re.search(r"0/2 \[\d\d:\d\d<\?, \?experiment/s, 1 running, 0 failed\]", shown)
    assert re.search(r"1/2 \[\d\d:\d\d<\d\d:\d\d, .*, \d running, 0 failed\]", shown)


@needs_ray
def test_locked_ref_fails_one_experiment(toy):
    """A result that cannot be received is that experiment's fault, not the end of all."""
    locked, other = toy.dry("latent_dims=27,28", "--name", "locked")
    baseline = toy.baseline
    lock = toy.root / f".git/refs/exps/{baseline[:2]}/{baseline[2:]}/{locked}.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.touch()
    done = toy.sweep("latent_dims=27,28", "--name", "locked")
    lock.unlink()
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {locked} failed: its result could not be received: ")
    assert done.stderr.count("\n") == 1
    assert toy.experiments("locked-") == [other]
    assert toy.sweep("latent_dims=27,28", "--name", "locked").returncode == 0
    assert len(toy.begun("27-0", "28-0")) == 2


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
    done = part.sweep("latent_dims=29")
    assert done.returncode == 0, done.stderr
    (name,) = re.findall(r"\] (sweep-\w+) latent_dims=29: done", done.stdout)
    assert re.search(rf"{name} +29 +29.0$", done.stdout, re.MULTILINE)


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
    worker = next(parent for parent in parents if parent.name().startswith("ray::"))
    worker.kill()
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
    assert re.search(r"^error: \S+ has torch 0.0.1, not [\d.+a-z]+; install there", last)


# Addresses and tokens


@needs_ray
def test_no_cluster_at_the_address(lone, monkeypatch):
    """One line, and no minute of trying."""
    monkeypatch.setattr(lone, "env", lone.env | {"RAY_ADDRESS": "127.0.0.1:9"})
    done = lone.sweep("latent_dims=2,4", timeout=10)
    assert done.returncode == 1
    assert done.stderr.startswith("error: no cluster at RAY_ADDRESS=127.0.0.1:9: ")
    assert done.stderr.count("\n") == 1


@needs_ray
def test_driver_without_the_token(toy, tmp_path, monkeypatch):
    """The cluster refuses it."""
    other = tmp_path / "token"
    other.touch(0o600)
    other.write_text("6" * 64)
    monkeypatch.setattr(toy, "env", toy.env | {"RAY_AUTH_TOKEN_PATH": str(other)})
    done = toy.sweep("latent_dims=2,4")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: ")
    assert "oken" in done.stderr


@needs_ray
def test_no_log_holds_the_token(toy, token, nodes):
    """Neither Ray's nor those of experiments."""
    logs = nodes.head_node.get_logs_dir_path()
    search = subprocess.run(
        ["grep", "-rl", token.read_text(), logs, toy.root / ".dvc/tmp"], capture_output=True
    )
    assert search.stdout == b""


@needs_ray
def test_sweep_without_a_cluster(lone, short, tmp_path, monkeypatch):
    """It runs here, makes a token that is its user's alone, and leaves no process."""
    lone.let_go()
    variables = {"HOME": str(tmp_path), "SWEEP_TEST": str(tmp_path), "TMPDIR": str(short)}
    monkeypatch.setattr(lone, "env", lone.env | {"RAY_ADDRESS": "local", **variables})
    done = lone.sweep("latent_dims=23", "--name", "here")
    assert done.returncode == 0, done.stderr
    assert stat.S_IMODE((tmp_path / ".ray/auth_token").stat().st_mode) == 0o600
    until(lambda: not [p for p in psutil.process_iter() if "SWEEP_TEST" in environment_of(p)])


def environment_of(process: psutil.Process) -> dict:
    with contextlib.suppress(psutil.Error):
        return process.environ()
    return {}


# The project's own pipeline


@needs_ray
def test_node_gives_the_same_bytes(project, nodes, token, tmp_path):
    """An experiment on a node has the bytes, and the lock, of one that runs here."""
    here = project.clone(tmp_path / "here")
    env = project.env | {"RAY_ADDRESS": nodes.address, "RAY_AUTH_TOKEN_PATH": str(token)}
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
    plots = json.loads(project.dvc("plots", "diff", "--json", "main", name).stdout)["data"]
    pictures = plots["reports/vae/grid.png"]
    assert {rev for picture in pictures for rev in picture["revisions"]} == {"main", name}
    project.run(sys.executable, "-m", "experiments.compare", "latent_dims")
    shutil.rmtree(project.root / "reports", ignore_errors=True)
