"""Measures speed as ratios of things that take turns; asserts nothing. Run nothing else meanwhile.

python -m benchmarks.speed               an epoch against the tutorial's loop and the bare products, 8 minutes
python -m benchmarks.speed --arithmetic  a training step in portable against native arithmetic, 2 minutes
python -m benchmarks.speed --stages      each stage without its epochs: seconds, and peak memory, 5 minutes
python -m benchmarks.speed --sizes       evaluate and render against latent_dims and hidden_dims, 14 minutes for one
python -m benchmarks.speed --growth      an epoch against batch_size, hidden_dims and latent_dims, 6 minutes a round
python -m benchmarks.speed --queue       four experiments one by one against two at a time, 9 minutes a round
python -m benchmarks.speed --pipeline    `dvc repro` from nothing against a plain script, 13 minutes a round

Ratios are taken round by round; printed are their median and, in brackets, the lowest and the highest.
"""

import argparse
import contextlib
import io
import itertools
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

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
                page[28 * i : 28 * i + 28, 28 * j : 28 * j + 28] = model.decoder(
                    torch.Tensor([[a, b]])
                ).reshape(28, 28)
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
        frames[0].save(
            folder / f"{kind}.gif", save_all=True, append_images=frames[1:] + frames[::-1], loop=1
        )


def prepare(kind: str, hidden_dims: int = 512, latent_dims: int = 2):
    """A model, and MNIST's training and test images, as a training of this project has them."""
    from src.base import devices
    from src.base.seeding import generator
    from src.data import idx
    from src.models.networks import initialise
    from src.models.registry import MODELS

    devices.use("cpu", THREADS, "portable")
    images, test_images = (
        idx.load(ROOT / "data/MNIST/raw", split)[0] for split in ("train", "test")
    )
    model = MODELS[kind](latent_dims, hidden_dims=hidden_dims)
    initialise(model, generator(0, "benchmark"))
    return model, images, test_images


def ours(kind: str, epochs: int, batch_size: int = 128, **dims: int) -> list[float]:
    """Seconds of each epoch of this project's training, the losses on the test images included."""
    from src.train.checkpoint import Checkpoint
    from src.train.loop import Settings, fit

    model, images, test_images = prepare(kind, **dims)
    settings = Settings(epochs, batch_size, learning_rate=1e-3, seed=0)
    times = [time.perf_counter()]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        fit(
            model,
            images,
            test_images,
            settings,
            checkpoint=Checkpoint(Path(folder, "state.pt"), "benchmark"),
            publish=lambda table: times.append(time.perf_counter()),
        )
    return [end - start for start, end in itertools.pairwise(times)]


def steps(kind: str, rounds: int = 60, count: int = 30) -> list[float]:
    """Seconds of `count` training steps in native and in portable arithmetic, in turns within one process."""
    import torch

    from src.arithmetic import linear
    from src.base.seeding import generator
    from src.train.adam import Adam

    model, images, _ = prepare(kind)
    optimiser, noise = Adam(model, 1e-3), generator(0, "noise")
    batches = itertools.cycle(
        torch.randperm(len(images), generator=generator(0, "order")).split(128)[:-1]
    )
    seconds = []
    for _, arithmetic in itertools.product(range(rounds), ("native", "portable")):
        with contextlib.redirect_stderr(io.StringIO()):  # native says each time that it is
            linear.use_portable(arithmetic == "portable")
        start = time.perf_counter()
        for indices in itertools.islice(batches, count):
            sum(model.loss_terms(images[indices], noise)).backward()
            optimiser.step()
        seconds.append(time.perf_counter() - start)
    return seconds


def products(epochs: int, batch_size: int = 128, hidden_dims: int = 512) -> list[float]:
    """Seconds of an epoch's five large matrix products alone, by MKL: two forwards, three backwards."""
    import torch
    from torch.nn.functional import linear

    torch.set_flush_denormal(True)
    torch.set_num_threads(THREADS)
    x, gradient = torch.rand(batch_size, 784), torch.rand(batch_size, 784)
    hidden, hidden_gradient = (
        torch.rand(batch_size, hidden_dims),
        torch.rand(batch_size, hidden_dims),
    )
    first, last = torch.rand(hidden_dims, 784), torch.rand(784, hidden_dims)
    seconds = []
    for _ in range(epochs):
        start = time.perf_counter()
        for _ in range(-(-60_000 // batch_size)):
            linear(x, first), linear(hidden, last)  # forwards
            gradient @ last, gradient.T @ hidden, hidden_gradient.T @ x  # backwards
        seconds.append(time.perf_counter() - start)
    return seconds


def apart(call: str) -> str:
    """What a call gives, printed by a process of its own."""
    code = (
        f"from src.arithmetic.pins import pin; pin(); from benchmarks.speed import *; print({call})"
    )
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout


def measure(call: str) -> list[float]:
    """What a call in a process of its own measures, in seconds."""
    return list(map(float, apart(f"*{call}").split()))


def machine() -> str:
    """The machine and the releases that a table is of."""
    import torch

    return (
        f"{torch.backends.cpu.get_cpu_capability()} on {platform.machine()} ({processor()}), {THREADS} threads, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def processor() -> str:
    """The machine's name for its processor."""
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text().splitlines() if listing.exists() else []
    return next(
        (line.split(":")[1].strip() for line in lines if line.startswith("model name")),
        platform.processor(),
    )


def spread(ratios: list[float]) -> str:
    """The median of ratios and, of several, their range."""
    span = f" [{min(ratios):.2f} to {max(ratios):.2f}]" if len(ratios) > 1 else ""
    return f"{statistics.median(ratios):.2f}{span}"


def in_turns(calls: dict[str, str], rounds: int) -> dict[str, list[list[float]]]:
    """What each call measures, round by round: what disturbs one meets all."""
    taken = [[measure(call) for call in calls.values()] for _ in range(rounds)]
    return dict(zip(calls, zip(*taken, strict=True), strict=True))


def epochs(rounds: int) -> None:
    """An epoch of each model against the tutorial's loop and the bare products; its first epoch against the others."""
    calls = {"products": "products(3)"}
    for kind in KINDS:
        calls |= {f"{kind} tutorial": f"tutorial('{kind}', 1)", kind: f"ours('{kind}', 4)"}
    seconds = in_turns(calls, rounds)
    median = {
        name: [statistics.median(times) for times in taken] for name, taken in seconds.items()
    }
    columns = (
        "seconds",
        "times faster than the tutorial's loop",
        "times the bare products",
        "first epoch, seconds more",
    )
    print(f"| an epoch of 60,000 images | {' | '.join(columns)} |\n| --- | --- | --- | --- | --- |")
    for kind in KINDS:
        faster = [a / b for a, b in zip(median[f"{kind} tutorial"], median[kind], strict=True)]
        bare = [a / b for a, b in zip(median[kind], median["products"], strict=True)]
        first = [times[0] - statistics.median(times) for times in seconds[kind]]
        print(
            f"| {kind.upper()} | {spread(median[kind])} | {spread(faster)} | {spread(bare)} | {spread(first)} |"
        )


def arithmetic(rounds: int) -> None:
    """A training step of each model in portable against native arithmetic."""
    print("| a training step | portable against native: times as long |\n| --- | --- |")
    for kind in KINDS:
        taken = measure(f"steps('{kind}', rounds={12 * rounds})")[
            6:
        ]  # without the first three turns
        ratios = [
            portable / native for native, portable in zip(taken[::2], taken[1::2], strict=True)
        ]
        low, _, high = statistics.quantiles(ratios, n=4)
        print(
            f"| {kind.upper()} | {statistics.median(ratios):.2f}, half of them {low:.2f} to {high:.2f} |"
        )


def sizes(rounds: int) -> None:
    """Evaluation and drawing against latent_dims, and at the widest hidden layer."""
    print(
        "| size | seconds of evaluate | of render | peak memory of both in GB |\n| --- | --- | --- | --- |"
    )
    with clone() as run:
        for latent, hidden in [(1, 512), (2, 512), (8, 512), (64, 512), (784, 512), (2, 4096)]:
            run(
                "dvc",
                "exp",
                "run",
                "-S",
                "epochs=1",
                "-S",
                f"latent_dims={latent}",
                "-S",
                f"hidden_dims={hidden}",
            )
            cells, peak = [], 0.0
            for name in ("evaluate", "render"):
                taken = [run(f"stages.{name}", DVC_STAGE=name) for _ in range(rounds)]
                seconds, memory = zip(*taken, strict=True)
                cells, peak = [*cells, spread(list(seconds))], max(peak, *memory)
            print(
                f"| latent_dims {latent}, hidden_dims {hidden} | {' | '.join(cells)} | {peak:.2f} |",
                flush=True,
            )


def growth(rounds: int) -> None:
    """An epoch of the AE against what it grows with, each beside the bare products of its size."""
    print(
        "| AE, an epoch of 60,000 images | seconds | times the bare products |\n| --- | --- | --- |"
    )
    points = [("batch_size", n) for n in (32, 128, 512, 2048, 8192)]
    points += [("hidden_dims", n) for n in (512, 1024, 2048, 4096)] + [
        ("latent_dims", n) for n in (2, 16, 64, 256)
    ]
    for name, n in points:
        bare = f"products(2, {name}={n})" if name != "latent_dims" else "products(2)"
        seconds = in_turns({"own": f"ours('ae', 2, {name}={n})", "bare": bare}, rounds)
        own, bare = ([min(times) for times in seconds[name]] for name in ("own", "bare"))
        ratios = [a / b for a, b in zip(own, bare, strict=True)]
        print(f"| {name} = {n} | {spread(own)} | {spread(ratios)} |", flush=True)


def timed(command: list[str], folder: str | Path, env: dict | None = None) -> tuple[float, float]:
    """Seconds and peak memory in GB of a Python module's command in a folder, with all that it starts and waits for."""
    start = time.perf_counter()
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([sys.executable, "-m", *command], cwd=folder, env=env, **quiet)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed")
    return time.perf_counter() - start, used.ru_maxrss / 1e6


@contextlib.contextmanager
def clone():
    """A call that runs a Python module in a new clone of the last commit; it gives seconds and peak memory in GB."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, f"{folder}/clone"], check=True)

        def run(*command: str, **variables: str) -> tuple[float, float]:
            return timed([*command], f"{folder}/clone", os.environ | variables)

        yield run


def stages(rounds: int) -> None:
    """Each stage as DVC starts it, less the one epoch that a training has here; and the memory it takes at most."""
    commands = {
        name: stage["cmd"].split()
        for name, stage in yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].items()
    }
    seconds, memory = {name: [] for name in commands}, dict.fromkeys(commands, 0.0)
    with clone() as run:
        run("dvc", "exp", "run", "-S", "epochs=1")
        for _, (name, (_, _, *command)) in itertools.product(range(rounds), commands.items()):
            taken, peak = run(*command, DVC_STAGE=name)  # as DVC starts it
            epoch = measure(f"ours('{command[1]}', 1)")[0] if name.startswith("train_") else 0
            seconds[name].append(taken - epoch)
            memory[name] = max(memory[name], peak)
    print("| stage, without its epochs | seconds | peak memory in GB |\n| --- | --- | --- |")
    for name, taken in seconds.items():
        print(f"| {name} | {spread(taken)} | {memory[name]:.2f} |")
    print(f"| in sum | {spread([sum(taken) for taken in zip(*seconds.values(), strict=True)])} | |")


def queue(rounds: int) -> None:
    """Four experiments one by one against two at a time."""
    ways = {"one by one, 2 threads": (2, 1), "two at a time, 1 thread each": (1, 2)}
    seconds = {way: [] for way in ways}
    for _, (way, (threads, jobs)) in itertools.product(range(rounds), ways.items()):
        with clone() as run:
            run("dvc", "repro", "download")
            run(
                "dvc",
                "exp",
                "run",
                "--queue",
                "-S",
                "seed=1,2,3,4",
                "-S",
                "epochs=5",
                "-S",
                f"threads={threads}",
            )
            seconds[way].append(run("dvc", "exp", "run", "--run-all", "--jobs", f"{jobs}")[0])
    print("| four experiments of 5 epochs | seconds |\n| --- | --- |")
    for way, taken in seconds.items():
        print(f"| {way} | {spread(taken)} |")
    print(
        f"\ntwo at a time: {spread([a / b for a, b in zip(*seconds.values(), strict=True)])} times sooner"
    )


def pipeline(rounds: int) -> None:
    """All of `dvc repro` against a plain script, and `dvc repro` with nothing to do against `dvc status`."""
    own, theirs, idle = [], [], []
    for _ in range(rounds):
        with clone() as run, tempfile.TemporaryDirectory() as folder:
            own.append(run("dvc", "repro")[0])
            idle += [run("dvc", "repro")[0] / run("dvc", "status")[0] for _ in range(5)]
            start = time.perf_counter()
            for kind in KINDS:
                measure(f"tutorial('{kind}', 20, Path('{folder}'))")
            theirs.append(time.perf_counter() - start)
    print(
        "| seconds of the plain script | seconds of this project | times faster |\n| --- | --- | --- |"
    )
    faster = [a / b for a, b in zip(theirs, own, strict=True)]
    print(f"| {spread(theirs)} | {spread(own)} | {spread(faster)} |")
    print(f"\n`dvc repro` with nothing to do: {spread(idle)} times `dvc status`")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for table in (arithmetic, stages, sizes, growth, queue, pipeline):
        parser.add_argument(
            f"--{table.__name__}", action="store_const", dest="table", const=table, default=epochs
        )
    parser.add_argument(
        "--rounds", type=int, default=5, help="in how many turns to measure, 5 if not said"
    )
    wanted = parser.parse_args()
    print(
        apart("machine()")
    )  # apart, as a process that torch has made large counts in the memory of those it starts
    wanted.table(wanted.rounds)


if __name__ == "__main__":
    main()
