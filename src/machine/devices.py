"""Which device a stage computes on, of `auto | cpu | cuda | cuda:N | mps`, and with what settings.

`preflight` resolves each stage's device to a kind of arithmetic, which is recorded. The stage
takes a device of that kind, or refuses to start.
"""

import ctypes
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from src.arithmetic import kinds
from src.base.errors import UserError
from src.machine import claims
from src.machine.environment import RECORD_AGAIN
from src.machine.probe import Gpu, gpu_kind

if TYPE_CHECKING:
    import torch


def resolve(device: str, kind_of_cpu: str, gpus: Sequence[Gpu]) -> tuple[str, str]:
    """The kind of arithmetic that a stage with this `device` computes with, and a remark.

    `auto` means a GPU of the `gpus` that torch can use, or else the CPU: the remark says why if
    there is one that torch cannot use. Raises UserError if there is no such device.
    """
    usable = [gpu for gpu in gpus if not gpu.fault]
    if device == "cpu":
        return kind_of_cpu, ""
    matching = [gpu for gpu in usable if _is_meant(gpu.name, device)]
    if matching:
        return matching[0].kind, ""
    faults = "; ".join(
        f"torch cannot use {gpu.name}: {gpu.fault}"
        for gpu in gpus
        if gpu.fault and _is_meant(gpu.name, device)
    )
    if device == "auto":
        return kind_of_cpu, f"device auto is the CPU here: {faults}" if faults else ""
    cuda = ["cuda"] if any(_is_meant(gpu.name, "cuda") for gpu in usable) else []
    allowed = ", ".join(["auto", "cpu", *cuda, *(gpu.name for gpu in usable)])
    reason = f" ({faults})" if faults else ""
    raise UserError(
        f"device {device!r} is not on this machine{reason}; it has {allowed}: set the stage's "
        "`device` to one of these"
    )


def _is_meant(gpu: str, device: str) -> bool:
    """Whether a `device` of params.yaml may be this GPU, for example `cuda` the GPU `cuda:1`."""
    return device in ("auto", gpu, gpu.partition(":")[0])


def thread_count(most: int) -> int:
    """How many threads compute on the CPU if params.yaml allows so many: no more than cores.

    A container may leave fewer cores to this process than it sees, as joblib finds out.
    """
    from joblib import cpu_count

    return min(most, cpu_count(), len(claims.usable_cores()))


def use(device: str, threads: int, kind: str) -> "torch.device":
    """A device for this process until it ends, with deterministic algorithms.

    `kind` is the recorded kind of arithmetic, and `threads` the most CPU threads. On the CPU it
    waits until a core for each is free of other processes of this project; of several GPUs it
    takes one that no such process uses. Raises UserError if this machine computes otherwise.
    """
    # cuBLAS reads this when it starts; without it torch refuses its products in this mode.
    os.environ["CUBLAS_WORKSPACE_CONFIG"] = ":4096:8"
    import torch
    from torch.utils import deterministic

    from src.arithmetic import linear
    from src.arithmetic.threads import use as use_threads

    # Adam's averages of gradients that stay zero decay into denormal numbers, which CPUs handle
    # many times more slowly. Set before torch starts its threads, which inherit it.
    torch.set_flush_denormal(True)
    count = thread_count(threads) if kinds.is_of_cpu(kind) else 1
    use_threads(count, everywhere=kind != kinds.PORTABLE)
    _keep_freed_memory()
    # use_deterministic_algorithms, without importing the compiler
    torch.set_deterministic_debug_mode("error")
    # Not to write each new tensor twice.
    deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    linear.use_portable(kind == kinds.PORTABLE)
    if kinds.is_of_cpu(kind):
        _check_cpu(kind, count)
        claims.claim_cores(count, claims.usable_cores())
        name = "cpu"
    else:
        name = "mps" if kind == kinds.MPS else _claim_gpu(device, kind)
    if kind != kinds.PORTABLE:
        message = f"computing with {kind}; last digits differ on other hardware"
        print(message, file=sys.stderr, flush=True)
    return torch.device(name)


def _keep_freed_memory() -> None:
    """Have glibc keep freed blocks for the next step.

    Otherwise it gives blocks back to the system and takes them again, in up to 900 page faults a
    step, and the peak memory of equal trainings differs by up to 240 MB.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:  # other C libraries have none
        mallopt(-3, 32 * 2**20)  # M_MMAP_THRESHOLD, to its highest value
        mallopt(-1, 256 * 2**20)  # M_TRIM_THRESHOLD
        # M_MXFAST, the size of small blocks: merged at once, instead of all of them whenever a
        # large block is freed, they save 1.5 of the 18.6 us of a small product.
        mallopt(1, 0)


def _check_cpu(kind: str, threads: int) -> None:
    """Raise UserError if this CPU, or this process on it, does not compute as recorded."""
    from src.arithmetic import linear

    arithmetic = kinds.PORTABLE if kind == kinds.PORTABLE else kinds.NATIVE
    actual = kinds.of_cpu(arithmetic, threads)
    if actual != kind:
        raise _unlike_record(actual, kind)
    fault = linear.fault_of_portable() if kind == kinds.PORTABLE else None
    if fault:
        raise UserError(
            f"portable arithmetic is not possible: {fault}; set `arithmetic: native` in params.yaml"
        )


def _unlike_record(actual: str, recorded: str) -> UserError:
    return UserError(
        f"this machine computes with {actual}, but data/environment records {recorded}; "
        f"{RECORD_AGAIN}, then run `dvc repro`"
    )


def _claim_gpu(device: str, kind: str) -> str:
    """A GPU of this kind for a `device` of `auto | cuda | cuda:N`.

    It is the first that no other process of this project has, or else the first.
    """
    import torch

    present = {f"cuda:{index}": gpu_kind(index) for index in range(torch.cuda.device_count())}
    matching = [name for name in present if present[name] == kind and _is_meant(name, device)]
    if not matching:
        described = " and ".join(f"{name} ({kind})" for name, kind in present.items()) or "the CPU"
        raise _unlike_record(described, kind)
    # Known by its UUID in all processes; its number depends on CUDA_VISIBLE_DEVICES.
    by_uuid = {str(torch.cuda.get_device_properties(name).uuid): name for name in matching}
    return by_uuid[claims.claim_one(list(by_uuid))]
