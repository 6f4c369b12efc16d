"""What a training leaves: the film and the loss table."""

from pathlib import Path

import numpy as np
import pytest

from src.base.errors import UserError
from src.history.film import Film, dump_film, empty_film, load_film
from src.history.loss_table import read_losses


def small_film() -> Film:
    film = empty_film(4, 1_200, 3)
    film.codes[:] = np.random.default_rng(0).normal(size=film.codes.shape)
    return film


@pytest.mark.parametrize("epochs", [1, 20, 50, 51, 99, 100_000])
def test_frames_are_evenly_spread(epochs: int) -> None:
    """The first is before the training, the last after it; a few epochs have all frames."""
    chosen = empty_film(epochs, 10, 2).epochs
    steps = np.diff(chosen)
    assert (chosen[0], chosen[-1], len(chosen)) == (0, epochs, min(epochs, 50) + 1)
    assert steps.max() - steps.min() <= 1
    assert steps.min() >= 1


@pytest.mark.parametrize(("dims", "images"), [(1, 1500), (32, 1500), (33, 1454), (784, 61)])
def test_frame_has_few_numbers(dims: int, images: int) -> None:
    """With many latent dimensions it shows fewer images."""
    film = empty_film(1, 60_000, dims)
    assert film.codes.shape == (2, images, dims)
    assert film.codes[0].size <= 48_000


@pytest.mark.parametrize("total", [1, 7, 1200, 1501, 60_000])
def test_images_are_evenly_spread(total: int) -> None:
    """None is twice in a frame."""
    images = empty_film(1, total, 2).images
    steps = np.diff(images, append=total)
    assert images[0] == 0
    assert len(images) == min(total, 1500)
    assert steps.max() - steps.min() <= 1
    assert steps.min() >= 1


def test_film_comes_back(tmp_path: Path) -> None:
    """Equal films have equal bytes."""
    film = small_film()
    (tmp_path / "ae.npz").write_bytes(dump_film(film))
    loaded = load_film(tmp_path / "ae.npz")
    assert all(np.array_equal(a, b) for a, b in zip(film, loaded, strict=True))
    assert dump_film(loaded) == dump_film(small_film())


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"epoch,kl\n0,1\n", b"epoch,loss\n0,many\n", b"epoch,loss\n0,1\n1,2,3,4\n"],
)
def test_damaged_loss_table_is_named(content: bytes) -> None:
    """The error names the file, the column, and the command that restores the file."""
    message = r"^reports/ae/loss.csv has no column 'loss' .*`git checkout .*`$"
    with pytest.raises(UserError, match=message):
        read_losses("reports/ae/loss.csv", content, "loss")
