"""The state of a training after its last finished epoch, from which an interrupted run goes on."""

import dataclasses
import hashlib
import io
import json
from pathlib import Path

import torch
from torch import nn

from src.base.files import loaded_code, write_whole
from src.train.adam import Adam


def fingerprint(settings: list, data: str | Path) -> str:
    """A hash of all that decides how a training ends: settings, the folder `data`, the code, torch's release."""
    digest = hashlib.sha256(json.dumps([settings, torch.__version__], sort_keys=True).encode())
    for path in (*loaded_code(), *sorted(Path(data).iterdir())):
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


@dataclasses.dataclass
class Checkpoint:
    """A file with weights, optimiser and table of losses, which fits one fingerprint only."""

    path: Path
    fingerprint: str

    def restore(self, model: nn.Module, optimiser: Adam) -> list[dict[str, float]]:
        """Put model and optimiser into the saved state; the losses of the epochs done, none if there is no state."""
        try:
            state = torch.load(
                self.path, map_location="cpu", weights_only=True
            )  # its GPU may be another one now
            fits = state["fingerprint"] == self.fingerprint
        except FileNotFoundError:
            return []
        except Exception:  # for damaged bytes torch raises nearly anything
            fits = False
        if not fits:
            print(
                f"{self.path} is of other parameters, data or code, or damaged: starting afresh",
                flush=True,
            )
            return []
        model.load_state_dict(state["model"])
        optimiser.restore(state["optimiser"])
        print(f"{self.path}: going on after {len(state['losses'])} finished epochs", flush=True)
        return state["losses"]

    def save(self, model: nn.Module, optimiser: Adam, losses: list[dict[str, float]]) -> None:
        """Replace the saved state by this one."""
        buffer = io.BytesIO()
        state = {"model": model.state_dict(), "optimiser": optimiser.state()}
        torch.save({"fingerprint": self.fingerprint, "losses": losses, **state}, buffer)
        write_whole(self.path, buffer.getvalue())
