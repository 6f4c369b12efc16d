"""Measures speed as ratios taken side by side in one run; asserts nothing. Run nothing else meanwhile.

python -m benchmarks.speed             an epoch against the tutorial's loop and the bare matrix products, 2 minutes
python -m benchmarks.speed --growth    an epoch against batch_size, hidden_dims and latent_dims, 5 minutes
python -m benchmarks.speed --pipeline  `dvc repro` from nothing against a plain script, 6 minutes
"""

import argparse
import contextlib
import itertools
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

ROOT = Path(__file__).parent.parent
THREADS = 2
KINDS = ("ae", "vae")


def tutorial(kind: str, epochs: int, folder: Path | None = None) -> list[float]:
    """Seconds of each epoch of the tutorial's loop: a DataLoader, plain Adam, `.item()` at every step."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    from src.models.networks import Autoencoder, VariationalAutoencoder

    torch.set_num_threads(THREADS)
    data = DataLoader(MNIST(ROOT / "data", transform=ToTensor()), batch_size=128, shuffle=True)
    model = Autoencoder(2) if kind == "ae" else VariationalAutoencoder(2)
    optimiser = torch.optim.Adam(model.parameters())
    seconds = []
    for _ in range(epochs):
        start, total = time.perf_counter(), 0.0
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
        seconds.append(time.perf_counter() - start)
    if folder:
        draw_like_the_tutorial(model, data, kind, folder)
    return seconds


def draw_like_the_tutorial(model, data, kind: str, folder: Path) -> None:
    """The tutorial's three figures of a model and the animation, as a plain script would draw them."""
    import matplotlib
    import numpy as np
    import torch
    from PIL import Image

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with torch.no_grad():
        for i, (x, y) in enumerate(data):
            z = model.encode(x)
            plt.scatter(z[:, 0], z[:, 1], c=y, cmap="tab10")
            if i == 99:
                plt.colorbar()
                break
        plt.savefig(folder / f"{kind}-latent.png")
        plt.close()
        reach = np.linspace(-10, 10, 12) if kind == "ae" else np.linspace(-3, 3, 12)
        page = np.zeros((12 * 28, 12 * 28))
        for i, b in enumerate(reach[::-1]):
            for j, a in enumerate(reach):
                page[28 * i : 28 * i + 28, 28 * j : 28 * j + 28] = model.decoder(torch.Tensor([[a, b]])).reshape(28, 28)
        plt.imshow(page)
        plt.savefig(folder / f"{kind}-grid.png")
        plt.close()
        x, y = next(iter(data))
        start, end = (model.encode(x[y == digit][:1]) for digit in (1, 0))
        for n in (20, 100):
            line = torch.stack([start + (end - start) * t for t in np.linspace(0, 1, n)])
            images = model.decoder(line[:, 0]).reshape(n, 28, 28).numpy() * 255
            if n == 20:
                plt.imshow(np.concatenate(list(images), axis=1))
                plt.savefig(folder / f"{kind}-interpolation.png")
                plt.close()
        frames = [Image.fromarray(image).convert("L").resize((256, 256)) for image in images]
        frames[0].save(folder / f"{kind}.gif", save_all=True, append_images=frames[1:] + frames[::-1], loop=1)


def ours(kind: str, epochs: int, batch_size: int = 128, hidden_dims: int = 512, latent_dims: int = 2) -> list[float]:
    """Seconds of each epoch of this project's training, the losses on the test images included."""
    from src.base import devices
    from src.base.seeding import generator
    from src.data import mnist
    from src.models.networks import initialise
    from src.models.table import build
    from src.training.checkpoint import Checkpoint
    from src.training.loop import Settings, fit

    devices.use("cpu", THREADS)
    images, test_images = (mnist.load(ROOT / "data/MNIST/raw", split)[0] for split in ("train", "test"))
    model, objective = build(kind, latent_dims, hidden_dims, "sse", **({"kl": "tutorial"} if kind == "vae" else {}))
    initialise(model, generator(0, "benchmark"))
    settings = Settings(epochs, batch_size, learning_rate=1e-3, seed=0)
    times = [time.perf_counter()]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        fit(
            model,
            images,
            test_images,
            objective,
            settings,
            title=kind,
            checkpoint=Checkpoint(Path(folder, "state.pt"), "benchmark"),
            publish=lambda table: times.append(time.perf_counter()),
        )
    return [end - start for start, end in itertools.pairwise(times)]


def products(epochs: int, batch_size: int = 128, hidden_dims: int = 512) -> list[float]:
    """Seconds of an epoch's five large matrix products alone: two forwards, three backwards."""
    import torch

    torch.set_flush_denormal(True)
    torch.set_num_threads(THREADS)
    x, gradient = torch.rand(batch_size, 784), torch.rand(batch_size, 784)
    hidden, hidden_gradient = torch.rand(batch_size, hidden_dims), torch.rand(batch_size, hidden_dims)
    first, last = torch.rand(784, hidden_dims), torch.rand(hidden_dims, 784)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        for _ in range(-(-60_000 // batch_size)):
            x @ first, hidden @ last  # forwards
            gradient @ last.T, hidden.T @ gradient, x.T @ hidden_gradient  # backwards
        seconds.append(time.perf_counter() - start)
    return seconds


def measure(call: str) -> float:
    """The median of the seconds per epoch that a call in a process of its own measures."""
    code = f"from benchmarks.speed import *; print(*{call})"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    return statistics.median(map(float, done.stdout.split()))


def machine() -> str:
    import torch

    return (
        f"{torch.backends.cpu.get_cpu_capability()} on {platform.machine()} ({processor()}), {THREADS} threads, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def processor() -> str:
    """The machine's name for its processor."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def side_by_side(calls: dict[str, str], rounds: int) -> dict[str, float]:
    """Seconds per epoch of each call, the best of rounds in which all take turns: what disturbs one meets all."""
    taken = [[measure(call) for call in calls.values()] for _ in range(rounds)]
    return dict(zip(calls, map(min, zip(*taken, strict=True)), strict=True))


def epochs() -> None:
    calls = {"products": "products(3)"}
    for kind in KINDS:
        calls |= {f"{kind} tutorial": f"tutorial('{kind}', 2)", kind: f"ours('{kind}', 5)"}
    seconds = side_by_side(calls, rounds=2)
    print("| an epoch of 60,000 images | tutorial's loop | this project | times faster | to the bare products |")
    print("| --- | --- | --- | --- | --- |")
    for kind in KINDS:
        theirs, own, bare = seconds[f"{kind} tutorial"], seconds[kind], seconds["products"]
        print(f"| {kind.upper()} | {theirs:.2f} s | {own:.2f} s | {theirs / own:.1f} | {own / bare:.2f} |")


def growth() -> None:
    print("| AE, an epoch of 60,000 images | time | to the bare products |\n| --- | --- | --- |")
    points = [("batch_size", n) for n in (32, 128, 512, 2048, 8192)]
    points += [("hidden_dims", n) for n in (512, 1024, 2048, 4096)] + [("latent_dims", n) for n in (2, 16, 64, 256)]
    for name, n in points:
        bare = f"products(2, {name}={n})" if name != "latent_dims" else "products(2)"
        seconds = side_by_side({"own": f"ours('ae', 3, {name}={n})", "bare": bare}, rounds=2)
        print(f"| {name} = {n} | {seconds['own']:.2f} s | {seconds['own'] / seconds['bare']:.2f} |", flush=True)


def pipeline() -> None:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, f"{folder}/clone"], check=True)
        dvc = partial(subprocess.run, cwd=f"{folder}/clone", capture_output=True, check=True)

        def seconds(*command: str) -> float:
            start = time.perf_counter()
            dvc([sys.executable, "-m", "dvc", *command])
            return time.perf_counter() - start

        own = seconds("repro")
        nothing, status = (min(seconds(command) for _ in range(5)) for command in ("repro", "status"))
        start = time.perf_counter()
        for kind in KINDS:
            measure(f"tutorial('{kind}', 20, Path('{folder}'))")
        theirs = time.perf_counter() - start
    print("| | plain script | this project | times faster |\n| --- | --- | --- | --- |")
    print(f"| everything | {theirs:.0f} s | {own:.0f} s | {theirs / own:.1f} |")
    print(f"\n`dvc repro` with nothing to do: {nothing:.2f} s, {nothing / status:.2f} times `dvc status`")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--growth", action="store_const", dest="table", const=growth, default=epochs)
    parser.add_argument("--pipeline", action="store_const", dest="table", const=pipeline)
    table = parser.parse_args().table
    print(machine() + "\n")
    table()


if __name__ == "__main__":
    main()
