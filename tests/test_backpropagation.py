"""The explicit gradients against those of autograd."""

import copy
import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor

from src.arithmetic import linear
from src.arithmetic.pins import has_avx2
from src.base.errors import UserError
from src.models import backpropagation, contract
from src.models.backpropagation import EXPLICIT_GRADIENTS, backpropagate, by_autograd
from src.models.losses import ReconstructionLoss, squared_error, squared_error_and_gradient
from src.models.networks import Autoencoder, Model, VariationalAutoencoder, initialise

BACKENDS = {"cuda": torch.cuda, "mps": torch.backends.mps}
GPUS = [name for name, backend in BACKENDS.items() if backend.is_available()]


def seeded(seed: int, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


def passed_back(function, model: Model, device: str = "cpu") -> list[Tensor]:
    """The loss terms of a few images, and the gradient of each weight.

    Each weight is spoilt once its gradient is there: nothing may need it any more.
    """
    model = copy.deepcopy(model).to(device)
    x = torch.rand(40, 1, 28, 28, generator=seeded(1)).to(device)
    gradients = {}

    def keep(weights: Sequence[Tensor], values: Sequence[Tensor]) -> None:
        for weight, gradient in zip(weights, values, strict=True):
            assert weight not in gradients
            gradients[weight] = gradient
            weight.detach().fill_(math.nan)

    # Most pixels are black, as in MNIST.
    terms = function(model, x * (x > 0.7), seeded(2, device), keep)
    return [*terms, *(gradients[weight] for weight in model.parameters())]


@pytest.fixture(params=["portable", "native", *GPUS])
def arithmetic(request):
    """Both kinds of arithmetic on the CPU, and that of each kind of GPU."""
    if request.param == "portable" and not has_avx2():
        pytest.skip("portable arithmetic needs AVX2")
    linear.use_portable(request.param == "portable")
    yield request.param
    linear.use_portable(False)


@pytest.mark.parametrize("hidden_dims", [1, 7, 64])
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
    assert network in EXPLICIT_GRADIENTS
    device = arithmetic if arithmetic in GPUS else "cpu"
    for explicit, autograds in zip(
        passed_back(backpropagate, model, device),
        passed_back(by_autograd, model, device),
        strict=True,
    ):
        if arithmetic == "portable":
            assert torch.equal(explicit, autograds)
        assert torch.allclose(explicit, autograds, rtol=1e-4, atol=1e-4)
        # Adam reads them in the order of memory.
        assert explicit.stride() == autograds.stride()


def test_other_loss_has_its_own_gradients():
    """A class derived from a model with explicit gradients is another model."""

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
    with pytest.raises(UserError, match=r"about encoder\.linear1\.weight, .*EXPLICIT_GRADIENTS"):
        contract.check(VariationalAutoencoder(2, hidden_dims=8))


def test_wrong_loss_is_refused():
    """Its gradient may still be right."""

    def mean_and_gradient(logits: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:
        total, gradient = squared_error_and_gradient(logits, x)
        return total / len(x), gradient

    model = Autoencoder(2, hidden_dims=8)
    model.reconstruction_loss = ReconstructionLoss("mean", squared_error, mean_and_gradient)
    with pytest.raises(UserError, match=r"about reconstruction of .*EXPLICIT_GRADIENTS"):
        contract.check(model)


def test_gradient_in_another_order_is_refused(monkeypatch):
    """Adam moves the weights in their order in memory."""
    gradients = linear._weight_gradients

    def by_rows(*args: Tensor) -> tuple[Tensor, Tensor]:
        of_weight, of_bias = gradients(*args)
        return of_weight.contiguous(), of_bias

    monkeypatch.setattr(linear, "_weight_gradients", by_rows)
    with pytest.raises(UserError, match=r"about decoder\.linear1\.weight, .*EXPLICIT_GRADIENTS"):
        contract.check(Autoencoder(2, hidden_dims=8))
