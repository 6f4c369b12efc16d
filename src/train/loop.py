"""The training loop, and the table of losses that grows by a row an epoch."""

import csv
import io
import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from tqdm import tqdm

from src.base.errors import UserError
from src.base.seeding import generator
from src.models.losses import Objective
from src.train.adam import Adam
from src.train.checkpoint import Checkpoint

EVALUATION_BATCH = 1_000  # test images at a time: bounds the memory, and stays in the caches


@dataclass(frozen=True)
class Settings:
    """How to train."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int


def fit(
    model: nn.Module,
    images: Tensor,
    test_images: Tensor,
    objective: Objective,
    settings: Settings,
    *,
    title: str,
    checkpoint: Checkpoint | None = None,
    publish: Callable[[bytes], None] = lambda table: None,
) -> bytes:
    """Train `model` in place with Adam on images (n, 1, 28, 28) on its device; the table of losses, a CSV file.

    A `checkpoint` holds the state after each epoch; the training goes on from one that is there. `publish` gets
    the table after each epoch, so that it can be watched. Raises UserError at a loss that is not finite.
    """
    optimiser = Adam(model, settings.learning_rate)
    rows = checkpoint.restore(model, optimiser) if checkpoint else []
    terminal = sys.stderr.isatty()
    todo, counts = (
        range(len(rows), settings.epochs),
        {"initial": len(rows), "total": settings.epochs, "unit": "epoch"},
    )
    bar = tqdm(todo, desc=title, disable=not terminal, **counts)
    for epoch in bar:
        rows.append(_epoch(model, optimiser, images, test_images, objective, settings, epoch))
        if checkpoint:
            checkpoint.save(model, optimiser, rows)
        publish(_table(rows))
        said = "loss per image: train {train_loss_per_image:.2f}, test {test_loss_per_image:.2f}".format(
            **rows[-1]
        )
        bar.set_postfix_str(said)
        if not terminal:
            print(f"{title}: epoch {epoch + 1} of {settings.epochs}, {said}", flush=True)
    return _table(rows)


def _epoch(
    model: nn.Module,
    optimiser: Adam,
    images: Tensor,
    test_images: Tensor,
    objective: Objective,
    settings: Settings,
    epoch: int,
) -> dict[str, float]:
    """Train for one epoch; its row of the table.

    `loss`, `reconstruction` and `kl` are sums over the training images, taken while the weights move; the two
    losses per image are the loss that is minimised, for the test images at the epoch's end. A model with a KL term
    also has the negative ELBO per image, which compares between numbers of latent dimensions and forms of the term.
    """
    order = torch.randperm(len(images), generator=generator(settings.seed, "order", epoch)).to(
        images.device
    )
    noise = generator(settings.seed, "noise", epoch, device=images.device)
    batches = []
    for indices in order.split(settings.batch_size):
        reconstruction, kl = objective.terms(model, images[indices], noise)
        (reconstruction + objective.beta * kl).backward()
        optimiser.step()
        batches.append(torch.stack((reconstruction.detach(), kl.detach())))
    # The one place where the CPU waits for the device. MPS has no float64, hence `cpu` before `double`.
    sums = torch.stack(batches).cpu().double()
    bad = (~sums.isfinite().all(1)).nonzero()
    if len(bad):
        raise _not_finite(f"in epoch {epoch}, batch {bad[0].item()}")
    test_means = evaluate(model, test_images, objective, seed=settings.seed)
    if not all(map(math.isfinite, test_means)):  # the last step can still run away
        raise _not_finite(f"on the test images after epoch {epoch}")
    return _row(epoch, sums.sum(0).tolist(), len(images), test_means, objective)


def _not_finite(where: str) -> UserError:
    return UserError(
        f"the loss is not finite {where}: try a smaller learning_rate or beta in params.yaml"
    )


def _row(
    epoch: int, sums: list[float], images: int, test_means: list[float], objective: Objective
) -> dict[str, float]:
    (reconstruction, kl), (test_reconstruction, test_kl) = sums, test_means
    loss = reconstruction + objective.beta * kl
    row = {
        "epoch": epoch,
        "loss": loss,
        "reconstruction": reconstruction,
        "kl": kl,
        "train_loss_per_image": loss / images,
        "test_loss_per_image": test_reconstruction + objective.beta * test_kl,
    }
    if objective.kl_constant is not None:
        row["train_neg_elbo_per_image"] = (reconstruction + kl) / images - objective.kl_constant
        row["test_neg_elbo_per_image"] = test_reconstruction + test_kl - objective.kl_constant
    return row


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, objective: Objective, *, seed: int) -> list[float]:
    """The mean reconstruction loss and KL term over images.

    The noise is the same every time, so that two epochs differ by their weights alone.
    """
    noise = generator(seed, "test noise", device=images.device)
    batches = images.split(EVALUATION_BATCH)
    sums = torch.stack([torch.stack(objective.terms(model, batch, noise)) for batch in batches])
    return (sums.cpu().double().sum(0) / len(images)).tolist()


def _table(rows: list[dict[str, float]]) -> bytes:
    """Rows of losses as a CSV file, six digits behind the point."""
    table = io.StringIO()
    writer = csv.DictWriter(table, rows[0], lineterminator="\n")
    writer.writeheader()
    writer.writerows(
        {name: value if name == "epoch" else f"{value:.6f}" for name, value in row.items()}
        for row in rows
    )
    return table.getvalue().encode()
