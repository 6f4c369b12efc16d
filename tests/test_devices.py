"""Which kind of arithmetic and which device a stage gets, with made-up GPUs and a false driver."""

import re
import subprocess
from types import SimpleNamespace

import pytest
import torch

from src.arithmetic import kinds
from src.base.errors import UserError
from src.machine import claims, devices, probe
from src.machine.probe import Gpu

H100 = "NVIDIA H100, CUDA 13.0"
T4 = "NVIDIA T4, CUDA 13.0"
FIRST = Gpu("cuda:0", H100)
SECOND = Gpu("cuda:1", T4)
BROKEN = Gpu("cuda:0", "", "no kernel image is available")
APPLE = Gpu("mps", kinds.MPS)
CPU = kinds.of_cpu("portable", 2)


@pytest.mark.parametrize(
    ("device", "listed", "kind"),
    [
        ("cpu", [FIRST], CPU),
        ("auto", [], CPU),
        ("auto", [FIRST, SECOND], H100),
        ("auto", [BROKEN, SECOND], T4),
        ("auto", [APPLE], kinds.MPS),
        ("cuda", [FIRST, SECOND], H100),
        ("cuda", [BROKEN, SECOND], T4),
        ("cuda:1", [FIRST, SECOND], T4),
        ("mps", [APPLE], kinds.MPS),
    ],
)
def test_device_resolves_to_a_kind(device, listed, kind):
    """A GPU that torch cannot use is no GPU."""
    assert devices.resolve(device, CPU, listed) == (kind, "")


def test_auto_explains_its_fallback():
    """A GPU that the driver lists and torch cannot use gives one line and the CPU."""
    remark = "device auto is the CPU here: torch cannot use cuda:0: no kernel image is available"
    assert devices.resolve("auto", CPU, [BROKEN]) == (CPU, remark)


@pytest.mark.parametrize(
    ("device", "listed"),
    [
        ("cuda", []),
        ("cuda", [APPLE]),
        ("cuda", [BROKEN]),
        ("cuda:3", [FIRST, SECOND]),
        ("cuda:0", [BROKEN, SECOND]),
        ("mps", [FIRST]),
    ],
)
def test_absent_device_is_refused(device, listed):
    """The message names those that are there, and the fault of one that is not."""
    with pytest.raises(UserError) as raised:
        devices.resolve(device, CPU, listed)
    message = str(raised.value)
    assert repr(device) in message
    assert all(gpu.name in message for gpu in listed if not gpu.fault)
    assert ("no kernel image" in message) == (BROKEN in listed)


def test_native_arithmetic_names_this_machine():
    """Its bytes depend on more than the word native, and on the number of threads."""
    kind = kinds.of_cpu("native", 2)
    assert re.fullmatch(r"native \w+ .*\w, 2 threads", kind)
    assert kinds.of_cpu("native", 1) == kind.replace("2 threads", "1 thread")


@pytest.fixture
def gpus(monkeypatch):
    """Pretend that this machine has GPUs of these models, of which `taken` are in use."""

    def pretend(*models: str, taken: tuple[str, ...] = ()) -> None:
        properties = {
            f"cuda:{index}": SimpleNamespace(name=model, uuid=f"uuid-{index}")
            for index, model in enumerate(models)
        }
        monkeypatch.setattr(torch.cuda, "device_count", lambda: len(models))
        monkeypatch.setattr(devices, "gpu_kind", lambda index: f"{models[index]}, CUDA 13.0")
        monkeypatch.setattr(torch.cuda, "get_device_properties", properties.get)
        monkeypatch.setattr(claims, "_try_lock", lambda name: name not in taken)

    return pretend


@pytest.mark.parametrize(
    ("device", "kind", "expected"),
    [
        ("auto", H100, "cuda:2"),
        ("cuda", H100, "cuda:2"),
        ("cuda:0", H100, "cuda:0"),
        ("auto", T4, "cuda:1"),
    ],
)
def test_stage_takes_the_recorded_gpu(gpus, device, kind, expected):
    """Of those of the recorded model, one that no other process uses, if there is one."""
    gpus("NVIDIA H100", "NVIDIA T4", "NVIDIA H100", taken=("uuid-0",))
    assert devices._claim_gpu(device, kind) == expected


def test_other_gpu_than_recorded_is_refused(gpus):
    """Its results would be recorded as another model's."""
    gpus("NVIDIA T4")
    with pytest.raises(UserError, match=r"cuda:0 \(NVIDIA T4, CUDA 13.0\).* records NVIDIA H100"):
        devices._claim_gpu("auto", H100)


@pytest.mark.parametrize("kind", [H100, "native Linux sparc64", "native Windows AMD64"])
def test_other_machine_than_recorded_is_refused(gpus, kind):
    """The message says how to record this one."""
    gpus()
    with pytest.raises(UserError, match="dvc repro --force preflight"):
        devices.use("auto", 1, kind)


def test_silent_driver_is_a_fault(monkeypatch):
    """A driver that does not answer must not hang the check of params.yaml."""

    def hang(*arguments, **options):
        raise subprocess.TimeoutExpired("probe", 120)

    monkeypatch.setattr(probe.subprocess, "run", hang)
    (gpu,) = probe.find_gpus()
    assert "timed out" in gpu.fault


@pytest.mark.slow
def test_probe_opens_nothing_here():
    """GPUs are tried in a child process."""
    before = torch.cuda.is_initialized()
    assert all(isinstance(gpu, Gpu) for gpu in probe.find_gpus())
    assert torch.cuda.is_initialized() == before
