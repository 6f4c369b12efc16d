"""Fetches a data set into data/NAME/raw, where torchvision looks for it, too."""

from src.data import sets
from src.download.fetch import fetch
from stages.guard import Inputs, read_tracked


def main(inputs: Inputs) -> None:
    params = inputs.params
    data_set = sets.parse(params.dataset, read_tracked(f"data/sets/{params.dataset}.yaml"))
    options = params.download
    fetch(f"data/{params.dataset}/raw", data_set, options.sources, options.folder, options.timeout)
