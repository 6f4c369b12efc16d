"""Training in the page: loss, gradients and steps are PyTorch's; the worker and its commands."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from src.explore import content
from src.explore.assemble import join_modules
from src.explore.build import build_page
from src.explore.live_weights import weights_of
from src.explore.packing import GREYS, levels
from src.models.losses import KL_FORMS, RECONSTRUCTION_LOSSES, kl_divergence
from src.models.networks import Autoencoder, VariationalAutoencoder
from src.models.registry import MODELS, dump_model
from stages.explore import network_of
from tests.browsers import every_engine
from tests.explore.pages import CLASSES, Example, bars, random_model, source

BATCH = 32
LEARNING_RATE = 0.001

# The page's functions, given and returning lists.
ARITHMETIC = """
import { differentiate, learnerOf, pass, step } from "./training.js";

const row = (numbers) => Float32Array.from(numbers);

window.begin = (facts, weights) => void (window.learner = learnerOf(facts, row(weights)));
window.differentiate = (x, noise, beta) => {
  differentiate(window.learner, row(x), row(noise), beta);
  return [...window.learner.gradients];
};
window.step = (x, noise, beta, learningRate) => {
  differentiate(window.learner, row(x), row(noise), beta);
  step(window.learner, learningRate);
  return [...window.learner.weights];
};
window.measure = (x, noise) => {
  const { error, kls } = pass(window.learner, row(x), row(noise));
  return [error, ...kls];
};
"""


def reader(name: str, text: str) -> Callable[[str], str]:
    """Reads the page's modules, and this one."""
    return lambda wanted: text if wanted == name else source(wanted)


def page_greys(images: np.ndarray) -> Tensor:
    """Images of bytes in the greys that the page has."""
    return torch.from_numpy(np.float32(levels(images) / (GREYS - 1)))


class Case(NamedTuple):
    """A model as the page computes it, in float64 with the page's weights, and in the page."""

    model: nn.Module
    images: Tensor  # (batch, 1, 28, 28), in the page's greys
    noise: Tensor  # (batch, dims)
    call: Callable[..., np.ndarray]  # a function of the page, with these images and this noise

    def terms(self) -> tuple[Tensor, Tensor]:
        """Reconstruction loss and KL divergences (batch, dims), from this noise."""
        z, kls = self.model.encoder(self.images), torch.zeros(BATCH, 0)
        if self.model.prior_std is not None:
            mu, log_sigma = z
            z = mu + log_sigma.exp() * self.noise
            kls = kl_divergence(mu, log_sigma, self.model.prior_std)
        return -self.model.log_likelihood(self.images, z).sum(), kls

    def backward(self, beta: float) -> None:
        error, kls = self.terms()
        self.model.zero_grad()
        (error + beta * kls.sum()).backward()

    def tensors(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """The numbers of the page's layout, by name of the weights and in PyTorch's shapes."""
        parts: dict[str, np.ndarray] = {}
        for name, weight in self.model.named_parameters():
            part, numbers = np.split(numbers, [weight.numel()])
            parts[name] = part.reshape(weight.shape[::-1]).T
        assert not len(numbers)
        return parts


@pytest.fixture
def case(browser: Any, tmp_path: Path) -> Callable[..., Case]:
    """A model with these settings of its loss, in Chromium."""

    def case(model: nn.Module, loss: str = "sse", *, has_noise: bool = True) -> Case:
        images, _ = bars(60)
        codes = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
        live = weights_of(model, images, codes)
        model = model.double()
        model.reconstruction_loss = RECONSTRUCTION_LOSSES[loss]
        x = page_greys(images[:BATCH]).double()[:, None]
        noise = torch.randn(BATCH, 2, generator=torch.Generator().manual_seed(0)) * has_noise
        values = [x.flatten().tolist(), noise.flatten().tolist()]
        path = tmp_path / "arithmetic.html"
        script = join_modules(reader("arithmetic.js", ARITHMETIC), "arithmetic.js")
        path.write_text(f"<!doctype html><script>{script}</script>")

        def call(name: str, *more: float) -> np.ndarray:
            arguments = [*values, *more]
            return np.array(browser.execute_script(f"return {name}(...arguments)", *arguments))

        made = Case(model, x, noise.double(), call)
        with torch.no_grad():
            rounded = made.tensors(live.numbers.astype(np.float64))
            for name, weight in model.named_parameters():
                weight.copy_(torch.from_numpy(rounded[name].copy()))
        facts = {"shapes": live.shapes, "priorStd": model.prior_std, "reconstructionLoss": loss}
        browser.get(path.as_uri())
        browser.execute_script("begin(...arguments)", facts, live.numbers.astype(float).tolist())
        return made

    return case


def vae(kl: str = "tutorial") -> nn.Module:
    return random_model(VariationalAutoencoder, 2, prior_std=KL_FORMS[kl].prior_std)


def deeper() -> nn.Module:
    """Two more hidden layers, one in each part."""
    model = vae()
    model.encoder.linear1 = nn.Sequential(model.encoder.linear1, nn.ReLU(), nn.Linear(64, 64))
    model.decoder.linear1 = nn.Sequential(model.decoder.linear1, nn.ReLU(), nn.Linear(64, 64))
    return model


def agree(page: dict[str, np.ndarray], expected: dict[str, Tensor]) -> None:
    """To 1e-5 of the largest number of each tensor."""
    assert page.keys() == expected.keys()
    for name, values in expected.items():
        wrong = np.abs(page[name] - values.detach().numpy()).max()
        assert wrong <= 1e-5 * values.abs().max(), name


LOSSES = [
    (lambda: vae("tutorial"), "sse"),
    (lambda: vae("standard"), "bce"),
    (lambda: random_model(Autoencoder, 2), "bce"),
    (deeper, "sse"),
]


@pytest.mark.parametrize("beta", [0, 1, 10])
@pytest.mark.parametrize(("model", "loss"), LOSSES)
def test_gradients_are_pytorchs(case, model, loss, beta):
    """In float64, from the page's own weights and the same noise."""
    trained = case(model(), loss)
    trained.backward(beta)
    expected = {name: weight.grad for name, weight in trained.model.named_parameters()}
    agree(trained.tensors(trained.call("differentiate", beta)), expected)


def test_weights_after_ten_steps_are_pytorchs(case):
    """Adam's, which begins without memory."""
    trained = case(vae())
    optimizer = torch.optim.Adam(trained.model.parameters(), LEARNING_RATE)
    for _ in range(10):
        trained.backward(10)
        optimizer.step()
        weights = trained.call("step", 10, LEARNING_RATE)
    agree(trained.tensors(weights), dict(trained.model.named_parameters()))


@pytest.mark.parametrize("has_noise", [True, False])
@pytest.mark.parametrize(("model", "loss"), LOSSES)
def test_rate_and_distortion_are_pytorchs(case, model, loss, has_noise):
    """With the noise and without."""
    measured = case(model(), loss, has_noise=has_noise)
    error, kls = measured.terms()
    expected = [error.item(), *kls.sum(0).tolist()]
    assert measured.call("measure") == pytest.approx(expected, rel=1e-5)


# The worker

# Instead of the page's own, a main module that gives its trainer to the tests.
MAIN = """
import { read } from "./data.js";
import { Trainer } from "./trainer.js";

window.failures = [];
window.begin = async (name) => {
  const { models, images } = await read();
  window.model = models.find(({ facts }) => facts.name === name);
  const onError = (reason) => window.failures.push(reason);
  window.trainer = new Trainer(window.model, images, 0, { onState() {}, onError });
};
// The first state after a command that a test accepts.
window.after = (command, values, accepts) => new Promise((done) => {
  window.trainer.onState = (state) => accepts(state) && done(state);
  window.trainer.send(command, values);
});
window.whole = ({ isRunning, measured, codes }) => !isRunning && !!measured && !!codes;
window.same = (a, b) => a.length === b.length && a.every((number, i) => number === b[i]);
"""


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory, example: Callable[..., Example]) -> Path:
    """A page with models and images as others, and nothing but a trainer."""
    path = tmp_path_factory.mktemp("trainer") / "page.html"
    models = list(example().page_models.values())
    facts = {"dataset": "made up", "classes": CLASSES, "parameters": {}, "seed": 3}
    path.write_bytes(build_page(reader("main.js", MAIN), models, **facts))
    return path


@pytest.fixture
def train(browser: Any, tool: ModuleType, trained: Path) -> Callable[..., Any]:
    """Begins with a model in a new page; runs the body of an async function there."""

    def train(name: str, script: str) -> Any:
        browser.get("about:blank")
        browser.get(trained.as_uri())
        tool.wait(browser, "!!window.begin")
        return browser.execute_script(
            f"return (async () => {{ await begin(arguments[0]); {script} }})()", name
        )

    return train


@every_engine
@pytest.mark.parametrize("name", ["ae", "vae"])
def test_worker_trains_and_goes_back(train, name):
    """From the disk; back are exactly the trained weights, their codes and what was measured."""
    script = """
        const first = await after("measure", null, whole);
        const later = await after("step", 3, whole);
        const back = await after("back", null, whole);
        return {
          steps: [first, later, back].map(({ steps }) => steps),
          moved: !same(first.weights, later.weights) && !same(first.codes, later.codes),
          back: same(back.weights, model.weights) && same(back.codes, first.codes),
          measured: [first.measured, back.measured],
          failures,
        };
    """
    result = train(name, script)
    first, back = result.pop("measured")
    assert result == {"steps": [0, 3, 0], "moved": True, "back": True, "failures": []}
    assert first == back
    assert len(back["kls"]) == (2 if name == "vae" else 0)


def test_state_is_measured_as_pytorch_does(train, example):
    """Codes of the training images; rate and distortion of the test images, here without noise."""
    script = """
        trainer.send("set", { hasNoise: false });
        const { codes, measured } = await after("measure", null, whole);
        return { codes: [...codes], ...measured };
    """
    state = train("vae", script)
    model, images = example().models["vae"], example().images
    train_greys, test_greys = page_greys(images.train), page_greys(images.test[:150])
    with torch.no_grad():
        codes, (mu, log_sigma) = model.encode(train_greys), model.encoder(test_greys)
        kls = kl_divergence(mu, log_sigma, model.prior_std).mean(0)
        distortion = -model.log_likelihood(test_greys, mu).mean()
    near = {"rel": 0.01, "abs": 0.01}  # the page's weights are rounded
    assert state["codes"] == pytest.approx(codes.flatten().tolist(), **near)
    assert state["kls"] == pytest.approx(kls.tolist(), **near)
    assert state["rate"] == pytest.approx(kls.sum().item(), **near)
    assert state["distortion"] == pytest.approx(distortion.item(), **near)


def test_missing_worker_is_told_once(train):
    """However often the browser says so; nothing is done after that."""
    script = """
        window.Worker = class {
          constructor() {
            const fail = () => this.onerror({ message: "forbidden" });
            for (const time of [1, 2]) setTimeout(fail, time);
          }
          postMessage() {}
          terminate() {}
        };
        trainer.send("run");
        trainer.send("step", 1);
        await new Promise((done) => setTimeout(done, 50));
        trainer.send("step", 1);
        return failures;
    """
    assert train("vae", script) == ["forbidden"]


def test_no_other_worker_starts(train):
    """The page's policy lets only that of its own script start."""
    script = """
        const address = URL.createObjectURL(new Blob([""]));
        const text = () => new Worker(address);
        const policy = () => trustedTypes.createPolicy("worker", { createScriptURL: (url) => url });
        await after("measure", null, whole);
        return [text, policy].map((start) => {
          try { start(); } catch (error) { return error.name; }
        });
    """
    assert train("vae", script) == ["TypeError", "TypeError"]


# Which models


def other_loss(x: Tensor, noise: torch.Generator) -> tuple[Tensor, ...]:
    raise NotImplementedError


class OwnLoss(Autoencoder):
    """An autoencoder with a loss of its own."""

    loss_terms = other_loss


class OwnLikelihood(VariationalAutoencoder):
    """A VAE with a likelihood of its own."""

    likelihood = "own"
    log_likelihood = other_loss


@pytest.mark.parametrize(
    ("kind", "trainable"),
    [(Autoencoder, True), (VariationalAutoencoder, True), (OwnLoss, False), (OwnLikelihood, False)],
)
def test_models_with_a_known_loss_are_trainable(example, kind, trainable):
    """Others are shown, and not trained."""
    model = replace(example().page_models["ae"], network=random_model(kind, 2))
    facts, _ = content.of_model(model)
    assert facts["trainable"] == trainable
    assert facts.get("reconstructionLoss") == ("sse" if trainable else None)


def test_models_keep_the_settings_of_their_loss(monkeypatch, tmp_path):
    """Those of params.yaml; the files of the models have none."""
    monkeypatch.chdir(tmp_path)
    Path("data/models").mkdir(parents=True)
    for name, kind in MODELS.items():
        Path(f"data/models/{name}.pt").write_bytes(dump_model(name, kind(2, hidden_dims=8)))
    values = {"train_vae": {"kl": "standard", "beta": 4.0}}
    params = SimpleNamespace(reconstruction_loss="bce")
    inputs = SimpleNamespace(params=params, values=values)
    models = {name: network_of(name, inputs) for name in MODELS}
    assert {name: model.beta for name, model in models.items()} == {"ae": 1.0, "vae": 4.0}
    assert {model.reconstruction_loss.name for model in models.values()} == {"bce"}
