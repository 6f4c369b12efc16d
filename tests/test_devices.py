"""How a device is chosen, and how processes share GPUs and cores, with made-up devices and real processes."""

import signal
import subprocess
import sys

import pytest

from src.devices import candidates
from src.errors import UserError

CPU = {"cpu": 0}
GPUS = {"cuda:0": 5, "cuda:1": 9, "cuda:2": 9, "cpu": 0}
MAC = {"mps": 0, "cpu": 0}


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
    assert candidates(wanted, found) == expected


@pytest.mark.parametrize(("wanted", "found"), [("cuda", CPU), ("cuda:3", GPUS), ("mps", GPUS), ("cuda:0", MAC)])
def test_a_device_that_is_not_there_is_told_with_those_that_are(wanted, found):
    with pytest.raises(UserError) as told:
        candidates(wanted, found)
    assert repr(wanted) in str(told.value)
    assert all(name in str(told.value) for name in ("auto", *found))


@pytest.fixture
def process(tmp_path, monkeypatch):
    """Start a process that makes a claim, prints what it got, and lives until it is told to end."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # locks of this test's own
    started = []

    def start(claim: str) -> subprocess.Popen:
        code = f"from src import devices; print('claiming'); print(devices.{claim}, flush=True); input()"
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
    assert "waiting for a CPU core" in both.stderr.readline()
    end(two[0])
    end(two[1], signal.SIGKILL)
    assert both.stdout.readline() == "None\n"
    end(both)
    assert third.stdout.readline() == "None\n"
