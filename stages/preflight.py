"""The gate: checks all of params.yaml before any stage loses an output; writes data/environment.json."""

import json
import sys
from importlib.metadata import version

from src import devices, schema
from stages.common import lock, run


def main() -> dict[str, bytes]:
    with lock():
        params = schema.check("params.yaml")
    stages = (params.train_ae, params.train_vae, params.evaluate, params.render)
    for wanted in sorted({stage.device for stage in stages} - {"auto", "cpu"}):
        devices.candidates(wanted, devices.available())

    # What can change the numbers: a release of one of these trains the models again.
    environment = {
        "numpy": version("numpy"),
        "python": "{}.{}".format(*sys.version_info),
        "torch": version("torch"),
    }
    text = json.dumps(environment, indent=2, sort_keys=True) + "\n"
    return {"data/environment.json": text.encode()}


if __name__ == "__main__":
    run(main)
