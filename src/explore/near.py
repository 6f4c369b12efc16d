"""The codes nearest to a point, and how far codes usually lie from each other.

The page finds nearest images by itself, in page/space.js.
"""

import numpy as np

SPACING = 1_000  # codes whose distance to the nearest other is measured


def nearest(points: np.ndarray, codes: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """For each point (m, k) the nearest codes (n, k): numbers and distances, both (m, count)."""
    count = min(count, len(codes))
    columns = np.ascontiguousarray(codes.T)  # a dimension in a row: several times as fast
    numbers = np.empty((len(points), count), np.int64)
    distances = np.empty((len(points), count))
    for row, point in enumerate(points):
        squares = np.square(columns - point[:, None]).sum(0)
        for column in range(count):
            # Not `argpartition`: it has other code, with another order, for each processor.
            best = squares.argmin()
            numbers[row, column] = best
            distances[row, column] = np.sqrt(squares[best])
            squares[best] = np.inf
    return numbers, distances


def spacing(codes: np.ndarray) -> dict[str, float]:
    """How far codes (n, k) lie from the nearest other: the median, and the 99.5th percentile.

    Measured at `SPACING` of the codes, spread evenly over all.
    """
    some = np.unique(np.linspace(0, len(codes) - 1, SPACING).astype(int))
    _, distances = nearest(codes[some], codes, 2)  # the first of the two is the code itself
    usual, most = np.quantile(distances[:, -1], [0.5, 0.995])
    return {"usual": float(usual), "most": float(most)}
