"""The gate: checks all of params.yaml before any stage loses an output; writes data/environment.json."""

import json

from src.base import devices
from src.base.environment import versions
from src.gate import schema
from stages.guard import Parameters, run


def main(params: Parameters) -> dict[str, bytes]:
    checked = schema.check(params)
    wanted = {section.device for _, section in checked if hasattr(section, "device")}
    for device in sorted(wanted - {"auto", "cpu"}):
        devices.candidates(device, devices.available())
    text = json.dumps(versions(), indent=2, sort_keys=True) + "\n"
    return {"data/environment.json": text.encode()}


if __name__ == "__main__":
    run(main)
