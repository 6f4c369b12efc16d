"""What is computed in latent space to be drawn: the plane, grids, lines, sweeps and samples."""

from typing import NamedTuple

import numpy as np
import torch


class Plane(NamedTuple):
    """The line or plane of latent space that pictures show, with one or two coordinates per point."""

    origin: np.ndarray  # (latent_dims,)
    axes: np.ndarray  # (1 or 2, latent_dims), orthonormal rows
    names: tuple[str, ...]  # of the coordinates
    title: str  # where it lies

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The coordinates (n, 1 or 2) of codes (n, latent_dims)."""
        return (codes - self.origin) @ self.axes.T

    def lift(self, points: np.ndarray) -> np.ndarray:
        """The codes (n, latent_dims) at coordinates (n, 1 or 2)."""
        return self.origin + points @ self.axes


class Principal(NamedTuple):
    """The principal axes of codes that vary most, as orthonormal rows, most variance first."""

    mean: np.ndarray  # (latent_dims,)
    axes: np.ndarray  # (k, latent_dims)
    variances: np.ndarray  # (k,), of the codes along the axes
    total: float  # variance of the codes along all axes there are

    @property
    def stds(self) -> np.ndarray:
        """The standard deviations of the codes along the axes: (k,)."""
        return np.sqrt(self.variances)

    @property
    def shares(self) -> np.ndarray:
        """The share of all variance along each axis: (k,)."""
        return self.variances / max(self.total, np.finfo(float).tiny)

    @property
    def share(self) -> float:
        """The share of all variance that these axes hold together."""
        return float(self.variances.sum() / max(self.total, np.finfo(float).tiny))

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The coordinates (n, k) of codes (n, latent_dims)."""
        return (codes - self.mean) @ self.axes.T


def principal_axes(codes: np.ndarray, most: int) -> Principal:
    """At most so many principal axes of codes (n, latent_dims).

    The sign of an axis is free: its largest entry is made positive, so that pictures of two runs compare.
    """
    variances, vectors = _spread(codes)
    variances, axes = variances[::-1].clip(0), vectors.T[::-1][:most]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], axis=1)
    mean = codes.mean(0, dtype=np.float64)
    return Principal(mean, axes * np.sign(largest), variances[:most], float(variances.sum()))


def _spread(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and eigenvectors, the columns, of the covariance of codes (n, latent_dims), least variance first."""
    return np.linalg.eigh(np.atleast_2d(np.cov(codes.T, dtype=np.float64)))


def plane_of(codes: np.ndarray) -> Plane:
    """Latent space itself up to two dimensions; beyond, the first two principal components of the codes."""
    dims = codes.shape[1]
    if dims <= 2:
        return Plane(np.zeros(dims), np.eye(dims), ("z1", "z2")[:dims], "latent space")
    found = principal_axes(codes, 2)
    names = tuple(
        f"principal component {i + 1} ({share:.0%} of the variance)"
        for i, share in enumerate(found.shares)
    )
    return Plane(found.mean, found.axes, names, "the plane of the first two principal components")


def first_of_each_class(labels: np.ndarray) -> dict[int, int]:
    """The number of the first image of each label, in the labels' order."""
    return {label: np.flatnonzero(labels == label)[0] for label in np.unique(labels).tolist()}


def grid_span(points: np.ndarray, wanted: list[float] | str) -> list[tuple[float, float]]:
    """The lowest and highest coordinate to decode along each axis of a plane that holds `points` (n, 1 or 2).

    A `wanted` [low, high] holds for two latent dimensions drawn as they are; "auto" spans the points' 1st to
    99th percentile, equally far in both directions so that tiles are square.
    """
    if wanted != "auto":
        return [tuple(wanted)] * points.shape[1]
    low, high = np.quantile(points, [0.01, 0.99], axis=0)
    centre, half = (low + high) / 2, max((high - low).max() / 2, 1e-3)
    return [(c - half, c + half) for c in centre.tolist()]


def grid(span: list[tuple[float, float]], tiles: int) -> np.ndarray:
    """The coordinates of a grid's points, ends included: rows from the top of the second axis down, (n, 1 or 2)."""
    first, *second = (np.linspace(low, high, tiles) for low, high in span)
    if not second:
        return first[:, None]
    y, x = np.meshgrid(second[0][::-1], first, indexing="ij")
    return np.stack((x.ravel(), y.ravel()), axis=1)


def line(start: np.ndarray, end: np.ndarray, steps: int) -> np.ndarray:
    """Equally spaced codes (steps, latent_dims) from one code to another, both included."""
    return start + np.linspace(0, 1, steps)[:, None] * (end - start)


def most_varied(codes: np.ndarray, most: int) -> list[int]:
    """At most so many dimensions of codes (n, latent_dims), those that vary most first."""
    return np.argsort(-codes.var(0), kind="stable")[:most].tolist()


def sweeps(codes: np.ndarray, rows: int, steps: int) -> tuple[list[int], np.ndarray]:
    """The `rows` dimensions with the most variance, each swept over its codes, 1st to 99th percentile.

    The other dimensions stay at their mean. Returns the dimensions and the codes, (rows, steps, latent_dims).
    """
    dims = most_varied(codes, rows)
    points = np.tile(codes.mean(0), (len(dims), steps, 1))
    for row, dim in enumerate(dims):
        points[row, :, dim] = np.linspace(*np.quantile(codes[:, dim], [0.01, 0.99]), steps)
    return dims, points


def sample_prior(n: int, dims: int, std: float, generator: torch.Generator) -> np.ndarray:
    """Draws (n, dims) from a VAE's prior N(0, std^2)."""
    return std * torch.randn(n, dims, generator=generator).numpy()


def sample_gaussian(codes: np.ndarray, n: int, generator: torch.Generator) -> np.ndarray:
    """Draws (n, latent_dims) from the Gaussian with the mean and covariance of codes (m, latent_dims)."""
    variances, vectors = _spread(
        codes
    )  # unlike Cholesky's factor, defined where a dimension is dead
    noise = torch.randn(n, codes.shape[1], generator=generator).numpy()
    return codes.mean(0) + (noise * np.sqrt(variances.clip(0))) @ vectors.T
