"""Fetches a data set into data/NAME/raw, where torchvision.datasets.NAME(root="data") finds it too."""

from src.data import sets
from src.download.fetch import fetch
from stages.guard import read_tracked, run
from stages.records import Parameters


def main(params: Parameters) -> None:
    wanted = params.download
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    fetch(f"data/{params.dataset}/raw", data_set, wanted.sources, wanted.folder, wanted.timeout)


if __name__ == "__main__":
    run(main)
