"""The kinds of arithmetic, as they are recorded: results of two kinds differ in their last digits.

`portable` is the same on every x86-64 processor with AVX2 and FMA. Native arithmetic is named by
all it is known to depend on, as in `native Linux x86_64 AuthenticAMD AVX-512, 2 threads`. A GPU's
is named by its model and torch's release of CUDA, as in `NVIDIA H100, CUDA 13.0`; Apple's is `mps`.
Imports no torch: `preflight` uses this file and would wait seconds for it.
"""

import platform

from src.arithmetic import pins

PORTABLE = "portable"
NATIVE = "native"
MPS = "mps"

# Of /proc/cpuinfo, the widest first: a flag, and the instruction set that it stands for.
INSTRUCTION_SETS = {
    "flags": {"avx512f": "AVX-512", "avx2": "AVX2", "avx": "AVX", "sse2": "SSE2"},
    "Features": {"sve2": "SVE2", "sve": "SVE", "asimd": "NEON"},
}


def of_cpu(arithmetic: str, threads: int) -> str:
    """The kind of so many threads of this CPU; `arithmetic` is the parameter's value."""
    kind = of_processor(arithmetic)
    return kind if kind == PORTABLE else f"{kind}, {threads} thread{'s' * (threads > 1)}"


def of_processor(arithmetic: str) -> str:
    """The kind without the number of threads."""
    return PORTABLE if arithmetic == PORTABLE and pins.has_avx2() else _native()


def of_gpu(model: str, platform_release: str) -> str:
    """The kind of a GPU; `platform_release` is for example `CUDA 13.0`."""
    return f"{model}, {platform_release}"


def is_of_cpu(kind: str) -> bool:
    """Whether a kind is a CPU's."""
    return kind == PORTABLE or kind.startswith(NATIVE)


def _native() -> str:
    words = [
        NATIVE,
        platform.system(),
        platform.machine(),
        pins.processor_field("vendor_id"),
        _instruction_set(),
    ]
    return " ".join(word for word in words if word)


def _instruction_set() -> str:
    for field, names in INSTRUCTION_SETS.items():
        flags = pins.processor_field(field).split()
        for flag, name in names.items():
            if flag in flags:
                return name
    return ""
