"""The gate: checks all of params.yaml before any stage loses an output; writes data/environment.json."""

import json

from src.base import devices
from src.base.environment import versions
from src.data import sets
from src.preflight import schema
from stages.guard import Parameters, read_tracked, run


def main(params: Parameters) -> dict[str, bytes]:
    classes = {
        name: sets.parse(name, read_tracked(f"data/sets/{name}.yaml")).classes
        for name in sets.names()
    }
    checked = schema.check(params, classes)
    wanted = {section.device for _, section in checked if hasattr(section, "device")}
    for device in sorted(wanted - {"auto", "cpu"}):
        devices.candidates(device, devices.available())
    text = json.dumps(versions(), indent=2, sort_keys=True) + "\n"
    return {"data/environment.json": text.encode()}


if __name__ == "__main__":
    run(main)
