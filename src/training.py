"""The training loop, and the table of losses that grows by a row an epoch."""

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from src.errors import UserError
from src.seeding import generator

LossTerms = Callable[[nn.Module, Tensor, torch.Generator], tuple[Tensor, Tensor]]


def train(
    model: nn.Module,
    images: Tensor,
    test_images: Tensor,
    terms: LossTerms,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    seed: int,
    beta: float = 1.0,
    kl_constant: float | None = None,
) -> Iterator[dict[str, float]]:
    """Train `model` in place with Adam on reconstruction + beta * KL; yield the losses of each epoch.

    `images` (n, 1, 28, 28) lie on the model's device. `terms` gives a batch's reconstruction loss and KL term.
    In a row, `loss`, `reconstruction` and `kl` are sums over the training images, taken while the weights
    move; the two losses per image are the loss that is minimised, for the test images at the epoch's end.
    `kl_constant` is what the KL term of an image has beyond a KL divergence: where it is given, a row also has
    the negative ELBO per image, which compares between numbers of latent dimensions and forms of the term.
    Raises UserError at a loss that is not finite.
    """
    optimiser = torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)
    for epoch in range(epochs):
        order = torch.randperm(len(images), generator=generator(seed, "order", epoch)).to(images.device)
        noise = generator(seed, "noise", epoch, device=images.device)
        batches = []
        for indices in order.split(batch_size):
            reconstruction, kl = terms(model, images[indices], noise)
            optimiser.zero_grad()
            (reconstruction + beta * kl).backward()
            optimiser.step()
            batches.append(torch.stack((reconstruction.detach(), kl.detach())))
        # The one place where the CPU waits for the device. MPS has no float64, hence `cpu` before `double`.
        sums = torch.stack(batches).cpu().double()
        _refuse_infinite(sums, epoch)
        reconstruction, kl = sums.sum(0).tolist()
        test_reconstruction, test_kl = evaluate(model, test_images, terms, seed=seed)
        loss = reconstruction + beta * kl
        row = {
            "epoch": epoch,
            "loss": loss,
            "reconstruction": reconstruction,
            "kl": kl,
            "train_loss_per_image": loss / len(images),
            "test_loss_per_image": test_reconstruction + beta * test_kl,
        }
        if kl_constant is not None:
            row["train_neg_elbo_per_image"] = (reconstruction + kl) / len(images) - kl_constant
            row["test_neg_elbo_per_image"] = test_reconstruction + test_kl - kl_constant
        yield row


@torch.no_grad()
def evaluate(model: nn.Module, images: Tensor, terms: LossTerms, *, seed: int) -> tuple[float, float]:
    """The mean reconstruction loss and KL term over images.

    The noise is the same every time, so that two epochs differ by their weights alone.
    """
    noise = generator(seed, "test noise", device=images.device)
    sums = torch.stack([torch.stack(terms(model, batch, noise)) for batch in images.split(10_000)])
    reconstruction, kl = (sums.cpu().double().sum(0) / len(images)).tolist()
    return reconstruction, kl


def _refuse_infinite(sums: Tensor, epoch: int) -> None:
    bad = (~sums.isfinite().all(1)).nonzero()
    if len(bad):
        raise UserError(
            f"the loss is not finite in epoch {epoch}, batch {bad[0].item()}: the weights have run away; "
            "try a smaller learning_rate or beta"
        )


def record(rows: Iterable[dict[str, float]], path: str | Path, *, epochs: int, title: str) -> None:
    """Write rows to a CSV file as they come, so that it can be watched, and show how far the training is."""
    terminal = sys.stderr.isatty()
    bar = tqdm(rows, desc=title, total=epochs, unit="epoch", disable=not terminal)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = None
        for row in bar:
            if writer is None:
                writer = csv.DictWriter(file, row, lineterminator="\n")
                writer.writeheader()
            writer.writerow({name: value if name == "epoch" else f"{value:.6f}" for name, value in row.items()})
            file.flush()
            train_loss, test_loss = row["train_loss_per_image"], row["test_loss_per_image"]
            bar.set_postfix_str(f"loss per image: train {train_loss:.2f}, test {test_loss:.2f}")
            if not terminal:
                print(
                    f"{title}: epoch {row['epoch'] + 1} of {epochs}, "
                    f"loss per image: train {train_loss:.2f}, test {test_loss:.2f}",
                    flush=True,
                )
