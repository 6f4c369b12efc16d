"""The training loop, the table of losses that grows by a row an epoch, and what an interrupted run goes on from."""

import csv
import io
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from src import mnist
from src.checkpoint import Checkpoint, fingerprint
from src.errors import UserError
from src.files import write_whole
from src.seeding import generator

LossTerms = Callable[[nn.Module, Tensor, torch.Generator], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Settings:
    """How to train; `kl_constant` is what the KL term of an image has beyond a KL divergence, None for no VAE."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int
    beta: float = 1.0
    kl_constant: float | None = None


def train(
    model: nn.Module,
    images: Tensor,
    test_images: Tensor,
    terms: LossTerms,
    settings: Settings,
    checkpoint: Checkpoint | None = None,
) -> Iterator[dict[str, float]]:
    """Train `model` in place with Adam on reconstruction + beta * KL; yield the losses of each epoch.

    `images` (n, 1, 28, 28) lie on the model's device. `terms` gives a batch's reconstruction loss and KL term.
    In a row, `loss`, `reconstruction` and `kl` are sums over the training images, taken while the weights
    move; the two losses per image are the loss that is minimised, for the test images at the epoch's end. A
    VAE's row also has the negative ELBO per image, which compares between numbers of latent dimensions and
    forms of the KL term. A `checkpoint` holds the state after each epoch; the training goes on from one that
    is there. Raises UserError at a loss that is not finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=settings.learning_rate, fused=True)
    rows = checkpoint.restore(model, optimiser) if checkpoint else []
    yield from rows
    for epoch in range(len(rows), settings.epochs):
        sums = _epoch(model, optimiser, images, terms, settings, epoch)
        test_means = evaluate(model, test_images, terms, seed=settings.seed)
        if not all(map(math.isfinite, test_means)):  # the last step can still run away
            raise _not_finite(f"on the test images after epoch {epoch}")
        rows.append(_row(epoch, sums, len(images), test_means, settings))
        if checkpoint:
            checkpoint.save(model, optimiser, rows)
        yield rows[-1]


def _epoch(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    images: Tensor,
    terms: LossTerms,
    settings: Settings,
    epoch: int,
) -> tuple[float, float]:
    """Train for one epoch; the reconstruction loss and the KL term summed over its images."""
    order = torch.randperm(len(images), generator=generator(settings.seed, "order", epoch)).to(images.device)
    noise = generator(settings.seed, "noise", epoch, device=images.device)
    batches = []
    for indices in order.split(settings.batch_size):
        reconstruction, kl = terms(model, images[indices], noise)
        optimiser.zero_grad()
        (reconstruction + settings.beta * kl).backward()
        optimiser.step()
        batches.append(torch.stack((reconstruction.detach(), kl.detach())))
    # The one place where the CPU waits for the device. MPS has no float64, hence `cpu` before `double`.
    sums = torch.stack(batches).cpu().double()
    bad = (~sums.isfinite().all(1)).nonzero()
    if len(bad):
        raise _not_finite(f"in epoch {epoch}, batch {bad[0].item()}")
    reconstruction, kl = sums.sum(0).tolist()
    return reconstruction, kl


def _not_finite(where: str) -> UserError:
    return UserError(f"the loss is not finite {where}: try a smaller learning_rate or beta in params.yaml")


def _row(
    epoch: int, sums: tuple[float, float], images: int, test_means: tuple[float, float], settings: Settings
) -> dict[str, float]:
    (reconstruction, kl), (test_reconstruction, test_kl) = sums, test_means
    loss = reconstruction + settings.beta * kl
    row = {
        "epoch": epoch,
        "loss": loss,
        "reconstruction": reconstruction,
        "kl": kl,
        "train_loss_per_image": loss / images,
        "test_loss_per_image": test_reconstruction + settings.beta * test_kl,
    }
    if settings.kl_constant is not None:
        row["train_neg_elbo_per_image"] = (reconstruction + kl) / images - settings.kl_constant
        row["test_neg_elbo_per_image"] = test_reconstruction + test_kl - settings.kl_constant
    return row


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, terms: LossTerms, *, seed: int) -> tuple[float, float]:
    """The mean reconstruction loss and KL term over images.

    The noise is the same every time, so that two epochs differ by their weights alone.
    """
    noise = generator(seed, "test noise", device=images.device)
    sums = torch.stack([torch.stack(terms(model, batch, noise)) for batch in images.split(1_000)])
    reconstruction, kl = (sums.cpu().double().sum(0) / len(images)).tolist()
    return reconstruction, kl


def record(
    rows: Iterable[dict[str, float]], path: str | Path, *, epochs: int, title: str, lock: AbstractContextManager
) -> bytes:
    """Write rows to a CSV file as they come, so that it can be watched, and show how far the training is; the file.

    The file is written anew for every row, while `lock` is held: whoever holds the lock may replace it.
    """
    terminal = sys.stderr.isatty()
    bar = tqdm(rows, desc=title, total=epochs, unit="epoch", disable=not terminal)
    table = io.StringIO()
    for row in bar:
        writer = csv.DictWriter(table, row, lineterminator="\n")
        if not table.tell():
            writer.writeheader()
        writer.writerow({name: value if name == "epoch" else f"{value:.6f}" for name, value in row.items()})
        with lock:
            write_whole(path, table.getvalue().encode())
        losses = "loss per image: train {train_loss_per_image:.2f}, test {test_loss_per_image:.2f}".format(**row)
        bar.set_postfix_str(losses)
        if not terminal:
            print(f"{title}: epoch {row['epoch'] + 1} of {epochs}, {losses}", flush=True)
    return table.getvalue().encode()


def fit(
    model: nn.Module,
    terms: partial,
    settings: Settings,
    *,
    title: str,
    raw: str,
    table: str,
    state: str,
    lock: AbstractContextManager,
) -> bytes:
    """Train `model` in place on the MNIST files of the folder `raw`; the table of losses, as written to `table`.

    The file `state` holds the training after its last finished epoch: an interrupted one goes on from there.
    The table is written while `lock` is held.
    """
    device = next(model.parameters()).device
    images, _ = mnist.load(raw, "train", device)
    test_images, _ = mnist.load(raw, "test", device)
    decisive = {
        "model": [type(model).__name__, model.config],
        "terms": [terms.func.__name__, {name: value.__name__ for name, value in terms.keywords.items()}],
        "settings": asdict(settings),
        "hardware": [device.type, torch.get_num_threads()],
    }
    checkpoint = Checkpoint(Path(state), fingerprint(decisive, list(Path(raw).iterdir())))
    rows = train(model, images, test_images, terms, settings, checkpoint)
    return record(rows, table, epochs=settings.epochs, title=title, lock=lock)
