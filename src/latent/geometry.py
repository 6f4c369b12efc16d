"""Points of latent space that are worth decoding: its plane, grids, lines, sweeps and samples."""

from typing import NamedTuple

import numpy as np
import torch

Span = list[tuple[float, float]]  # the lowest and the highest coordinate along each axis


class Plane(NamedTuple):
    """The line or plane of latent space that pictures show: one or two coordinates for a point."""

    origin: np.ndarray  # (latent_dims,)
    axes: np.ndarray  # (1 or 2, latent_dims), orthonormal rows
    names: tuple[str, ...]  # of the coordinates
    title: str  # where it lies in latent space

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The coordinates (n, 1 or 2) of codes (n, latent_dims)."""
        return (codes - self.origin) @ self.axes.T

    def lift(self, points: np.ndarray) -> np.ndarray:
        """The codes (n, latent_dims) at coordinates (n, 1 or 2)."""
        return self.origin + points @ self.axes


class PrincipalAxes(NamedTuple):
    """The axes along which codes vary most: orthonormal rows, the largest variance first."""

    mean: np.ndarray  # (latent_dims,)
    axes: np.ndarray  # (k, latent_dims)
    variances: np.ndarray  # (k,), of the codes along the axes
    total: float  # variance of the codes along all latent_dims axes

    @property
    def stds(self) -> np.ndarray:
        """The standard deviations of the codes along the axes: (k,)."""
        return np.sqrt(self.variances)

    @property
    def shares(self) -> np.ndarray:
        """The share of the total variance along each axis: (k,)."""
        return self.variances / max(self.total, np.finfo(float).tiny)

    @property
    def share(self) -> float:
        """The share of the total variance along all these axes together."""
        return float(self.variances.sum() / max(self.total, np.finfo(float).tiny))

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The coordinates (n, k) of codes (n, latent_dims)."""
        return (codes - self.mean) @ self.axes.T


def principal_axes(codes: np.ndarray, most: int) -> PrincipalAxes:
    """The first principal axes of codes (n, latent_dims), at most `most` of them.

    The sign of an axis is arbitrary: its largest entry is made positive, so that pictures of two
    runs can be compared.
    """
    variances, vectors = _eigen(codes)
    variances = variances[::-1].clip(0)
    axes = vectors.T[::-1][:most]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], axis=1)
    mean = codes.mean(0, dtype=np.float64)
    return PrincipalAxes(mean, axes * np.sign(largest), variances[:most], float(variances.sum()))


def _eigen(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors of the covariance of codes (n, latent_dims).

    The smallest eigenvalue comes first; the eigenvectors are columns.
    """
    return np.linalg.eigh(np.atleast_2d(np.cov(codes.T, dtype=np.float64)))


def plane_of(codes: np.ndarray) -> Plane:
    """The plane to show codes (n, latent_dims) in.

    Up to two dimensions it is latent space itself; beyond, it is the plane of the first two
    principal components of the codes.
    """
    dims = codes.shape[1]
    if dims <= 2:
        return Plane(np.zeros(dims), np.eye(dims), ("z1", "z2")[:dims], "latent space")
    principal = principal_axes(codes, 2)
    names = tuple(
        f"principal component {number} ({share:.0%} of the variance)"
        for number, share in enumerate(principal.shares, start=1)
    )
    title = "the plane of the first two principal components"
    return Plane(principal.mean, principal.axes, names, title)


def first_of_each_class(labels: np.ndarray) -> dict[int, int]:
    """The index of the first image of each label, in the order of the labels."""
    return {label: np.flatnonzero(labels == label)[0] for label in np.unique(labels).tolist()}


def grid_span(points: np.ndarray, grid_range: list[float] | str) -> Span:
    """The span of the grid to decode in a plane where codes lie at `points` (n, 1 or 2).

    A `grid_range` [low, high] holds for each axis. "auto" spans the 1st to the 99th percentile of
    the points, equally far along both axes so that tiles are square.
    """
    if not isinstance(grid_range, str):
        low, high = grid_range
        return [(low, high)] * points.shape[1]
    lows, highs = np.quantile(points, [0.01, 0.99], axis=0)
    half = max((highs - lows).max() / 2, 1e-3)
    return [(centre - half, centre + half) for centre in ((lows + highs) / 2).tolist()]


def grid(span: Span, tiles: int) -> np.ndarray:
    """The coordinates (n, 1 or 2) of a grid with `tiles` points along each axis, ends included.

    Rows run from the top of the second axis down.
    """
    first, *second = (np.linspace(low, high, tiles) for low, high in span)
    if not second:
        return first[:, None]
    y, x = np.meshgrid(second[0][::-1], first, indexing="ij")
    return np.stack((x.ravel(), y.ravel()), axis=1)


def line(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Equally spaced codes (steps, latent_dims) from one code to another, both included."""
    return start + np.linspace(0, 1, steps)[:, None] * (end - start)


def halfway_on_sphere(starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The codes (n, latent_dims) halfway between pairs of codes, on an arc around the origin.

    Their direction is halfway between those of the two, their length the mean of both. Between
    codes of one length that is the spherical interpolation of White (2016, arXiv 1609.04468),
    whose points go to infinity between codes of unlike lengths that lie on opposite sides.
    """
    lengths = [np.linalg.norm(codes, axis=1, keepdims=True) for codes in (starts, ends)]
    tiny = np.finfo(float).tiny
    directions = starts / (lengths[0] + tiny) + ends / (lengths[1] + tiny)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True) + tiny
    return directions * (lengths[0] + lengths[1]) / 2


def most_varied(codes: np.ndarray, most: int) -> list[int]:
    """The dimensions in which codes (n, latent_dims) vary most, at most `most`, in this order."""
    return np.argsort(-codes.var(0), kind="stable")[:most].tolist()


def sweeps(codes: np.ndarray, rows: int, steps: int) -> tuple[list[int], np.ndarray]:
    """Vary one dimension at a time, each of the `rows` dimensions in which the codes vary most.

    A dimension runs from the 1st to the 99th percentile of its codes; the others stay at their
    mean. Returns the dimensions, and the codes (rows, steps, latent_dims).
    """
    dims = most_varied(codes, rows)
    points = np.tile(codes.mean(0), (len(dims), steps, 1))
    for row, dim in enumerate(dims):
        low, high = np.quantile(codes[:, dim], [0.01, 0.99])
        points[row, :, dim] = np.linspace(low, high, steps)
    return dims, points


def draw(
    codes: np.ndarray, n: int, prior_std: float | None, generator: torch.Generator
) -> np.ndarray:
    """`n` codes (n, latent_dims) drawn by chance, as from a model with such codes.

    They are from its prior or, without one, from a Gaussian fitted to the codes.
    """
    if prior_std is None:
        return sample_gaussian(codes, n, generator)
    return sample_prior(n, codes.shape[1], prior_std, generator)


def sample_prior(n: int, dims: int, std: float, generator: torch.Generator) -> np.ndarray:
    """`n` samples (n, dims) from the prior of a VAE, N(0, std^2)."""
    return std * torch.randn(n, dims, generator=generator).numpy()


def sample_gaussian(codes: np.ndarray, n: int, generator: torch.Generator) -> np.ndarray:
    """`n` samples (n, latent_dims) from the Gaussian with the mean and covariance of the codes."""
    # Unlike a Cholesky factor, eigenvectors also exist where a dimension does not vary.
    variances, vectors = _eigen(codes)
    noise = torch.randn(n, codes.shape[1], generator=generator).numpy()
    return codes.mean(0) + (noise * np.sqrt(variances.clip(0))) @ vectors.T
