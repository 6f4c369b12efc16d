"""Files that are whole, errors in one line, generators, and what is recorded of the packages."""

import os
import re
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch

from src.base.errors import in_one_line
from src.base.files import write_whole
from src.base.seeding import generator
from src.machine import environment
from tools.small_project import ROOT

COMMANDS = [
    path.relative_to(ROOT).as_posix()
    for folder in ("experiments", "tools")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if "def main" in path.read_text()
]


def draw(*purpose) -> torch.Tensor:
    return torch.rand(4, generator=generator(*purpose))


def test_generator_repeats_its_numbers():
    """For the same seed and purpose."""
    assert torch.equal(draw(0, "noise", 1), draw(0, "noise", 1))


def test_generators_are_independent():
    """Another seed or purpose gives other numbers."""
    streams = [draw(0, "noise", 1), draw(0, "noise", 2), draw(1, "noise", 1), draw(0, "order", 1)]
    assert len({tuple(stream.tolist()) for stream in streams}) == 4


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs a device that is always full")
def test_full_disk_keeps_the_old_file(tmp_path):
    """And leaves no part of the new one."""
    (tmp_path / "state.pt").write_bytes(b"after epoch 3")
    (tmp_path / "state.pt.part").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device: .*state\.pt"):
        write_whole(tmp_path / "state.pt", b"after epoch 4")
    assert [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    assert (tmp_path / "state.pt").read_bytes() == b"after epoch 3"


def test_written_file_survives_a_power_cut(tmp_path, monkeypatch):
    """Content and folder are on the disk before and after the move."""
    steps = []
    monkeypatch.setattr(os, "fsync", lambda descriptor: steps.append("sync"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *paths: (steps.append("move"), replace(*paths)))
    write_whole(tmp_path / "state.pt", b"after epoch 4")
    assert steps == ["sync", "move", "sync"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        torch.OutOfMemoryError("CUDA out of memory"),
    ],
)
def test_lack_of_memory_is_one_line(error):
    """It names the parameters that need less."""
    with pytest.raises(SystemExit, match=r"^error: out of memory .*batch_size.*$"), in_one_line():
        raise error


@pytest.mark.parametrize(
    "arguments",
    [
        ["-m", "experiments.show", "--help"],  # a short text, which is written at the end
        ["-c", "from src.base.errors import *\nwith in_one_line(): print('words' * 50_000)"],
    ],
)
def test_output_that_nobody_reads_costs_no_word(monkeypatch, arguments):
    """As after `| head -1`."""
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (1, "")


def test_other_broken_pipe_is_named():
    """It is not what this process prints that nobody reads."""
    with pytest.raises(SystemExit, match=r"^error: \[Errno 32\] Broken pipe$"), in_one_line():
        raise BrokenPipeError(32, "Broken pipe")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_ends_in_one_line(path):
    """And without a word if nobody reads what it prints."""
    text = (ROOT / path).read_text()
    assert re.search(r"^@in_one_line\(\w*\)\ndef main\(\) -> None:$", text, re.MULTILINE)


@pytest.mark.parametrize("label", ["", "+cpu", "+cu130"])
def test_label_of_a_build_is_ignored(monkeypatch, label):
    """The CPU build of torch gives the bytes of the CUDA build."""
    record = environment.record_of("train_ae", "portable")
    monkeypatch.setattr(environment, "version", lambda name: version(name).split("+")[0] + label)
    assert environment.record_of("train_ae", "portable") == record
    assert environment.differences(record) == []


def test_other_release_is_a_difference():
    """Also a package that is not installed at all."""
    record = {"arithmetic": "portable", "torch": "1.0", "no-such-package": "2.0"}
    assert environment.differences(record) == [
        f"torch {environment.release('torch')}, not 1.0",
        "no-such-package missing, not 2.0",
    ]
