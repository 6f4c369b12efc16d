"""Measures what a sweep costs, on a cluster of four nodes on this machine; asserts nothing.

Run nothing else meanwhile.

python -m benchmarks.cluster             a trivial pipeline: time, and the driver's memory, 10 min
python -m benchmarks.cluster --training  two trainings, side by side or not, 5 min
"""

import argparse
import contextlib
import json
import os
import secrets
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed import ROOT, processor, timed

TRIVIAL = {
    "cmd": """mkdir -p reports/ae && echo '{"test_sse": 1}' > reports/ae/metrics.json""",
    "params": ["seed"],
    "metrics": [{"reports/ae/metrics.json": {"cache": False}}],
}


@contextlib.contextmanager
def cluster(nodes: int, cores: int) -> Iterator[dict[str, str]]:
    """The environment of a driver; the cluster has a head without cores, and nodes with cores."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 200 * 2**20}
    head = {"num_cpus": 0, "include_dashboard": False, **small}
    ray_cluster = Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(nodes):
            ray_cluster.add_node(num_cpus=cores, **small)
        ray_cluster.wait_for_nodes()
        yield os.environ | {"RAY_ADDRESS": ray_cluster.address}
    finally:
        ray_cluster.shutdown()


def clone(folder: str, stage: dict | None = None) -> Path:
    """A clone of the last commit; with a pipeline of one stage if it is given."""
    root = Path(folder, "clone")
    subprocess.run(["git", "clone", "--quiet", ROOT, root], check=True)
    if stage:
        (root / "dvc.yaml").write_text(json.dumps({"stages": {"trivial": stage}}))
        (root / "dvc.lock").unlink()
        author = ["-c", "user.name=benchmark", "-c", "user.email=benchmark@example.org"]
        subprocess.run(
            ["git", *author, "commit", "--quiet", "--all", "--message", "trivial"],
            cwd=root,
            check=True,
        )
    return root


def growth(counts: list[int]) -> None:
    """Sweeps of more and more experiments of a trivial pipeline, beside `dvc exp run` by hand."""
    with tempfile.TemporaryDirectory() as folder, cluster(4, 1) as env:
        root = clone(folder, TRIVIAL)
        alone = []
        for n in range(1, 4):
            alone.append(timed(["dvc", "exp", "run", "-S", f"seed={n}"], root, env)[0])
            subprocess.run(["git", "reset", "--quiet", "--hard"], cwd=root, check=True)
        print(f"`dvc exp run` by hand: {min(alone):.1f} to {max(alone):.1f} seconds\n")
        print("| experiments | seconds | experiments a minute | peak memory of the driver in MB |")
        print("|" + " --- |" * 4)
        first = 10
        for count in counts:
            seconds, memory = timed(
                ["experiments.sweep", f"seed=range({first},{first + count})"], root, env
            )
            print(
                f"| {count} | {seconds:.0f} | {60 * count / seconds:.1f} | {1e3 * memory:.0f} |",
                flush=True,
            )
            first += count


def training(_counts: list[int]) -> None:
    """Two real trainings one after the other and side by side."""
    print("| two experiments of 5 epochs, one thread each | seconds |\n| --- | --- |")
    for cores, name in ((1, "one after the other"), (2, "side by side")):
        with tempfile.TemporaryDirectory() as folder, cluster(1, cores) as env:
            root = clone(folder)
            timed(["dvc", "repro", "download"], root, env)
            seconds, _ = timed(
                ["experiments.sweep", "seed=1,2", "epochs=5", "threads=1"], root, env
            )
            print(f"| {name} | {seconds:.0f} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--training", action="store_const", dest="table", const=training, default=growth
    )
    parser.add_argument(
        "--counts",
        type=int,
        nargs="+",
        default=[1, 20, 200],
        help="how many experiments, by default 1 20 200",
    )
    arguments = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores\n")
    arguments.table(arguments.counts)


if __name__ == "__main__":
    main()
