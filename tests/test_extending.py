"""A third model: one class, one entry in the table, one stage and its parameters; everything else follows."""

import json

import pandas as pd
import pytest
from PIL import Image

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
    with open(root / "src/models/table.py", "a") as file:
        file.write(ENTRY)
    edit(
        root / "src/gate/schema.py",
        ("    train_vae: TrainVAE\n", "    train_vae: TrainVAE\n    train_linear: TrainVAE\n"),
        ("    vae: Range\n", "    vae: Range\n    linear: Range\n"),
    )
    pipeline = root / "dvc.yaml"
    text = pipeline.read_text()
    stage = text[text.index("  train_vae:") : text.index("  evaluate:")]
    edit(
        pipeline,
        ("[ae, vae]", "[ae, vae, linear]"),
        ("  evaluate:", stage.replace("vae", "linear") + "  evaluate:"),
    )
    project.set("train_linear", {"device": "auto", "kl": "standard", "beta": 1.0})
    project.set("render.grid_range.linear", "auto")
    return project


def test_a_third_model_gets_weights_losses_metrics_pictures_and_a_place_in_the_overview(with_a_third_model):
    project, root = with_a_third_model, with_a_third_model.root
    width = Image.open(root / "reports/overview.png").width
    ran = project.repro()
    assert {"train_linear", "evaluate@linear", "render@linear", "overview"} <= set(ran)
    assert (root / "data/models/linear.pt").exists()
    losses = pd.read_csv(root / "reports/linear/loss.csv")
    assert losses["loss"].is_monotonic_decreasing
    metrics = json.loads((root / "reports/linear/metrics.json").read_text())
    assert {"test_mse", "knn_accuracy", "test_kl", "test_neg_elbo", "active_units"} <= set(metrics)
    pictures = {path.name for path in (root / "reports/linear").glob("*.[pg]*")}
    assert pictures == {path.name for path in (root / "reports/vae").glob("*.[pg]*")}
    assert len(pictures) == 7
    assert Image.open(root / "reports/overview.png").width == width * 3 / 2
    assert project.repro() == []
