"""Sweeps with real Ray nodes, three on this host: what comes back, and what is left when something fails."""

import ast
import contextlib
import fcntl
import importlib.util
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
import tempfile
import termios
import time
from pathlib import Path

import psutil
import pytest
import yaml

from experiments.sweep import task
from experiments.sweep.task import Experiment, Job, run
from tests.small_project import ROOT, Project

INSTALL = "pip install -r requirements-cluster.txt"
WITHOUT_RAY = importlib.util.find_spec("ray") is None
if WITHOUT_RAY and os.environ.get("CLUSTER_TESTS"):
    raise RuntimeError(f"CLUSTER_TESTS is set, and Ray is not installed: {INSTALL}")
needs_ray = pytest.mark.skipif(WITHOUT_RAY, reason=f"Ray is not installed: {INSTALL}")

PIPELINE = """
stages:
  toy:
    cmd: python toy.py
    deps: [toy.py]
    params: [latent_dims, seed, download.folder]
    outs: [data/weights.bin]
    metrics: [reports/ae/metrics.json: {cache: false}]
"""
# Leaves its process id in the folder each time that it runs, and ends when the folder holds `go`.
STAGE = """
import json, os, pathlib, sys, time, yaml
params = yaml.safe_load(open("params.yaml"))
seed, dims, folder = params["seed"], params["latent_dims"], pathlib.Path(params["download"]["folder"])
with open(folder / f"begun-{dims}-{seed}", "a") as begun:
    begun.write(f"{os.getpid()}\\n")
if seed == 13:
    sys.exit("error: 13 is no lucky seed")
while not (folder / "go").exists():
    time.sleep(0.05)
for path in ("data/weights.bin", "reports/ae/metrics.json"):
    pathlib.Path(path).parent.mkdir(parents=True, exist_ok=True)
pathlib.Path("data/weights.bin").write_bytes(bytes([dims, seed]) * 1000)
pathlib.Path("reports/ae/metrics.json").write_text(json.dumps({"test_sse": dims + seed / 100}))
"""
# The driver, as from a machine whose cache the nodes do not see.
HIDDEN = (
    "from experiments.sweep import __main__ as command, clone; Job = clone.Job; "
    "clone.Job = lambda *a: Job(*a[:5], 'none', a[6]); command.main()"
)


class Toy(Project):
    """A project with one stage that waits for a word."""

    def __init__(self, root: Path, digits: Path, folder: Path):
        super().__init__(root, digits)
        self.folder = folder
        folder.mkdir()
        (root / "dvc.yaml").write_text(PIPELINE)
        (root / "toy.py").write_text(STAGE)
        self.set("download.folder", str(folder))
        self.go()
        self.dvc("repro")
        self.commit("a toy")
        self.baseline = self.run("git", "rev-parse", "HEAD").stdout.strip()

    def go(self, word: bool = True) -> None:
        (self.folder / "go").touch() if word else (self.folder / "go").unlink(missing_ok=True)

    def begun(self, *names: str) -> list[int]:
        """The processes that have run experiments so far."""
        files = [self.folder / f"begun-{name}" for name in names]
        return [int(line) for file in files if file.exists() for line in file.read_text().split()]

    def sweep(self, *arguments: str, code: str = "", **options) -> subprocess.CompletedProcess:
        return self.run(*command(*arguments, code=code), check=False, timeout=120, **options)

    def start(self, *arguments: str) -> subprocess.Popen:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(command(*arguments), cwd=self.root, env=self.env, **pipes)

    def experiments(self) -> list[str]:
        return self.run(
            "git", "for-each-ref", "--format=%(refname:lstrip=4)", f"refs/exps/{self.baseline[:2]}"
        ).stdout.split()


def command(*arguments: str, code: str = "") -> list[str]:
    return [sys.executable, *(["-c", code] if code else ["-m", "experiments.sweep"]), *arguments]


def on_a_terminal(toy: Toy, *arguments: str) -> str:
    """What a sweep shows on a terminal's error stream."""
    leader, follower = pty.openpty()
    fcntl.ioctl(follower, termios.TIOCSWINSZ, struct.pack("4H", 24, 120, 0, 0))
    done = subprocess.run(
        command(*arguments), cwd=toy.root, env=toy.env, stdout=subprocess.DEVNULL, stderr=follower
    )
    os.close(follower)
    with contextlib.closing(os.fdopen(leader, "rb")) as stream:
        seen = stream.read1(1 << 16).decode()
    assert done.returncode == 0, seen
    return seen


def until(condition, driver: subprocess.Popen | None = None, seconds: float = 60):
    """Wait until a condition holds, its value; fails if the driver ends meanwhile."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline
        assert driver is None or driver.poll() is None, driver.communicate()
        time.sleep(0.05)
    return found


def alive(pid: int) -> bool:
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
def short():
    """A temporary folder with a short path: that of a socket, which Ray makes in there, has 107 bytes at most."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture(scope="module")
def cluster(short, token):
    """A head without cores and two nodes with one core each, whose temporary folder is `cluster.temporary`."""
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
        found = Cluster(
            initialize_head=True,
            head_node_args={"num_cpus": 0, "include_dashboard": False, **small},
        )
        found.temporary = temporary
        found.add = lambda: found.add_node(num_cpus=1, **small)
        found.workers = [found.add(), found.add()]
        found.wait_for_nodes()
        yield found
        found.shutdown()


@pytest.fixture(scope="module")
def lone(tmp_path_factory, digits) -> Toy:
    """The toy with no cluster at hand."""
    folder = tmp_path_factory.mktemp("toy")
    return Toy(folder / "project", digits, folder / "signals")


@pytest.fixture
def toy(lone, cluster, token):
    """The toy beside the cluster."""
    environment = lone.env
    lone.env = environment | {"RAY_ADDRESS": cluster.address, "RAY_AUTH_TOKEN_PATH": str(token)}
    lone.go()
    yield lone
    lone.go()
    lone.env = environment
    for left in folders(cluster):  # of killed tasks
        shutil.rmtree(left, ignore_errors=True)


def folders(cluster) -> list[Path]:
    """The folders of tasks that are there on the nodes."""
    return list(cluster.temporary.glob("mnist-sweep-*"))


# Before anything is sent


def test_a_grid_is_expanded_as_by_the_queue_of_dvc(lone):
    said = lone.sweep(
        "latent_dims=2,4",
        "seed=range(0,2)",
        "render.grid_range.ae=[-3,3]",
        "--dry",
        "--name",
        "wide",
    )
    lines = [line.split() for line in said.stdout.splitlines()]
    assert [line[1:4] for line in lines] == [
        [f"latent_dims={dims}", f"seed={seed}", "render.grid_range.ae=[-3,3]"]
        for dims in (2, 4)
        for seed in (0, 1)
    ]
    assert all(
        line[4:] == ["1", "core", "and", "a", "GPU", "if", "there", "is", "one"] for line in lines
    )
    assert all(re.fullmatch("wide-[0-9a-f]{8}", line[0]) for line in lines)
    assert len({line[0] for line in lines}) == 4


def test_equal_parameters_have_one_name_however_they_are_written(lone):
    assert lone.sweep("latent_dims=4", "--name", "a/b").stderr.startswith(
        "error: --name is 'a/b', allowed are letters"
    )
    names = [
        lone.sweep(*given, "--dry").stdout.split()[0]
        for given in (["latent_dims=4"], ["seed=0", "latent_dims=4"])
    ]
    assert names[0] == names[1]


def test_a_small_number_is_read_as_dvc_reads_it(lone):
    """DVC writes 0.00001 as 1e-05, which is text to other readers of YAML."""
    said = lone.sweep("learning_rate=1e-5,1e-4", "--dry")
    assert (said.stdout.count("\n"), said.stderr) == (2, "")


def test_the_table_of_a_sweep_over_a_section_or_with_a_prefix(lone):
    swept = ["++latent_dims=3", "render.grid_range={ae:auto,vae:auto}"]
    name = lone.sweep(*swept, "--dry").stdout.split()[0]
    lone.dvc(
        "exp", "run", "--name", name, *(word for override in swept for word in ("-S", override))
    )
    lone.run("git", "checkout", "--force", "main")
    said = lone.sweep(*swept)  # all of it is done
    assert (said.returncode, said.stderr) == (0, "")
    head, row = (line.split() for line in said.stdout.splitlines())
    assert "latent_dims" in head
    assert row[:2] == [name, "3"]


def test_what_the_run_cache_knows_is_found_by_whole_sections_too(project):
    project.set("render.grid_range.vae", [-2.5, 2.5])
    project.repro()
    outs = yaml.safe_load((project.root / "dvc.lock").read_text())["stages"]["render"]["outs"]
    md5 = next(out["md5"] for out in outs if out["path"] == "reports/vae/grid.png")
    project.run("git", "checkout", "--force", "main")
    code = """
from dvc.repo import Repo
from dvc.utils.serialize import load_yaml
from experiments.sweep.clone import Cached
cached, params = Cached(Repo()), load_yaml("params.yaml")
print(*cached.needed(params))
params["render"]["grid_range"]["vae"] = [-2.5, 2.5]
print(*cached.needed(params))
"""
    committed, other = project.run(sys.executable, "-c", code).stdout.splitlines()
    assert f"files/md5/{md5[:2]}/{md5[2:]}" not in committed.split()
    assert f"files/md5/{md5[:2]}/{md5[2:]}" in other.split()


def test_all_faults_of_a_grid_are_told_at_once(lone):
    said = lone.sweep("latent_dims=0,2", "train_vae.kl=tutorial,tutoral", "train_ae.device=cuda:1")
    assert (said.returncode, said.stderr.count("\n")) == (1, 1)
    assert said.stderr.startswith("error: nothing was sent: ")
    for fault in (
        "latent_dims is 0",
        "train_vae.kl is 'tutoral'",
        "device cuda:1: an experiment of a sweep sees one GPU",
    ):
        assert fault in said.stderr
    assert (
        lone.sweep("latent=1,2").stderr == "error: nothing was sent: Could not override 'latent'.\n"
    )


def test_a_change_that_is_not_committed_is_refused(lone):
    lone.set("epochs", 3)
    said = lone.sweep("latent_dims=2,4")
    lone.run("git", "checkout", "params.yaml")
    assert said.returncode == 1
    assert said.stderr.startswith("error: params.yaml changed since the last commit")
    assert said.stderr.count("\n") == 1


def test_without_ray_it_says_how_to_install_it(lone):
    code = (
        "import sys; sys.modules['ray'] = None; from experiments.sweep.__main__ import main; main()"
    )
    said = lone.sweep("latent_dims=2,4", code=code)
    assert (said.returncode, said.stderr) == (1, f"error: Ray is not installed: {INSTALL}\n")


def test_nothing_of_the_pipeline_imports_ray():
    for path in (
        *ROOT.glob("src/**/*.py"),
        *ROOT.glob("stages/*.py"),
        ROOT / "experiments/sweep/task.py",
    ):
        nodes = [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
        names = [alias.name for node in nodes for alias in node.names] + [
            getattr(node, "module", "") for node in nodes
        ]
        assert not [name for name in names if name and name.split(".")[0] == "ray"]


@pytest.mark.parametrize("path", ["README.md", "docs/cluster.md"])
def test_every_cluster_that_documents_show_wants_a_token_and_reports_nothing(path):
    blocks = re.findall(r"(?:^    .*\n)+", (ROOT / path).read_text(), re.MULTILINE)
    starts = [
        (block, line) for block in blocks for line in block.splitlines() if "ray start" in line
    ]
    assert len({line for _, line in starts}) == 2
    for block, line in starts:
        assert "RAY_AUTH_MODE=token" in block
        assert "--disable-usage-stats" in line
        assert "--head" not in line or "--include-dashboard=false" in line


def test_a_full_disk_fails_the_experiment_in_one_line():
    """By a limit on the size of files, the same for the code as a disk with no room left."""
    code = (
        "import os; from experiments.sweep.task import *; names = ('python',)\n"
        "job = Job('r', bytes(10_240) * 9, {}, releases(names), '/nowhere', 'none', {})\n"
        "import tarfile, io; content = io.BytesIO(); archive = tarfile.open(fileobj=content, mode='w')\n"
        "about = tarfile.TarInfo('file'); about.size = 50_000; archive.addfile(about, io.BytesIO(bytes(50_000)))\n"
        "archive.close(); import dataclasses; job = dataclasses.replace(job, source=content.getvalue())\n"
        "print(*run(job, Experiment('name', (), {}), 0, dict), sep='\\n')"
    )
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))  # noqa: E731
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, preexec_fn=limit
    )
    assert "File too large" in ast.literal_eval(said.stdout.splitlines()[-1])["fault"], said.stderr


def test_a_node_without_the_folder_of_the_remote_is_refused(tmp_path):
    job = Job(
        "", b"", {}, {}, str(tmp_path), "none", {"name": "store", "url": str(tmp_path / "store")}
    )
    _, end = run(job, Experiment("name", (), {}), 0, dict)
    assert end["unfit"]
    assert f"does not see the remote's folder {tmp_path / 'store'}" in end["fault"]
    assert not (tmp_path / "store").exists()


def test_the_folder_of_a_killed_task_is_removed_by_the_next(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    killed = tmp_path / "mnist-sweep-killed"
    (killed / "clone").mkdir(parents=True)
    os.utime(killed, (0, 0))
    with task._folder() as folder:
        assert not killed.exists()
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        os.utime(folder, (0, 0))
        with task._folder():
            assert folder.exists()
    assert not list(tmp_path.iterdir())


# On the cluster


@needs_ray
def test_experiments_come_back_and_what_is_done_is_not_done_again(toy, cluster):
    said = toy.sweep("latent_dims=5,6", "seed=1,13", "--name", "wide")
    assert said.returncode == 1, said.stderr
    assert re.findall(r"^error: .*$", said.stderr, re.MULTILINE) == said.stderr.splitlines()
    assert said.stderr.count("13 is no lucky seed") == 2
    assert sorted(re.findall(r"latent_dims=(\d) seed=(\d+): (\w+)", said.stdout)) == [
        ("5", "1", "done"), ("5", "13", "failed"), ("6", "1", "done"), ("6", "13", "failed"),
    ]  # fmt: skip
    assert re.search(r"wide-\w+ +5 +1 +5.01\n", said.stdout)
    names = [name for name in toy.experiments() if name.startswith("wide-")]
    assert len(names) == 2
    toy.dvc("exp", "apply", names[0])
    assert (toy.root / "data/weights.bin").stat().st_size == 2000
    toy.restore()
    again = toy.sweep("latent_dims=5,6", "seed=1,13", "--name", "wide")
    assert again.returncode == 1
    assert again.stdout.startswith("[3/4]")
    seen = on_a_terminal(toy, "latent_dims=5,6", "seed=1", "--name", "other")
    assert re.search(r"0/2 \[\d\d:\d\d<\?, \?experiment/s, 1 running, 0 failed\]", seen)
    assert re.search(r"1/2 \[\d\d:\d\d<\d\d:\d\d, .*, \d running, 0 failed\]", seen)
    assert len(toy.begun("5-1", "6-1")) == 2  # the run cache knows them
    assert folders(cluster) == []


@needs_ray
def test_without_a_shared_folder_files_come_back_through_ray_and_only_new_ones(toy, tmp_path):
    cache = toy.root / ".dvc/cache"
    before = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    first = toy.sweep("latent_dims=7,8", "seed=2", "--name", "far", code=HIDDEN)
    assert first.returncode == 0, first.stderr
    after = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    assert after.items() >= before.items()
    new = [path for path in after if path not in before]
    assert len([path for path in new if "runs" in path.parts]) == 2
    assert (
        len([path for path in new if "files" in path.parts]) == 4
    )  # weights and metrics, as the run cache needs them
    assert {stat.S_IMODE(path.stat().st_mode) for path in new if "files" in path.parts} == {0o444}
    toy.dvc("exp", "apply", next(name for name in toy.experiments() if name.startswith("far-")))
    assert toy.dvc("status").stdout.strip() == "Data and pipelines are up to date."
    toy.restore()
    assert toy.sweep("latent_dims=7,8", "seed=2", "--name", "farther", code=HIDDEN).returncode == 0
    assert len(toy.begun("7-2", "8-2")) == 2


@needs_ray
def test_over_a_remote(toy, tmp_path):
    store = tmp_path / "store"
    store.mkdir()
    toy.dvc("remote", "add", "--local", "--default", "store", str(store))
    try:
        said = toy.sweep("latent_dims=9", "seed=3", "--name", "pushed", code=HIDDEN)
        assert said.returncode == 0, said.stderr
        toy.dvc(
            "exp", "apply", next(name for name in toy.experiments() if name.startswith("pushed-"))
        )
        assert toy.dvc("status").returncode == 0
        assert (toy.root / "data/weights.bin").read_bytes() == bytes([9, 3]) * 1000
        toy.restore()
        assert toy.sweep("latent_dims=9", "seed=3", "--name", "pulled", code=HIDDEN).returncode == 0
        assert len(toy.begun("9-3")) == 1
    finally:
        toy.dvc("remote", "remove", "--local", "store")
        toy.restore()


@needs_ray
def test_a_killed_node_loses_nothing_and_a_late_one_is_used(toy, cluster):
    toy.go(False)
    driver = toy.start("latent_dims=10,11,12", "--name", "killed")
    until(lambda: len(toy.begun("10-0", "11-0", "12-0")) == 2, driver)
    cluster.workers.append(cluster.add())
    until(lambda: len(toy.begun("10-0", "11-0", "12-0")) == 3, driver)
    cluster.remove_node(cluster.workers.pop(0), allow_graceful=False)
    cluster.workers.append(cluster.add())
    until(lambda: len(toy.begun("10-0", "11-0", "12-0")) == 4, driver)
    toy.go()
    output, errors = driver.communicate(timeout=120)
    assert driver.returncode == 0, errors
    assert output.count(": done\n") == 3
    assert len([name for name in toy.experiments() if name.startswith("killed-")]) == 3
    cluster.remove_node(cluster.workers.pop())


@needs_ray
def test_a_killed_worker_ends_with_all_that_it_started_and_its_experiment_runs_again(toy):
    toy.go(False)
    driver = toy.start("latent_dims=13", "--name", "worker")
    (stage,) = until(lambda: toy.begun("13-0"), driver)
    worker = next(
        parent for parent in psutil.Process(stage).parents() if parent.name().startswith("ray::")
    )
    worker.kill()
    until(lambda: not alive(stage))
    until(lambda: len(toy.begun("13-0")) == 2, driver)
    toy.go()
    _, errors = driver.communicate(timeout=120)
    assert driver.returncode == 0, errors
    assert len([name for name in toy.experiments() if name.startswith("worker-")]) == 1


@needs_ray
def test_a_killed_driver_leaves_nothing_running_and_can_be_started_again(toy):
    driver = toy.start("latent_dims=14,15,16", "--name", "driver")
    driver.stdout.readline()
    toy.go(False)
    (stage,) = until(lambda: toy.begun("16-0"), driver)
    driver.kill()
    driver.communicate()
    until(lambda: not alive(stage))
    toy.go()
    said = toy.sweep("latent_dims=14,15,16", "--name", "driver")
    assert said.returncode == 0, said.stderr
    assert len([name for name in toy.experiments() if name.startswith("driver-")]) == 3


@needs_ray
def test_an_interruption_ends_the_tasks_and_keeps_what_is_done(toy, cluster):
    assert toy.sweep("latent_dims=17", "--name", "stopped").returncode == 0
    toy.go(False)
    driver = toy.start("latent_dims=17,18,19", "--name", "stopped")
    stages = until(
        lambda: len(toy.begun("18-0", "19-0")) == 2 and toy.begun("18-0", "19-0"), driver
    )
    driver.send_signal(signal.SIGINT)
    _, errors = driver.communicate(timeout=10)
    assert driver.returncode == 1
    assert errors == "interrupted: what is done is kept; the same command goes on\n"
    assert not [stage for stage in stages if alive(stage)]
    assert len([name for name in toy.experiments() if name.startswith("stopped-")]) == 1
    assert folders(cluster) == []


@needs_ray
def test_a_node_with_other_releases_is_refused(toy, cluster, tmp_path):
    (tmp_path / "torch-0.0.1.dist-info").mkdir()
    (tmp_path / "torch-0.0.1.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: torch\nVersion: 0.0.1\n"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(tmp_path))
        node = cluster.add()
    cluster.wait_for_nodes()
    toy.go(False)
    said = toy.sweep("latent_dims=20,21,22")
    cluster.remove_node(node)
    assert said.returncode == 1
    assert re.search(
        r"^error: \S+ has torch 0.0.1, not [\d.]+; install there", said.stderr.splitlines()[-1]
    )


# Addresses and tokens


@needs_ray
def test_no_cluster_at_the_address_is_told_in_one_line(lone):
    lone.env = lone.env | {"RAY_ADDRESS": "127.0.0.1:9"}
    said = lone.run(*command("latent_dims=2,4"), check=False, timeout=10)
    del lone.env["RAY_ADDRESS"]
    assert said.returncode == 1
    assert said.stderr.startswith("error: no cluster at RAY_ADDRESS=127.0.0.1:9: ")
    assert said.stderr.count("\n") == 1


@needs_ray
def test_a_driver_without_the_token_is_refused_and_no_log_holds_it(toy, tmp_path, token, cluster):
    other = tmp_path / "token"
    other.touch(0o600)
    other.write_text("6" * 64)
    environment = toy.env
    toy.env = environment | {"RAY_AUTH_TOKEN_PATH": str(other)}
    said = toy.sweep("latent_dims=2,4")
    toy.env = environment
    assert said.returncode == 1
    assert said.stderr.splitlines()[-1].startswith("error: ")
    assert "oken" in said.stderr
    logs = Path(cluster.head_node.get_logs_dir_path())
    found = subprocess.run(
        ["grep", "-rl", token.read_text(), logs, toy.root / ".dvc/tmp"], capture_output=True
    )
    assert found.stdout == b""


@needs_ray
def test_without_a_cluster_it_runs_here_and_leaves_no_process(lone, short, tmp_path):
    lone.go()
    environment = lone.env
    own = {"HOME": str(tmp_path), "SWEEP_TEST": str(tmp_path), "TMPDIR": str(short)}
    lone.env = environment | {"RAY_ADDRESS": "local", **own}
    said = lone.sweep("latent_dims=23", "--name", "here")
    lone.env = environment
    assert said.returncode == 0, said.stderr
    assert stat.S_IMODE((tmp_path / ".ray/auth_token").stat().st_mode) == 0o600
    until(
        lambda: (
            not [process for process in psutil.process_iter() if "SWEEP_TEST" in environ(process)]
        )
    )


def environ(process: psutil.Process) -> dict:
    with contextlib.suppress(psutil.Error):
        return process.environ()
    return {}


# The project's own pipeline


@needs_ray
def test_an_experiment_on_a_node_has_the_bytes_of_one_run_here(project, cluster, token, tmp_path):
    clone = project.clone(tmp_path / "here")
    env = project.env | {"RAY_ADDRESS": cluster.address, "RAY_AUTH_TOKEN_PATH": str(token)}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    sweep = command("latent_dims=3", "--name", "there", code=HIDDEN)
    driver = subprocess.Popen(sweep, cwd=project.root, env=env, **pipes)
    clone.dvc("exp", "run", "-S", "latent_dims=3")
    said, errors = driver.communicate(timeout=300)
    assert driver.returncode == 0, errors
    name = re.search(r"there-\w+", said)[0]
    project.dvc("exp", "apply", name)
    assert project.outputs() == clone.outputs()
    assert (project.root / "dvc.lock").read_bytes() == (clone.root / "dvc.lock").read_bytes()
    plots = json.loads(project.dvc("plots", "diff", "--json", "main", name).stdout)["data"]
    assert {rev for picture in plots["reports/vae/grid.png"] for rev in picture["revisions"]} == {
        "main",
        name,
    }
    project.run(sys.executable, "-m", "experiments.compare", "latent_dims")
    shutil.rmtree(project.root / "reports", ignore_errors=True)
