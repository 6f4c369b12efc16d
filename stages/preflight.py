"""Checks all of params.yaml before any stage loses an output -> data/environment/STAGE.json.

Each of these files records what the results of one stage depend on besides its inputs: the
releases of packages, and the kind of arithmetic.
"""

import json
import sys

from src.arithmetic import kinds
from src.data import sets
from src.machine import devices
from src.machine.environment import record_of
from src.machine.probe import find_gpus
from src.preflight import schema
from stages.guard import Inputs, read_tracked


def main(inputs: Inputs) -> dict[str, bytes]:
    classes = {
        name: sets.parse(name, read_tracked(f"data/sets/{name}.yaml")).classes
        for name in sets.names()
    }
    params = schema.check(inputs.values, classes)
    requested = schema.devices(params)
    # Without a stage that asks for a GPU, none is touched, and torch is not imported.
    gpus = find_gpus() if set(requested.values()) - {"cpu"} else []
    kind_of_cpu = kinds.of_cpu(params.arithmetic, devices.thread_count(params.threads))
    records = {"download": record_of("download", None)}
    for stage, device in {**requested, "explore": "cpu"}.items():
        kind, remark = devices.resolve(device, kind_of_cpu, gpus)
        if remark:
            print(f"{stage}: {remark}", file=sys.stderr, flush=True)
        records[stage] = record_of(stage, kind)
    return {
        f"data/environment/{stage}.json": (json.dumps(record, indent=2) + "\n").encode()
        for stage, record in records.items()
    }
