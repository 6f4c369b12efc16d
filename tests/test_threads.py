"""The same bytes with any number of threads. The cap at the number of cores is kept out of it."""

import hashlib
import sys
from collections.abc import Iterable

import pytest
import torch
import yaml
from torch import Tensor, nn

from src.arithmetic import functions, linear, threads
from src.arithmetic.pins import has_avx2
from src.base.seeding import generator
from src.evaluate import metrics
from src.latent.codes import Codes
from src.machine import devices
from src.models.coding import decode, encode
from src.models.networks import PIXELS, Autoencoder, VariationalAutoencoder, initialise
from src.train.adam import Adam
from src.train.loop import Settings, fit
from tools.processors import computed

COUNTS = [1, 2, 3, 5, 8]
# The process that sets more threads than it has cores is the one that computes.
EVERY_STAGE = [sys.executable, "-m", "tools.every_stage", "--threads"]

pytestmark = pytest.mark.skipif(not has_avx2(), reason="portable arithmetic needs AVX2")


@pytest.fixture(autouse=True)
def portable():
    """Portable arithmetic, and afterwards the threads as they were."""
    before = torch.get_num_threads()
    linear.use_portable(True)
    yield
    linear.use_portable(False)
    threads._count = None
    torch.set_num_threads(before)


def with_each_count(function) -> list:
    """The results of a function with each number of threads, which torch really has."""
    results = []
    for count in COUNTS:
        threads.use(count, everywhere=False)
        with threads.divided():
            assert torch.get_num_threads() == count
        results.append(function())
    return results


def checksum(tensors: Iterable[Tensor]) -> str:
    content = b"".join(tensor.detach().contiguous().numpy().tobytes() for tensor in tensors)
    return hashlib.sha256(content).hexdigest()


def numbers(*shape: int) -> Tensor:
    return torch.randn(shape, generator=generator(0, *shape))


@pytest.mark.parametrize("rows", [1, 2, 17, 128])
@pytest.mark.parametrize(
    "shape", [(784, 512), (512, 784), (512, 2), (2, 512), (1, 512), (512, 1), (300, 3), (64, 500)]
)
def test_products(rows, shape):
    """Forwards and backwards; those of one row and of one latent dimension are the hard ones."""
    layer = linear.Linear(*shape)
    x, gradient = numbers(rows, shape[0]), numbers(rows, shape[1])

    def products() -> str:
        kept: list[Tensor] = []
        back = layer.backward(x, gradient, lambda _, values: kept.extend(values))
        return checksum([layer(x), back, *kept])

    assert len(set(with_each_count(products))) == 1


@pytest.mark.parametrize("shape", [(5,), (100, 784), (98_307,), (1_000_003,), (784, 129)])
@pytest.mark.parametrize("function", [functions.exp, functions.sigmoid, functions.total])
def test_functions(function, shape):
    """Also of sizes that no number of threads divides, and of tensors with another order."""
    x = numbers(*shape)
    x = x.t() if shape[-1] == 129 else x
    with torch.no_grad():
        results = with_each_count(lambda: checksum([function(x)]))
    assert len(set(results)) == 1


@pytest.mark.parametrize("function", [torch.sigmoid, torch.exp2, torch.sum])
def test_a_careless_cut_shows(function):
    """The same functions of torch itself, divided among all threads, differ: so tests can fail."""
    x = numbers(1_000_003)

    @threads.divided()
    def careless() -> str:
        return checksum([function(x)])

    assert len(set(with_each_count(careless))) > 1


def test_functions_are_torchs():
    """Whatever the cut, results and gradients are those that torch has with one thread."""
    x = numbers(131, PIXELS).requires_grad_()
    with threads.undivided():
        expected = torch.sigmoid(x)
        (gradient,) = torch.autograd.grad(expected.sum(), x)
    for result in with_each_count(lambda: functions.sigmoid(x)):
        assert torch.equal(result, expected)
        assert torch.equal(torch.autograd.grad(result.sum(), x)[0], gradient)


def test_adam():
    """Of sizes that no number of threads divides."""

    def steps() -> str:
        layer = nn.Linear(333, 307)
        initialise(layer, generator(0, "adam"))
        optimiser = Adam(layer, 1e-3)
        for step in range(3):
            gradients = [numbers(*weight.shape, step + 1)[..., 0] for weight in layer.parameters()]
            optimiser.update([*layer.parameters()], [g.contiguous() for g in gradients])
        return checksum(layer.parameters())

    assert len(set(with_each_count(steps))) == 1


class Convolutional(VariationalAutoencoder):
    """Layers whose gradients torch divides among threads, and two functions whose cut shows."""

    def __init__(self, latent_dims: int, hidden_dims: int, **loss):
        super().__init__(latent_dims, hidden_dims=hidden_dims, **loss)
        hidden = self.encoder.linear1
        self.encoder.linear1 = nn.Sequential(
            nn.Unflatten(1, (1, 28, 28)),
            nn.Conv2d(1, 16, 4, 2, 1),
            nn.SiLU(),
            nn.ConvTranspose2d(16, 1, 4, 2, 1),
            nn.ELU(),
            nn.Flatten(),
            nn.LayerNorm(PIXELS),
            hidden,
        )


@pytest.mark.parametrize(
    ("network", "settings", "batch_size"),
    [
        (Autoencoder, {"latent_dims": 1, "hidden_dims": 300}, 100),
        (Autoencoder, {"latent_dims": 64, "hidden_dims": 512, "reconstruction_loss": "bce"}, 17),
        (VariationalAutoencoder, {"latent_dims": 2, "hidden_dims": 512}, 128),
        (VariationalAutoencoder, {"latent_dims": 3, "hidden_dims": 500}, 299),
        (
            VariationalAutoencoder,
            {"latent_dims": 64, "hidden_dims": 300, "reconstruction_loss": "bce"},
            100,
        ),
        (Convolutional, {"latent_dims": 3, "hidden_dims": 32}, 100),
    ],
)
def test_training_and_evaluation(network, settings, batch_size):
    """Weights, film, loss table, codes, images and metrics; the last batch may be of one image."""
    images = torch.randint(256, (300, 28, 28), generator=generator(0), dtype=torch.uint8)
    labels = (torch.arange(300) % 10).numpy()

    def run() -> tuple:
        model = network(**settings)
        initialise(model, generator(1, "initialisation"))
        table, film = fit(model, images, images[:150], Settings(1, batch_size, 1e-3, 0))
        codes = encode(model, images)
        return (
            checksum(model.parameters()),
            table,
            film.codes.tobytes(),
            codes.tobytes(),
            decode(model, codes).tobytes(),
            metrics.variational(model, images, 7, generator(0, "noise")),
            metrics.class_accuracy(Codes(codes, labels, codes[:150], labels[:150])),
            metrics.pca_mse(images, images[:150], 3),
        )

    first, *others = with_each_count(run)
    for other in others:
        for ours, its in zip(first, other, strict=True):
            assert ours == its


@pytest.mark.parametrize("count", [2, 3, 5])
def test_every_stage(project, count):
    """Every output of the small project, which had one thread, with so many in each process."""
    expected = project.outputs()
    assert yaml.safe_load((project.root / "params.yaml").read_text())["threads"] == 1
    for path in computed(project):
        (project.root / path).unlink()
    project.run(*EVERY_STAGE, str(count))
    assert project.outputs() == expected


@pytest.mark.parametrize(
    ("asked", "cores", "quota", "count"), [(2, 1, 8, 1), (3, 8, 2, 2), (5, 8, 8, 5), (1, 8, 8, 1)]
)
def test_no_more_threads_than_cores(monkeypatch, asked, cores, quota, count):
    """Neither than the process may use, nor than its container leaves to it."""
    monkeypatch.setattr(devices.claims, "usable_cores", lambda: list(range(cores)))
    monkeypatch.setattr("joblib.cpu_count", lambda: quota)
    assert devices.thread_count(asked) == count
