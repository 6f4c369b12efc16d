"""JAX's training, which the benchmark measures beside this project's, has the same losses."""

import numpy as np
import pytest
import torch

from src.models.networks import Autoencoder, Model, VariationalAutoencoder

pytest.importorskip("jax", reason="pip install -r requirements-jax.txt")

from benchmarks import peer

pytestmark = pytest.mark.optional

NAMES = {
    "encoder1": "encoder.linear1",
    "mu": "encoder.linear2",
    "log_sigma": "encoder.linear3",
    "decoder1": "decoder.linear1",
    "decoder2": "decoder.linear2",
}


def layers_of(model: Model) -> peer.Layers:
    """The weights of a model, as JAX's training names and stores them."""
    weights = {name: weight.detach().numpy() for name, weight in model.named_parameters()}
    return {
        name: {"weight": weights[f"{layer}.weight"].T, "bias": weights[f"{layer}.bias"]}
        for name, layer in NAMES.items()
        if f"{layer}.weight" in weights
    }


@pytest.mark.parametrize(
    ("kind", "network"), [("ae", Autoencoder), ("vae", VariationalAutoencoder)]
)
def test_losses_are_the_same(kind, network):
    """With a posterior so narrow that the noise, which JAX draws otherwise, does not count."""
    model = network(2)
    if kind == "vae":
        torch.nn.init.constant_(model.encoder.linear3.bias, -20.0)
        torch.nn.init.zeros_(model.encoder.linear3.weight)
    x = torch.rand(16, 784)
    expected = sum(model.loss_terms(x, torch.Generator())).item()
    value = peer.loss(kind, layers_of(model), x.numpy(), peer.jax.random.key(0))
    assert float(value) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("kind", ["ae", "vae"])
def test_both_ways_train_alike(kind):
    """An epoch as one scan, and as steps in a loop; the last, smaller batch counts."""
    pixels = np.random.default_rng(0).integers(256, size=(300, 784), dtype=np.uint8)
    scan, step = (
        [loss for _, loss in peer.train(kind, way, 3, pixels)] for way in ("scan", "step")
    )
    assert scan == pytest.approx(step, rel=1e-3)
    assert scan[0] > scan[1] > scan[2]
