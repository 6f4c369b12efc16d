"""What benchmarks.speed compares: each function runs in a process of its own, and prints seconds.

A contender prints the seconds of each epoch, and then waits for a line: with many processes, one
epoch runs at a time. Each imports only what it needs, as its start may be measured too.
"""

import contextlib
import json
import os
import platform
import sys
import tempfile
import time
from pathlib import Path

from src.arithmetic.kinds import PORTABLE
from src.arithmetic.pins import pin
from src.machine import claims

ROOT = Path(__file__).parent.parent
RAW = ROOT / "data/MNIST/raw"
BATCH = 128  # images


def report(seconds: float) -> None:
    """Print the seconds of an epoch, and wait for a line; where nobody sends one, go on."""
    print(seconds, file=sys.__stdout__, flush=True)
    sys.stdin.readline()


def training(kind: str, epochs: int, alone: bool = False) -> None:
    """This project's training.

    Without `alone` an epoch includes the losses on the test images, and a saved state.
    """
    from src.base.seeding import generator
    from src.data import idx
    from src.machine import devices
    from src.models.networks import initialise
    from src.models.registry import MODELS
    from src.train.checkpoint import Checkpoint
    from src.train.loop import Settings, fit

    devices.use("cpu", len(claims.usable_cores()), PORTABLE)
    images, _ = idx.load(RAW, "train")
    test_images, _ = idx.load(RAW, "test")
    model = MODELS[kind](latent_dims=2)
    initialise(model, generator(0, "benchmark"))
    start = time.perf_counter()

    def publish(table: bytes) -> None:
        nonlocal start
        report(time.perf_counter() - start)
        start = time.perf_counter()

    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        fit(
            model,
            images,
            test_images[:1] if alone else test_images,
            Settings(epochs, BATCH, learning_rate=1e-3, seed=0),
            checkpoint=None if alone else Checkpoint(Path(folder, "state.pt"), "benchmark"),
            publish=publish,
        )


def products(epochs: int) -> None:
    """The five large matrix products of a training alone."""
    import torch

    from src.arithmetic.linear import Linear
    from src.machine import devices

    devices.use("cpu", len(claims.usable_cores()), PORTABLE)
    first, last = Linear(784, 512), Linear(512, 784)
    x, gradient = torch.rand(2, BATCH, 784)
    hidden, hidden_gradient = torch.rand(2, BATCH, 512)

    def keep_weights(*_: object) -> None:
        """An update that moves nothing."""

    with torch.inference_mode():
        for _ in range(epochs):
            start = time.perf_counter()
            for _ in range(-(-60_000 // BATCH)):
                first(x)
                last(hidden)
                last.backward(hidden, gradient, keep_weights)  # two products
                first.backward_of_weights(x, hidden_gradient, keep_weights)
            report(time.perf_counter() - start)


def jax(kind: str, epochs: int, way: str = "scan", without_avx512: bool = False) -> None:
    """The same training in JAX, in a `way` of benchmarks.peer; the first epoch compiles."""
    if without_avx512:
        os.environ["XLA_FLAGS"] = "--xla_cpu_max_isa=AVX2"
    from benchmarks import peer
    from src.data import idx

    pixels = idx.read_idx(RAW / "train-images-idx3-ubyte").reshape(-1, 784)
    for seconds, _ in peer.train(kind, way, epochs, pixels):
        report(seconds)


def tutorial(kind: str, epochs: int) -> None:
    """The tutorial's loop: DataLoader, Adam; its translation adds the sum of the losses."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    from src.models.networks import Autoencoder, VariationalAutoencoder

    torch.set_num_threads(len(claims.usable_cores()))
    data = DataLoader(MNIST(ROOT / "data", transform=ToTensor()), batch_size=BATCH, shuffle=True)
    model = Autoencoder(2) if kind == "ae" else VariationalAutoencoder(2)
    optimiser = torch.optim.Adam(model.parameters())
    for _ in range(epochs):
        start = time.perf_counter()
        total = 0.0
        for x, _ in data:
            optimiser.zero_grad()
            if kind == "ae":
                loss = ((x - model(x)) ** 2).sum()
            else:
                mu, log_sigma = model.encoder(x)
                sigma = torch.exp(log_sigma)
                x_hat = model.decoder(mu + sigma * torch.randn_like(mu)).reshape(-1, 1, 28, 28)
                loss = ((x - x_hat) ** 2).sum() + (sigma**2 + mu**2 - torch.log(sigma) - 0.5).sum()
            loss.backward()
            optimiser.step()
            total += loss.item()
        report(time.perf_counter() - start)


def releases() -> None:
    """Print how torch computes here, and the releases of Python and torch."""
    import torch

    print(
        f"{torch.backends.cpu.get_cpu_capability()} on {platform.machine()}, "
        f"threads: {len(claims.usable_cores())}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def main() -> None:
    """Call a function of this module by its name, with a thread on each of these cores."""
    cores, name, arguments = sys.argv[1:]
    pin()
    os.sched_setaffinity(0, json.loads(cores))  # JAX asks for no number
    claims.claim_cores = lambda *_: None  # those that take turns share these cores
    globals()[name](**json.loads(arguments))


if __name__ == "__main__":
    main()
