"""Experiments with the real `dvc` on the small project: a queue, and what can be compared."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from PIL import Image

from experiments import compare, runs, show
from experiments.runs import Run
from src.base.errors import UserError
from tools import tables
from tools.small_project import Project


@pytest.fixture(scope="module")
def experiments(reproduced) -> Iterator[Project]:
    """The small project with a queue, of which one failed, and two runs in the workspace."""
    reproduced.dvc("exp", "run", "--queue", "-S", "latent_dims=0,1,8")
    start = [sys.executable, "-m", "dvc", "queue", "start", "--jobs", "2"]
    # Not captured: the idle workers keep their output open long after the experiments are done.
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(start, cwd=reproduced.root, env=reproduced.env, check=True, **quiet)
    deadline = time.monotonic() + 600
    while re.search(r"Queued|Running", status := reproduced.dvc("queue", "status").stdout):
        assert time.monotonic() < deadline, status
        time.sleep(2)  # each question costs as much of a core as an experiment in that time
    assert (status.count("Success"), status.count("Failed")) == (2, 1)
    # Its stages come from the cache; the other is of a single stage.
    reproduced.dvc("exp", "run", "--name", "latent-8", "-S", "latent_dims=8")
    reproduced.restore()
    reproduced.dvc("exp", "run", "--name", "part", "-S", "train_vae.beta=2", "train_vae")
    reproduced.restore()
    yield reproduced
    reproduced.dvc("exp", "remove", "--all-commits")
    reproduced.dvc("queue", "remove", "--all")
    reproduced.restore()


@pytest.fixture
def project(experiments) -> Iterator[Project]:
    """The project with its experiments, put back as it was when the test ends."""
    yield experiments
    experiments.restore()


# What DVC makes of experiments


def test_workspace_compares_with_head(project):
    """Curves, pictures, metrics and parameters, after an experiment is applied."""
    project.dvc("exp", "apply", "latent-8")
    plots = json.loads(project.dvc("plots", "diff", "--json", "HEAD").stdout)["data"]
    points = plots["test loss without the KL constant"][0]["content"]["data"]["values"]
    assert {point["rev"] for point in points} == {"HEAD", "workspace"}
    assert len(points) == 2 * 2 * 2  # revisions, training and test images, epochs
    for model in ("ae", "vae"):
        for name in ("latent.png", "grid.png", "interpolation.gif", "traversal.png"):
            pictures = plots[f"reports/{model}/{name}"]
            shown = {rev for picture in pictures for rev in picture["revisions"]}
            assert shown == {"HEAD", "workspace"}
    metrics = json.loads(project.dvc("metrics", "diff", "--json").stdout)
    change = metrics["reports/ae/metrics.json"]["test_sse"]
    assert change["diff"] == pytest.approx(change["new"] - change["old"])
    assert change["diff"] < 0
    params = json.loads(project.dvc("params", "diff", "--json").stdout)
    assert params["params.yaml"] == {"latent_dims": {"old": 2, "new": 8, "diff": 6}}


def test_untracked_data_set_in_an_experiment(project):
    """An experiment that runs elsewhere does not find it: the message names the `git add`."""
    description = (project.root / "data/sets/MNIST.yaml").read_text()
    (project.root / "data/sets/Untracked.yaml").write_text(description)
    done = project.dvc("exp", "run", "--temp", "-S", "dataset=Untracked", check=False)
    assert done.returncode != 0
    assert "`git add data/sets/Untracked.yaml`" in done.stdout + done.stderr


# What is compared


def test_failed_experiment_is_left_out(project):
    """DVC gives it the metrics of its commit; the command says which it is, and why it failed."""
    output = project.run(sys.executable, "-m", "experiments.compare", "latent_dims").stdout
    table = pd.read_csv(project.root / "reports/by_latent_dims.csv")
    assert table["latent_dims"].tolist() == [1, 2, 8]
    assert table["ae.pca_test_mse"].is_monotonic_decreasing
    assert re.search(rf"^8 +{table['ae.test_sse'].iloc[-1]:.2f} ", output, re.MULTILINE)
    assert re.search(r"left out: 1 failed \([a-z-]+\): params.yaml: latent_dims is 0,", output)
    assert "left out: 1 stale (part): evaluate has not run since" in output
    assert "left out: 1 with the parameters and seed of another" in output
    with Image.open(project.root / "reports/by_latent_dims.png") as picture:
        assert picture.width > picture.height
    assert project.run("git", "status", "--porcelain").stdout == ""  # nothing of it is for git


def test_list_fits_a_terminal(project):
    """A line for each experiment, with those marked that have no metrics."""
    project.dvc("exp", "run", "--queue", "--name", "later", "-S", "latent_dims=5")
    project.run("git", "checkout", "--quiet", "--detach")  # a commit is as good as a branch
    output = project.run(sys.executable, "-m", "experiments.show").stdout
    assert max(map(len, output.splitlines())) <= 100
    assert re.search(r"^[a-z-]+ +failed +latent_dims=0$", output, re.MULTILINE)
    assert re.search(r"^later +queued +latent_dims=5$", output, re.MULTILINE)
    assert re.search(r"^latent-8 +[\d.]+ +[\d.]+ +[\d.]+ +latent_dims=8$", output, re.MULTILINE)


def test_earlier_commits_count_on_request(project):
    """With their experiments; both commands say where their code is not that of the last commit."""
    project.run("git", "checkout", "--quiet", "--detach")
    with (project.root / "src/evaluate/metrics.py").open("a") as file:
        file.write("# a change\n")
    project.repro("evaluate")
    project.commit("other code")

    def call(command: str, *options: str, check: bool = True) -> subprocess.CompletedProcess:
        wide = ("env", "COLUMNS=200", sys.executable, "-m", f"experiments.{command}")
        return project.run(*wide, *options, check=check)

    assert "latent-8" not in call("show").stdout
    shown = call("show", "--commits", "2").stdout
    assert "latent-8" in shown, shown
    assert "src/evaluate" in shown, shown
    assert "`--commits N`" in call("compare", check=False).stderr
    compared = call("compare", "--commits", "2").stdout
    assert re.search(r"^some were run with other code in .*src/evaluate\b", compared, re.MULTILINE)
    assert call("compare", "--commits", "0", check=False).returncode == 2
    assert call("show", "latent_dims", check=False).returncode == 2  # unknown, so not ignored


def test_value_counts_as_what_it_equals(project):
    """DVC takes false for 0 and 2.0 for 2: it runs nothing, and records them.

    The next stage that runs refuses them.
    """
    project.dvc("exp", "run", "--name", "equal", "-S", "seed=false", "-S", "latent_dims=2.0")
    code = (
        "from experiments.runs import read_runs\n"
        "print(*[(run.params['seed'], run.params['latent_dims'], run.state)"
        " for run in read_runs()[1] if run.name == 'equal'])"
    )
    shown = project.run(sys.executable, "-c", code).stdout
    project.dvc("exp", "remove", "equal")
    assert shown == "(0, 2, 'done')\n"
    done = project.dvc("repro", "--force", "--single-item", "evaluate", check=False)
    assert (
        "error: params.yaml: latent_dims is 2.0, which DVC takes for 2; write 2; "
        "seed is False, which DVC takes for 0; write 0\n"
    ) in done.stderr


def test_shallow_clone(reproduced, tmp_path):
    """What DVC would lose there is refused; if no stage runs, the commands say why it is lost."""
    clone = reproduced.clone(tmp_path / "clone")
    setting = ("-S", "threads=1", "preflight")

    def show() -> str:
        output = clone.run(sys.executable, "-m", "experiments.show").stdout
        return " ".join(output.split())

    done = clone.dvc("exp", "run", "--temp", *setting, check=False)
    assert done.returncode != 0
    assert re.search(r"^error: .* is a shallow clone.*`git fetch --unshallow`", done.stderr, re.M)
    clone.dvc("exp", "run", "--name", "plain", *setting)
    clone.dvc("exp", "run", "--temp", "--name", "lost", *setting)  # from the run cache
    assert "plain" in show()
    assert "lost" not in clone.dvc("exp", "list").stdout
    assert "this is a shallow clone" in show()
    compared = clone.run(sys.executable, "-m", "experiments.compare", check=False)
    assert "`git fetch --unshallow`" in compared.stderr
    clone.run("git", "fetch", "--quiet", "--unshallow")
    clone.dvc("exp", "run", "--temp", "--name", "kept", *setting)
    assert "kept" in show()
    assert "shallow" not in show()


# Runs as DVC shows them


def test_states_of_a_run(tmp_path):
    """Only a run that ended well is done; one whose process was killed failed."""
    log = tmp_path / "run.out"
    log.write_text("Running stage 'train'\nerror: no memory\nERROR: failed to reproduce\n")
    assert runs._state(None) == ("done", "")
    assert runs._state({"state": "success"}) == ("done", "")
    assert runs._state({"state": "queued"}) == ("queued", "")
    assert runs._state({"state": "running", "local": {"pid": os.getpid()}}) == ("running", "")
    state, reason = runs._state({"state": "running", "local": {"pid": 2**31 - 1}})
    assert (state, reason.partition(";")[0]) == (
        "failed",
        "its process has ended without a message",
    )
    assert runs._state({"state": "failed", "local": {"log": str(log)}}) == ("failed", "no memory")
    assert runs._state({"state": "failed", "local": {}}) == ("failed", "it has left no log")


METRICS = {"reports/ae/metrics.json": {"data": {"test_sse": 2.5}}}
MODEL = "data/models/ae.pt"
RECORD = "data/environment/train.json"


def lock(model: str = "1", record: str = "1", **params: Any) -> dict:
    """A dvc.lock: `preflight` left a record, a model was trained and then measured.

    `model` and `record` are the hashes of these as they are now; both were "1" when used.
    """
    return {
        "stages": {
            "preflight": {
                "params": {"params.yaml": {"frames": 10}},
                "outs": [{"path": RECORD, "md5": record}],
            },
            "train": {
                "params": {"params.yaml": params},
                "deps": [{"path": RECORD, "md5": "1"}],
                "outs": [{"path": MODEL, "md5": model}],
            },
            "measure": {
                "deps": [{"path": MODEL, "md5": "1"}],
                "outs": [{"path": "reports/ae/metrics.json"}],
            },
        }
    }


@pytest.mark.parametrize(
    ("recorded", "params", "reason"),
    [
        (lock(epochs=2), {"epochs": 2}, ""),
        (lock(epochs=2), {"epochs": 3}, "train has not run since epochs changed"),
        (lock(model="2"), {}, f"measure has not run since {MODEL} changed"),
        (lock(record="2"), {}, f"train has not run since {RECORD} changed"),
        (lock(), {"frames": 20}, ""),  # `preflight` reads what no metric depends on
        (lock(**{"train.device": "cuda"}), {"train.device": "cpu"}, ""),
        (lock(**{"download.folder": "/a"}), {"download.folder": "/b"}, ""),
        (lock(learning_rate="1e-05"), {"learning_rate": 1e-05}, ""),  # YAML takes it for text
        ({}, {}, "dvc.lock does not know reports/ae/metrics.json"),
    ],
)
def test_stale_metrics(recorded, params, reason):
    """Those in a commit may be of other parameters, as a stage may have run alone."""
    assert runs._why_stale(recorded, params, METRICS) == reason


def test_left_out_runs_are_grouped():
    """One line for each reason, with the names as far as they fit."""
    failed = [Run(f"run-{i}", {}, {}, "failed", "no memory") for i in range(7)]
    (line,) = runs.left_out([*failed, Run("good", {}, {}, "done")])
    assert line == "7 failed (run-0, run-1, run-2, run-3, run-4 and 2 more): no memory"


# The choice of runs


def run(name: str = "run", sse: float = 1.0, state: str = "done", **params: Any) -> Run:
    """A run of both models; parameters that are not given are the defaults."""
    defaults = {"latent_dims": 2, "seed": 0, "epochs": 20, "threads": 2}
    metrics = {"ae.test_sse": sse, "ae.test_mse": sse / 784, "ae.pca_test_mse": 0.05}
    metrics |= {"vae.test_sse": sse, "vae.test_mse": sse / 784, "vae.pca_test_mse": 0.05}
    metrics |= {"vae.test_kl": 4.0, "vae.test_neg_elbo": 40.0 + sse}
    return Run(name, defaults | params, metrics, state)


BETA = "train_vae.beta"


def test_threads_and_devices_compare():
    """Threads, which change nothing, without a word; other epochs do not compare, and are named."""
    experiments = [
        run(sse=1.0, latent_dims=8, threads=1, **{"train_ae.device": "cuda"}),
        run(sse=2.0, latent_dims=4, epochs=10),
    ]
    study = compare.select(run(sse=3.0, **{"train_ae.device": "cpu"}), experiments, ["latent_dims"])
    assert study.mean["ae.test_sse"].tolist() == [3.0, 1.0]
    assert study.notes == [
        "left out: 1 that differs in epochs",
        "some differ in train_ae.device too, which changes last digits only",
    ]


def test_seeds_give_mean_and_deviation():
    """They are printed with their number, and stand in the table of all metrics."""
    experiments = [
        run(sse=5.0, seed=1),
        run(sse=1.0, latent_dims=8),
        run(sse=2.0, latent_dims=8, seed=1),
        run(sse=3.0, latent_dims=8, seed=2),
    ]
    study = compare.select(run(sse=3.0), experiments, ["latent_dims"])
    lines = [re.split("  +", line) for line in compare.table(study).splitlines()]
    assert [line[:2] for line in lines[1:]] == [["2", "4.00 ± 1.41"], ["8", "2.00 ± 1.00"]]
    assert [line[-1] for line in lines] == ["n", "2", "3"]
    assert study.notes == ["mean and standard deviation over seed=0,1,2"]
    assert b"ae.test_sse.std" in compare.csv(study)


def test_study_beside_the_defaults():
    """If HEAD's parameters have one value, those with the most are compared, and named."""
    experiments = [run(latent_dims=dims, epochs=5) for dims in (2, 4, 8)]
    head = run("main", state="stale")
    study = compare.select(head, [*experiments, run(latent_dims=3, epochs=6)], ["latent_dims"])
    assert study.mean["latent_dims"].tolist() == [2, 4, 8]
    assert study.notes[:2] == ["left out: 1 stale (main)", "all with epochs=5, unlike HEAD"]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (["colour"], "colour is not a parameter with numbers; `dvc exp show` lists"),
        (["train_vae"], "train_vae is not a parameter with numbers"),
        (["loss"], "loss is not a parameter with numbers"),
        (["latent_dims", "colour"], "colour is not a parameter; `dvc exp show` lists"),
        (["latent_dims"], "only 1 value of latent_dims .*; left out: 1 failed \\(bad\\)"),
    ],
)
def test_too_little_to_compare(parameters, message):
    """The message says what there is, and how many runs failed."""
    failed = [run("bad", state="failed", latent_dims=8)]
    with pytest.raises(UserError, match=message):
        compare.select(run(loss="sse", **{BETA: 1.0}), failed, parameters)


def test_beta_gives_rate_and_distortion():
    """The distortion is the negative ELBO without the KL divergence."""
    study = compare.select(run(sse=3.0, **{BETA: 1.0}), [run(sse=5.0, **{BETA: 4.0})], [BETA])
    *_, rate = compare.draw(study).axes
    (points,) = rate.containers
    assert points.lines[0].get_ydata().tolist() == [39.0, 41.0]
    assert "VAE: test_distortion" in compare.table(study)


def test_second_parameter_gives_curves():
    """One for each of its values and models, and rate against distortion for each."""
    experiments = [
        run(latent_dims=dims, **{BETA: beta}) for dims in (2, 4, 8) for beta in (0.5, 1, 2)
    ]
    study = compare.select(run(**{BETA: 1.0}), experiments, ["latent_dims", BETA])
    losses, errors, rate = compare.draw(study).axes
    assert [len(axes.containers) for axes in (losses, errors, rate)] == [2 * 3, 3 * 3, 3]
    texts = [text.get_text() for text in losses.get_legend().get_texts()]
    assert texts == [
        "AE: squared error", "VAE: negative ELBO",
        f"{BETA}=0.5", f"{BETA}=1", f"{BETA}=2",
    ]  # fmt: skip


def test_bound_of_any_likelihood_is_listed():
    """Its name ends in that of the likelihood, which may be a model's own."""
    runs = [run(), run(latent_dims=8, sse=2.0)]
    for one in runs:
        one.metrics["vae.test_neg_elbo_gaussian"] = one.metrics.pop("vae.test_neg_elbo")
    assert "vae.test_neg_elbo_gaussian" in show.table(runs[0], runs[1:])
    study = compare.select(runs[0], runs[1:], ["latent_dims"])
    assert "VAE: test_neg_elbo_gaussian" in compare.table(study)


def test_second_parameter_may_be_words():
    """A reconstruction loss has no order, and its bounds are no metrics of the other."""
    bce = run(latent_dims=8, reconstruction_loss="bce")
    bce.metrics["vae.test_neg_elbo_bce"] = bce.metrics.pop("vae.test_neg_elbo")
    sse = [run(latent_dims=dims, reconstruction_loss="sse") for dims in (2, 8)]
    study = compare.select(sse[0], [sse[1], bce], ["latent_dims", "reconstruction_loss"])
    assert len(compare.draw(study).axes) == 2
    rows = [line.split() for line in compare.table(study).splitlines()]
    assert ["8", "bce", "-", "41.00", "1"] in rows


@pytest.mark.parametrize("width", [60, 100])
def test_what_changed_is_never_cut(monkeypatch, width):
    """A list stays within a terminal; what does not fit into a line is below it."""
    monkeypatch.setenv("COLUMNS", str(width))
    changes = {f"parameter_{i}": i for i in range(20)}
    lines = show.table(run("main"), [run("x" * 40, **changes)]).splitlines()
    assert width - 20 < max(map(len, lines)) <= width
    assert {f"{name}={value}" for name, value in changes.items()} < {*" ".join(lines).split()}


# The table of data sets


def test_table_takes_defaults_only(tmp_path, monkeypatch):
    """Only runs that differ in data set and latent size, wherever data came from; any threads."""
    head = run(dataset="MNIST", **{"download.folder": None})
    experiments = [
        run(sse=2.0, dataset="FashionMNIST", **{"download.folder": "/a"}),
        run(sse=3.0, dataset="MNIST", latent_dims=8, epochs=5, **{"download.folder": None}),
        run(sse=4.0, dataset="MNIST", latent_dims=8, threads=1, **{"download.folder": None}),
        run(sse=5.0, dataset="MNIST", latent_dims=4, state="failed", **{"download.folder": None}),
    ]
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(tables, "read_runs", lambda: (head, experiments))
    tables.collect()
    table = pd.read_csv(Path(tables.RUNS))
    assert table[["dataset", "latent_dims", "ae.test_sse"]].to_numpy().tolist() == [
        ["MNIST", 2, 1.0],
        ["MNIST", 8, 4.0],
        ["FashionMNIST", 2, 2.0],
    ]
