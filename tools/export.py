"""Exports the trained models for programs without this project: `python -m tools.export FOLDER`.

Writes NAME-encoder.pt2 and NAME-decoder.pt2, programs of `torch.export`, which need torch alone.
docs/sharing.md shows how to run them.
"""

import argparse
import io
from pathlib import Path

import torch
from torch import Tensor, nn

from src.base.errors import in_one_line
from src.base.files import write_whole
from src.models.networks import IMAGE_SHAPE, Model
from src.models.registry import MODELS, load_model


class Encoder(nn.Module):
    """Images (n, 1, 28, 28), greys in [0, 1] -> codes (n, latent_dims); nothing is sampled."""

    def __init__(self, model: Model):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        return self.model.encode(images)


class Decoder(nn.Module):
    """Codes (n, latent_dims) -> images (n, 28, 28), greys in (0, 1)."""

    def __init__(self, model: Model):
        super().__init__()
        self.decoder = model.decoder

    def forward(self, codes: Tensor) -> Tensor:
        # Not `decoder(codes)`: portable arithmetic looks at the number of images.
        return torch.sigmoid(self.decoder.logits(codes)).reshape(-1, *IMAGE_SHAPE[1:])


def program(module: nn.Module, example: Tensor) -> bytes:
    """The file of a module that takes any number of inputs like `example`, which has two."""
    shapes = ({0: torch.export.Dim("n")},)
    file = io.BytesIO()
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=shapes), file)
    return file.getvalue()


@in_one_line()
def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, metavar="FOLDER")
    folder = parser.parse_args().folder
    for name in MODELS:
        model = load_model(f"data/models/{name}.pt").requires_grad_(False)
        for weight in model.parameters():  # torch warns of those that lie transposed in memory
            weight.data = weight.data.contiguous()
        codes = torch.zeros(2, int(model.config["latent_dims"]))
        images = torch.zeros(2, *IMAGE_SHAPE)
        write_whole(folder / f"{name}-encoder.pt2", program(Encoder(model), images))
        write_whole(folder / f"{name}-decoder.pt2", program(Decoder(model), codes))


if __name__ == "__main__":
    main()
