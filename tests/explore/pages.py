"""Pages for the tests: made of models with random weights, in a second."""

import json
import re
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from src.explore.assemble import FOLDER
from src.explore.build import build_page
from src.explore.page_model import Images, PageModel, Results
from src.history.film import empty_film
from src.latent.codes import Codes
from src.models.coding import encode
from src.models.networks import Autoencoder, VariationalAutoencoder
from tools.small_project import ROOT

CLASSES = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]
SHOWN = 200  # training images on a page


def source(name: str) -> str:
    """A module of the page, whose panels the tests reach as `window.panels`."""
    text = (ROOT / FOLDER / name).read_text()
    if name == "main.js":
        assert text.count("  page.state.apply();\n}\n") == 1
        text = text.replace(
            "  page.state.apply();\n}\n", "  page.state.apply();\n  window.panels = panels;\n}\n"
        )
    return text


def bars(count: int, classes: int = 10) -> tuple[np.ndarray, np.ndarray]:
    """Blurred bars, one slant for each class: (n, 28, 28) of bytes, and their labels."""
    rng = np.random.default_rng(0)
    labels = (np.arange(count) % classes).astype(np.uint8)
    y, x = np.mgrid[-14:14, -14:14][:, None] + rng.normal(size=(2, count, 1, 1))
    angle = (np.pi * labels / classes)[:, None, None] + 0.1 * rng.normal(size=(count, 1, 1))
    bar = np.exp(-((x * np.cos(angle) + y * np.sin(angle)) ** 2) / 6)
    return np.round(255 * bar).astype(np.uint8), labels


def random_model(network: type[nn.Module], dims: int, **prior: float) -> nn.Module:
    """A model whose pixels take all greys: the weights of PyTorch's initialisation, enlarged."""
    torch.manual_seed(0)
    model = network(dims, hidden_dims=64, **prior).eval()
    for name, weights in model.state_dict().items():
        weights.mul_(4 if "decoder" in name and "weight" in name else 1)
    return model


def codes_of(model: nn.Module, images: np.ndarray, labels: np.ndarray) -> Codes:
    """The first half of the images as training images, the other half as test images."""
    codes = encode(model, torch.from_numpy(images))
    half = len(labels) // 2
    return Codes(codes[:half], labels[:half], codes[half:], labels[half:])


def page_model(
    name: str, network: nn.Module, codes: Codes, images: Images, start: float = 0
) -> PageModel:
    """A model of the page, as if it had been trained.

    In its film of three epochs the codes come to their places from `start` times these.
    """
    film = empty_film(3, len(codes.train), codes.train.shape[1])
    film.codes[:] = film.epochs[:, None, None] / 3 * codes.train[film.images]
    film.codes[0] = start * codes.train[film.images]
    results = Results(
        {"test_mse": 0.04, "knn_accuracy": 0.6892, "odd": 1}, [3e6, 2e6, 1.9e6], [2.9e6, 2e6]
    )
    return PageModel(name, name.upper(), network, codes, images, film, results)


class ConvolutionalVAE(nn.Module):
    """A VAE whose arithmetic the page does not know."""

    def __init__(self, latent_dims: int, hidden_dims: int = 8, prior_std: float = 1.0):
        super().__init__()
        self.prior_std = prior_std
        self.config = {"latent_dims": latent_dims}
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 2, 4, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(98, latent_dims)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent_dims, 98),
            nn.Unflatten(1, (2, 7, 7)),
            nn.ConvTranspose2d(2, 1, 4, stride=4),
            nn.Sigmoid(),
        )

    def encode(self, x: Tensor) -> Tensor:
        return self.encoder(x)


class Example:
    """A page of an AE and a VAE with random weights, and what it was made of."""

    def __init__(
        self,
        path: Path,
        dims: int = 2,
        classes: list[str] = CLASSES,
        *,
        convolutional: bool = False,
        start: float = 0,
    ):
        self.path = path
        images, labels = bars(600, len(classes))
        self.images = Images(images[:SHOWN], labels[:SHOWN], images[300:], labels[300:])
        self.models = {
            "ae": random_model(Autoencoder, dims),
            "vae": random_model(VariationalAutoencoder, dims, prior_std=0.5**0.5),
        }
        if convolutional:
            self.models["conv"] = random_model(ConvolutionalVAE, dims)
        self.codes = {name: codes_of(model, images, labels) for name, model in self.models.items()}
        self.page_models = {
            name: page_model(name, model, self.codes[name], self.images, start)
            for name, model in self.models.items()
        }
        page = build_page(
            source,
            list(self.page_models.values()),
            dataset="made up",
            classes=classes,
            parameters={"latent_dims": str(dims)},
            seed=3,
        )
        path.write_bytes(page)
        # What the page holds beside its arrays.
        self.facts = json.loads(re.search(rb'id="facts">(.*?)</script>', page, re.DOTALL)[1])

    @property
    def url(self) -> str:
        return self.path.resolve().as_uri()

    @property
    def steps(self) -> dict[str, dict[str, str]]:
        """The steps of the course, by name."""
        return {step["name"]: step for step in self.facts["steps"]}
