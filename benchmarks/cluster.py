"""Measures what a sweep costs, on a cluster of four nodes on this machine; asserts nothing.

Run nothing else meanwhile. `python -m benchmarks.cluster` takes 10 minutes.
"""

import json
import os
import secrets
import subprocess
import tempfile
from pathlib import Path

from benchmarks.speed import ROOT, processor, timed
from tools.ray_nodes import ray_nodes

COUNTS = (1, 20, 200)  # of experiments
TRIVIAL = {
    "cmd": """mkdir -p reports/ae && echo '{"test_sse": 1}' > reports/ae/metrics.json""",
    "params": ["seed"],
    "metrics": [{"reports/ae/metrics.json": {"cache": False}}],
}


def trivial_clone(folder: str) -> Path:
    """A clone of the last commit with a pipeline that does nothing."""
    root = Path(folder, "clone")
    subprocess.run(["git", "clone", "--quiet", ROOT, root], check=True)
    (root / "dvc.yaml").write_text(json.dumps({"stages": {"trivial": TRIVIAL}}))
    (root / "dvc.lock").unlink()
    author = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org"]
    commit = ["git", *author, "commit", "--quiet", "--all", "--message", "trivial"]
    subprocess.run(commit, cwd=root, check=True)
    return root


def main() -> None:
    """Sweeps of more and more experiments of a trivial pipeline, beside `dvc exp run` by hand."""
    print(f"{processor()}, {os.cpu_count()} cores\n")
    token = secrets.token_hex(32)
    with tempfile.TemporaryDirectory() as folder, ray_nodes([1] * 4, RAY_AUTH_TOKEN=token) as nodes:
        root = trivial_clone(folder)
        env = os.environ | {"RAY_ADDRESS": nodes.address}
        alone = []
        for n in range(1, 4):
            alone.append(timed(["dvc", "exp", "run", "-S", f"seed={n}"], root, env)[0])
            subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=root, check=True)
        print(f"`dvc exp run` by hand: {min(alone):.1f} to {max(alone):.1f} seconds\n")
        print("| experiments | seconds | experiments a minute | peak memory of the driver in MB |")
        print("|" + " --- |" * 4)
        first = 10
        for count in COUNTS:
            seeds = f"seed=range({first},{first + count})"
            seconds, memory = timed(["experiments.sweep", seeds], root, env)
            cells = [f"{seconds:.0f}", f"{60 * count / seconds:.1f}", f"{1e3 * memory:.0f}"]
            print(f"| {count} | {' | '.join(cells)} |", flush=True)
            first += count


if __name__ == "__main__":
    main()
