"""The loss table, reports/NAME/loss.csv: written by the training, read by the other stages."""

import csv
import io

import numpy as np

from src.base.errors import damaged_in_git


def dump_losses(rows: list[dict[str, float]]) -> bytes:
    """A CSV file with a row an epoch, from {column: value}; six digits after the point."""
    file = io.StringIO()
    writer = csv.DictWriter(file, rows[0], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        losses = {name: f"{value:.6f}" for name, value in row.items() if name != "epoch"}
        writer.writerow({"epoch": row["epoch"], **losses})
    return file.getvalue().encode()


def read_losses(path: str, content: bytes, column: str) -> np.ndarray:
    """A column of the loss table `path` with this content: a value an epoch, (epochs,).

    Raises UserError if the table does not have it.
    """
    try:
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        if not rows or any(None in row for row in rows):
            raise ValueError("no rows, or a row with too many cells")
        return np.array([float(row[column]) for row in rows])
    except (ValueError, KeyError, TypeError, csv.Error):
        fault = f"no column {column!r} with a number for every epoch"
        raise damaged_in_git(path, fault) from None
