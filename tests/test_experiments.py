"""Experiments with the real `dvc` on the small copy: any latent size, a queue, and what can be compared."""

import json

import pandas as pd
import pytest
from PIL import Image

LOSS_PLOT = "test loss without the KL constant"


@pytest.fixture(scope="module")
def experiments(reproduced):
    """The small project with experiments of two sizes run in the workspace, and two more from a queue."""
    for dims in (1, 8):
        reproduced.dvc("exp", "run", "--name", f"latent-{dims}", "--set-param", f"latent_dims={dims}")
        sizes = {}
        for model in ("ae", "vae"):
            with Image.open(reproduced.root / f"reports/{model}/grid.png") as grid:
                sizes[model] = grid.size
        # One dimension is drawn as a strip, more as a square.
        assert all((width > 3 * height) == (dims == 1) for width, height in sizes.values())
        reproduced.restore()
    reproduced.dvc("exp", "run", "--queue", "--set-param", "train_vae.kl=tutorial,standard", "-S", "epochs=1")
    reproduced.dvc("queue", "start", "--jobs", "2")
    reproduced.dvc("queue", "logs", "--follow", queued(reproduced)[0])
    reproduced.dvc("queue", "logs", "--follow", queued(reproduced)[1])
    yield reproduced
    reproduced.dvc("exp", "remove", "--all-commits")


def queued(project) -> list[str]:
    lines = project.dvc("queue", "status").stdout.splitlines()
    return [line.split()[0] for line in lines if line.split()[-1] in ("Queued", "Running", "Success", "Failed")]


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
                    "epochs": params["epochs"],
                    "kl": params["train_vae"]["kl"],
                    **{f"ae.{name}": value for name, value in metrics["reports/ae/metrics.json"].items()},
                    **{f"vae.{name}": value for name, value in metrics["reports/vae/metrics.json"].items()},
                }
    return pd.DataFrame(rows).T


def test_each_experiment_has_results_of_its_own(experiments):
    table = shown(experiments)
    assert len(table) == 4
    assert sorted(table.loc[["latent-1", "latent-8"], "latent_dims"]) == [1, 8]
    two = table[table["epochs"] == 1]
    assert sorted(two["kl"]) == ["standard", "tutorial"]
    assert two["ae.test_sse"].nunique() == 1  # the form of the KL term is none of the AE's business
    assert two["vae.test_kl"].nunique() == 2
    assert (table["vae.test_iwae_bound"] < table["vae.test_neg_elbo"]).all()
    assert table.loc["latent-8", "ae.test_mse"] < table.loc["latent-1", "ae.test_mse"]


def test_plots_lay_revisions_over_each_other_and_pictures_side_by_side(experiments):
    plots = json.loads(experiments.dvc("plots", "diff", "--json", "main", "latent-8", "latent-1").stdout)["data"]
    revisions = {"main", "latent-8", "latent-1"}
    (curves,) = plots[LOSS_PLOT]
    points = curves["content"]["data"]["values"]
    assert {point["rev"] for point in points} == revisions
    assert len(points) == len(revisions) * 2 * 2  # two models, two epochs
    assert curves["content"]["title"]["text"].startswith("Test loss per image")
    for model in ("ae", "vae"):
        for name in ("latent.png", "grid.png", "interpolation.gif", "traversal.png"):
            pictures = plots[f"reports/{model}/{name}"]
            assert {revision for picture in pictures for revision in picture["revisions"]} == revisions


def test_the_workspace_compares_with_head(experiments):
    experiments.dvc("exp", "apply", "latent-8")
    try:
        plots = json.loads(experiments.dvc("plots", "diff", "--json", "HEAD").stdout)["data"]
        assert {point["rev"] for point in plots[LOSS_PLOT][0]["content"]["data"]["values"]} == {"HEAD", "workspace"}
        metrics = json.loads(experiments.dvc("metrics", "diff", "--json").stdout)
        change = metrics["reports/ae/metrics.json"]["test_sse"]
        assert change["diff"] == pytest.approx(change["new"] - change["old"])
        assert change["diff"] < 0
        params = json.loads(experiments.dvc("params", "diff", "--json").stdout)
        assert params["params.yaml"] == {"latent_dims": {"old": 2, "new": 8}}
    finally:
        experiments.restore()


def test_all_experiments_are_drawn_against_a_parameter(experiments):
    said = experiments.run("python", "-m", "stages.compare", "latent_dims").stdout
    assert "5 runs against latent_dims" in said
    with Image.open(experiments.root / "reports/experiments.png") as picture:
        assert picture.width > picture.height
    done = experiments.run("python", "-m", "stages.compare", "colour", check=False)
    assert done.returncode == 1
    assert done.stderr == "error: no experiment has numbers for colour; `dvc exp show` lists what there is\n"


def test_the_table_of_the_readme_shows_no_hashes(experiments):
    header = experiments.dvc(
        "exp", "show", "--csv", "--drop", ".*", "--keep", "Experiment|latent_dims|.*_sse|.*_elbo"
    ).stdout.splitlines()[0]
    assert header.split(",") == [
        "Experiment",
        "reports/ae/metrics.json:test_sse",
        "test_neg_elbo",
        "reports/vae/metrics.json:test_sse",
        "latent_dims",
    ]
