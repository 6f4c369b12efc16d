"""Experiments with the real `dvc` on the small copy: any latent size, a queue, and what can be compared."""

import json
import re
import subprocess
import sys
import time

import pandas as pd
import pytest
from PIL import Image

from experiments import compare

LOSS_PLOT = "test loss without the KL constant"


@pytest.fixture(scope="module")
def experiments(reproduced):
    """The small project with a queue of two experiments run at the same time, and one of them in the workspace."""
    reproduced.dvc("exp", "run", "--queue", "-S", "latent_dims=1,8")
    # Not captured: the idle workers keep their output open long after the experiments are done.
    start = [sys.executable, "-m", "dvc", "queue", "start", "--jobs", "2"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(start, cwd=reproduced.root, env=reproduced.env, check=True, **quiet)
    deadline = time.monotonic() + 600
    while re.search(r"Queued|Running", status := reproduced.dvc("queue", "status").stdout):
        assert time.monotonic() < deadline, status
        time.sleep(2)  # each question costs as much of a core as an experiment takes in that time
    assert status.count("Success") == 2
    reproduced.dvc(
        "exp", "run", "--name", "latent-8", "-S", "latent_dims=8"
    )  # its stages come from the cache
    yield reproduced
    reproduced.dvc("exp", "remove", "--all-commits")
    reproduced.restore()


def shown(project) -> pd.DataFrame:
    """The experiments as `dvc exp show --json` gives them, a row each, by name."""
    rows = {}
    for baseline in json.loads(project.dvc("exp", "show", "--json").stdout):
        for experiment in baseline.get("experiments") or []:
            for revision in experiment["revs"]:
                data = revision["data"]
                params = data["params"]["params.yaml"]["data"]
                metrics = {name: value["data"] for name, value in data["metrics"].items()}
                rows[revision["name"]] = {
                    "latent_dims": params["latent_dims"],
                    **{
                        f"ae.{name}": value
                        for name, value in metrics["reports/ae/metrics.json"].items()
                    },
                    **{
                        f"vae.{name}": value
                        for name, value in metrics["reports/vae/metrics.json"].items()
                    },
                }
    return pd.DataFrame(rows).T


def test_each_experiment_has_results_of_its_own(experiments):
    table = shown(experiments)
    assert sorted(table["latent_dims"]) == [1, 8, 8]
    eight = table[table["latent_dims"] == 8]
    assert eight.nunique().max() == 1
    assert (table["vae.test_iwae_bound"] < table["vae.test_neg_elbo"]).all()
    assert (
        table.loc["latent-8", "ae.pca_test_mse"]
        < table[table["latent_dims"] == 1]["ae.pca_test_mse"].item()
    )


@pytest.mark.parametrize("dims", [1, 8])
def test_one_dimension_is_drawn_as_a_strip_and_more_as_a_square(experiments, dims):
    table = shown(experiments)
    experiments.dvc("exp", "apply", table.index[table["latent_dims"] == dims][0])
    for model in ("ae", "vae"):
        with Image.open(experiments.root / f"reports/{model}/grid.png") as grid:
            assert (grid.width > 3 * grid.height) == (dims == 1)
        rows = pd.read_csv(experiments.root / f"reports/{model}/loss.csv")
        assert len(rows) == 2


def test_plots_lay_revisions_over_each_other_and_pictures_side_by_side(experiments):
    other = shown(experiments).query("latent_dims == 1").index.item()
    revisions = {"main", "latent-8", other}
    plots = json.loads(
        experiments.dvc("plots", "diff", "--json", "main", "latent-8", other).stdout
    )["data"]
    (curves,) = plots[LOSS_PLOT]
    points = curves["content"]["data"]["values"]
    assert {point["rev"] for point in points} == revisions
    assert len(points) == len(revisions) * 2 * 2  # two models, two epochs
    assert curves["content"]["title"]["text"].startswith("Test loss per image")
    for model in ("ae", "vae"):
        for name in ("latent.png", "grid.png", "interpolation.gif", "traversal.png"):
            pictures = plots[f"reports/{model}/{name}"]
            assert {
                revision for picture in pictures for revision in picture["revisions"]
            } == revisions


def test_the_workspace_compares_with_head(experiments):
    experiments.dvc("exp", "apply", "latent-8")
    plots = json.loads(experiments.dvc("plots", "diff", "--json", "HEAD").stdout)["data"]
    assert {point["rev"] for point in plots[LOSS_PLOT][0]["content"]["data"]["values"]} == {
        "HEAD",
        "workspace",
    }
    metrics = json.loads(experiments.dvc("metrics", "diff", "--json").stdout)
    change = metrics["reports/ae/metrics.json"]["test_sse"]
    assert change["diff"] == pytest.approx(change["new"] - change["old"])
    assert change["diff"] < 0
    params = json.loads(experiments.dvc("params", "diff", "--json").stdout)
    assert params["params.yaml"] == {"latent_dims": {"old": 2, "new": 8, "diff": 6}}


def test_experiments_are_drawn_against_a_parameter_if_they_differ_in_nothing_else(experiments):
    experiments.dvc(
        "exp", "run", "--name", "other", "-S", "latent_dims=1", "-S", "render.gif_steps=4"
    )
    said = experiments.run("python", "-m", "experiments.compare", "latent_dims").stdout
    assert "3 runs against latent_dims: reports/by_latent_dims.png" in said
    assert "1 runs left out" in said
    table = pd.read_csv(experiments.root / "reports/by_latent_dims.csv")
    assert table["latent_dims"].tolist() == [1, 2, 8]
    assert table["ae.pca_test_mse"].is_monotonic_decreasing
    assert f"| 8 | {table['ae.test_sse'].iloc[-1]:.2f} |" in said
    with Image.open(experiments.root / "reports/by_latent_dims.png") as picture:
        assert picture.width > picture.height


def test_other_threads_and_devices_are_compared_and_other_epochs_are_not():
    rows = [("2", "2", "20", "auto"), ("8", "1", "20", "cpu"), ("4", "2", "10", "auto")]
    params = pd.DataFrame(rows, columns=["latent_dims", "threads", "epochs", "train_ae.device"])
    metrics = pd.DataFrame({"ae.test_sse": [3.0, 1.0, 2.0]})
    table, left_out = compare.select(
        pd.concat({"params": params, "metrics": metrics}, axis=1), "latent_dims"
    )
    assert table["ae.test_sse"].tolist() == [3.0, 1.0]
    assert left_out == 1


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("colour", "colour is not a parameter with numbers; `dvc exp show` lists what there is"),
        ("reconstruction_loss", "reconstruction_loss is not a parameter with numbers"),
        (
            "epochs",
            "1 value of epochs among the runs that otherwise have HEAD's parameters; run more with",
        ),
    ],
)
def test_nothing_is_drawn_where_there_is_nothing_to_compare(experiments, parameter, message):
    done = experiments.run("python", "-m", "experiments.compare", parameter, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert not (experiments.root / f"reports/by_{parameter}.png").exists()
