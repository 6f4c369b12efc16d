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


def plane_of(codes: np.ndarray) -> Plane:
    """Latent space itself up to two dimensions; beyond, the first two principal components of the codes.

    The sign of a component is free: its largest entry is made positive, so that pictures of two runs compare.
    """
    dims = codes.shape[1]
    if dims <= 2:
        return Plane(np.zeros(dims), np.eye(dims), ("z1", "z2")[:dims], "latent space")
    variances, vectors = np.linalg.eigh(np.cov(codes.T, dtype=np.float64))
    axes = vectors.T[:-3:-1]
    axes = axes * np.sign(axes[np.arange(2), np.abs(axes).argmax(1)])[:, None]
    shares = variances[:-3:-1] / max(variances.sum(), np.finfo(float).tiny)
    names = tuple(f"principal component {i + 1} ({share:.0%} of the variance)" for i, share in enumerate(shares))
    return Plane(codes.mean(0, dtype=np.float64), axes, names, "the plane of the first two principal components")


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


def sweeps(codes: np.ndarray, rows: int, steps: int) -> tuple[list[int], np.ndarray]:
    """The `rows` dimensions with the most variance, each swept over its codes, 1st to 99th percentile.

    The other dimensions stay at their mean. Returns the dimensions and the codes, (rows, steps, latent_dims).
    """
    dims = np.argsort(-codes.var(0), kind="stable")[:rows].tolist()
    points = np.tile(codes.mean(0), (len(dims), steps, 1))
    for row, dim in enumerate(dims):
        points[row, :, dim] = np.linspace(*np.quantile(codes[:, dim], [0.01, 0.99]), steps)
    return dims, points


def sample_prior(n: int, dims: int, std: float, generator: torch.Generator) -> np.ndarray:
    """Draws (n, dims) from a VAE's prior N(0, std^2)."""
    return std * torch.randn(n, dims, generator=generator).numpy()


def sample_gaussian(codes: np.ndarray, n: int, generator: torch.Generator) -> np.ndarray:
    """Draws (n, latent_dims) from the Gaussian with the mean and covariance of codes (m, latent_dims)."""
    covariance = np.atleast_2d(np.cov(codes.T, dtype=np.float64))
    variances, vectors = np.linalg.eigh(covariance)  # unlike Cholesky, defined where a dimension is dead
    noise = torch.randn(n, codes.shape[1], generator=generator).numpy()
    return codes.mean(0) + (noise * np.sqrt(variances.clip(0))) @ vectors.T
