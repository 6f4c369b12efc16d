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
from tools.small_project import ROOT

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
    """Losses, metrics, pictures and weights."""
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
    assert expected <= set(json.loads((reports / "metrics.json").read_text()))
    assert load_model(reproduced.root / f"data/models/{model}.pt").config["latent_dims"] == 2


def test_torchvision_reads_the_download(reproduced):
    """Without any change to the files."""
    assert len(MNIST(reproduced.root / "data", train=False)) == 597


@pytest.mark.parametrize("stage", [name for name in STAGES if name != "preflight"])
def test_stage_has_its_record(reproduced, stage):
    """The record has releases of packages and, if the stage computes, the kind of arithmetic."""
    record = json.loads((reproduced.root / f"data/environment/{stage}.json").read_text())
    assert "torchvision" in record if stage == "download" else "numpy" in record
    assert ("arithmetic" in record) == (stage != "download")


def test_nothing_else_is_committed(reproduced):
    """Weights, codes and pictures are in the cache of DVC, not in git."""
    tracked = reproduced.run("git", "ls-files", "data", "reports").stdout.split()
    reports = [f"reports/{name}/{file}" for name in MODELS for file in ("loss.csv", "metrics.json")]
    data = ["data/README.md", *(f"data/sets/{path.name}" for path in ROOT.glob("data/sets/*.yaml"))]
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


@pytest.mark.parametrize("command", [("repro",), ("exp", "run")])
def test_fresh_clone_is_up_to_date(project, tmp_path, command):
    """The check that continuous integration makes without data."""
    clone = project.clone(tmp_path / "clone")
    printed = clone.dvc(*command, "--allow-missing", "--dry").stdout
    assert "Running stage" not in printed


def test_picture_parameter_trains_nothing(project):
    """Whatever folder `dvc` is started in."""
    project.set("render.grid_range.vae", "auto")
    printed = project.dvc("--cd", "reports", "repro", "--all-pipelines").stdout
    assert re.findall(r"Running stage '\.\./dvc\.yaml:(.+)'", printed) == ["preflight", "render"]


def test_form_of_kl_leaves_the_ae(project):
    """And the way back trains nothing."""
    project.set("train_vae.kl", "standard")
    assert project.repro("train_vae", "train_ae") == ["preflight", "train_vae"]
    assert load_model(project.root / "data/models/vae.pt").prior_std == 1.0
    project.set("train_vae.kl", "tutorial")
    assert project.repro("train_vae") == ["preflight"]
    assert load_model(project.root / "data/models/vae.pt").prior_std < 1.0


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is there")
def test_device_of_equal_arithmetic_runs_nothing(project):
    """Without a GPU, `auto` is the CPU."""
    for stage in COMPUTING:
        project.set(f"{stage}.device", "auto")
    assert project.repro() == ["preflight"]


def test_arithmetic_runs_what_depends_on_it(project):
    """And the way back comes from the run cache: no kind gets another's results."""
    before = project.outputs()
    project.set("arithmetic", "native")
    assert sorted(project.repro()) == sorted(set(STAGES) - {"download"})
    record = json.loads((project.root / "data/environment/train_ae.json").read_text())
    assert record["arithmetic"].startswith("native ")
    project.set("arithmetic", "portable")
    assert project.repro() == ["preflight"]
    assert project.outputs() == before


def test_experiment_in_a_temporary_folder(project):
    """The records come with it."""
    project.dvc("exp", "run", "--temp", "--name", "temporary", "-S", "seed=3")
    assert "temporary" in project.dvc("exp", "list", "--name-only").stdout
    project.dvc("exp", "remove", "temporary")


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


def test_changed_record_runs_its_stage(project):
    """And no other, as far as DVC can tell."""
    record = project.root / "data/environment/render.json"
    facts = json.loads(record.read_text()) | {"matplotlib": "99.0"}
    record.unlink()  # a new file, not the cache's through a link
    record.write_text(json.dumps(facts))
    assert set(json.loads(project.dvc("status", "--json").stdout)) == {"preflight", "render"}


def test_wrong_parameter_loses_nothing(project):
    """It is refused in one line, before any output is removed."""
    before = project.outputs()
    project.set("train_vae.kl", "tutoral")
    done = project.dvc("repro", check=False)
    assert done.returncode != 0
    assert [line for line in done.stderr.splitlines() if "error: params.yaml" in line] == [
        "error: params.yaml: train_vae.kl is 'tutoral', allowed is tutorial or standard. "
        "Correct it there or with `dvc exp run -S`."
    ]
    assert "Traceback" not in done.stderr
    assert project.outputs() == before
    project.set("train_vae.kl", "tutorial")
    assert project.repro() == []
    assert project.outputs() == before


def test_absent_device_loses_nothing(project):
    """It is refused before any training."""
    before = project.outputs()
    project.set("train_ae.device", "cuda:97")
    done = project.dvc("repro", check=False)
    assert "error: device 'cuda:97' is not on this machine" in done.stderr
    assert "it has auto, cpu" in done.stderr
    assert "Running stage 'train_ae'" not in done.stdout
    assert project.outputs() == before


FALSE_DRIVER = """
int nvmlInit(void) { return 0; }
int nvmlInit_v2(void) { return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
"""


@pytest.fixture
def unusable_gpu(project, tmp_path):
    """A driver that lists one GPU, which torch cannot use."""
    compiler = shutil.which("cc")
    if compiler is None or torch.version.cuda is None:
        pytest.skip("needs a C compiler and a torch that asks NVIDIA's driver")
    library = tmp_path / "libnvidia-ml.so.1"
    command = [compiler, "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=FALSE_DRIVER, text=True, check=True)
    environment = project.env
    project.env = environment | {"LD_LIBRARY_PATH": str(tmp_path)}
    yield project
    project.env = environment


def test_unusable_gpu_falls_back(unusable_gpu):
    """To the CPU, with one line for each stage that says why."""
    for stage in COMPUTING:
        unusable_gpu.set(f"{stage}.device", "auto")
    done = unusable_gpu.dvc("repro")
    assert re.findall(r"Running stage '(.+)'", done.stdout) == ["preflight"]
    assert done.stderr.count("device auto is the CPU here: torch cannot use cuda:0: ") == (
        len(COMPUTING)
    )


def test_unusable_gpu_is_refused(unusable_gpu):
    """If it is asked for, before anything is removed."""
    before = unusable_gpu.outputs()
    unusable_gpu.set("train_ae.device", "cuda")
    done = unusable_gpu.dvc("repro", check=False)
    assert "error: device 'cuda' is not on this machine (torch cannot use cuda:0: " in done.stderr
    assert "Traceback" not in done.stderr
    assert unusable_gpu.outputs() == before


def test_page_holds_models_and_parameters(reproduced):
    """And the metrics of each model."""
    text = (reproduced.root / "reports/explorer.html").read_text()
    facts = json.loads(re.search(r'id="facts">(.*)</script>', text)[1])
    assert [model["title"] for model in facts["models"]] == [m.title for m in MODELS.values()]
    assert facts["parameters"]["train_vae.kl"] == "tutorial"
    for name, model in zip(MODELS, facts["models"], strict=True):
        metrics = json.loads((reproduced.root / f"reports/{name}/metrics.json").read_text())
        assert model["metrics"] == metrics


def test_missing_codes_are_one_line(project):
    """The line says how to make or fetch them."""
    (project.root / "data/latents/vae.npz").unlink()
    done = project.run("python", "-m", "stages", "explore", check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: data/latents/vae.npz is missing; make it with `dvc repro` or fetch it with "
        "`dvc pull`"
    )


@pytest.mark.parametrize("model", MODELS)
def test_film_ends_with_the_final_codes(reproduced, model):
    """The stage evaluate gives the same for these images."""
    film = load_film(reproduced.root / f"data/training/{model}.npz")
    codes = np.load(reproduced.root / f"data/latents/{model}.npz")
    assert film.epochs.tolist() == [0, 1, 2]
    assert np.allclose(film.codes[-1], codes["train"][film.images], atol=1e-5)


@pytest.mark.parametrize("epochs", [1, 200])
def test_film_of_few_or_many_epochs(project, epochs):
    """A frame before the first epoch, and at most 50 after it."""
    project.set("epochs", epochs)
    project.repro("train_vae", "train_ae", "render")
    for model in MODELS:
        with Image.open(project.root / f"reports/{model}/training.gif") as gif:
            assert gif.n_frames == min(epochs, 50) + 1


@pytest.mark.parametrize("model", MODELS)
def test_codes_are_of_all_images(reproduced, model):
    """Of training and test images."""
    codes = np.load(reproduced.root / f"data/latents/{model}.npz")
    assert (codes["train"].shape, codes["test"].shape) == ((1200, 2), (597, 2))
