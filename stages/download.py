"""Fetches MNIST into data/MNIST/raw, where torchvision.datasets.MNIST(root="data") finds it too."""

from src.download import fetch
from stages.guard import Parameters, read_tracked, run


def main(params: Parameters) -> None:
    wanted = params.download
    checksums = fetch.read_checksums(read_tracked("data/mnist.sha256").decode())
    fetch.fetch("data/MNIST/raw", checksums, wanted.sources, wanted.folder, wanted.timeout)


if __name__ == "__main__":
    run(main)
