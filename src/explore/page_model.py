"""A model as the page knows it: the codes that it shows, their axes and plane, and live weights."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from src.explore.live_weights import Weights, weights_of
from src.explore.near import spacing
from src.history.film import Film
from src.latent.codes import Codes
from src.latent.geometry import Plane, PrincipalAxes, plane_of, principal_axes
from src.models.networks import Autoencoder, Model, VariationalAutoencoder

AXES = 32  # principal axes along which the page knows the codes; up to 32 dimensions, all
PAGE_LOSSES = ("sse", "bce")  # reconstruction losses that page/training.js computes
PROBES = 200  # images and codes with which the page's arithmetic is compared with torch's


class Images(NamedTuple):
    """The images (n, 28, 28) of bytes that the page shows, and their labels (n,)."""

    train: np.ndarray
    train_labels: np.ndarray
    test: np.ndarray
    test_labels: np.ndarray


class Results(NamedTuple):
    """What the page tells of a training: metrics, and the loss of each epoch."""

    metrics: dict[str, float]
    losses: list[float]
    published: list[float] | None  # the losses that were published for it, if any were


@dataclass(frozen=True)
class PageModel:
    """A trained model, and what the page and its suggestions derive from it, each once."""

    name: str
    title: str
    network: Model
    codes: Codes  # of all images; the page shows the first of them
    images: Images
    film: Film
    results: Results

    @property
    def has_prior(self) -> bool:
        return self.network.prior_std is not None

    @cached_property
    def shown(self) -> np.ndarray:
        """The codes (n, latent_dims) of the training images that the page shows."""
        return self.codes.train[: len(self.images.train)]

    @cached_property
    def axes(self) -> PrincipalAxes:
        return principal_axes(self.codes.train, AXES)

    @cached_property
    def along(self) -> np.ndarray:
        """The coordinates (n, k) of the codes shown along these axes."""
        return self.axes.project(self.shown)

    @cached_property
    def plane(self) -> Plane:
        return plane_of(self.codes.train)

    @cached_property
    def points(self) -> np.ndarray:
        """Where the codes shown lie on the plane: (n, 1 or 2)."""
        return self.plane.project(self.shown)

    @cached_property
    def spacing(self) -> dict[str, float]:
        return spacing(self.along)

    @cached_property
    def middles(self) -> dict[int, int]:
        """For each label the number of the image in the middle of its class."""
        return middle_of_each_class(self.along, self.images.train_labels)

    @cached_property
    def weights(self) -> Weights | None:
        """What the page computes the model with; None if it cannot."""
        return weights_of(self.network, self.images.train[:PROBES], self.codes.test[:PROBES])

    @property
    def is_trainable(self) -> bool:
        """Whether page/training.js computes the model's loss too: that of networks.py, no other."""
        kind = type(self.network)
        return (
            self.weights is not None
            and kind.loss_terms in (Autoencoder.loss_terms, VariationalAutoencoder.loss_terms)
            and kind.log_likelihood is Autoencoder.log_likelihood
            and self.network.reconstruction_loss.name in PAGE_LOSSES
        )


def middle_of_each_class(codes: np.ndarray, labels: np.ndarray) -> dict[int, int]:
    """For each label the number of the image whose code (n, k) is nearest to its class' mean."""
    middles = {}
    for label in np.unique(labels).tolist():
        numbers = np.flatnonzero(labels == label)
        members = codes[numbers]
        middles[label] = int(numbers[np.square(members - members.mean(0)).sum(1).argmin()])
    return middles
