"""The registry of models; docs/extending.md names the other files that a new one needs."""

import io
from pathlib import Path
from typing import Any

import torch

from src.base.errors import damaged, is_lack_of_memory, missing
from src.models.networks import Autoencoder, Model, VariationalAutoencoder

MODELS: dict[str, type[Autoencoder] | type[VariationalAutoencoder]] = {
    "ae": Autoencoder,
    "vae": VariationalAutoencoder,
}


def dump_model(name: str, model: Model) -> bytes:
    """A file with the weights and the few numbers that rebuild the model."""
    weights = {key: value.cpu().contiguous() for key, value in model.state_dict().items()}
    file = io.BytesIO()
    torch.save({"model": name, "config": model.config, "state_dict": weights}, file)
    return file.getvalue()


def load_model(path: str | Path, device: torch.device | str = "cpu", **loss: Any) -> Model:
    """The model of a file from `dump_model`, ready to use.

    Loads tensors and plain values alone (`weights_only`). The file holds no settings of its loss:
    those that are not among the arguments `loss` have their defaults.
    """
    try:
        content = Path(path).read_bytes()
    except FileNotFoundError:
        raise missing(path) from None
    try:
        saved = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        model = MODELS[saved["model"]](**saved["config"], **loss)
        model.load_state_dict(saved["state_dict"])
    except Exception as error:  # for damaged bytes torch raises nearly anything
        if is_lack_of_memory(error):
            raise
        raise damaged(path, "a model") from None
    return model.to(device).eval()
