"""The training loop, its film, and the loss table that grows by a row an epoch."""

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from tqdm import tqdm

from src.base.errors import UserError
from src.base.seeding import generator
from src.history.film import Film, empty_film
from src.history.loss_table import dump_losses
from src.models.backpropagation import backpropagate
from src.models.coding import BATCH, encode, greys
from src.models.losses import loss_of
from src.models.networks import Model
from src.train.adam import Adam
from src.train.checkpoint import Checkpoint


@dataclass(frozen=True)
class Settings:
    """How to train."""

    epochs: int
    batch_size: int
    learning_rate: float
    seed: int


def fit(
    model: Model,
    images: Tensor,
    test_images: Tensor,
    settings: Settings,
    *,
    checkpoint: Checkpoint | None = None,
    publish: Callable[[bytes], None] = lambda table: None,
) -> tuple[bytes, Film]:
    """Train `model` in place with Adam; the loss table of all epochs, a CSV file, and the film.

    The images, (n, 28, 28) of bytes, are on the model's device. `checkpoint` keeps the state
    after each epoch; if it holds one already, the training goes on from there. `publish` gets the
    table after each epoch, for those who watch. Raises UserError if a loss is not finite.
    """
    optimiser = Adam(model, settings.learning_rate)
    film = empty_film(settings.epochs, len(images), int(model.config["latent_dims"]))
    rows = checkpoint.restore(model, optimiser, film) if checkpoint else []
    terminal = sys.stderr.isatty()
    bar = tqdm(
        range(len(rows), settings.epochs),
        desc=model.title,
        initial=len(rows),
        total=settings.epochs,
        unit="epoch",
        disable=not terminal,
    )
    for epoch in bar:
        _take_frame(film, epoch, model, images)
        rows.append(_epoch(model, optimiser, images, test_images, settings, epoch))
        if checkpoint:
            checkpoint.save(model, optimiser, film, rows)
        publish(dump_losses(rows))
        losses = "train {train_loss_per_image:.2f}, test {test_loss_per_image:.2f}"
        progress = f"loss per image: {losses.format(**rows[-1])}"
        bar.set_postfix_str(progress)
        if not terminal:
            print(f"{model.title}: epoch {epoch + 1} of {settings.epochs}, {progress}", flush=True)
    _take_frame(film, settings.epochs, model, images)
    return dump_losses(rows), film


def _take_frame(film: Film, finished_epochs: int, model: Model, images: Tensor) -> None:
    """Put the codes after so many epochs into the film, if it has a frame for them."""
    if finished_epochs in film.epochs:
        film.codes[film.epochs == finished_epochs] = encode(model.eval(), images[film.images])


def _epoch(
    model: Model,
    optimiser: Adam,
    images: Tensor,
    test_images: Tensor,
    settings: Settings,
    epoch: int,
) -> dict[str, float]:
    """Train for one epoch; its row of the loss table."""
    order = torch.randperm(len(images), generator=generator(settings.seed, "order", epoch))
    noise = generator(settings.seed, "noise", epoch, device=images.device)
    # For layers such as dropout, which take no generator but draw from torch's global one.
    torch.manual_seed(generator(settings.seed, "layers", epoch).initial_seed())
    model.train()
    batches = order.to(images.device).split(settings.batch_size)
    # One tensor for the epoch: a small one from each step would stay between the blocks of memory
    # that the next step needs again.
    terms = torch.empty(len(batches), 2 + len(model.further_terms), device=images.device)
    for indices, row in zip(batches, terms.unbind(), strict=True):
        x = greys(images.index_select(0, indices))
        torch.stack(backpropagate(model, x, noise, optimiser.update), out=row)
    # The one place where the CPU waits for the device. MPS has no float64: `cpu`, then `double`.
    terms = terms.cpu().double()
    faulty = (~terms.isfinite().all(1)).nonzero()
    if len(faulty):
        raise _not_finite(f"in epoch {epoch}, batch {faulty[0].item()}")
    test_means = measure(model, test_images, seed=settings.seed)
    if not all(map(math.isfinite, test_means)):  # the last step can still diverge
        raise _not_finite(f"on the test images after epoch {epoch}")
    return _row(epoch, terms.sum(0).tolist(), len(images), test_means, model)


def _not_finite(place: str) -> UserError:
    return UserError(
        f"the loss is not finite {place}: try a smaller learning_rate or beta in params.yaml"
    )


def _row(
    epoch: int, sums: list[float], image_count: int, test_means: list[float], model: Model
) -> dict[str, float]:
    """The row of an epoch.

    `loss`, `reconstruction` and `kl` are sums over the training images, taken while the weights
    move. `train_loss_per_image` is `loss` divided by the number of images;
    `test_loss_per_image` is measured on the test images after the epoch. With a KL term there
    is the negative ELBO per image too, comparable between latent_dims and forms of the term; no
    further term of the loss is part of it.
    """
    loss = loss_of(sums, model.beta)
    row = {
        "epoch": epoch,
        "loss": loss,
        **dict(zip(("reconstruction", "kl", *model.further_terms), sums, strict=True)),
        "train_loss_per_image": loss / image_count,
        "test_loss_per_image": loss_of(test_means, model.beta),
    }
    if model.kl_constant is not None:
        row["train_neg_elbo_per_image"] = sum(sums[:2]) / image_count - model.kl_constant
        row["test_neg_elbo_per_image"] = sum(test_means[:2]) - model.kl_constant
    return row


@torch.no_grad()
def measure(model: Model, images: Tensor, *, seed: int) -> list[float]:
    """The mean of each of the model's `loss_terms` of images, (n, 28, 28) of bytes.

    The noise is the same every time, so that two epochs differ by their weights alone.
    """
    model.eval()
    noise = generator(seed, "test noise", device=images.device)
    batches = images.split(BATCH)
    terms = torch.stack([torch.stack(model.loss_terms(greys(batch), noise)) for batch in batches])
    return (terms.cpu().double().sum(0) / len(images)).tolist()
