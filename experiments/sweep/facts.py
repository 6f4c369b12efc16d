"""What decides the bytes of results on a machine: `python -m experiments.sweep.facts native 0`.

Each node runs this in its clone, before an experiment; the sweep compares. It needs no package, as
a node may lack one.
"""

import json
import platform
import sys

from src.arithmetic import kinds
from src.machine.environment import PACKAGES, release
from src.machine.probe import find_gpus


def facts(arithmetic: str, with_gpu: bool = False) -> dict[str, str]:
    """The releases of Python and packages, the kind of arithmetic, and that of the GPU."""
    named = {"python": platform.python_version().rpartition(".")[0]}
    named |= {name: release(name) for name in sorted({"dvc"}.union(*PACKAGES.values()))}
    named["arithmetic"] = kinds.of_processor(arithmetic)
    if with_gpu:
        gpus = [gpu.kind or str(gpu.fault) for gpu in find_gpus()]
        named["GPU"] = " and ".join(gpus) or "that torch does not see"
    return named


if __name__ == "__main__":
    print(json.dumps(facts(sys.argv[1], with_gpu=sys.argv[2] != "0")))
