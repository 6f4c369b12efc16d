"""A third model: a class, an entry in the table, a stage and its parameters; a third data set: a file about it."""

import json
import re

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

from tests.small_project import checksums_of, write_idx

NETWORK = '''

class LinearVAE(VariationalAutoencoder):
    """A VAE whose decoder is one linear layer, probabilistic PCA but for the sigmoid."""

    def __init__(self, latent_dims: int, hidden_dims: int = 512, prior_std: float = 1.0):
        super().__init__(latent_dims, hidden_dims=hidden_dims, prior_std=prior_std)
        self.config = {"latent_dims": latent_dims, "hidden_dims": hidden_dims, "prior_std": prior_std}
        self.decoder = LinearDecoder(latent_dims, PIXELS)


class LinearDecoder(Linear):
    def logits(self, z: Tensor) -> Tensor:
        return super().forward(z)

    def forward(self, z: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(z))
'''
ENTRY = """
from src.models.networks import LinearVAE

MODELS["linear"] = Kind("Linear VAE", LinearVAE, losses.variational_terms, KL_FORMS)
"""


def edit(path, *changes: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)


@pytest.fixture
def with_a_third_model(project):
    root = project.root
    with open(root / "src/models/networks.py", "a") as file:
        file.write(NETWORK)
    with open(root / "src/models/registry.py", "a") as file:
        file.write(ENTRY)
    edit(
        root / "src/preflight/schema.py",
        ("    train_vae: TrainVAE\n", "    train_vae: TrainVAE\n    train_linear: TrainVAE\n"),
        ("    vae: Range\n", "    vae: Range\n    linear: Range\n"),
    )
    pipeline = root / "dvc.yaml"
    text = pipeline.read_text()
    stage = text[text.index("  train_vae:") : text.index("  evaluate:")]
    edit(pipeline, ("  evaluate:", stage.replace("vae", "linear") + "  evaluate:"))
    head, tail = pipeline.read_text().split("  evaluate:")
    tail, plots = tail.split("\nplots:")
    # Beside each of the VAE's files: in a list of several to a line, and in one of a line each.
    tail = re.sub(r" (\S+/)vae([./][^\s,]+),", r" \1vae\2, \1linear\2,", tail)
    tail = re.sub(r"^( +- \S+/)vae([./].+)$", r"\1vae\2\n\1linear\2", tail, flags=re.MULTILINE)
    pipeline.write_text(f"{head}  evaluate:{tail}\nplots:{plots}")
    project.set("train_linear", {"device": "auto", "kl": "standard", "beta": 1.0})
    project.set("render.grid_range.linear", "auto")
    return project


def test_a_third_model_gets_weights_losses_metrics_pictures_and_a_place_in_the_overview(
    with_a_third_model,
):
    project, root = with_a_third_model, with_a_third_model.root
    width = Image.open(root / "reports/overview.png").width
    ran = project.repro()
    assert {"train_linear", "evaluate", "render"} <= set(ran)
    assert (root / "data/models/linear.pt").exists()
    losses = pd.read_csv(root / "reports/linear/loss.csv")
    assert losses["loss"].is_monotonic_decreasing
    metrics = json.loads((root / "reports/linear/metrics.json").read_text())
    assert {"test_mse", "knn_accuracy", "test_kl", "test_neg_elbo", "active_units"} <= set(metrics)
    pictures = {path.name for path in (root / "reports/linear").glob("*.[pg]*")}
    assert pictures == {path.name for path in (root / "reports/vae").glob("*.[pg]*")}
    assert len(pictures) == 7
    assert Image.open(root / "reports/overview.png").width == width * 3 / 2
    assert '"title": "Linear VAE"' in (root / "reports/explorer.html").read_text()
    assert project.repro() == []


@pytest.fixture
def bars(tmp_path):
    """A folder with a made-up data set in MNIST's format: upright, level and slanted bars."""
    folder, rng = tmp_path / "bars", np.random.default_rng(0)
    folder.mkdir()
    for prefix, n in {"train": 300, "t10k": 90}.items():
        labels, rows = np.arange(n) % 3, np.arange(28)
        images, at = np.zeros((n, 28, 28)), rng.integers(4, 24, n)
        images[labels == 0, :, at[labels == 0]] = 255
        images[labels == 1, at[labels == 1], :] = 255
        images[np.ix_(labels == 2, rows)] = 255 * np.eye(28)
        write_idx(folder / f"{prefix}-images-idx3-ubyte", images)
        write_idx(folder / f"{prefix}-labels-idx1-ubyte", labels)
    return folder


def test_a_third_data_set_is_a_file_and_forth_and_back_nothing_is_done_twice(project, bars):
    about = {
        "origin": "made up",
        "licence": "MIT",
        "classes": ["upright", "level", "slanted"],
        "sources": {},
    }
    path = project.root / "data/sets/KMNIST.yaml"  # a name that torchvision has a class for
    path.write_text(yaml.safe_dump(about | {"files": checksums_of(bars)}))
    digits = project.outputs()
    folder = yaml.safe_load((project.root / "params.yaml").read_text())["download"]["folder"]

    def switch(name: str, folder: str) -> tuple[set[str], dict[str, str]]:
        project.set("dataset", name)
        project.set("download.folder", folder)
        return set(project.repro()), project.outputs()

    ran, there = switch("KMNIST", str(bars))
    assert ran >= {"preflight", "download", "train_ae", "train_vae", "evaluate", "render"}
    assert there["reports/overview.png"] != digits["reports/overview.png"]
    assert json.loads((project.root / "reports/vae/metrics.json").read_text())["knn_accuracy"] > 0.5
    for name, folder_of_it, expected in (("MNIST", folder, digits), ("KMNIST", str(bars), there)):
        ran, outputs = switch(name, folder_of_it)
        assert ran == {"preflight"}  # all others come from the cache
        assert outputs == there | expected  # and the other set's files are still there

    path.write_text(
        yaml.safe_dump(about | {"files": checksums_of(bars), "classes": ["upright", "level"]})
    )
    assert (
        "data/KMNIST/raw has the label 2, but data/sets/KMNIST.yaml names classes for 0 to 1"
        in (project.dvc("repro", "evaluate", check=False).stderr)
    )
