"""The contract of all models; the networks, their losses, their initialisation and their files."""

import io
import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from src.arithmetic.linear import Linear
from src.base.errors import UserError
from src.models import contract, losses
from src.models.coding import decode, encode, greys
from src.models.networks import (
    PIXELS,
    Autoencoder,
    Model,
    VariationalAutoencoder,
    initialise,
    reparameterise,
)
from src.models.registry import MODELS, dump_model, load_model
from tools.small_project import PARAMS

DIMS = 3
MU = torch.linspace(-3, 3, 7, dtype=torch.double)[:, None]
LOG_SIGMA = torch.linspace(-2, 1, 5, dtype=torch.double)[None]

every_model = pytest.mark.parametrize("name", MODELS)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(name: str, *, seed: int = 0, **arguments) -> Model:
    """A small model of the registry, with weights of this seed."""
    model = MODELS[name](**{"latent_dims": DIMS, "hidden_dims": 7} | arguments)
    initialise(model, seeded(seed))
    return model.eval()


def images(count: int = 5) -> Tensor:
    return torch.rand(count, 1, 28, 28, generator=seeded(1))


def weights(model: nn.Module) -> bytes:
    return pickle.dumps([(name, value.tolist()) for name, value in model.state_dict().items()])


# The contract


@every_model
def test_model_keeps_the_contract(name):
    """The training starts, whatever `latent_dims` is: it makes the same check."""
    for dims in (1, 2, 8, PIXELS):
        contract.check(build(name, latent_dims=dims))


@every_model
def test_titles_tell_models_apart(name):
    """Pictures and the page name a model by its title."""
    assert [other for other in MODELS if MODELS[other].title == MODELS[name].title] == [name]


@every_model
def test_encoding_draws_no_random_numbers(name):
    """The codes in data/latents are the same in every run."""
    model = build(name)
    assert torch.equal(model.encode(images()), model.encode(images()))


@every_model
def test_logits_keep_leading_dimensions(name):
    """`evaluate` decodes codes (samples, batch, latent_dims) at once."""
    model, codes = build(name), torch.randn(3, 5, DIMS, generator=seeded())
    logits = model.decoder.logits(codes)
    assert logits.shape == (3, 5, PIXELS)
    assert torch.allclose(logits[1], model.decoder.logits(codes[1]), atol=1e-6)


@every_model
def test_decoder_is_sigmoid_of_logits(name):
    """The pictures show what the loss measures."""
    model, codes = build(name), torch.randn(5, DIMS, generator=seeded())
    assert torch.equal(model.decoder(codes), torch.sigmoid(model.decoder.logits(codes)))


@every_model
def test_seed_alone_decides_the_weights(name):
    """The state of torch's global generator has no part in them."""
    torch.manual_seed(1)
    first = weights(build(name, seed=5))
    torch.manual_seed(2)
    assert weights(build(name, seed=5)) == first
    assert weights(build(name, seed=6)) != first


@every_model
def test_file_restores_the_same_model(name, tmp_path):
    """`config` holds every argument that decides shapes or the prior."""
    model, path = build(name, hidden_dims=9), tmp_path / "model.pt"
    path.write_bytes(dump_model(name, model))
    loaded = load_model(path)
    assert type(loaded) is MODELS[name]
    assert (loaded.config, loaded.prior_std) == (model.config, model.prior_std)
    assert torch.equal(loaded.encode(images()), model.encode(images()))
    assert dump_model(name, loaded) == path.read_bytes()


@every_model
def test_parameters_of_its_section_fit(name):
    """What params.yaml says of a model, besides its device, are arguments of its class."""
    section = yaml.safe_load(PARAMS).get(f"train_{name}")
    assert section, f"params.yaml has no section train_{name}"
    del section["device"]
    assert build(name, reconstruction_loss="bce", **section).config["latent_dims"] == DIMS


@every_model
def test_prior_comes_with_its_attributes(name):
    """A model has a prior, a posterior and a KL term with a constant, or none of these."""
    model = build(name)
    if model.prior_std is None:
        assert model.kl_constant is None
        assert not MODELS[name].kl_forms
        return
    assert 0 < model.prior_std < math.inf
    assert math.isfinite(model.kl_constant)
    assert torch.equal(model.encoder(images())[0], model.encode(images()))


@pytest.mark.parametrize(
    ("name", "kl"), [(name, kl) for name in MODELS for kl in MODELS[name].kl_forms]
)
def test_form_decides_the_prior(name, kl):
    """Each form of the KL term implies its prior and its constant."""
    model, form = build(name, kl=kl, beta=0.5), MODELS[name].kl_forms[kl]
    assert model.prior_std == form.prior_std
    assert model.kl_constant == pytest.approx(DIMS * form.constant)
    assert model.beta == 0.5


@every_model
def test_loss_terms_follow_the_noise(name):
    """The same generator gives the same loss; the global one has no part in it."""
    model = build(name)
    torch.manual_seed(1)
    reconstruction, kl = model.loss_terms(images(), seeded(1))
    assert 0 < reconstruction < math.inf
    assert kl == 0 if model.prior_std is None else 0 < kl < math.inf
    torch.manual_seed(2)
    assert model.loss_terms(images(), seeded(1)) == (reconstruction, kl)
    if model.prior_std is not None:
        assert model.loss_terms(images(), seeded(2)) != (reconstruction, kl)


def without_leading_dimensions(model: Model) -> None:
    """Its logits are (n, 784) whatever the shape of the codes, as after convolutions."""
    logits = model.decoder.logits
    model.decoder.logits = lambda z: logits(z).reshape(-1, PIXELS)


def without_posterior(model: Model) -> None:
    model.encoder = Autoencoder(2, hidden_dims=7).encoder
    model.encode = lambda x: model.encoder(x)


def with_failing_encoder(model: Model) -> None:
    model.encode = lambda x: model.encoder(x[:, 0, 0])


def with_idle_layer(model: Model) -> None:
    model.idle = Linear(2, 2)


def with_loss_of_each_image(model: Model) -> None:
    model.loss_terms = lambda x, noise: (torch.ones(len(x)), torch.zeros(()))


def with_another_likelihood(model: Model) -> None:
    """As if only the training knew of it."""
    loss_terms = model.loss_terms

    def halved(x: Tensor, noise: torch.Generator) -> tuple[Tensor, ...]:
        reconstruction, kl = loss_terms(x, noise)
        return reconstruction / 2, kl

    model.loss_terms = halved


def with_a_larger_kl_term(model: Model) -> None:
    """Such as total correlation within the KL term."""
    loss_terms = model.loss_terms

    def penalised(x: Tensor, noise: torch.Generator) -> tuple[Tensor, ...]:
        reconstruction, kl = loss_terms(x, noise)
        return reconstruction, kl + model.encode(x).square().sum() + 1

    model.loss_terms = penalised


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (without_leading_dimensions, r"logits\(codes\) returns .* \(6, 784\); .* \(3, 2, 784\)"),
        (without_posterior, r"encoder\(images\) returns .* \(2, 2\); .* \(2, 2\) and \(2, 2\)"),
        (with_failing_encoder, r"encode\(images\) raises .* cannot be multiplied"),
        (with_idle_layer, r"does not depend on idle\.weight, idle\.bias"),
        (with_loss_of_each_image, r"loss_terms\(images, noise\) returns .* \(2,\) and \(\)"),
        (
            with_another_likelihood,
            r"a reconstruction loss of .*log_likelihood is \d",
        ),
        (with_a_larger_kl_term, r"a KL term of \d+.* name it in `further_terms`"),
    ],
)
def test_broken_model_is_refused(spoil, message):
    """One line says what is wrong, before anything is trained."""
    model = build("vae", latent_dims=2)
    spoil(model)
    with pytest.raises(UserError, match=message) as raised:
        contract.check(model)
    assert "\n" not in str(raised.value)


# Initialisation


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Linear(20, 30),
        lambda: nn.Conv2d(2, 3, 3),
        lambda: nn.ConvTranspose2d(2, 3, 3),
        lambda: nn.Embedding(4, 2),
        lambda: nn.GRU(2, 3),
        lambda: nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Conv1d(1, 2, 3)),
    ],
)
def test_initialisation_is_that_of_torch(layer: Callable[[], nn.Module]):
    """Layers have the weights that torch itself gives them for this seed.

    The numbers of the global generator go to others, such as dropout.
    """
    torch.manual_seed(3)
    expected, model = layer(), layer()
    state = torch.get_rng_state()
    initialise(model, seeded(3))
    assert weights(model) == weights(expected)
    assert torch.equal(torch.get_rng_state(), state)


def test_weights_without_initialisation_are_refused():
    """A bare parameter would be the same for every seed, or different in every run."""
    model = Autoencoder(2, hidden_dims=4)
    model.scale = nn.Parameter(torch.randn(3))
    with pytest.raises(UserError, match=r"Autoencoder: scale does not depend on the seed"):
        initialise(model, seeded())


# Files


class RunsCode:
    """A pickle of it would call `print`."""

    def __reduce__(self):
        return print, ("this must never run",)


def file_of(content: object) -> bytes:
    """What torch.save writes for an object."""
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


WHOLE = dump_model("ae", Autoencoder(2, hidden_dims=4))
OTHER_SHAPES = {
    "model": "ae",
    "config": {"latent_dims": 3, "hidden_dims": 4},
    "state_dict": Autoencoder(2, hidden_dims=4).state_dict(),
}


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(WHOLE[: len(WHOLE) // 2], id="truncated"),
        pytest.param(b"", id="empty"),
        pytest.param(bytes(range(256)) * 20, id="other bytes"),
        pytest.param(file_of(OTHER_SHAPES), id="other shapes"),
        pytest.param(file_of({"model": "none"}), id="unknown model"),
        pytest.param(pickle.dumps(RunsCode(), protocol=2), id="pickle"),
        pytest.param(file_of(RunsCode()), id="code"),
    ],
)
def test_damaged_file_is_refused(content, tmp_path, capsys):
    """One line names the file and the remedy, and no code of the file runs."""
    path = tmp_path / "model.pt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"^.*model\.pt.*dvc repro.*$"):
        load_model(path)
    assert "never run" not in capsys.readouterr().out


# The two models of the tutorial


def test_batches_are_coded_as_the_model_does():
    """Bytes are encoded and decoded to what the model itself makes of them."""
    model = build("ae")
    of_bytes = torch.randint(256, (2_300, 28, 28), dtype=torch.uint8, generator=seeded())
    decoded = decode(model, encode(model, of_bytes))
    x = of_bytes[:, None] / 255
    assert torch.equal(greys(of_bytes), x)
    assert np.allclose(decoded, model(x).detach()[:, 0], atol=1e-6)


@pytest.mark.parametrize(("kind", "heads"), [(Autoencoder, 2), (VariationalAutoencoder, 3)])
def test_weights_are_named_as_in_the_tutorial(kind, heads):
    """So that they load into the tutorial's classes, and back."""
    shapes = {name: tuple(value.shape) for name, value in kind(3, 784, 5, 784).named_parameters()}
    expected = {"encoder.linear1": (5, 784), "decoder.linear1": (5, 3), "decoder.linear2": (784, 5)}
    expected |= {f"encoder.linear{number}": (3, 5) for number in range(2, heads + 1)}
    matrices = {f"{name}.weight": shape for name, shape in expected.items()}
    biases = {f"{name}.bias": shape[:1] for name, shape in expected.items()}
    assert shapes == matrices | biases


def test_draws_follow_the_posterior():
    """Many of them have its mean and its standard deviation."""
    mu, log_sigma = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 1.0])
    z = reparameterise(mu.expand(50_000, 2), log_sigma.expand(50_000, 2), seeded())
    assert torch.allclose(z.mean(0), mu, atol=0.05)
    assert torch.allclose(z.std(0), log_sigma.exp(), rtol=0.02)


@pytest.mark.parametrize(
    ("loss", "of_torch"), [("sse", F.mse_loss), ("bce", F.binary_cross_entropy)]
)
def test_loss_terms_sum_over_images(loss, of_torch):
    """The chosen loss of a reconstruction, over all pixels; the tutorial's KL term of the codes."""
    model = build("vae", reconstruction_loss=loss)
    reconstruction, kl = model.loss_terms(images(), seeded(1))
    decoded = model(images(), seeded(1))
    mu, log_sigma = model.encoder(images())
    assert torch.allclose(reconstruction, of_torch(decoded, images(), reduction="sum"))
    assert torch.allclose(kl, (log_sigma.exp() ** 2 + mu**2 - log_sigma - 0.5).sum())


# The formulas


def test_kl_divergence_agrees_with_torch():
    """Computed by torch.distributions as well."""
    expected = kl_divergence(Normal(MU, LOG_SIGMA.exp()), Normal(0.0, 0.3))
    assert torch.allclose(losses.kl_divergence(MU, LOG_SIGMA, 0.3), expected)


@pytest.mark.parametrize("name", losses.KL_FORMS)
def test_form_is_divergence_plus_constant(name):
    """Each form of the KL term is the divergence from its prior, up to its constant."""
    form = losses.KL_FORMS[name]
    exact = kl_divergence(Normal(MU, LOG_SIGMA.exp()), Normal(0.0, form.prior_std))
    assert torch.allclose(form.term(MU, LOG_SIGMA), exact + form.constant)


def test_squared_error_is_a_likelihood():
    """Of a normal distribution with variance 1/2, up to a constant."""
    logits, x = torch.randn(3, 784, dtype=torch.double), torch.rand(3, 784, dtype=torch.double)
    normal = Normal(torch.sigmoid(logits), math.sqrt(0.5))
    expected = -normal.log_prob(x) - 0.5 * math.log(math.pi)
    assert torch.allclose(losses.squared_error(logits, x), expected)


def test_cross_entropy_is_a_likelihood():
    """Of a Bernoulli distribution, for black and white images."""
    logits, x = torch.randn(3, 784), torch.rand(3, 784).round()
    expected = -Bernoulli(logits=logits).log_prob(x)
    assert torch.allclose(losses.cross_entropy(logits, x), expected)
