"""Latent space: planes, grids, lines, sweeps and samples; and that pictures show what they say."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from src.base.errors import UserError
from src.latent import geometry
from src.latent.codes import Codes
from src.models.loss_table import read_losses
from src.render import figures
from stages import render
from stages.guard import Parameters

RNG = np.random.default_rng(0)
CLASSES = list("abcdefghij")


def codes_of(dims: int, n: int = 400) -> np.ndarray:
    return (RNG.normal(size=(n, dims)) * np.linspace(3, 0.5, dims) + 1).astype(np.float32)


@pytest.mark.parametrize("dims", [1, 2, 3, 10])
def test_a_point_of_the_plane_keeps_its_coordinates(dims):
    plane = geometry.plane_of(codes_of(dims))
    points = RNG.normal(size=(5, min(dims, 2)))
    assert np.allclose(plane.project(plane.lift(points)), points)
    assert len(plane.names) == points.shape[1]


@pytest.mark.parametrize("dims", [1, 2])
def test_up_to_two_dimensions_the_plane_is_latent_space_itself(dims):
    codes = codes_of(dims)
    assert np.array_equal(geometry.plane_of(codes).project(codes), codes)


def test_beyond_two_dimensions_the_plane_keeps_the_most_variance_with_fixed_signs():
    codes = codes_of(6)
    plane = geometry.plane_of(codes)
    points = plane.project(codes)
    largest = np.sort(np.linalg.svd(codes - codes.mean(0), compute_uv=False) ** 2)[::-1][:2]
    assert np.allclose((points**2).sum(0), largest, rtol=1e-4)
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in plane.axes)
    share = largest[0] / ((codes - codes.mean(0)) ** 2).sum()
    assert f"{share:.0%}" in plane.names[0]


def test_codes_that_do_not_vary_still_have_a_plane_and_a_grid():
    codes = np.ones((50, 5), np.float32)
    plane = geometry.plane_of(codes)
    grid = geometry.grid(geometry.grid_span(plane.project(codes), "auto"), 4)
    assert np.isfinite(plane.lift(grid)).all()


def test_a_grid_runs_over_its_span_from_the_top_left():
    points = geometry.grid([(-3.0, 3.0), (10.0, 20.0)], 4).reshape(4, 4, 2)
    assert points[0, 0].tolist() == [-3, 20]
    assert points[-1, -1].tolist() == [3, 10]
    assert np.allclose(points[0, :, 0], [-3, -1, 1, 3])


def test_an_automatic_span_holds_nearly_all_codes_in_square_tiles():
    points = codes_of(2)
    span = geometry.grid_span(points, "auto")
    inside = [(low <= points[:, i]) & (points[:, i] <= high) for i, (low, high) in enumerate(span)]
    assert np.mean(inside) > 0.97
    assert span[0][1] - span[0][0] == pytest.approx(span[1][1] - span[1][0])
    assert geometry.grid_span(points, [-3, 3]) == [(-3, 3), (-3, 3)]


def test_a_line_is_straight_and_has_both_ends():
    start, end = codes_of(4, 2)
    points = geometry.line(start, end, 7)
    assert np.allclose(points[[0, -1]], [start, end], atol=1e-5)
    assert np.allclose(np.diff(points, axis=0), (end - start) / 6, atol=1e-5)


def test_sweeps_take_the_dimensions_with_the_most_variance_first_one_at_a_time():
    codes = codes_of(12)
    dims, points = geometry.sweeps(codes, rows=10, steps=5)
    assert dims == np.argsort(-codes.var(0)).tolist()[:10]
    for dim, sweep in zip(dims, points, strict=True):
        assert np.unique(sweep[:, dim]).size == 5
        assert np.allclose(np.delete(sweep, dim, 1), np.delete(codes.mean(0), dim))


def test_samples_have_the_distribution_that_they_are_drawn_from():
    noise = torch.Generator().manual_seed(0)
    assert np.allclose(geometry.sample_prior(50_000, 2, 0.7071, noise).std(0), 0.7071, atol=0.01)
    codes = codes_of(3, 5000) @ np.array(
        [[1, 0.5, 0], [0, 1, 0], [0, 0, 0]]
    )  # with a dead dimension
    drawn = geometry.sample_gaussian(codes, 50_000, noise)
    assert np.allclose(drawn.mean(0), codes.mean(0), atol=0.1)
    assert np.allclose(np.cov(drawn.T), np.cov(codes.T), atol=0.4)


def test_tiles_lie_row_by_row():
    images = np.arange(6)[:, None, None] * np.ones((6, 28, 28))
    tiled = figures.tile(images, columns=3)
    assert tiled.shape == (56, 84)
    assert tiled[::28, ::28].tolist() == [[0, 1, 2], [3, 4, 5]]


@pytest.mark.parametrize("dims", [1, 2])
def test_a_tile_is_centred_on_its_latent_coordinates(dims):
    span = [(-3.0, 3.0)] * dims
    points = geometry.grid(span, 4)
    figure = figures.decoded_grid(np.zeros((len(points), 28, 28)), ("z1", "z2"), span, "grid")
    left, right, bottom, top = figure.axes[0].images[0].get_extent()
    assert left + (right - left) / 8 == pytest.approx(-3)
    assert right - (right - left) / 8 == pytest.approx(3)
    if dims == 2:
        assert bottom + (top - bottom) / 8 == pytest.approx(-3)
    assert (top - bottom) / (1 if dims == 1 else 4) == pytest.approx(
        (right - left) / 4
    )  # square tiles


def test_the_scatter_has_ten_centred_colours_equal_axes_and_the_frame_of_the_grid():
    labels = np.arange(400) % 10
    figure = figures.latent_scatter(
        codes_of(2), labels, CLASSES, ("z1", "z2"), [(-3, 3), (-2, 4)], "codes"
    )
    axes, bar = figure.axes
    assert axes.get_aspect() == 1
    assert [label.get_text() for label in bar.get_yticklabels()] == CLASSES
    assert len({tuple(colour) for colour in axes.collections[0].to_rgba(np.arange(10))}) == 10
    assert (axes.patches[0].get_xy(), axes.patches[0].get_width()) == ((-3, -2), 6)


def test_the_animation_runs_forwards_and_back_for_ever_without_a_frame_twice_in_a_row():
    images = np.linspace(0, 1, 6)[:, None, None] * np.ones((6, 28, 28))
    with Image.open(io.BytesIO(figures.gif(images))) as gif:
        assert (gif.size, gif.n_frames, gif.info["loop"]) == ((256, 256), 10, 0)
        greys = []
        for i in range(gif.n_frames):
            gif.seek(i)
            greys.append(gif.convert("L").getpixel((128, 128)))
    assert greys[:6] == sorted(greys[:6])
    assert greys[6:] == greys[4:0:-1]


def test_a_picture_is_the_same_bytes_every_time():
    one, other = (figures.png(figures.samples(np.zeros((9, 28, 28)), "nine")) for _ in range(2))
    assert one == other
    assert b"atplotlib" not in one


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"epoch,kl\n0,1\n", b"epoch,loss\n0,many\n", b"epoch,loss\n0,1\n1,2,3,4\n"],
)
def test_a_damaged_table_of_losses_is_told_with_the_way_to_restore_it(content):
    with pytest.raises(
        UserError, match=r"^reports/ae/loss.csv has no column 'loss' .*`git checkout .*`$"
    ):
        read_losses("reports/ae/loss.csv", content, "loss")


def test_a_class_without_a_test_image_is_no_end_of_a_line():
    codes = Codes(np.zeros((4, 2)), np.arange(4), np.zeros((2, 2)), np.array([1, 3]))
    wanted = Parameters(interpolation_classes=[1, 0])
    with pytest.raises(
        UserError, match=r"interpolation_classes is \[1, 0\], but .* class 0; allowed are 1, 3$"
    ):
        render._line(None, codes, CLASSES, "", wanted)


def test_columns_of_the_overview_lie_side_by_side_in_their_own_colours():
    def picture(colour):
        file = io.BytesIO()
        Image.new("RGB", (40, 20), colour).save(file, "PNG")
        return file.getvalue()

    columns = [[picture(top), picture("white")] for top in ("red", "blue")]
    page = Image.open(io.BytesIO(figures.overview(columns, width=20)))
    assert page.size == (40, 20)
    assert [page.convert("RGB").getpixel(at) for at in ((10, 5), (30, 5), (10, 15))] == [
        (255, 0, 0), (0, 0, 255), (255, 255, 255)
    ]  # fmt: skip


def test_a_title_too_long_for_its_picture_is_broken_and_one_that_fits_is_not():
    def title(about):
        return (
            figures.samples(
                np.zeros((100, 28, 28)),
                f"{about}: samples from the prior, standard deviation 0.7071",
            )
            .axes[0]
            .get_title()
        )

    assert "\n" not in title("VAE, latent_dims = 2")
    assert title("VAE, latent_dims = 784").startswith("VAE, latent_dims = 784:\n")
