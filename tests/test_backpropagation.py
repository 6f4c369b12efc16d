"""The gradients that are written out against those of autograd."""

from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from src.arithmetic import linear
from src.arithmetic.pins import has_avx2
from src.base.errors import UserError
from src.models import backpropagation, contract
from src.models.backpropagation import WRITTEN_OUT, backpropagate, by_autograd
from src.models.networks import Autoencoder, Model, VariationalAutoencoder, initialise


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def passed_back(function, model: Model) -> list[Tensor]:
    """The loss terms of a few images, and the gradient of each weight."""
    x = torch.rand(40, 1, 28, 28, generator=seeded(1))
    gradients = {}

    def keep(weights: Sequence[Tensor], values: Sequence[Tensor]) -> None:
        gradients.update(zip(weights, values, strict=True))

    # Most pixels are black, as in MNIST.
    terms = function(model, x * (x > 0.7), seeded(2), keep)
    return [*terms, *(gradients[weight] for weight in model.parameters())]


@pytest.fixture(params=["portable", "native"])
def arithmetic(request):
    """Both kinds of arithmetic on the CPU."""
    if request.param == "portable" and not has_avx2():
        pytest.skip("portable arithmetic needs AVX2")
    linear.use_portable(request.param == "portable")
    yield request.param
    linear.use_portable(False)


@pytest.mark.parametrize("hidden_dims", [7, 64])
@pytest.mark.parametrize("latent_dims", [1, 2, 80])
@pytest.mark.parametrize(
    ("network", "loss"),
    [
        (Autoencoder, {}),
        (Autoencoder, {"reconstruction_loss": "bce"}),
        (VariationalAutoencoder, {"beta": 0.3}),
        (VariationalAutoencoder, {"kl": "standard", "beta": 4.0, "reconstruction_loss": "bce"}),
    ],
)
def test_gradients_are_autograds(arithmetic, network, loss, latent_dims, hidden_dims):
    """In portable arithmetic they are the same numbers, so that the results stay the same."""
    model = network(latent_dims, hidden_dims=hidden_dims, **loss)
    initialise(model, seeded(0))
    assert network in WRITTEN_OUT
    for own, autograds in zip(
        passed_back(backpropagate, model), passed_back(by_autograd, model), strict=True
    ):
        if arithmetic == "portable":
            assert torch.equal(own, autograds)
        assert torch.allclose(own, autograds, rtol=1e-4, atol=1e-4)
        assert own.stride() == autograds.stride()  # Adam reads them in the order of memory


def test_other_loss_has_its_own_gradients():
    """A class derived from a model whose gradients are written out is another model."""

    class Doubled(Autoencoder):
        def loss_terms(self, x: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor]:
            reconstruction, kl = super().loss_terms(x, noise)
            return 2 * reconstruction, kl

    model, doubled = (network(2, hidden_dims=8) for network in (Autoencoder, Doubled))
    for network in (model, doubled):
        initialise(network, seeded(0))
    for single, twice in zip(
        passed_back(backpropagate, model)[2:], passed_back(backpropagate, doubled)[2:], strict=True
    ):
        assert torch.allclose(2 * single, twice, rtol=1e-4, atol=1e-4)


def test_wrong_gradient_is_refused(monkeypatch):
    """Such as one that is left behind when the formula changes."""
    monkeypatch.setattr(backpropagation, "kl_backward", lambda mu, sigma, *_: (mu, -sigma))
    with pytest.raises(UserError, match=r"gradient of encoder\.linear1\.weight.*WRITTEN_OUT"):
        contract.check(VariationalAutoencoder(2, hidden_dims=8))
