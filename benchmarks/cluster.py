"""Measures what a sweep costs, on a cluster of four nodes on this machine; asserts nothing. Run nothing else meanwhile.

python -m benchmarks.cluster             a trivial pipeline: seconds, and the driver's memory, 10 minutes
python -m benchmarks.cluster --training  two trainings side by side against one after the other, 5 minutes
"""

import argparse
import contextlib
import os
import secrets
import subprocess
import tempfile
from pathlib import Path

from benchmarks.speed import ROOT, processor, timed

TRIVIAL = """
stages:
  trivial:
    cmd: >-
      mkdir -p reports/ae && echo '{"test_sse": 1}' > reports/ae/metrics.json
    params: [seed]
    metrics: [reports/ae/metrics.json: {cache: false}]
"""


@contextlib.contextmanager
def cluster(nodes: int, cores: int):
    """The environment of a driver beside a head without cores and nodes with so many."""
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_USAGE_STATS_ENABLED": "0"}
    os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
    from ray.cluster_utils import Cluster

    small = {"object_store_memory": 200 * 2**20}
    found = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **small}
    )
    try:
        for _ in range(nodes):
            found.add_node(num_cpus=cores, **small)
        found.wait_for_nodes()
        yield os.environ | {"RAY_ADDRESS": found.address}
    finally:
        found.shutdown()


def clone(folder: str, pipeline: str = "") -> Path:
    """A clone of the last commit, with a pipeline of its own if one is given."""
    root = Path(folder, "clone")
    subprocess.run(["git", "clone", "--quiet", ROOT, root], check=True)
    if pipeline:
        (root / "dvc.yaml").write_text(pipeline)
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
        print(
            "| experiments | seconds | experiments a minute | peak memory of the driver in MB |\n|"
            + " --- |" * 4
        )
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
        help="how many experiments, 1 20 200 if not said",
    )
    wanted = parser.parse_args()
    print(f"{processor()}, {os.cpu_count()} cores\n")
    wanted.table(wanted.counts)


if __name__ == "__main__":
    main()
