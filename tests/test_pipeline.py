"""The real `dvc` on a small copy of the project: what runs after which change; what is kept."""

import json
import re
import shutil
import subprocess

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image, ImageSequence
from torchvision.datasets import MNIST

from src.history.film import load_film
from src.models.registry import MODELS, load_model
from tools.small_project import ROOT, sources

STAGES = list(yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"])
TRAININGS = [f"train_{name}" for name in MODELS]
COMPUTING = [*TRAININGS, "evaluate", "render"]  # the stages with a device
PICTURES = ["latent", "grid", "reconstructions", "samples", "interpolation", "traversal"]
METRICS = {
    "test_mse",
    "test_sse",
    "pca_test_mse",
    "knn_accuracy",
    "linear_probe_accuracy",
    "latent_std_mean",
}
METRICS_WITH_A_PRIOR = {"test_kl", "test_neg_elbo", "active_units", "test_iwae_bound"}


def test_first_run_runs_every_stage(reproduced):
    """And a second one none."""
    assert sorted(reproduced.first_run) == sorted(STAGES)
    assert reproduced.repro() == []
    assert reproduced.dvc("status").stdout.strip() == "Data and pipelines are up to date."


@pytest.mark.parametrize("model", MODELS)
def test_model_has_all_reports(reproduced, model):
    """Losses, metrics, pictures, weights, codes of all images, and a film that ends with these."""
    reports = reproduced.root / "reports" / model
    assert pd.read_csv(reports / "loss.csv")["epoch"].tolist() == [0, 1]
    for name in PICTURES:
        with Image.open(reports / f"{name}.png") as picture:
            assert len(picture.convert("L").getcolors()) > 10
    with Image.open(reports / "interpolation.gif") as gif:
        durations = [frame.info["duration"] for frame in ImageSequence.Iterator(gif)]
        assert sum(durations) == 8 * 50  # milliseconds: frames that are equal are stored as one
    with Image.open(reports / "training.gif") as gif:
        assert gif.n_frames == 3
    expected = METRICS | (METRICS_WITH_A_PRIOR if MODELS[model].kl_forms else set())
    metrics = json.loads((reports / "metrics.json").read_text())
    assert expected <= set(metrics)
    if MODELS[model].kl_forms:
        kls = pd.read_csv(reports / "kl.csv")
        assert kls["dimension"].tolist() == ["z1", "z2"]
        assert kls["kl"].sum() == pytest.approx(metrics["test_kl"], rel=1e-4)
    assert load_model(reproduced.root / f"data/models/{model}.pt").config["latent_dims"] == 2
    codes = np.load(reproduced.root / f"data/latents/{model}.npz")
    assert (codes["train"].shape, codes["test"].shape) == ((1200, 2), (597, 2))
    film = load_film(reproduced.root / f"data/training/{model}.npz")
    assert np.allclose(film.codes[-1], codes["train"][film.images], atol=1e-5)


def test_torchvision_reads_the_download(reproduced):
    """Without any change to the files."""
    assert len(MNIST(reproduced.root / "data", train=False)) == 597


def test_nothing_else_is_committed(reproduced):
    """Weights, codes and pictures are in the cache of DVC, not in git."""
    tracked = reproduced.run("git", "ls-files", "data", "reports").stdout.split()
    reports = [f"reports/{name}/{file}" for name in MODELS for file in ("loss.csv", "metrics.json")]
    reports += [f"reports/{name}/kl.csv" for name in MODELS if MODELS[name].kl_forms]
    data = [name for name in sources() if name.startswith("data/")]
    assert sorted(tracked) == sorted([*data, *reports, "reports/overview.png"])
    assert reproduced.run("git", "status", "--porcelain").stdout == ""


def test_odd_surroundings_change_no_byte(project, tmp_path):
    """A path that is not ASCII, no home to write to, no locale, the width of a narrow terminal."""
    clone = project.clone(tmp_path / "Größe 8")
    clone.env = project.env | {
        "HOME": "/proc/nowhere",
        "LC_ALL": "C",
        "COLUMNS": "40",
        "DISPLAY": "",
    }
    assert sorted(clone.repro("--force")) == sorted(STAGES)
    assert clone.outputs() == project.outputs()
    assert (clone.root / "dvc.lock").read_bytes() == (project.root / "dvc.lock").read_bytes()


def test_picture_parameter_trains_nothing(project):
    """Whatever folder `dvc` is started in."""
    project.set("render.grid_range.vae", "auto")
    printed = project.dvc("--cd", "reports", "repro", "--all-pipelines").stdout
    assert re.findall(r"Running stage '\.\./dvc\.yaml:(.+)'", printed) == ["preflight", "render"]


def test_experiment_changes_one_line(project):
    """Of params.yaml as it is committed, with all its comments."""
    (project.root / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    project.commit("the parameters of the whole project")
    project.dvc("exp", "run", "--name", "one-line", "-S", "seed=12345", "preflight")
    assert project.run("git", "diff", "--numstat", "params.yaml").stdout == "1\t1\tparams.yaml\n"
    project.dvc("exp", "remove", "one-line")
    project.run("git", "reset", "--quiet", "--hard", "HEAD~")


def test_form_of_kl_leaves_the_ae(project):
    """And the way back trains nothing."""
    project.set("train_vae.kl", "standard")
    assert project.repro("train_vae", "train_ae") == ["preflight", "train_vae"]
    assert load_model(project.root / "data/models/vae.pt").prior_std == 1.0
    project.set("train_vae.kl", "tutorial")
    assert project.repro("train_vae") == ["preflight"]
    assert load_model(project.root / "data/models/vae.pt").prior_std < 1.0


def test_arithmetic_runs_what_depends_on_it(project):
    """And the way back comes from the run cache: no kind gets another's results."""
    before = project.outputs()
    project.set("arithmetic", "native")
    assert sorted(project.repro()) == sorted(set(STAGES) - {"download"})
    record = json.loads((project.root / "data/environment/train_ae.json").read_text())
    assert record["arithmetic"].startswith("native ")
    assert record["arithmetic"].endswith(", 1 thread")
    project.set("arithmetic", "portable")
    assert project.repro() == ["preflight"]
    assert project.outputs() == before


def test_threads_decide_nothing(project):
    """What ran with one comes from the cache, in a queue with another number too."""
    project.set("threads", 7)
    assert project.repro() == ["preflight"]


def test_other_release_concerns_its_stages(project):
    """Those that use the package."""
    constraints = project.root / "constraints.txt"
    constraints.write_text(constraints.read_text().replace("pytest==", "pytest==99."))
    assert project.repro() == ["preflight"]
    records = {stage: project.root / f"data/environment/{stage}.json" for stage in STAGES[1:]}
    users = {
        package: {stage for stage, path in records.items() if package in path.read_text()}
        for package in ("torchvision", "torch", "scikit-learn", "matplotlib")
    }
    assert users["torchvision"] == {"download"}
    assert users["scikit-learn"] == {"evaluate"}
    assert users["matplotlib"] == {"render"}
    assert users["torch"] == set(STAGES) - {"preflight"}  # torchvision has it in its name


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        (
            "train_vae.kl",
            "tutoral",
            "params.yaml: train_vae.kl is 'tutoral', allowed is tutorial or standard. "
            "Correct it there or with `dvc exp run -S`.",
        ),
        ("train_ae.device", "cuda:97", "device 'cuda:97' is not on this machine"),
    ],
)
def test_wrong_parameter_loses_nothing(project, name, value, fault):
    """It is refused in one line, before any output is removed."""
    before = project.outputs()
    params = (project.root / "params.yaml").read_text()
    project.set(name, value)
    done = project.dvc("repro", check=False)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if line.startswith(f"error: {fault}")]
    assert "Traceback" not in done.stderr
    assert project.outputs() == before
    (project.root / "params.yaml").write_text(params)
    assert project.repro() == []


FALSE_DRIVER = """
int nvmlInit(void) { return 0; }
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
"""


@pytest.mark.skipif(
    shutil.which("cc") is None or torch.version.cuda is None or torch.cuda.is_available(),
    reason="needs a C compiler and a torch that finds no GPU and asks NVIDIA's driver for one",
)
def test_unusable_gpu_is_no_gpu(project, tmp_path, monkeypatch):
    """The driver lists one that torch cannot use: `auto` is the CPU, and `cuda` is refused."""
    library = tmp_path / "libnvidia-ml.so.1"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=FALSE_DRIVER, text=True, check=True)
    monkeypatch.setitem(project.env, "LD_LIBRARY_PATH", str(tmp_path))
    for stage in COMPUTING:
        project.set(f"{stage}.device", "auto")
    done = project.dvc("repro")
    assert re.findall(r"Running stage '(.+)'", done.stdout) == ["preflight"]
    remark = "device auto is the CPU here: torch cannot use cuda:0: "
    assert done.stderr.count(remark) == len(COMPUTING)
    before = project.outputs()
    project.set("train_ae.device", "cuda")
    done = project.dvc("repro", check=False)
    assert "error: device 'cuda' is not on this machine (torch cannot use cuda:0: " in done.stderr
    assert "Traceback" not in done.stderr
    assert project.outputs() == before


def test_page_holds_models_and_parameters(reproduced):
    """And the metrics of each model."""
    text = (reproduced.root / "reports/explorer.html").read_text()
    facts = json.loads(re.search(r'id="facts">(.*)</script>', text)[1])
    assert [model["title"] for model in facts["models"]] == [m.title for m in MODELS.values()]
    assert facts["parameters"]["train_vae.kl"] == "tutorial"
    for name, model in zip(MODELS, facts["models"], strict=True):
        metrics = json.loads((reproduced.root / f"reports/{name}/metrics.json").read_text())
        assert model["metrics"] == metrics
