"""The table of models: what sets each apart; by name, only the gate and dvc.yaml know them too."""

import io
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn

from src.base.errors import unusable
from src.models import losses
from src.models.losses import KL_FORMS, RECONSTRUCTIONS, KLForm, Objective
from src.models.networks import Autoencoder, VariationalAutoencoder


class Kind(NamedTuple):
    """What sets a model apart.

    A `network` with a prior takes its standard deviation as `prior_std` and has it as an attribute, which is None
    for one without; `kl_forms` are then the forms of its KL term that `train_NAME.kl` chooses from.
    """

    title: str  # in pictures and progress
    network: type[nn.Module]
    terms: Callable  # the loss terms of a batch, as in src/models/losses.py
    kl_forms: Mapping[str, KLForm] | None = None


MODELS = {
    "ae": Kind("AE", Autoencoder, losses.autoencoder_terms),
    "vae": Kind("VAE", VariationalAutoencoder, losses.variational_terms, KL_FORMS),
}


def build(
    name: str,
    latent_dims: int,
    hidden_dims: int,
    reconstruction_loss: str,
    kl: str | None = None,
    beta: float = 1.0,
) -> tuple[nn.Module, Objective]:
    """A model and what its training minimises; `kl` names the form of the KL term, None for a model without prior."""
    kind, reconstruction = MODELS[name], RECONSTRUCTIONS[reconstruction_loss]
    if kl is None:
        model = kind.network(latent_dims, hidden_dims=hidden_dims)
        return model, Objective(partial(kind.terms, reconstruction=reconstruction))
    form = kind.kl_forms[kl]
    model = kind.network(latent_dims, hidden_dims=hidden_dims, prior_std=form.prior_std)
    terms = partial(kind.terms, reconstruction=reconstruction, kl=form.term)
    return model, Objective(terms, beta, kl_constant=form.constant * latent_dims)


def dump_model(name: str, model: nn.Module) -> bytes:
    """A file with the weights and the few numbers that rebuild the model."""
    weights = {key: value.cpu() for key, value in model.state_dict().items()}
    buffer = io.BytesIO()
    torch.save({"model": name, "config": model.config, "state_dict": weights}, buffer)
    return buffer.getvalue()


def load_model(path: str | Path, device: torch.device | str = "cpu") -> nn.Module:
    """The model of a file from `dump_model`, ready to use. Loads tensors and plain values alone (`weights_only`)."""
    try:
        saved = torch.load(
            path, map_location="cpu", weights_only=True
        )  # a GPU's lack of memory is no damage
        model = MODELS[saved["model"]].network(**saved["config"])
        model.load_state_dict(saved["state_dict"])
    except FileNotFoundError:
        raise unusable(path, None) from None
    except Exception:  # for damaged bytes torch raises nearly anything
        raise unusable(path, "a model") from None
    return model.to(device).eval()
