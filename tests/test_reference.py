"""The committed results of the small project, and how results of two machines are compared."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from tools import reference
from tools.small_project import ROOT


def test_the_committed_reference_is_current(reproduced):
    """After a change that is meant, `python -m tools.reference --write` makes it anew."""
    assert reference.compare_with_reference(reproduced.root / "reports") == []


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (1234567.0, 1234571.0, True),
        (1234567.0, 1234591.0, False),
        (0.999999, 1.0, True),
        (0.99999, 1.0, False),
        (-2e-9, 2e-9, False),
        (0.0, 0.0, True),
        (0.0, 1e-12, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 1.0, False),
        (float("inf"), 1.0, False),
    ],
)
def test_numbers_agree_to_six_digits(first, second, expected):
    """One unit of the sixth significant digit is allowed, whatever the magnitude."""
    assert reference.agree(first, second) == expected


@pytest.fixture
def reports(tmp_path):
    """Two copies of the reference, as of two machines."""
    copies = tmp_path / "x86", tmp_path / "arm"
    for copy in copies:
        shutil.copytree(ROOT / "tests/reference", copy)
    return copies


@pytest.mark.parametrize(("levels", "count"), [(0, 0), (2, 0), (3, 1)])
def test_pictures_agree_to_two_levels(reports, levels, count):
    """A pixel may differ as much as rounding explains."""
    path = reports[1] / "ae/grid.png.png"
    with Image.open(path) as picture:
        array = np.array(picture)
    array.flat[array.argmin()] += levels
    Image.fromarray(array).save(path)
    assert len(reference.differences(*reports)) == count


@pytest.mark.parametrize(("factor", "count"), [(1.015, 0), (1.05, 1)])
def test_metrics_of_neighbours_agree_to_two_percent(reports, factor, count):
    """A few images more or fewer count as equal."""
    path = reports[1] / "ae/metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps(metrics | {"line_precision": factor * metrics["line_precision"]}))
    assert len(reference.differences(*reports)) == count


def test_every_difference_is_named(reports):
    """Files that are missing or not expected, and numbers with their names; but no new model."""
    _, arm = reports
    shutil.copytree(arm / "vae", arm / "another")
    (arm / "ae/grid.png.png").unlink()
    (arm / "vae/film.gif").touch()
    text = (arm / "vae/metrics.json").read_text()
    (arm / "vae/metrics.json").write_text(text.replace('"active_units": 2', '"active_units": 3'))
    assert reference.differences(*reports) == [
        "ae/grid.png.png: missing",
        "vae/film.gif: not expected",
        "vae/metrics.json: active_units is 3.0, not 2.0",
    ]
