"""The environment variables that hold the libraries to one instruction set; to be set before NumPy and torch load."""

import os
import sys
from pathlib import Path

PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels; nobody promises that theirs for AVX-512 give the same sums
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # oneDNN's products do differ with AVX-512
    "OPENBLAS_CORETYPE": "Haswell",  # the kernels for AVX2, whatever processor OpenBLAS finds
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's exp and log for AVX-512 are other ones
}


def pin() -> None:
    """Set the variables, over what may be there, on a processor that has AVX2 and FMA.

    Elsewhere nothing is set: OpenBLAS would run instructions that the processor does not have. Raises RuntimeError
    if NumPy or torch is loaded already, as they would not notice.
    """
    if not _has_avx2():
        return
    if not is_pinned() and (late := {"numpy", "torch"} & set(sys.modules)):
        raise RuntimeError(
            f"{' and '.join(sorted(late))} loaded before the pins of its arithmetic were set"
        )
    os.environ.update(PINS)


def is_pinned() -> bool:
    """Whether this process has the pins."""
    return os.environ.items() >= PINS.items()


def _has_avx2() -> bool:
    """As Linux says for x86 processors; False on other systems, for which nothing is promised."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    flags = next((line.split() for line in lines if line.startswith("flags")), [])
    return {"avx2", "fma"} <= set(flags)
