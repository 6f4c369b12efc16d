"""A Ray cluster of several nodes on this machine, for tests of sweeps."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock


@contextmanager
def ray_nodes(cores: list[int], **variables: str) -> Iterator[Any]:
    """A head without cores, and a node for each number of cores: `workers`; `add(cores)` adds one.

    Environment variables, such as RAY_AUTH_TOKEN, hold for the nodes, and here while they last.
    """
    modes = {
        "RAY_AUTH_MODE": "token",
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_process_group_cleanup_enabled": "1",
    }
    with mock.patch.dict(os.environ, modes | variables):
        from ray.cluster_utils import Cluster

        small = {"object_store_memory": 200 * 2**20}
        head = {"num_cpus": 0, "include_dashboard": False, **small}
        nodes = Cluster(initialize_head=True, head_node_args=head)
        nodes.add = lambda cores=1: nodes.add_node(num_cpus=cores, **small)
        try:
            nodes.workers = [nodes.add(count) for count in cores]
            nodes.wait_for_nodes()
            yield nodes
        finally:
            nodes.shutdown()
