"""Latent space: the file of codes; planes, grids, lines, sweeps and samples."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch

from src.base.errors import UserError
from src.latent import geometry
from src.latent.codes import Codes, dump_codes, load_codes


def random_codes(dims: int, n: int = 400, seed: int = 0) -> np.ndarray:
    """Codes (n, dims) with means of 1 and standard deviations from 3 down to 0.5."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, dims)) * np.linspace(3, 0.5, dims) + 1).astype(np.float32)


def codes_of_ten_classes() -> Codes:
    return Codes(random_codes(2), np.arange(400) % 10, random_codes(2, n=9), np.arange(9))


def npz(**arrays: np.ndarray) -> bytes:
    """An .npz file with other arrays than `Codes` has."""
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_codes_come_back(tmp_path: Path) -> None:
    """A file of codes holds what was written. Equal codes give equal bytes: no clock is in it."""
    codes = codes_of_ten_classes()
    (tmp_path / "ae.npz").write_bytes(dump_codes(codes))
    loaded = load_codes(tmp_path / "ae.npz")
    assert all(np.array_equal(a, b) for a, b in zip(codes, loaded, strict=True))
    assert dump_codes(loaded) == dump_codes(codes_of_ten_classes())
    assert loaded.latent_dims == 2


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(dump_codes(codes_of_ten_classes())[:-100], id="cut off"),
        pytest.param(b"", id="empty"),
        pytest.param(np.random.default_rng(0).bytes(3000), id="random bytes"),
        pytest.param(npz(codes=np.zeros((4, 2))), id="other arrays"),
        pytest.param(
            npz(**codes_of_ten_classes()._asdict() | {"train": np.array([{}], dtype=object)}),
            id="a pickle",
        ),
    ],
)
def test_damaged_codes_are_refused(tmp_path: Path, content: bytes) -> None:
    """The error names the file, and the command that makes it again."""
    path = tmp_path / "ae.npz"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"ae\.npz.*dvc repro"):
        load_codes(path)


@pytest.mark.parametrize("dims", [1, 2, 3, 10])
def test_plane_keeps_coordinates(dims: int) -> None:
    """A point that is lifted and projected again is where it was; small codes are as they are."""
    codes = random_codes(dims)
    plane = geometry.plane_of(codes)
    points = np.random.default_rng(1).normal(size=(5, min(dims, 2)))
    assert np.allclose(plane.project(plane.lift(points)), points)
    assert len(plane.names) == points.shape[1]
    if dims <= 2:
        assert np.array_equal(plane.project(codes), codes)


def test_plane_keeps_the_most_variance() -> None:
    """Beyond two dimensions, the plane holds as much variance as a plane can."""
    codes = random_codes(6)
    plane = geometry.plane_of(codes)
    squares = (plane.project(codes) ** 2).sum(0)
    centred = codes - codes.mean(0)
    expected = np.sort(np.linalg.svd(centred, compute_uv=False) ** 2)[::-1][:2]
    assert np.allclose(squares, expected, rtol=1e-4)
    assert f"{expected[0] / (centred**2).sum():.0%}" in plane.names[0]


def test_signs_of_axes_are_fixed() -> None:
    """The largest entry of a principal axis is positive."""
    axes = geometry.plane_of(random_codes(6)).axes
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)


def test_equal_codes_have_a_grid() -> None:
    """Codes that do not vary still have a plane and a grid of finite numbers."""
    codes = np.ones((50, 5), np.float32)
    plane = geometry.plane_of(codes)
    grid = geometry.grid(geometry.grid_span(plane.project(codes), "auto"), 4)
    assert np.isfinite(plane.lift(grid)).all()


def test_grid_starts_at_the_top_left() -> None:
    """Rows run from the top down, columns from left to right, and both ends are in the grid."""
    points = geometry.grid([(-3.0, 3.0), (10.0, 20.0)], 4).reshape(4, 4, 2)
    assert points[0, 0].tolist() == [-3, 20]
    assert points[-1, -1].tolist() == [3, 10]
    assert np.allclose(points[0, :, 0], [-3, -1, 1, 3])


def test_automatic_span_holds_the_codes() -> None:
    """Nearly all codes lie inside the automatic span, and its tiles are square."""
    points = random_codes(2)
    span = geometry.grid_span(points, "auto")
    inside = [(low <= points[:, i]) & (points[:, i] <= high) for i, (low, high) in enumerate(span)]
    assert np.mean(inside) > 0.97
    assert span[0][1] - span[0][0] == pytest.approx(span[1][1] - span[1][0])


def test_given_range_is_the_span() -> None:
    """A range of params.yaml holds for both axes."""
    assert geometry.grid_span(random_codes(2), [-3, 3]) == [(-3, 3), (-3, 3)]


def test_line_is_straight() -> None:
    """A line has both ends, and equal steps in between."""
    start, end = random_codes(4, n=2)
    points = geometry.line(start, end, 7)
    assert np.allclose(points[[0, -1]], [start, end], atol=1e-5)
    assert np.allclose(np.diff(points, axis=0), (end - start) / 6, atol=1e-5)


def test_sweeps_vary_one_dimension() -> None:
    """In each row one varies, that of the largest variance first; the others stay at their mean."""
    codes = random_codes(12)
    dims, points = geometry.sweeps(codes, rows=10, steps=5)
    assert dims == np.argsort(-codes.var(0)).tolist()[:10]
    for dim, sweep in zip(dims, points, strict=True):
        assert np.unique(sweep[:, dim]).size == 5
        assert np.allclose(np.delete(sweep, dim, 1), np.delete(codes.mean(0), dim))


def test_prior_samples_have_its_deviation() -> None:
    """Samples of the prior have the standard deviation of the prior."""
    samples = geometry.sample_prior(50_000, 2, 0.7071, torch.Generator().manual_seed(0))
    assert np.allclose(samples.std(0), 0.7071, atol=0.01)


def test_gaussian_samples_follow_the_codes() -> None:
    """Samples have the mean and covariance of the codes, also where a dimension is constant."""
    mixing = np.array([[1, 0.5, 0], [0, 1, 0], [0, 0, 0]])
    codes = random_codes(3, n=5000) @ mixing
    samples = geometry.sample_gaussian(codes, 50_000, torch.Generator().manual_seed(0))
    assert np.allclose(samples.mean(0), codes.mean(0), atol=0.1)
    assert np.allclose(np.cov(samples.T), np.cov(codes.T), atol=0.4)


def test_first_image_of_each_class() -> None:
    """Classes come in order, each with the index of its first image."""
    assert geometry.first_of_each_class(np.array([3, 1, 3, 1, 7])) == {1: 1, 3: 0, 7: 4}


def test_halfway_on_a_sphere() -> None:
    """Between codes of one length it is the spherical interpolation, at half of its angle."""
    starts, ends = (
        codes / np.linalg.norm(codes, axis=1, keepdims=True) * 3
        for codes in (random_codes(4, seed=0), random_codes(4, seed=1))
    )
    angles = np.arccos((starts * ends).sum(1, keepdims=True) / 9)
    expected = np.sin(angles / 2) / np.sin(angles) * (starts + ends)
    assert geometry.halfway_on_sphere(starts, ends) == pytest.approx(expected, rel=1e-3)


def test_halfway_between_opposite_codes() -> None:
    """There is no direction between them, and no division by zero."""
    half = geometry.halfway_on_sphere(np.array([[2.0], [1.0]]), np.array([[-1.0], [3.0]]))
    assert half.tolist() == [[0], [2]]
