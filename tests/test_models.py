"""The contract of all models; the networks, their losses, their initialisation and their files."""

import math
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from torch import Tensor, nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from src.arithmetic.linear import Linear
from src.base.errors import UserError
from src.models import contract, losses
from src.models.networks import (
    PIXELS,
    Autoencoder,
    Decoder,
    Model,
    VariationalAutoencoder,
    initialise,
    reparameterise,
)
from src.models.registry import MODELS, dump_model, load_model
from src.train.checkpoint import Checkpoint
from src.train.loop import Settings, fit
from tools.small_project import PARAMS

NAMES = [
    "ae",
    "vae",
]
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


def in_bytes(count: int) -> Tensor:
    return (255 * images(count)).byte()


def weights(model: nn.Module) -> bytes:
    return pickle.dumps([(name, value.tolist()) for name, value in model.state_dict().items()])


# The contract


def test_registry_holds_these_models():
    """No model is lost or added without a word."""
    assert list(MODELS) == NAMES


@every_model
def test_model_keeps_the_contract(name):
    """The training starts: it makes the same check."""
    contract.check(build(name))


@every_model
def test_titles_tell_models_apart(name):
    """Pictures and the page name a model by its title."""
    assert [other for other in MODELS if MODELS[other].title == MODELS[name].title] == [name]


@every_model
@pytest.mark.parametrize("dims", [1, 2, 8, PIXELS])
def test_codes_have_the_latent_dimensions(name, dims):
    """One code for each image, whatever `latent_dims` is."""
    assert build(name, latent_dims=dims).encode(images(5)).shape == (5, dims)


@every_model
def test_flat_images_have_equal_codes(name):
    """`train` gives images (n, 1, 28, 28), `evaluate` flat ones."""
    model = build(name)
    assert torch.equal(model.encode(images()), model.encode(images().flatten(1)))


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
    """Saved and loaded, a model has the same class, prior and bytes."""
    model, path = build(name), tmp_path / "model.pt"
    path.write_bytes(dump_model(name, model))
    loaded = load_model(path)
    assert type(loaded) is MODELS[name]
    assert loaded.prior_std == model.prior_std
    assert dump_model(name, loaded) == path.read_bytes()


@every_model
def test_config_rebuilds_the_model(name):
    """`config` holds every argument that decides shapes or the prior."""
    model = build(name, hidden_dims=9)
    rebuilt = MODELS[name](**model.config)
    rebuilt.load_state_dict(model.state_dict())
    assert rebuilt.config == model.config
    assert torch.equal(rebuilt.eval().encode(images()), model.encode(images()))


@every_model
def test_parameters_of_its_section_fit(name):
    """What params.yaml says of a model, besides its device, are arguments of its class."""
    section = yaml.safe_load(PARAMS)[f"train_{name}"]
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
    assert [part.shape for part in model.encoder(images(5))] == [(5, DIMS)] * 2
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
def test_loss_terms_are_finite_scalars(name):
    """The reconstruction loss, and a KL term that is zero without a prior."""
    model = build(name)
    reconstruction, kl = model.loss_terms(images(), seeded())
    assert reconstruction.shape == kl.shape == ()
    assert 0 < reconstruction < math.inf
    assert kl == 0 if model.prior_std is None else 0 < kl < math.inf


@every_model
def test_loss_terms_follow_the_noise(name):
    """The same generator gives the same loss; the global one has no part in it."""
    model = build(name)
    torch.manual_seed(1)
    first = model.loss_terms(images(), seeded(1))
    torch.manual_seed(2)
    assert model.loss_terms(images(), seeded(1)) == first
    if model.prior_std is not None:
        assert model.loss_terms(images(), seeded(2)) != first


@every_model
def test_every_weight_has_a_gradient(name):
    """Adam moves each weight of the model."""
    model = build(name)
    sum(model.loss_terms(images(), seeded())).backward()
    assert [key for key, weight in model.named_parameters() if weight.grad is None] == []


class FlatDecoder(Decoder):
    """Its logits are (n, 784) whatever the leading dimensions of the codes, as convolutions are."""

    def logits(self, z: Tensor) -> Tensor:
        return super().logits(z).reshape(-1, PIXELS)


class WithFlatDecoder(Autoencoder):
    """Its decoder loses the leading dimensions."""

    def __init__(self, latent_dims: int):
        super().__init__(latent_dims, hidden_dims=7)
        self.decoder = FlatDecoder(latent_dims, hidden_dims=7)


class WithShapedImagesOnly(Autoencoder):
    """Its encoder needs the shape of an image."""

    def encode(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        return self.encoder(x.reshape(batch, height * width))


class WithoutPosterior(VariationalAutoencoder):
    """Its encoder returns a code, no mu and log_sigma."""

    def __init__(self, latent_dims: int):
        super().__init__(latent_dims, hidden_dims=7)
        self.encoder = Autoencoder(latent_dims, hidden_dims=7).encoder

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)


class WithIdleLayer(Autoencoder):
    """It has a layer that it does not use."""

    def __init__(self, latent_dims: int):
        super().__init__(latent_dims, hidden_dims=7)
        self.idle = Linear(2, 2)


class WithLossOfEachImage(Autoencoder):
    """Its loss has a value for each image."""

    def loss_terms(self, x: Tensor, noise: torch.Generator) -> tuple[Tensor, Tensor]:
        reconstruction, kl = super().loss_terms(x, noise)
        return reconstruction.expand(len(x)), kl


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (WithFlatDecoder, r"decoder\.logits\(codes\) returns .* \(6, 784\); .* \(3, 2, 784\)"),
        (WithShapedImagesOnly, r"encode\(flat_images\) raises not enough values to unpack"),
        (WithoutPosterior, r"encoder\(images\) returns .* \(2, 2\); .* \(2, 2\) and \(2, 2\)"),
        (WithIdleLayer, r"does not depend on idle\.weight, idle\.bias"),
        (WithLossOfEachImage, r"loss_terms\(images, noise\) returns .* \(2,\) and \(\)"),
    ],
)  # fmt: skip
def test_broken_model_is_refused(broken, message):
    """One line says what is wrong, before anything is trained."""
    with pytest.raises(UserError, match=message) as raised:
        contract.check(broken(2))
    assert "\n" not in str(raised.value)


# Layers that draw random numbers or keep averages


class Regularised(Autoencoder):
    """An autoencoder with dropout and batch norm."""

    def __init__(self, latent_dims: int, hidden_dims: int = 8):
        super().__init__(latent_dims, hidden_dims=hidden_dims)
        self.encoder = nn.Sequential(
            nn.Flatten(),
            Linear(PIXELS, hidden_dims),
            nn.BatchNorm1d(hidden_dims),
            nn.Dropout(0.3),
            Linear(hidden_dims, latent_dims),
        )


class Interrupted(Exception):
    """Takes the place of Ctrl-C."""


def trained(*, checkpoint: Checkpoint | None = None, interrupt_after: int = 0) -> bytes:
    """The weights and averages of a regularised model after four epochs."""
    model = Regularised(2)
    initialise(model, seeded())
    epochs: list[bytes] = []

    def publish(table: bytes) -> None:
        epochs.append(table)
        if len(epochs) == interrupt_after:
            raise Interrupted

    settings = Settings(epochs=4, batch_size=16, learning_rate=1e-3, seed=5)
    fit(model, in_bytes(50), in_bytes(20), settings, checkpoint=checkpoint, publish=publish)
    return weights(model)


def test_dropout_and_batch_norm_are_reproducible():
    """The seed decides what is dropped, whatever the global generator's state."""
    torch.manual_seed(1)
    first = trained()
    torch.manual_seed(2)
    assert trained() == first


def test_dropout_and_batch_norm_resume(tmp_path):
    """An interrupted training ends with the bytes of one that was not."""
    checkpoint = Checkpoint(tmp_path / "state.pt", "digest")
    with pytest.raises(Interrupted):
        trained(checkpoint=checkpoint, interrupt_after=2)
    assert trained(checkpoint=checkpoint) == trained()


def test_dropout_is_off_when_measured():
    """`fit` leaves the model as `evaluate` will load it."""
    model = Regularised(2)
    initialise(model, seeded())
    fit(model, in_bytes(50), in_bytes(20), Settings(1, 16, 1e-3, 0))
    assert torch.equal(model.encode(images()), model.encode(images()))


# Initialisation


def test_initialisation_is_that_of_torch():
    """A layer has the weights that torch itself gives it for this seed."""
    torch.manual_seed(3)
    expected = nn.Linear(20, 30)
    layer = nn.Linear(20, 30)
    initialise(layer, seeded(3))
    assert torch.equal(layer.weight, expected.weight)
    assert torch.equal(layer.bias, expected.bias)


@pytest.mark.parametrize(
    "layer",
    [
        lambda: nn.Conv2d(2, 3, 3),
        lambda: nn.ConvTranspose2d(2, 3, 3),
        lambda: nn.Embedding(4, 2),
        lambda: nn.GRU(2, 3),
        lambda: nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Conv1d(1, 2, 3)),
    ],
)
def test_layers_are_initialised_from_the_seed(layer: Callable[[], nn.Module]):
    """Not linear layers alone."""
    first, second = layer(), layer()
    initialise(first, seeded(3))
    initialise(second, seeded(3))
    assert weights(first) == weights(second)


def test_initialisation_leaves_the_global_generator():
    """Its numbers go to others, such as dropout."""
    layer, state = nn.Linear(2, 3), torch.get_rng_state()
    initialise(layer, seeded())
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


def file_of(path: Path, content: object) -> bytes:
    """What torch.save writes for an object."""
    torch.save(content, path)
    return path.read_bytes()


WHOLE = dump_model("ae", Autoencoder(2, hidden_dims=4))
OTHER_SHAPES = {
    "model": "ae",
    "config": {"latent_dims": 3, "hidden_dims": 4},
    "state_dict": Autoencoder(2, hidden_dims=4).state_dict(),
}


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(lambda path: WHOLE[: len(WHOLE) // 2], id="truncated"),
        pytest.param(lambda path: b"", id="empty"),
        pytest.param(lambda path: bytes(range(256)) * 20, id="other bytes"),
        pytest.param(lambda path: file_of(path, OTHER_SHAPES), id="other shapes"),
        pytest.param(lambda path: file_of(path, {"model": "none"}), id="unknown model"),
        pytest.param(lambda path: pickle.dumps(RunsCode(), protocol=2), id="pickle"),
        pytest.param(lambda path: file_of(path, RunsCode()), id="code"),
    ],
)
def test_damaged_file_is_refused(damaged, tmp_path, capsys):
    """One line names the file and the remedy, and no code of the file runs."""
    path = tmp_path / "model.pt"
    path.write_bytes(damaged(path))
    with pytest.raises(UserError, match=r"^.*model\.pt.*dvc repro.*$"):
        load_model(path)
    assert "never run" not in capsys.readouterr().out


def test_missing_file_is_named(tmp_path):
    """It says how to get the file."""
    with pytest.raises(UserError, match=r"model\.pt is missing; make it with `dvc repro`"):
        load_model(tmp_path / "model.pt")


# The two models of the tutorial


@pytest.mark.parametrize("kind", [Autoencoder, VariationalAutoencoder])
def test_images_become_images(kind):
    """A model itself maps images to reconstructions of their shape, in [0, 1]."""
    decoded = kind(2, hidden_dims=16)(images(3))
    assert decoded.shape == (3, 1, 28, 28)
    assert 0 <= decoded.min() <= decoded.max() <= 1


@pytest.mark.parametrize(("kind", "heads"), [(Autoencoder, 2), (VariationalAutoencoder, 3)])
def test_weights_are_named_as_in_the_tutorial(kind, heads):
    """So that they load into the tutorial's classes, and back."""
    shapes = {name: tuple(value.shape) for name, value in kind(3, 784, 5, 784).named_parameters()}
    expected = {"encoder.linear1": (5, 784), "decoder.linear1": (5, 3), "decoder.linear2": (784, 5)}
    expected |= {f"encoder.linear{number}": (3, 5) for number in range(2, heads + 1)}
    matrices = {f"{name}.weight": shape for name, shape in expected.items()}
    biases = {f"{name}.bias": shape[:1] for name, shape in expected.items()}
    assert shapes == matrices | biases


def test_generator_decides_the_reconstruction():
    """The VAE samples its code from the generator that it is given."""
    model = build("vae")
    first, same, other = (model(images(), seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_draws_follow_the_posterior():
    """Many of them have its mean and its standard deviation."""
    mu, log_sigma = torch.tensor([1.0, -2.0]), torch.tensor([0.0, 1.0])
    z = reparameterise(mu.expand(50_000, 2), log_sigma.expand(50_000, 2), seeded())
    assert torch.allclose(z.mean(0), mu, atol=0.05)
    assert torch.allclose(z.std(0), log_sigma.exp(), rtol=0.02)


@pytest.mark.parametrize("name", ["ae", "vae"])
def test_reconstruction_sums_over_images(name):
    """The squared error of a reconstruction, over all pixels of the batch."""
    model = build(name)
    decoded = model(images()) if name == "ae" else model(images(), seeded(1))
    reconstruction, _ = model.loss_terms(images(), seeded(1))
    assert torch.allclose(reconstruction, (decoded - images()).square().sum())


def test_reconstruction_loss_is_the_chosen_one():
    """`reconstruction_loss: bce` is the cross-entropy."""
    model = build("ae", reconstruction_loss="bce")
    reconstruction, _ = model.loss_terms(images(), seeded())
    expected = F.binary_cross_entropy(model(images()), images(), reduction="sum")
    assert torch.allclose(reconstruction, expected)


def test_kl_term_sums_over_images():
    """The tutorial's term, over all dimensions of the batch's codes."""
    model = build("vae")
    mu, log_sigma = model.encoder(images())
    _, kl = model.loss_terms(images(), seeded())
    assert torch.allclose(kl, (log_sigma.exp() ** 2 + mu**2 - log_sigma - 0.5).sum())


# The formulas


@pytest.mark.parametrize("prior_std", [0.3, math.sqrt(0.5), 1.0])
def test_kl_divergence_agrees_with_torch(prior_std):
    """Computed by torch.distributions as well."""
    expected = kl_divergence(Normal(MU, LOG_SIGMA.exp()), Normal(0.0, prior_std))
    assert torch.allclose(losses.kl_divergence(MU, LOG_SIGMA, prior_std), expected)


@pytest.mark.parametrize("name", losses.KL_FORMS)
def test_form_is_divergence_plus_constant(name):
    """Each form of the KL term is the divergence from its prior, up to its constant."""
    form = losses.KL_FORMS[name]
    exact = kl_divergence(Normal(MU, LOG_SIGMA.exp()), Normal(0.0, form.prior_std))
    assert torch.allclose(form.term(MU, LOG_SIGMA), exact + form.constant)


def test_constant_of_an_epoch():
    """The tutorial's constant at two dimensions, over all training images."""
    assert losses.KL_FORMS["tutorial"].constant * 2 * 60_000 == pytest.approx(41_589, abs=0.5)


def test_squared_error_is_a_likelihood():
    """Of a normal distribution with variance 1/2, up to a constant."""
    logits, x = torch.randn(3, 784, dtype=torch.double), torch.rand(3, 784, dtype=torch.double)
    normal = Normal(torch.sigmoid(logits), math.sqrt(0.5))
    expected = -normal.log_prob(x) - 0.5 * math.log(math.pi)
    assert torch.allclose(losses.squared_error(logits, x), expected.sum())
    assert torch.allclose(losses.squared_error(logits, x, reduction="none"), expected)


def test_cross_entropy_is_a_likelihood():
    """Of a Bernoulli distribution, for black and white images."""
    logits, x = torch.randn(3, 784), torch.rand(3, 784).round()
    expected = -Bernoulli(logits=logits).log_prob(x).sum()
    assert torch.allclose(losses.cross_entropy(logits, x), expected)
