"""Models whose likelihood or loss is their own: one ELBO in the loss table and in the metrics."""

import io
import math

import pandas as pd
import pytest
import torch
from torch import Tensor, nn
from torch.distributions import Normal

from src.base.seeding import generator
from src.evaluate import metrics
from src.models import contract
from src.models.coding import greys
from src.models.networks import VariationalAutoencoder, initialise
from src.train.loop import Settings, fit

IMAGES = torch.randint(256, (400, 28, 28), generator=generator(0, "images"), dtype=torch.uint8)


class Scale(nn.Module):
    """One number, which is learned."""

    def __init__(self):
        super().__init__()
        self.log_std = nn.Parameter(torch.empty(1))

    def reset_parameters(self) -> None:
        nn.init.constant_(self.log_std, -1)


class LearnedVariance(VariationalAutoencoder):
    """Pixels are normal, with a standard deviation that is learned."""

    likelihood = "gaussian"

    def __init__(self, latent_dims: int, **loss):
        super().__init__(latent_dims, hidden_dims=16, **loss)
        self.scale = Scale()

    def log_likelihood(self, x: Tensor, z: Tensor) -> Tensor:
        pixels = Normal(self.decoder(z), self.scale.log_std.exp())
        return pixels.log_prob(x.flatten(1)).sum(-1)


class Correlated(VariationalAutoencoder):
    """Its loss has the covariance of codes as a third term."""

    further_terms = ("covariance",)

    def loss_terms(self, x: Tensor, noise: torch.Generator) -> tuple[Tensor, ...]:
        mu = self.encode(x)
        return *super().loss_terms(x, noise), 50 * mu.prod(1).mean().square() * len(x)


def trained(model: VariationalAutoencoder) -> pd.Series:
    """The last row of its loss table."""
    initialise(model, generator(0, "initialisation"))
    contract.check(model)
    table, _ = fit(model, IMAGES, IMAGES[:200], Settings(3, 100, 1e-2, 0))
    return pd.read_csv(io.BytesIO(table)).iloc[-1]


def measured(model: VariationalAutoencoder, samples: int = 5) -> dict[str, float]:
    return metrics.variational(model, IMAGES[:200], samples, generator(0, "noise"))[0]


@pytest.mark.parametrize("kl", ["tutorial", "standard"])
def test_learned_variance_has_one_elbo(kl):
    """In the loss table and in the metrics, where its name says that no other compares."""
    model = LearnedVariance(2, kl=kl)
    row = trained(model)
    assert model.scale.log_std.item() != -1
    values = measured(model)
    assert values["test_neg_elbo_gaussian"] == pytest.approx(row.test_neg_elbo_per_image, rel=1e-3)
    assert "test_neg_elbo" not in values


def test_bound_of_a_learned_variance():
    """By torch's distributions, from the same model."""
    model = LearnedVariance(2)
    trained(model)
    with torch.no_grad():
        x = greys(IMAGES[:200])
        mu, log_sigma = model.encoder(x)
        posterior = Normal(mu, log_sigma.exp())
        z = posterior.rsample((500,))
        joint = model.log_likelihood(x, z) + Normal(0, model.prior_std).log_prob(z).sum(-1)
        weights = joint - posterior.log_prob(z).sum(-1)
        bound = (math.log(500) - weights.logsumexp(0)).mean().item()
    value = measured(model, samples=500)["test_iwae_bound_gaussian"]
    assert value == pytest.approx(bound, rel=0.01)


def test_further_term_is_in_the_loss_and_in_no_elbo():
    """It has a column of its own, and moves the weights."""
    model = Correlated(2, hidden_dims=16, beta=0.5)
    row = trained(model)
    assert row.covariance > 0
    assert row.loss == pytest.approx(row.reconstruction + 0.5 * row.kl + row.covariance)
    elbo = (row.reconstruction + row.kl) / len(IMAGES) - model.kl_constant
    assert row.train_neg_elbo_per_image == pytest.approx(elbo)
    assert measured(model)["test_neg_elbo"] == pytest.approx(row.test_neg_elbo_per_image, rel=1e-3)
    other = VariationalAutoencoder(2, hidden_dims=16, beta=0.5)
    trained(other)
    assert not torch.equal(model.encoder.linear2.weight, other.encoder.linear2.weight)


def test_kl_of_each_dimension():
    """Their sum is the KL divergence; a dimension that holds nothing has none."""
    model = VariationalAutoencoder(3, hidden_dims=16)
    initialise(model, generator(0, "initialisation"))
    with torch.no_grad():
        for head, bias in ((model.encoder.linear2, 0.0), (model.encoder.linear3, -math.log(2) / 2)):
            head.weight[1], head.bias[1] = 0.0, bias  # the prior of the tutorial's form
    values, kls = metrics.variational(model, IMAGES, 2, generator(0, "noise"))
    assert sum(kls) == pytest.approx(values["test_kl"])
    assert kls[1] == pytest.approx(0, abs=1e-6)
    assert min(kls[0], kls[2]) > 0.01


def test_contract_holds_for_any_seed():
    """It compares means over draws, which differ by less than it allows."""
    model = VariationalAutoencoder(2, hidden_dims=16)
    for seed in range(20):
        initialise(model, generator(seed, "initialisation"))
        contract.check(model)
