"""How processes share GPUs and CPU cores, with real processes."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest

from src.base.errors import UserError
from src.machine import claims
from tools.small_project import ROOT

pytestmark = pytest.mark.slow

GPUS = ("cuda:1", "cuda:0")


@pytest.fixture
def claimer(tmp_path, monkeypatch):
    """Start processes that claim something; they end with the test."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # a folder of locks for this test alone
    processes = []

    def start(function: str, *arguments: str | int) -> subprocess.Popen:
        command = [sys.executable, "-u", "-m", "tests.claimer", function, *map(str, arguments)]
        pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
        process = subprocess.Popen(command, cwd=ROOT, text=True, **pipes)
        processes.append(process)
        assert process.stdout.readline() == "claiming\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen, how: int = signal.SIGTERM) -> None:
    process.send_signal(how)
    process.wait()


def test_each_process_has_its_gpu(claimer):
    """The best one is shared when all are taken; a killed process frees its GPU."""
    processes, claimed = [], []
    for _ in range(3):
        processes.append(claimer("claim_one", *GPUS))
        claimed.append(processes[-1].stdout.readline().strip())
    assert claimed == ["cuda:1", "cuda:0", "cuda:1"]
    end(processes[1], signal.SIGKILL)
    assert claimer("claim_one", *GPUS).stdout.readline().strip() == "cuda:0"


def test_processes_wait_for_cores(claimer):
    """Two with a core each run at once; one that wants both and one more wait for them."""
    running = [claimer("claim_cores", 1, 0, 1) for _ in range(2)]
    assert [process.stdout.readline() for process in running] == ["claimed\n"] * 2
    wants_both = claimer("claim_cores", 8, 0, 1)  # more than there are: all of them
    wants_one = claimer("claim_cores", 1, 0, 1)
    for process in (wants_both, wants_one):
        assert "waiting for a CPU core" in process.stderr.readline()
    end(running[0])
    end(running[1], signal.SIGKILL)
    ready, _, _ = select.select([wants_both.stdout, wants_one.stdout], [], [])
    first, last = wants_both, wants_one
    if ready[0] is wants_one.stdout:
        first, last = last, first
    assert first.stdout.readline() == "claimed\n"
    end(first)
    assert last.stdout.readline() == "claimed\n"


def test_different_cores_need_no_waiting(claimer):
    """A scheduler may give each of two processes one core of many: they have real numbers."""
    first = claimer("claim_cores", 2, 0)
    second = claimer("claim_cores", 2, 1)
    assert [process.stdout.readline() for process in (first, second)] == ["claimed\n"] * 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="the system has no affinity")
def test_usable_cores_follow_the_affinity():
    """Their numbers, not their count."""
    cores = sorted(os.sched_getaffinity(0))
    try:
        os.sched_setaffinity(0, {cores[-1]})
        assert claims.usable_cores() == [cores[-1]]
    finally:
        os.sched_setaffinity(0, cores)


@pytest.fixture
def lock_folder(tmp_path, monkeypatch):
    """A temporary folder, in which the locks are, for this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_hosts_share_no_locks(lock_folder, monkeypatch):
    """A temporary folder may be shared by machines."""
    claims.claim_one(["cuda:0"])
    monkeypatch.setattr(claims.platform, "node", lambda: "another")
    claims.claim_one(["cuda:0"])
    assert len(list(lock_folder.glob("mnist-autoencoders-*/cuda-0.lock"))) == 2


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="Windows has one such folder for each user")
def test_foreign_lock_folder_is_refused(lock_folder, tmp_path):
    """Somebody else's link could lead to where they want files."""
    claims.claim_one(["cuda:0"])
    (folder,) = lock_folder.iterdir()
    assert folder.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(folder)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.symlink_to(elsewhere)
    with pytest.raises(UserError, match=r"mnist-autoencoders-.* is not a folder of yours .*TMPDIR"):
        claims.claim_one(["cuda:0"])
    assert not list(elsewhere.iterdir())
