"""Experiments with the real `dvc` on the small project: a queue, and what can be compared."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from PIL import Image

from experiments import compare, runs, show
from experiments.runs import Run
from src.base.errors import UserError
from tests.toy_project import Toy, until
from tools import tables
from tools.small_project import Project

ELBO_PLOT = "test loss without the KL constant"


@pytest.fixture(scope="module")
def experiments(reproduced) -> Iterator[Project]:
    """The small project with a queue, of which one failed, and one run in the workspace."""
    reproduced.dvc("exp", "run", "--queue", "-S", "latent_dims=0,1,8")
    # Not captured: the idle workers keep their output open long after the experiments are done.
    start = [sys.executable, "-m", "dvc", "queue", "start", "--jobs", "2"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(start, cwd=reproduced.root, env=reproduced.env, check=True, **quiet)
    deadline = time.monotonic() + 600
    while re.search(r"Queued|Running", status := reproduced.dvc("queue", "status").stdout):
        assert time.monotonic() < deadline, status
        time.sleep(2)  # each question costs as much of a core as an experiment in that time
    assert (status.count("Success"), status.count("Failed")) == (2, 1)
    # Its stages come from the cache.
    reproduced.dvc("exp", "run", "--name", "latent-8", "-S", "latent_dims=8")
    yield reproduced
    reproduced.dvc("exp", "remove", "--all-commits")
    reproduced.dvc("queue", "remove", "--all")
    reproduced.restore()


@pytest.fixture
def project(experiments) -> Iterator[Project]:
    """The project with its experiments, put back as it was when the test ends."""
    yield experiments
    experiments.restore()


def finished(project: Project) -> pd.DataFrame:
    """The experiments that ended well, a row each by name, as `dvc exp show --json` has them."""
    rows = {}
    _workspace, head = json.loads(project.dvc("exp", "show", "--json").stdout)
    for item in head["experiments"]:
        if item["executor"] is None or item["executor"]["state"] == "success":
            revision = item["revs"][0]
            data = revision["data"]
            rows[revision["name"]] = {
                "latent_dims": data["params"]["params.yaml"]["data"]["latent_dims"],
                **{
                    f"{model}.{name}": value
                    for model in ("ae", "vae")
                    for name, value in data["metrics"][f"reports/{model}/metrics.json"][
                        "data"
                    ].items()
                },
            }
    return pd.DataFrame(rows).T


def compared(project: Project, *parameters: str) -> str:
    """What the command prints."""
    return project.run(sys.executable, "-m", "experiments.compare", *parameters).stdout


# What DVC makes of experiments


def test_experiments_have_their_own_results(project):
    """Two experiments with equal parameters have equal results."""
    table = finished(project)
    assert sorted(table["latent_dims"]) == [1, 8, 8]
    eight = table[table["latent_dims"] == 8]
    assert eight.nunique().max() == 1
    assert (table["vae.test_iwae_bound"] < table["vae.test_neg_elbo"]).all()
    smallest = table[table["latent_dims"] == 1]["ae.pca_test_mse"].item()
    assert table.loc["latent-8", "ae.pca_test_mse"] < smallest


@pytest.mark.parametrize("dims", [1, 8])
def test_grid_has_a_shape(project, dims):
    """One dimension is drawn as a strip, more as a square."""
    table = finished(project)
    project.dvc("exp", "apply", table.index[table["latent_dims"] == dims][0])
    for model in ("ae", "vae"):
        with Image.open(project.root / f"reports/{model}/grid.png") as grid:
            assert (grid.width > 3 * grid.height) == (dims == 1)
        assert len(pd.read_csv(project.root / f"reports/{model}/loss.csv")) == 2


def test_plots_of_three_revisions(project):
    """Curves lie over each other, and each picture is there for each revision."""
    other = finished(project).query("latent_dims == 1").index.item()
    revisions = {"main", "latent-8", other}
    output = project.dvc("plots", "diff", "--json", "main", "latent-8", other).stdout
    plots = json.loads(output)["data"]
    (curves,) = plots[ELBO_PLOT]
    points = curves["content"]["data"]["values"]
    assert {point["rev"] for point in points} == revisions
    assert len(points) == len(revisions) * 2 * 2  # training and test images, two epochs
    for model in ("ae", "vae"):
        for name in ("latent.png", "grid.png", "interpolation.gif", "traversal.png"):
            pictures = plots[f"reports/{model}/{name}"]
            assert {name for picture in pictures for name in picture["revisions"]} == revisions


def test_workspace_compares_with_head(project):
    """Curves, metrics and parameters, after an experiment is applied."""
    project.dvc("exp", "apply", "latent-8")
    plots = json.loads(project.dvc("plots", "diff", "--json", "HEAD").stdout)["data"]
    points = plots[ELBO_PLOT][0]["content"]["data"]["values"]
    assert {point["rev"] for point in points} == {"HEAD", "workspace"}
    metrics = json.loads(project.dvc("metrics", "diff", "--json").stdout)
    change = metrics["reports/ae/metrics.json"]["test_sse"]
    assert change["diff"] == pytest.approx(change["new"] - change["old"])
    assert change["diff"] < 0
    params = json.loads(project.dvc("params", "diff", "--json").stdout)
    assert params["params.yaml"] == {"latent_dims": {"old": 2, "new": 8, "diff": 6}}


def test_untracked_data_set_in_an_experiment(project):
    """An experiment that runs elsewhere does not find it: the message names the `git add`."""
    description = (project.root / "data/sets/MNIST.yaml").read_text()
    (project.root / "data/sets/Mine.yaml").write_text(description)
    done = project.dvc("exp", "run", "--temp", "-S", "dataset=Mine", check=False)
    assert done.returncode != 0
    assert "`git add data/sets/Mine.yaml`" in done.stdout + done.stderr


# What is compared


def test_failed_experiment_is_left_out(project):
    """DVC gives it the metrics of its commit; the command says which it is, and why it failed."""
    output = compared(project, "latent_dims")
    table = pd.read_csv(project.root / "reports/by_latent_dims.csv")
    assert table["latent_dims"].tolist() == [1, 2, 8]
    assert table["ae.pca_test_mse"].is_monotonic_decreasing
    assert f"| 8 | {table['ae.test_sse'].iloc[-1]:.2f} |" in output
    assert re.search(r"left out: 1 failed \([a-z-]+\): params.yaml: latent_dims is 0,", output)
    assert "left out: 1 with the parameters and seed of another" in output
    with Image.open(project.root / "reports/by_latent_dims.png") as picture:
        assert picture.width > picture.height


def test_lost_log_is_named(project):
    """The log of a failed run may be gone."""
    logs = [*project.root.glob(".dvc/tmp/exps/run/*/*.out")]
    texts = {log: log.read_text() for log in logs}
    for log in logs:
        log.unlink()
    output = compared(project, "latent_dims")
    for log, text in texts.items():
        log.write_text(text)
    assert re.search(r"left out: 1 failed \([a-z-]+\): it has left no log", output)


@pytest.fixture
def queued(experiments) -> Iterator[Project]:
    """The project with one more experiment that waits in the queue."""
    experiments.dvc("exp", "run", "--queue", "--name", "later", "-S", "latent_dims=5")
    yield experiments
    experiments.dvc("queue", "remove", "later")


def test_queued_experiment_is_left_out(queued):
    """It has nothing yet."""
    assert "left out: 1 queued (later)" in compared(queued, "latent_dims")
    assert pd.read_csv(queued.root / "reports/by_latent_dims.csv")["latent_dims"].max() == 8


@pytest.fixture
def held(tmp_path, digits) -> Iterator[Toy]:
    """A toy whose queue runs an experiment that does not end."""
    toy = Toy(tmp_path / "project", digits, tmp_path / "signals")
    toy.hold()
    toy.dvc("exp", "run", "--queue", "--name", "held", "-S", "latent_dims=30")
    start = [sys.executable, "-m", "dvc", "queue", "start"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run(start, cwd=toy.root, env=toy.env, check=True, **quiet)
    until(lambda: toy.begun("30-0"))
    yield toy
    toy.let_go()


def test_killed_worker_has_no_result(held):
    """For DVC its experiment runs for ever; for this project it has failed."""
    listing = [sys.executable, "-m", "experiments.show"]
    assert re.search(r"^held +running +latent_dims=30$", held.run(*listing).stdout, re.MULTILINE)
    (stage,) = held.begun("30-0")
    parents = psutil.Process(stage).parents()
    workers = [p for p in parents if {"queue-worker", "exec-run"} & {*p.cmdline()}]
    for process in [*workers, psutil.Process(stage)]:
        process.kill()
    psutil.wait_procs(workers, timeout=30)
    output = held.run(*listing).stdout
    assert re.search(r"^held +failed +latent_dims=30$", output, re.MULTILINE)
    assert "1 failed (held): its process has ended without a message" in output
    comparing = [sys.executable, "-m", "experiments.compare"]
    assert "left out: 1 failed (held)" in held.run(*comparing, check=False).stderr


@pytest.fixture
def beta(experiments) -> Iterator[Project]:
    """The project with an experiment that ran as a whole, and one of a single stage."""
    experiments.dvc("exp", "run", "--name", "beta-4", "-S", "train_vae.beta=4")
    experiments.restore()
    experiments.dvc("exp", "run", "--name", "part", "-S", "train_vae.beta=2", "train_vae")
    experiments.restore()
    yield experiments
    experiments.dvc("exp", "remove", "beta-4", "part")


def test_parameter_in_a_section(beta):
    """Rate and distortion are printed, and one that ran in part has no metrics of its own."""
    output = compared(beta, "train_vae.beta")
    assert "left out: 1 stale (part): evaluate has not run since" in output
    table = pd.read_csv(beta.root / "reports/by_train_vae.beta.csv")
    assert table["train_vae.beta"].tolist() == [1, 4]
    distortion = table["vae.test_neg_elbo"] - table["vae.test_kl"]
    assert table["vae.test_distortion"].tolist() == pytest.approx(distortion.tolist(), rel=1e-4)
    assert "VAE: test_kl | VAE: test_distortion" in output
    assert (beta.root / "reports/by_train_vae.beta.png").is_file()


def test_results_are_not_for_git(project):
    """The command leaves git's status clean."""
    compared(project, "latent_dims")
    assert project.run("git", "status", "--porcelain").stdout == ""


@pytest.mark.parametrize(
    ("parameter", "message"),
    [
        ("colour", "colour is not a parameter with numbers; `dvc exp show` lists what there is"),
        ("train_vae", "train_vae is not a parameter with numbers"),
        ("reconstruction_loss", "reconstruction_loss is not a parameter with numbers"),
        ("epochs", "1 value of epochs among the runs that otherwise have HEAD's parameters"),
    ],
)
def test_nothing_to_compare(project, parameter, message):
    """One line, and no picture."""
    command = [sys.executable, "-m", "experiments.compare", parameter]
    done = project.run(*command, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {message}")
    assert done.stderr.count("\n") == 1
    assert not (project.root / f"reports/by_{parameter}.png").exists()


def test_list_fits_a_terminal(queued):
    """A line for each experiment, with those marked that have no metrics."""
    queued.run("git", "checkout", "--quiet", "--detach")  # a commit is as good as a branch
    output = queued.run(sys.executable, "-m", "experiments.show").stdout
    queued.run("git", "checkout", "--quiet", "main")
    lines = output.splitlines()
    assert max(map(len, lines)) <= show.WIDTH
    assert re.search(r"^[a-z-]+ +failed +latent_dims=0$", output, re.MULTILINE)
    assert re.search(r"^later +queued +latent_dims=5$", output, re.MULTILINE)
    assert re.search(r"^latent-8 +[\d.]+ +[\d.]+ +[\d.]+ +latent_dims=8$", output, re.MULTILINE)


# Runs as DVC shows them


def revision(name: str = "run", rev: str = "a" * 40, **params: Any) -> dict:
    """A revision in the form of `dvc exp show --json`."""
    metrics = {"reports/ae/metrics.json": {"data": {"test_sse": 2.5}}}
    data = {"params": {"params.yaml": {"data": params}}, "metrics": metrics}
    return {"rev": rev, "name": name, "data": data}


def lock(**params: Any) -> dict:
    """A dvc.lock by which a model was trained with these parameters, and then measured."""
    model = {"path": "data/models/ae.pt", "md5": "1"}
    return {
        "stages": {
            "train": {"params": {"params.yaml": params}, "outs": [model]},
            "measure": {"deps": [dict(model)], "outs": [{"path": "reports/ae/metrics.json"}]},
        }
    }


@pytest.mark.parametrize(
    ("executor", "state"),
    [
        (None, "done"),
        ({"state": "success"}, "done"),
        ({"state": "failed"}, "failed"),
        ({"state": "queued"}, "queued"),
        ({"state": "running"}, "running"),
        ({"state": "running", "local": {"pid": 2**31 - 1}}, "failed"),  # no such process
    ],
)
def test_states_of_a_run(executor, state):
    """Only a run that ended well is done; one whose process was killed failed."""
    run = runs._run(revision(epochs=2), executor, lock(epochs=2))
    assert run.state == state


def test_parameters_changed_since_the_run():
    """The metrics in a commit may be those of other parameters."""
    run = runs._run(revision(epochs=3), None, lock(epochs=2))
    assert (run.state, run.reason) == ("stale", "train has not run since epochs changed")


def test_model_changed_since_the_metrics():
    """A stage may have run alone."""
    recorded = lock(epochs=2)
    recorded["stages"]["train"]["outs"][0]["md5"] = "2"
    run = runs._run(revision(epochs=2), None, recorded)
    assert run.reason == "measure has not run since data/models/ae.pt changed"


def test_devices_make_nothing_stale():
    """Neither do sources of the data; and 1e-05, which YAML takes for text, is a number."""
    params = {"train": {"device": "cpu"}, "download": {"folder": "/a"}, "learning_rate": 1e-05}
    recorded = lock(train={"device": "cuda"}, download={"folder": "/b"}, learning_rate="1e-05")
    assert runs._run(revision(**params), None, recorded).state == "done"


def test_checks_make_nothing_stale():
    """`preflight` reads parameters that no metric depends on; its records count."""
    record = {"path": "data/environment/train.json", "md5": "1"}
    recorded = lock(epochs=2)
    recorded["stages"]["train"]["deps"] = [dict(record)]
    recorded["stages"]["preflight"] = {
        "params": {"params.yaml": {"epochs": 2, "frames": 10}},
        "outs": [record],
    }
    assert runs._run(revision(epochs=2, frames=20), None, recorded).state == "done"
    record["md5"] = "2"
    assert runs._run(revision(epochs=2, frames=20), None, recorded).state == "stale"


def test_run_without_a_lock():
    """It is not known how its metrics were made."""
    assert runs._run(revision(epochs=2), None, {}).state == "stale"


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
    """Other epochs do not, and are named."""
    experiments = [
        run(sse=1.0, latent_dims=8, threads=1, **{"train_ae.device": "cuda"}),
        run(sse=2.0, latent_dims=4, epochs=10),
    ]
    study = compare.select(run(sse=3.0, **{"train_ae.device": "cpu"}), experiments, ["latent_dims"])
    assert study.mean["ae.test_sse"].tolist() == [3.0, 1.0]
    assert study.notes == [
        "left out: 1 that differs in epochs",
        "some differ in threads, train_ae.device too, which decides last digits only",
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
    lines = compare.markdown(study).splitlines()
    assert lines[2].startswith("| 2 | 4.00 ± 1.41 |")
    assert lines[3].startswith("| 8 | 2.00 ± 1.00 |")
    assert [line.split(" | ")[-1] for line in lines] == ["n |", "--- |", "2 |", "3 |"]
    assert study.notes == ["mean and standard deviation over seed=0,1,2"]
    assert b"ae.test_sse.std" in compare.csv(study)


def test_equal_runs_count_once():
    """A second run of the same parameters and seed is no second seed."""
    experiments = [run(latent_dims=8), run(latent_dims=8, threads=1)]
    study = compare.select(run(), experiments, ["latent_dims"])
    assert study.mean["n"].tolist() == [1, 1]
    assert study.notes[-1] == "left out: 1 with the parameters and seed of another"


def test_study_beside_the_defaults():
    """If HEAD's parameters have one value, those with the most are compared, and named."""
    experiments = [run(latent_dims=dims, epochs=5) for dims in (2, 4, 8)]
    study = compare.select(run(), [*experiments, run(latent_dims=3, epochs=6)], ["latent_dims"])
    assert study.mean["latent_dims"].tolist() == [2, 4, 8]
    assert study.notes[0] == "all with epochs=5, unlike HEAD"


def test_equal_numbers_are_one_value():
    """1 and 1.0 are, as `-S` writes the one and params.yaml the other."""
    experiments = [run(latent_dims=8, **{BETA: 1}), run(latent_dims=4, **{BETA: 1.0})]
    study = compare.select(run(**{BETA: 1.0}), experiments, ["latent_dims"])
    assert study.mean["latent_dims"].tolist() == [2, 4, 8]


def test_runs_without_metrics_do_not_count():
    """Of whatever state; HEAD itself may be one."""
    experiments = [
        run(latent_dims=4),
        run(latent_dims=8),
        run("bad", state="failed", latent_dims=9),
    ]
    study = compare.select(run("main", state="stale"), experiments, ["latent_dims"])
    assert study.mean["latent_dims"].tolist() == [4, 8]
    assert study.notes == ["left out: 1 stale (main)", "left out: 1 failed (bad)"]


def test_only_failed_runs_raise():
    """The message says how many there are."""
    failed = [run("bad", state="failed", latent_dims=8)]
    with pytest.raises(UserError, match=r"1 value of latent_dims .*left out: 1 failed \(bad\)"):
        compare.select(run(), failed, ["latent_dims"])


def test_second_parameter_gives_curves():
    """One for each of its values and models, and rate against distortion for each."""
    experiments = [
        run(latent_dims=dims, **{BETA: beta}) for dims in (2, 4, 8) for beta in (0.5, 1, 2)
    ]
    study = compare.select(run(**{BETA: 1.0}), experiments, ["latent_dims", BETA])
    losses, errors, rate = compare.draw(study).axes
    assert len(losses.containers) == 2 * 3
    assert len(errors.containers) == 3 * 3
    assert len(rate.containers) == 3
    texts = [text.get_text() for text in losses.get_legend().get_texts()]
    assert texts == [
        "AE: squared error", "VAE: negative ELBO",
        f"{BETA}=0.5", f"{BETA}=1", f"{BETA}=2",
    ]  # fmt: skip


def test_rate_and_distortion_are_named():
    """The distortion is the error at a sampled z, not that of the decoded mean."""
    study = compare.select(run(sse=3.0, **{BETA: 1.0}), [run(sse=5.0, **{BETA: 4.0})], [BETA])
    *_, axes = compare.draw(study).axes
    assert "test_kl" in axes.get_xlabel()
    assert "sampled z" in axes.get_ylabel()
    (points,) = axes.containers
    assert points.lines[0].get_ydata().tolist() == [39.0, 41.0]


def test_second_parameter_may_be_words():
    """A reconstruction loss has no order, and its bounds are no metrics of the other."""
    bce = run(latent_dims=8, reconstruction_loss="bce")
    bce.metrics["vae.test_neg_elbo_bce"] = bce.metrics.pop("vae.test_neg_elbo")
    sse = [run(latent_dims=dims, reconstruction_loss="sse") for dims in (2, 8)]
    study = compare.select(sse[0], [sse[1], bce], ["latent_dims", "reconstruction_loss"])
    assert len(compare.draw(study).axes) == 2
    row = next(line for line in compare.markdown(study).splitlines() if "| 8 | bce |" in line)
    assert row == "| 8 | bce | - | 41.00 | 1 |"


def test_long_lines_are_cut():
    """A list stays within a terminal, whatever an experiment changes."""
    changes = {f"parameter_{i}": i for i in range(20)}
    text = show.table(run("main"), [run("x" * 40, **changes)])
    assert max(map(len, text.splitlines())) == show.WIDTH


# The table of data sets


def test_table_takes_defaults_only(tmp_path, monkeypatch):
    """Only runs that differ in the data set and the latent size, wherever the data came from."""
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
        ["FashionMNIST", 2, 2.0],
    ]
