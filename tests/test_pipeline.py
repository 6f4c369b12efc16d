"""The real `dvc` on a small copy of the project: what runs after which change, and what is never lost."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torchvision.datasets import MNIST

from src.models.registry import load_model

MODELS = ["ae", "vae"]
STAGES = ["preflight", "download", "train_ae", "train_vae", "evaluate", "render", "explore"]
PICTURES = ["latent", "grid", "reconstructions", "samples", "interpolation", "traversal"]


def test_one_repro_runs_every_stage_and_a_second_none(reproduced):
    assert sorted(reproduced.first_run) == sorted(STAGES)
    assert reproduced.repro() == []
    assert reproduced.dvc("status").stdout.strip() == "Data and pipelines are up to date."


@pytest.mark.parametrize("model", MODELS)
def test_a_model_has_all_its_reports(reproduced, model):
    reports = reproduced.root / "reports" / model
    assert pd.read_csv(reports / "loss.csv")["epoch"].tolist() == [0, 1]
    for name in PICTURES:
        with Image.open(reports / f"{name}.png") as picture:
            assert len(picture.convert("L").getcolors()) > 10
    with Image.open(reports / "interpolation.gif") as gif:
        assert gif.n_frames == 8
    metrics = json.loads((reports / "metrics.json").read_text())
    assert {
        "test_mse",
        "test_sse",
        "pca_test_mse",
        "knn_accuracy",
        "linear_probe_accuracy",
        "latent_std_mean",
    } <= set(metrics)
    assert {"test_kl", "test_neg_elbo", "active_units", "test_iwae_bound"} <= set(
        metrics
    ) or model == "ae"
    loaded = load_model(reproduced.root / f"data/models/{model}.pt")
    assert loaded.config["latent_dims"] == 2


def test_torchvision_reads_the_download_as_it_lies(reproduced):
    assert len(MNIST(reproduced.root / "data", train=False)) == 597


def test_the_environment_names_what_can_change_the_numbers(reproduced):
    environment = json.loads((reproduced.root / "data/environment.json").read_text())
    assert sorted(environment) == [
        "matplotlib",
        "numpy",
        "pillow",
        "scikit-learn",
        "scipy",
        "torch",
        "torchvision",
    ]


def test_nothing_but_what_belongs_there_is_committed(reproduced):
    tracked = reproduced.run("git", "ls-files", "data", "reports").stdout.split()
    reports = [
        f"reports/{model}/{name}" for model in MODELS for name in ("loss.csv", "metrics.json")
    ]
    data = ["data/README.md", "data/sets/FashionMNIST.yaml", "data/sets/MNIST.yaml"]
    assert sorted(tracked) == sorted([*data, *reports, "reports/overview.png"])
    assert reproduced.run("git", "status", "--porcelain").stdout == ""


def test_a_second_run_gives_the_same_bytes_even_in_an_odd_place(project, tmp_path):
    """A shallow clone whose path is not ASCII, no home to write to, no locale, a narrow terminal's width."""
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


def test_a_drawing_parameter_draws_again_and_trains_nothing_from_any_folder(project):
    project.set("render.grid_range.vae", "auto")
    said = project.dvc("--cd", "reports", "repro", "--all-pipelines").stdout
    assert re.findall(r"Running stage '\.\./dvc\.yaml:(.+)'", said) == ["preflight", "render"]


def test_the_form_of_the_kl_leaves_the_ae_alone_and_the_way_back_trains_nothing(project):
    project.set("train_vae.kl", "standard")
    assert project.repro("train_vae", "train_ae") == ["preflight", "train_vae"]
    assert load_model(project.root / "data/models/vae.pt").prior_std == 1.0
    project.set("train_vae.kl", "tutorial")
    assert project.repro("train_vae") == ["preflight"]
    assert load_model(project.root / "data/models/vae.pt").prior_std < 1.0


def test_a_device_runs_nothing_but_the_gate(project):
    for stage in ("train_ae", "train_vae", "evaluate", "render"):
        project.set(f"{stage}.device", "cpu")
    assert project.repro() == ["preflight"]


def test_another_release_concerns_the_stages_that_use_the_package(project):
    constraints = project.root / "constraints.txt"
    constraints.write_text(constraints.read_text().replace("pytest==", "pytest==99."))
    assert project.repro() == ["preflight"]
    environment = project.root / "data/environment.json"
    versions = json.loads(environment.read_text())
    stale = {}
    for package in ("torch", "scikit-learn", "matplotlib"):
        environment.unlink()  # a new file, not the cache's through a link
        environment.write_text(json.dumps(versions | {package: "99.0"}))
        stale[package] = set(json.loads(project.dvc("status", "--json").stdout))
    assert stale["torch"] == {"preflight", "train_ae", "train_vae", "evaluate", "render", "explore"}
    assert stale["scikit-learn"] == {"preflight", "evaluate"}
    assert stale["matplotlib"] == {"preflight", "render"}


def test_a_wrong_parameter_loses_nothing(project):
    before = project.outputs()
    project.set("train_vae.kl", "tutoral")
    done = project.dvc("repro", check=False)
    assert done.returncode != 0
    said = [line for line in done.stderr.splitlines() if "error: params.yaml" in line]
    assert said == [
        "error: params.yaml: train_vae.kl is 'tutoral', allowed is tutorial or standard. "
        "Correct it there or with `dvc exp run -S`."
    ]
    assert "Traceback" not in done.stderr
    assert project.outputs() == before
    project.set("train_vae.kl", "tutorial")
    assert project.repro() == []
    assert project.outputs() == before


def test_a_device_that_is_not_there_is_stopped_at_the_gate(project):
    project.set("train_ae.device", "cuda:97")
    done = project.dvc("repro", check=False)
    assert "error: device 'cuda:97' is not on this machine; it has auto" in done.stderr
    assert "Running stage 'train_ae'" not in done.stdout


def test_the_page_holds_both_models_and_the_parameters(reproduced):
    text = (reproduced.root / "reports/explorer.html").read_text()
    facts = json.loads(re.search(r'id="facts">(.*)</script>', text)[1])
    assert [model["title"] for model in facts["models"]] == ["AE", "VAE"]
    assert facts["parameters"]["train_vae.kl"] == "tutorial"
    assert facts["models"][1]["metrics"] == json.loads(
        (reproduced.root / "reports/vae/metrics.json").read_text()
    )
    assert all(model["difference"] <= 1 for model in facts["models"])


def test_without_its_inputs_the_page_is_refused_in_one_line(project):
    (project.root / "data/latents/vae.npz").unlink()
    done = project.run("python", "-m", "stages.explore", check=False)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "error: data/latents/vae.npz is missing; make it with `dvc repro` or fetch it with `dvc pull`"
    )


def test_codes_are_of_all_images(reproduced):
    codes = np.load(reproduced.root / "data/latents/vae.npz")
    assert (codes["train"].shape, codes["test"].shape) == ((1200, 2), (597, 2))
