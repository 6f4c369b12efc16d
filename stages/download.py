"""Fetches MNIST into data/MNIST/raw, where torchvision.datasets.MNIST(root="data") finds it too."""

from src import download
from src.params import read_params
from stages.common import lock, run


def main() -> None:
    with lock():
        params = read_params()
        checksums = download.read_checksums("data/mnist.sha256")
    download.fetch(
        "data/MNIST/raw",
        checksums,
        params.download.sources,
        params.download.folder,
        params.download.timeout,
    )


if __name__ == "__main__":
    run(main)
