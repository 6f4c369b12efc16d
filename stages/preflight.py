"""Checks all of params.yaml before any stage loses an output -> data/environment/STAGE.json.

Each of these files records what the results of one stage depend on besides its inputs: the
releases of packages, and the kind of arithmetic.
"""

import json
import sys

from src.data import sets
from src.machine import devices
from src.machine.environment import record_of
from src.machine.probe import find_gpus
from src.preflight import schema
from stages.guard import read_tracked, run
from stages.records import Parameters


def main(params: Parameters) -> dict[str, bytes]:
    classes = {
        name: sets.parse(name, read_tracked(f"data/sets/{name}.yaml")).classes
        for name in sets.names()
    }
    schema.check(params, classes)
    requested = {
        name: section["device"] for name, section in params.items() if _has_device(section)
    }
    # Without a stage that asks for a GPU, none is touched, and torch is not imported.
    gpus = find_gpus() if set(requested.values()) - {"cpu"} else []
    records = {"download": record_of("download", None)}
    for stage, device in {**requested, "explore": "cpu"}.items():
        kind, remark = devices.resolve(device, params.arithmetic, gpus)
        if remark:
            print(f"{stage}: {remark}", file=sys.stderr, flush=True)
        records[stage] = record_of(stage, kind)
    return {
        f"data/environment/{stage}.json": (json.dumps(record, indent=2) + "\n").encode()
        for stage, record in records.items()
    }


def _has_device(section: object) -> bool:
    return isinstance(section, dict) and "device" in section


if __name__ == "__main__":
    run(main)
