"""Devices and how processes share them, with made-up ones and real processes; generators; files that are whole."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile

import pytest
import torch

from src.base import devices
from src.base.devices import candidates
from src.base.errors import UserError, in_one_line
from src.base.files import write_whole
from src.base.seeding import generator

CPU = ["cpu"]
GPUS = ["cuda:0", "cuda:1", "cuda:2", "cpu"]
FREE = {"cuda:0": 5, "cuda:1": 9, "cuda:2": 9}
MAC = ["mps", "cpu"]


@pytest.mark.parametrize(
    ("wanted", "found", "expected"),
    [
        ("auto", CPU, ["cpu"]),
        ("auto", MAC, ["mps"]),
        ("auto", GPUS, ["cuda:1", "cuda:2", "cuda:0"]),
        ("cuda", GPUS, ["cuda:1", "cuda:2", "cuda:0"]),
        ("cuda:2", GPUS, ["cuda:2"]),
        ("cpu", GPUS, ["cpu"]),
        ("mps", MAC, ["mps"]),
    ],
)
def test_devices_are_ranked(wanted, found, expected):
    assert candidates(wanted, found, FREE.get) == expected


@pytest.mark.parametrize(
    ("wanted", "found"), [("cuda", CPU), ("cuda:3", GPUS), ("mps", GPUS), ("cuda:0", MAC)]
)
def test_a_device_that_is_not_there_is_told_with_those_that_are(wanted, found):
    with pytest.raises(UserError) as told:
        candidates(wanted, found)
    assert repr(wanted) in str(told.value)
    assert all(name in str(told.value) for name in ("auto", *found))


@pytest.mark.parametrize(
    ("wanted", "found"), [("cpu", GPUS), ("cuda:1", GPUS), ("auto", GPUS[2:]), ("auto", MAC)]
)
def test_a_gpu_that_is_not_to_be_chosen_among_others_is_not_asked_for_its_memory(wanted, found):
    assert candidates(wanted, found, free=None)


def test_a_gpu_that_refuses_to_be_asked_is_the_last_choice(monkeypatch):
    def mem_get_info(gpu):
        if gpu == "cuda:0":
            raise RuntimeError("CUDA-capable device(s) is/are busy or unavailable")
        return 9, 10

    monkeypatch.setattr(torch.cuda, "mem_get_info", mem_get_info)
    assert candidates("auto", GPUS) == ["cuda:1", "cuda:2", "cuda:0"]


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Start a process that makes a claim, prints what it got, and lives until it is told to end."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # locks of this test's own
    started = []

    def start(claim: str) -> subprocess.Popen:
        code = f"from src.base import devices; print('claiming'); print(devices.{claim}, flush=True); input()"
        started.append(
            subprocess.Popen(
                [sys.executable, "-u", "-c", code],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        assert started[-1].stdout.readline() == "claiming\n"
        return started[-1]

    yield start
    for one in started:
        one.kill()
        one.communicate()


def end(process: subprocess.Popen, how: int = signal.SIGTERM) -> None:
    process.send_signal(how)
    process.wait()


CLAIM = "claim(['cuda:1', 'cuda:0'])"


def test_each_process_gets_a_gpu_of_its_own_and_the_best_is_shared_when_all_are_taken(process):
    got = [process(CLAIM).stdout.readline().strip() for _ in range(3)]
    assert got == ["cuda:1", "cuda:0", "cuda:1"]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
def test_a_gpu_is_free_again_when_its_process_dies(process, how):
    first = process(CLAIM)
    assert first.stdout.readline().strip() == "cuda:1"
    end(first, how)
    assert process(CLAIM).stdout.readline().strip() == "cuda:1"


def test_processes_with_cores_enough_compute_side_by_side_and_others_wait(process):
    two = [process("claim_cores(1, 2)") for _ in range(2)]
    assert [one.stdout.readline() for one in two] == ["None\n"] * 2
    both = process("claim_cores(8, 2)")  # more than there are: all of them
    third = process("claim_cores(1, 2)")
    for waiting in (both, third):
        assert "waiting for a CPU core" in waiting.stderr.readline()
    end(two[0])
    end(two[1], signal.SIGKILL)
    first, last = (
        (both, third)
        if select.select([both.stdout, third.stdout], [], [])[0][0] is both.stdout
        else (third, both)
    )
    assert first.stdout.readline() == "None\n"
    end(first)
    assert last.stdout.readline() == "None\n"


@pytest.mark.skipif(
    not hasattr(os, "getuid"), reason="Windows has a temporary folder for each user"
)
def test_a_folder_of_locks_that_somebody_else_made_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    folder = tmp_path / f"mnist-autoencoders-{os.getuid()}"
    assert devices.claim(["cuda:0"]) == "cuda:0"
    assert folder.stat().st_mode & 0o777 == 0o700
    shutil.rmtree(folder)
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"mnist-autoencoders-.* is not a folder of yours .*TMPDIR"):
        devices.claim(["cuda:0"])
    assert not list((tmp_path / "elsewhere").iterdir())


def test_a_generator_s_stream_depends_on_seed_and_purpose_alone():
    def draw(*purpose):
        return torch.rand(4, generator=generator(*purpose))

    assert torch.equal(draw(0, "noise", 1), draw(0, "noise", 1))
    streams = [draw(0, "noise", 1), draw(0, "noise", 2), draw(1, "noise", 1), draw(0, "order", 1)]
    assert len({tuple(stream.tolist()) for stream in streams}) == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_a_full_disk_keeps_the_file_that_was_there(tmp_path):
    (tmp_path / "state.pt").write_bytes(b"after epoch 3")
    (tmp_path / "state.pt.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: .*state\.pt"):
        write_whole(tmp_path / "state.pt", b"after epoch 4")
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    assert (tmp_path / "state.pt").read_bytes() == b"after epoch 3"


def test_git_never_takes_a_file_for_the_one_that_was_there_within_the_same_second(tmp_path):
    def git(*command):
        return subprocess.run(
            ["git", *command], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout

    git("init", "--quiet")
    git(
        "config", "core.checkStat", "minimal"
    )  # as if the new file had got the inode of the old one
    write_whole(tmp_path / "metrics.json", b"0.693")
    git("add", ".")
    os.utime(
        tmp_path / ".git/index", (2**31, 2**31)
    )  # an index that is written later is trusted more
    write_whole(tmp_path / "metrics.json", b"0.718")
    assert git("status", "--short") == "AM metrics.json\n"


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_lack_of_memory_is_told_in_one_line(error):
    with pytest.raises(SystemExit, match=r"^error: out of memory .*batch_size.*$"), in_one_line():
        raise error
