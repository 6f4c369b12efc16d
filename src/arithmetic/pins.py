"""The environment variables that decide how libraries compute and draw; set before they load."""

import os
import sys
from pathlib import Path

PINS = {
    "ATEN_CPU_CAPABILITY": "avx2",  # torch's own kernels; their sums might differ with AVX-512
    "ONEDNN_MAX_CPU_ISA": "AVX2",  # oneDNN's products do differ with AVX-512
    "OPENBLAS_CORETYPE": "Haswell",  # the kernels for AVX2, whatever processor OpenBLAS finds
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512_ICL AVX512_SPR",  # NumPy's exp and log differ
}
# Variables of the libraries that compute. What a user has set for other programs must not reach
# them: with OMP_THREAD_LIMIT, for example, oneDNN leaves half of a product unwritten.
PREFIXES = (
    "ATEN_", "BLIS_", "CUBLAS", "CUDNN_", "DNNL_", "GOMP_", "GOTO_", "KMP_", "MKL_", "NPY_",
    "NUMEXPR_", "NVIDIA_TF32", "OMP_", "ONEDNN_", "OPENBLAS_", "PYTORCH_", "SCIPY_", "SKLEARN_",
    "TORCH_", "VECLIB_",
)  # fmt: skip
HARMLESS = {"OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"}  # how threads wait

_done = False  # in this process: libraries set some of these variables themselves when they load


def pin() -> None:
    """Remove the user's variables, and set the pins on a processor that has AVX2 and FMA.

    Elsewhere nothing is set: OpenBLAS would run instructions that the processor does not have.
    Raises RuntimeError if NumPy or torch was imported before: it would not notice.
    """
    global _done
    if _done:
        return
    pins = PINS if has_avx2() else {}
    foreign = {
        name for name in os.environ
        if name.startswith(PREFIXES) and name not in HARMLESS | set(pins)
    }  # fmt: skip
    late = {"numpy", "torch"} & set(sys.modules)
    if late and (foreign or not os.environ.items() >= pins.items()):
        raise RuntimeError(f"{' and '.join(sorted(late))} imported before pins.pin()")
    for name in foreign:
        del os.environ[name]
    os.environ.update(pins)
    ignore_drawing_settings()
    _done = True


def ignore_drawing_settings() -> None:
    """Hide the user's settings from matplotlib and its fonts, before they load."""
    os.environ.pop("MPLBACKEND", None)  # a notebook sets one that may not be installed here
    os.environ.pop("FREETYPE_PROPERTIES", None)
    os.environ["MATPLOTLIBRC"] = os.devnull  # instead of the file in the home folder


def is_pinned() -> bool:
    """Whether this process has the pins."""
    return os.environ.items() >= PINS.items()


def has_avx2() -> bool:
    """Whether this is Linux on an x86-64 processor with AVX2 and FMA."""
    return {"avx2", "fma"} <= set(processor_field("flags").split())


def processor_field(name: str) -> str:
    """A field of the first processor in /proc/cpuinfo; empty where there is none."""
    listing = Path("/proc/cpuinfo")
    for line in listing.read_text().splitlines() if listing.exists() else []:
        key, _, value = line.partition(":")
        if key.strip() == name:
            return value.strip()
    return ""
