"""A stage that leaves its process id in a folder, and ends when the folder holds the file `go`."""

import json
import os
import sys
import time
from pathlib import Path

import yaml

params = yaml.safe_load(Path("params.yaml").read_text())
seed, dims = params["seed"], params["latent_dims"]
folder = Path(params["download"]["folder"])
with open(folder / f"begun-{dims}-{seed}", "a") as begun:
    begun.write(f"{os.getpid()}\n")
print(f"warning: {dims} is small", flush=True)
if seed == 13:
    sys.exit("error: 13 is no lucky seed")
while not (folder / "go").exists():
    time.sleep(0.05)
for path in ("data/weights.bin", "reports/ae/metrics.json"):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
Path("data/weights.bin").write_bytes(bytes([dims, seed]) * 1000)
Path("reports/ae/metrics.json").write_text(json.dumps({"test_sse": dims + seed / 100}))
