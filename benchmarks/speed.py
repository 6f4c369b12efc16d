"""Measures speed as ratios of things that take turns. Run nothing else meanwhile.

python -m benchmarks.speed               an epoch against the tutorial's loop, its matrix products
                                         alone and JAX, 6 minutes
python -m benchmarks.speed --trainings   twenty epochs with start and end against JAX, 3 minutes
                                         for one round
python -m benchmarks.speed --arithmetic  a training step in portable and in native arithmetic,
                                         2 minutes
python -m benchmarks.speed --stages      the seconds and the peak memory of each stage, without its
                                         epochs, 5 minutes
python -m benchmarks.speed --sizes       evaluate and render for several latent_dims and
                                         hidden_dims, 10 minutes for one round
python -m benchmarks.speed --growth      an epoch for several batch_size, hidden_dims and
                                         latent_dims, 6 minutes for one round
python -m benchmarks.speed --images      the stages for 60,000 to 600,000 training images,
                                         6 minutes for one round
python -m benchmarks.speed --queue       four experiments one by one, and two at a time, 9 minutes
                                         for one round
python -m benchmarks.speed --pipeline    all of `dvc repro` against a plain script, 7 minutes for
                                         one round

A ratio is taken in each round. Printed are the median and, in brackets, the lowest and highest.
"""

import argparse
import contextlib
import hashlib
import itertools
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml

from src.arithmetic.pins import processor_field

if TYPE_CHECKING:
    from torch import Tensor

    from src.models.networks import Model

ROOT = Path(__file__).parent.parent
THREADS = 2
HAS_TURNS = False  # in a process that is one of several, whose epochs take turns
KINDS = ("ae", "vae")


def report(seconds: float) -> None:
    """Print the seconds of an epoch; if it has turns, wait for the next one."""
    print(seconds, file=sys.__stdout__, flush=True)
    if HAS_TURNS:
        sys.stdin.readline()


def tutorial(kind: str, epochs: int, folder: Path | None = None) -> None:
    """The tutorial's loop: DataLoader, Adam, `.item()` at every step. Reports each epoch."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision.datasets import MNIST
    from torchvision.transforms import ToTensor

    from src.models.networks import Autoencoder, VariationalAutoencoder

    torch.set_num_threads(THREADS)
    data = DataLoader(MNIST(ROOT / "data", transform=ToTensor()), batch_size=128, shuffle=True)
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
    if folder:
        draw_like_the_tutorial(model, data, kind, folder)


def draw_like_the_tutorial(model: Any, data: Any, kind: str, folder: Path) -> None:
    """The tutorial's three pictures of a model and its animation, drawn as in a plain script."""
    import matplotlib
    import numpy as np
    import torch
    from PIL import Image

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    with torch.no_grad():
        for number, (x, y) in enumerate(data):
            z = model.encode(x)
            plt.scatter(z[:, 0], z[:, 1], c=y, cmap="tab10")
            if number == 99:
                plt.colorbar()
                break
        plt.savefig(folder / f"{kind}-latent.png")
        plt.close()

        far = 10 if kind == "ae" else 3
        reach = np.linspace(-far, far, 12)
        page = np.zeros((12 * 28, 12 * 28))
        for row, z2 in enumerate(reach[::-1]):
            for column, z1 in enumerate(reach):
                image = model.decoder(torch.Tensor([[z1, z2]])).reshape(28, 28)
                page[28 * row : 28 * row + 28, 28 * column : 28 * column + 28] = image
        plt.imshow(page)
        plt.savefig(folder / f"{kind}-grid.png")
        plt.close()

        x, y = next(iter(data))
        start, end = (model.encode(x[y == digit][:1]) for digit in (1, 0))
        for steps in (20, 100):
            line = torch.stack([start + (end - start) * t for t in np.linspace(0, 1, steps)])
            images = model.decoder(line[:, 0]).reshape(steps, 28, 28).numpy() * 255
            if steps == 20:
                plt.imshow(np.concatenate(list(images), axis=1))
                plt.savefig(folder / f"{kind}-interpolation.png")
                plt.close()
        frames = [Image.fromarray(image).convert("L").resize((256, 256)) for image in images]
        there_and_back = frames[1:] + frames[::-1]
        path = folder / f"{kind}.gif"
        frames[0].save(path, save_all=True, append_images=there_and_back, loop=1)


def prepare(
    kind: str, hidden_dims: int = 512, latent_dims: int = 2
) -> "tuple[Model, Tensor, Tensor]":
    """A model, and MNIST's training and test images, as in a training of this project."""
    from src.base.seeding import generator
    from src.data import idx
    from src.machine import devices
    from src.models.networks import initialise
    from src.models.registry import MODELS

    devices.use("cpu", THREADS, "portable")
    raw = ROOT / "data/MNIST/raw"
    images, _ = idx.load(raw, "train")
    test_images, _ = idx.load(raw, "test")
    model = MODELS[kind](latent_dims, hidden_dims=hidden_dims)
    initialise(model, generator(0, "benchmark"))
    return model, images, test_images


def training(
    kind: str, epochs: int, batch_size: int = 128, alone: bool = False, **dims: int
) -> None:
    """This project's training. Reports each epoch.

    Without `alone` an epoch includes the losses on the test images, and a saved state.
    """
    from src.train.checkpoint import Checkpoint
    from src.train.loop import Settings, fit

    model, images, test_images = prepare(kind, **dims)
    settings = Settings(epochs, batch_size, learning_rate=1e-3, seed=0)
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
            settings,
            checkpoint=None if alone else Checkpoint(Path(folder, "state.pt"), "benchmark"),
            publish=publish,
        )


def peer(kind: str, way: str, epochs: int) -> None:
    """The training in JAX. Reports each epoch, the first with its compilation."""
    from benchmarks import peer
    from src.data import idx

    pixels = idx.read_idx(ROOT / "data/MNIST/raw/train-images-idx3-ubyte")
    for seconds, _ in peer.train(kind, way, epochs, pixels.reshape(-1, 784)):
        report(seconds)


def steps(kind: str, rounds: int = 60, count: int = 30) -> None:
    """Reports `count` training steps, in native and in portable arithmetic by turns."""
    import torch

    from src.arithmetic import linear
    from src.base.seeding import generator
    from src.models.backpropagation import backpropagate
    from src.models.coding import greys
    from src.train.adam import Adam

    model, images, _ = prepare(kind)
    optimiser = Adam(model, 1e-3)
    noise = generator(0, "noise")
    order = torch.randperm(len(images), generator=generator(0, "order"))
    batches = itertools.cycle(order.split(128)[:-1])
    for _, arithmetic in itertools.product(range(rounds), ("native", "portable")):
        linear.use_portable(arithmetic == "portable")
        start = time.perf_counter()
        for indices in itertools.islice(batches, count):
            backpropagate(model, greys(images[indices]), noise, optimiser.update)
        report(time.perf_counter() - start)


def products(epochs: int, batch_size: int = 128, hidden_dims: int = 512) -> None:
    """The five large matrix products of a training alone. Reports each epoch."""
    import torch

    from src.arithmetic.linear import Linear
    from src.machine import devices

    devices.use("cpu", THREADS, "portable")
    first, last = Linear(784, hidden_dims), Linear(hidden_dims, 784)
    x, gradient = torch.rand(2, batch_size, 784)
    hidden, hidden_gradient = torch.rand(2, batch_size, hidden_dims)

    def keep_weights(*_: object) -> None:
        """An update that moves nothing."""

    with torch.inference_mode():
        for _ in range(epochs):
            start = time.perf_counter()
            for _ in range(-(-60_000 // batch_size)):
                first(x)
                last(hidden)
                last.backward(hidden, gradient, keep_weights)  # two products
                first.backward_of_weights(x, hidden_gradient, keep_weights)
            report(time.perf_counter() - start)


class Contender(NamedTuple):
    """What takes its turn: a call that measures seconds, and variables of its process."""

    call: str
    variables: Mapping[str, str] = MappingProxyType({})


def started(contender: Contender, turns: bool = False) -> "subprocess.Popen[str]":
    """A new process that makes the call.

    The process has as many of the processor's cores as threads: JAX asks for no number.
    """
    imports = "from src.arithmetic.pins import pin; pin(); from benchmarks import speed"
    settings = f"speed.THREADS, speed.HAS_TURNS = {THREADS}, {turns}; speed.use_cores()"
    return subprocess.Popen(
        [
            sys.executable,
            "-c",
            f"{imports}; {settings}; from benchmarks.speed import *; {contender.call}",
        ],
        cwd=ROOT,
        env=os.environ | dict(contender.variables),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


def printed_by(contender: Contender) -> str:
    """What a call of this module in a new process prints."""
    process = started(contender)
    printed, _ = process.communicate()
    if process.returncode:
        raise RuntimeError(f"{contender.call} failed")
    return printed


def use_cores() -> None:
    """Leave this process as many cores as it has threads, whatever other processes do."""
    from src.machine import claims

    claims.claim_cores = lambda *_: None
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-THREADS:])


def measure(call: str) -> list[float]:
    """The seconds that a call of this module measures in a new process."""
    return list(map(float, printed_by(Contender(call)).split()))


def machine() -> str:
    """The machine, and the releases of Python and torch, for the head of a table."""
    import torch

    instructions = torch.backends.cpu.get_cpu_capability()
    return (
        f"{instructions} on {platform.machine()} ({processor()}), threads: {THREADS}, "
        f"Python {platform.python_version()}, torch {torch.__version__}"
    )


def processor() -> str:
    """The name of the processor, as the system gives it."""
    return processor_field("model name") or platform.processor()


def spread(values: list[float]) -> str:
    """The median and, of several values, the lowest and the highest."""
    span = f" [{min(values):.2f} to {max(values):.2f}]" if len(values) > 1 else ""
    return f"{statistics.median(values):.2f}{span}"


def ratios(above: list[float], below: list[float]) -> list[float]:
    """The quotients of two lists of seconds, round by round."""
    return [a / b for a, b in zip(above, below, strict=True)]


def print_head(*columns: str) -> None:
    """The head of a table in Markdown."""
    print_row(*columns)
    print_row(*["---"] * len(columns))


def print_row(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |", flush=True)


def in_turns(contenders: dict[str, Contender], rounds: int) -> dict[str, list[float]]:
    """Seconds of the first epoch of each, and of one in each round.

    All processes stay, and one epoch runs at a time: a disturbance of the machine reaches all.
    """
    processes = {}
    seconds = {}
    for name, contender in contenders.items():
        process = started(contender, turns=True)
        processes[name] = process
        seconds[name] = [_read_seconds(process, contender.call)]
    for _, (name, process) in itertools.product(range(rounds), processes.items()):
        assert process.stdin
        print(file=process.stdin, flush=True)
        seconds[name].append(_read_seconds(process, contenders[name].call))
    for process in processes.values():
        process.kill()
        process.communicate()
    return seconds


def _read_seconds(process: "subprocess.Popen[str]", call: str) -> float:
    assert process.stdout
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(f"{call} failed")
    return float(line)


def has_jax() -> bool:
    """Whether JAX is installed; if not, a line says how to install it."""
    if find_spec("jax"):
        return True
    print("JAX takes part after `pip install -r requirements-jax.txt`.\n", file=sys.stderr)
    return False


def jax_ways(kind: str, epochs: int) -> dict[str, Contender]:
    """The ways to train with JAX; none where it is not installed."""
    if not has_jax():
        return {}
    scan = f"peer('{kind}', 'scan', {epochs})"
    ways = {
        "JAX, an epoch compiled as one scan": Contender(scan),
        "JAX, a compiled step in a loop": Contender(f"peer('{kind}', 'step', {epochs})"),
    }
    if "avx512f" in processor_field("flags").split():
        narrow = {"XLA_FLAGS": "--xla_cpu_max_isa=AVX2"}
        ways["JAX, one scan, without AVX-512"] = Contender(scan, narrow)
    return ways


def epochs(rounds: int) -> None:
    """An epoch of each model, of the tutorial's loop, of JAX, and of the products alone."""
    turns = rounds + 1  # the first warms up, and in JAX it compiles
    for kind in KINDS:
        contenders = {
            "this project": Contender(f"training('{kind}', {turns}, alone=True)"),
            "with test images and state": Contender(f"training('{kind}', {turns})"),
            "the bare products": Contender(f"products({turns})"),
            "the tutorial's loop": Contender(f"tutorial('{kind}', {turns})"),
            **jax_ways(kind, turns),
        }
        seconds = in_turns(contenders, rounds)
        print_head(f"{kind.upper()}: an epoch", "seconds", "times this project", "first: s more")
        for name, (first, *later) in seconds.items():
            ratio = spread(ratios(later, seconds["this project"][1:]))
            print_row(name, spread(later), ratio, f"{first - statistics.median(later):.2f}")
        print()


def trainings(rounds: int) -> None:
    """Twenty epochs from the start of the process to its end, here and in JAX."""
    print_head("twenty epochs with start and end", "seconds", "times this project")
    for kind in KINDS:
        contenders = {
            f"{kind.upper()}: this project": Contender(f"training('{kind}', 20, alone=True)")
        }
        if has_jax():
            contenders[f"{kind.upper()}: JAX"] = Contender(f"peer('{kind}', 'scan', 20)")
        seconds: dict[str, list[float]] = {name: [] for name in contenders}
        for _, (name, contender) in itertools.product(range(rounds), contenders.items()):
            start = time.perf_counter()
            printed_by(contender)
            seconds[name].append(time.perf_counter() - start)
        ours = next(iter(seconds.values()))
        for name, durations in seconds.items():
            print_row(name, spread(durations), spread(ratios(durations, ours)))


def arithmetic(rounds: int) -> None:
    """A training step of each model in portable and in native arithmetic."""
    print_head("a training step", "portable against native: times as long")
    for kind in KINDS:
        seconds = measure(f"steps('{kind}', rounds={12 * rounds})")[6:]  # without three warm-ups
        slower = ratios(seconds[1::2], seconds[::2])
        low, _, high = statistics.quantiles(slower, n=4)
        median = statistics.median(slower)
        print_row(kind.upper(), f"{median:.2f}, half of them {low:.2f} to {high:.2f}")


def sizes(rounds: int) -> None:
    """The stages evaluate and render for several latent_dims, and for the widest hidden layer."""
    print_head("size", "seconds of evaluate", "of render", "peak memory of both in GB")
    with clone() as run:
        for latent, hidden in [(1, 512), (2, 512), (8, 512), (64, 512), (784, 512), (2, 4096)]:
            run(*experiment("epochs=1", f"latent_dims={latent}", f"hidden_dims={hidden}"))
            cells = []
            peak = 0.0
            for name in ("evaluate", "render"):
                runs = [run(f"stages.{name}", DVC_STAGE=name) for _ in range(rounds)]
                cells.append(spread([seconds for seconds, _ in runs]))
                peak = max(peak, *(memory for _, memory in runs))
            print_row(f"latent_dims {latent}, hidden_dims {hidden}", *cells, f"{peak:.2f}")


def images(rounds: int) -> None:
    """The stages for several numbers of training images: MNIST's, shifted sideways."""
    names = ("train_ae", "train_vae", "evaluate", "render", "explore")
    print_head("training images", *(f"{name}: s, GB" for name in names))
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    with clone() as run, tempfile.TemporaryDirectory() as folder:
        for copies in (1, 2, 5, 10):
            make_set(f"{folder}/set", f"{run.folder}/data/sets/Made.yaml", copies)
            changes = ("dataset=Made", f"download.folder={folder}/set", "epochs=1")
            run(*experiment(*changes))
            cells = []
            for name in names:
                module = pipeline[name]["cmd"].split()[2:]
                runs = [run(*module, DVC_STAGE=name) for _ in range(rounds)]
                peak = max(memory for _, memory in runs)
                cells.append(f"{spread([seconds for seconds, _ in runs])}, {peak:.2f}")
            print_row(f"{copies * 60_000:,}", *cells)


def make_set(folder: str, description: str, copies: int) -> None:
    """Write the files of a data set with `copies` times MNIST's training images, and its YAML."""
    import numpy as np

    raw = ROOT / "data/MNIST/raw"
    shutil.copytree(raw, folder, dirs_exist_ok=True)
    content = np.fromfile(raw / "train-images-idx3-ubyte", np.uint8)
    greys = content[16:].reshape(-1, 28, 28)
    labels = np.fromfile(raw / "train-labels-idx1-ubyte", np.uint8)[8:]
    count = np.array(copies * len(greys), ">u4").tobytes()
    with open(f"{folder}/train-images-idx3-ubyte", "wb") as file:
        file.write(content[:4].tobytes() + count + content[8:16].tobytes())
        for shift in range(copies):
            file.write(np.roll(greys, shift - copies // 2, axis=2).tobytes())
    with open(f"{folder}/train-labels-idx1-ubyte", "wb") as file:
        file.write(bytes([0, 0, 8, 1]) + count + np.tile(labels, copies).tobytes())
    checksums = {}
    for path in Path(folder).iterdir():
        with open(path, "rb") as file:  # in parts: see `main` about the memory of this process
            checksums[path.name] = hashlib.file_digest(file, "sha256").hexdigest()
    facts = {
        "origin": "MNIST, shifted",
        "licence": "that of MNIST",
        "classes": [str(digit) for digit in range(10)],
        "files": checksums,
        "sources": {"torchvision": False},
    }
    Path(description).write_text(yaml.safe_dump(facts))


def growth(rounds: int) -> None:
    """An epoch of the AE for several sizes, each beside the bare products of this size."""
    print_head("AE, an epoch of 60,000 images", "seconds", "times the bare products")
    values = {
        "batch_size": (32, 128, 512, 2048, 8192),
        "hidden_dims": (512, 1024, 2048, 4096),
        "latent_dims": (2, 16, 64, 256),
    }
    for name, n in [(name, n) for name, numbers in values.items() for n in numbers]:
        epochs = rounds + 1
        size = f", {name}={n}"
        contenders = {
            "epoch": Contender(f"training('ae', {epochs}, alone=True{size})"),
            "products": Contender(f"products({epochs}{size if name != 'latent_dims' else ''})"),
        }
        seconds = in_turns(contenders, rounds)
        epoch, bare = seconds["epoch"][1:], seconds["products"][1:]
        print_row(f"{name} = {n}", spread(epoch), spread(ratios(epoch, bare)))


def timed(
    command: list[str], folder: str | Path, env: dict[str, str] | None = None
) -> tuple[float, float]:
    """Seconds and peak memory in GB of a Python module that runs in a folder.

    Processes that it starts and waits for are included.
    """
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=folder,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1e6


def experiment(*changes: str) -> list[str]:
    """The command of an experiment with changed parameters, such as "epochs=1"."""
    return ["dvc", "exp", "run", *(word for change in changes for word in ("-S", change))]


class Clone(NamedTuple):
    """A new clone of the last commit, in which it runs Python modules as `timed` does."""

    folder: str

    def __call__(self, *command: str, **variables: str) -> tuple[float, float]:
        return timed([*command], self.folder, os.environ | variables)


@contextlib.contextmanager
def clone() -> Iterator[Clone]:
    """A clone, removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["git", "clone", "--quiet", ROOT, f"{folder}/clone"], check=True)
        yield Clone(f"{folder}/clone")


def stages(rounds: int) -> None:
    """Each stage as DVC starts it: its peak memory, and its seconds without the one epoch."""
    pipeline = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    commands = {name: stage["cmd"].split()[2:] for name, stage in pipeline.items()}  # python -m
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    memory = dict.fromkeys(commands, 0.0)
    with clone() as run:
        run(*experiment("epochs=1"))
        for _, (name, command) in itertools.product(range(rounds), commands.items()):
            duration, peak = run(*command, DVC_STAGE=name)
            epoch = measure(f"training('{command[1]}', 1)")[0] if name.startswith("train_") else 0
            seconds[name].append(duration - epoch)
            memory[name] = max(memory[name], peak)
    print_head("stage, without its epochs", "seconds", "peak memory in GB")
    for name, durations in seconds.items():
        print_row(name, spread(durations), f"{memory[name]:.2f}")
    print_row("in sum", spread([sum(turn) for turn in zip(*seconds.values(), strict=True)]), "")


def queue(rounds: int) -> None:
    """Four experiments one by one, and two at a time."""
    ways = {"one by one, 2 threads": (2, 1), "two at a time, 1 thread each": (1, 2)}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for _, (way, (threads, jobs)) in itertools.product(range(rounds), ways.items()):
        with clone() as run:
            run("dvc", "repro", "download")
            run(*experiment("seed=1,2,3,4", "epochs=5", f"threads={threads}"), "--queue")
            seconds[way].append(run("dvc", "exp", "run", "--run-all", "--jobs", f"{jobs}")[0])
    print_head("four experiments of 5 epochs", "seconds")
    for way, durations in seconds.items():
        print_row(way, spread(durations))
    one_by_one, two_at_a_time = seconds.values()
    print(f"\ntwo at a time: {spread(ratios(one_by_one, two_at_a_time))} times faster")


def pipeline(rounds: int) -> None:
    """All of `dvc repro` against a plain script; with nothing to do, against `dvc status`."""
    project: list[float] = []
    script: list[float] = []
    idle: list[float] = []
    for _ in range(rounds):
        with clone() as run, tempfile.TemporaryDirectory() as folder:
            project.append(run("dvc", "repro")[0])
            idle += [run("dvc", "repro")[0] / run("dvc", "status")[0] for _ in range(5)]
            start = time.perf_counter()
            for kind in KINDS:
                measure(f"tutorial('{kind}', 20, Path('{folder}'))")
            script.append(time.perf_counter() - start)
    print_head("seconds of the plain script", "seconds of this project", "times faster")
    print_row(spread(script), spread(project), spread(ratios(script, project)))
    print(f"\n`dvc repro` with nothing to do: {spread(idle)} times `dvc status`")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for table in (trainings, arithmetic, stages, sizes, growth, images, queue, pipeline):
        parser.add_argument(
            f"--{table.__name__}", action="store_const", dest="table", const=table, default=epochs
        )
    parser.add_argument(
        "--rounds", type=int, default=5, help="how often each thing takes its turn (default: 5)"
    )
    parser.add_argument("--threads", type=int, default=THREADS, help="default: %(default)s")
    arguments = parser.parse_args()
    globals()["THREADS"] = arguments.threads
    # In a new process: one that has imported torch adds its memory to that of those it starts.
    print(printed_by(Contender("print(machine())")))
    arguments.table(arguments.rounds)


if __name__ == "__main__":
    main()
