"""What the stages expect of every model, checked before it is trained.

A fault that `evaluate` found would waste the training. docs/extending.md states the same in words.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from src.base.errors import UserError, is_lack_of_memory, one_line
from src.models.backpropagation import EXPLICIT_GRADIENTS, by_autograd
from src.models.losses import kl_divergence
from src.models.networks import IMAGE_SHAPE, PIXELS, Model, reparameterise

Call = Callable[[], Tensor | tuple[Tensor, ...]]


def check(model: Model) -> None:
    """Make each call of the stages with two images, and compare the shapes of the results.

    The model is on the CPU, and in evaluation mode afterwards. Raises UserError with one line
    that names the first call with a wrong result, or the weights that do not learn.
    """
    model.eval()  # batch norm keeps no averages, dropout draws no random numbers
    dims = int(model.config["latent_dims"])
    images = torch.zeros(2, *IMAGE_SHAPE)
    codes = torch.zeros(3, 2, dims)
    noise = torch.Generator().manual_seed(0)
    calls: list[tuple[str, Call, list[tuple[int, ...]]]] = [
        ("encode(images)", lambda: model.encode(images), [(2, dims)]),
        ("decoder(codes)", lambda: model.decoder(codes[0]), [(2, PIXELS)]),
        ("decoder.logits(codes)", lambda: model.decoder.logits(codes), [(3, 2, PIXELS)]),
        ("log_likelihood(images, codes)", lambda: model.log_likelihood(images, codes), [(3, 2)]),
    ]
    if model.prior_std is not None:
        calls.append(("encoder(images)", lambda: model.encoder(images), [(2, dims)] * 2))
    scalars: list[tuple[int, ...]] = [()] * (2 + len(model.further_terms))
    calls.append(("loss_terms(images, noise)", lambda: model.loss_terms(images, noise), scalars))
    for text, call, shapes in calls:
        _compare(f"{type(model).__name__}.{text}", call, shapes)
    _compare_bound(model)
    _compare_gradients(model)


def _compare(text: str, call: Call, shapes: list[tuple[int, ...]]) -> None:
    """Raise UserError unless a call returns tensors of these shapes."""
    expected = " and ".join(map(str, shapes))
    try:
        result = call()
    except Exception as error:
        if is_lack_of_memory(error):
            raise
        raise _broken(f"{text} raises {one_line(error)}; it must return {expected}") from error
    tensors = result if isinstance(result, tuple) else (result,)
    if [tuple(tensor.shape) for tensor in tensors] != shapes:
        actual = " and ".join(str(tuple(tensor.shape)) for tensor in tensors)
        raise _broken(f"{text} returns tensors of shape {actual}; it must return {expected}")


@torch.no_grad()
def _compare_bound(model: Model) -> None:
    """Raise UserError unless a prior's loss terms are those of the ELBO that `evaluate` measures.

    Each draws other codes of one image, so the means over many of them are compared.
    """
    if model.prior_std is None or model.kl_constant is None:
        return
    kind, draws = type(model).__name__, 128
    images = torch.linspace(0, 1, PIXELS).reshape(IMAGE_SHAPE).expand(draws, *IMAGE_SHAPE)
    reconstruction, kl, *_ = model.loss_terms(images, torch.Generator().manual_seed(0))
    mu, log_sigma = model.encoder(images)
    z = reparameterise(mu, log_sigma, torch.Generator().manual_seed(1))
    errors = -model.log_likelihood(images, z)
    error, tolerance = errors.mean(), 6 * errors.std() * math.sqrt(2 / draws)
    divergence = kl_divergence(mu, log_sigma, model.prior_std).sum(1).mean() + model.kl_constant
    if not _is_near(reconstruction / draws, error, tolerance):
        raise _broken(
            f"{kind}.loss_terms returns a reconstruction loss of {reconstruction / draws:.4g} for "
            f"an image, but minus {kind}.log_likelihood is {error:.4g}: the ELBO of loss.csv would "
            "contradict that of metrics.json"
        )
    if not _is_near(kl / draws, divergence):
        raise _broken(
            f"{kind}.loss_terms returns a KL term of {kl / draws:.4g} for an image, but the KL "
            f"divergence from its prior, plus kl_constant, is {divergence:.4g}: return what else "
            "the loss has as a scalar of its own, and name it in `further_terms`"
        )


def _is_near(actual: Tensor, expected: Tensor, tolerance: Tensor | float = 0.0) -> bool:
    """Whether two numbers agree within a tolerance and a thousandth."""
    return bool((actual - expected).abs() <= tolerance + 1e-3 * (1 + expected.abs()))


def _compare_gradients(model: Model) -> None:
    """Raise UserError for weights without a gradient, or for other numbers than autograd's."""
    kind = type(model).__name__
    autograds = _backpropagated(by_autograd, model)
    idle = [
        name
        for name, weight in model.named_parameters()
        if weight.requires_grad and name not in autograds
    ]
    if idle:  # Adam would not move them
        raise _broken(f"{kind}.loss_terms does not depend on {', '.join(idle)}")
    if type(model) not in EXPLICIT_GRADIENTS:
        return
    explicit = _backpropagated(EXPLICIT_GRADIENTS[type(model)], model)
    wrong = [name for name, value in autograds.items() if not _agree(value, explicit.get(name))]
    if wrong:
        raise _broken(
            f"src/models/backpropagation.py and autograd disagree about {', '.join(wrong)} of "
            f"{kind}: correct the file, or remove {kind} from EXPLICIT_GRADIENTS there"
        )


def _backpropagated(function: Callable[..., tuple[Tensor, ...]], model: Model) -> dict[str, Tensor]:
    """The loss terms of two images, and their gradients by the names of the weights."""
    names: dict[Tensor, str] = {weight: name for name, weight in model.named_parameters()}
    results: dict[str, Tensor] = {}

    def keep(weights: Sequence[Tensor], gradients: Sequence[Tensor]) -> None:
        results.update(zip((names[weight] for weight in weights), gradients, strict=True))

    images = torch.linspace(0, 1, 2 * PIXELS).reshape(2, *IMAGE_SHAPE)
    terms = function(model, images, torch.Generator().manual_seed(0), keep)
    return results | dict(zip(("reconstruction", "kl", *model.further_terms), terms, strict=True))


def _agree(autograds: Tensor, explicit: Tensor | None) -> bool:
    """Whether two tensors are equal, up to rounding, and have the same order in memory."""
    return (
        explicit is not None
        and explicit.is_contiguous() == autograds.is_contiguous()
        and torch.allclose(autograds, explicit, rtol=1e-3, atol=1e-3)
    )


def _broken(fault: str) -> UserError:
    return UserError(f"{fault}. See docs/extending.md; `pytest tests/test_models.py` shows more")
