"""The state of an unfinished training, from which the next run of the stage goes on."""

import dataclasses
import io
from pathlib import Path
from typing import Any

import torch

from src.base.errors import is_lack_of_memory
from src.base.files import write_whole
from src.history.film import Film
from src.models.networks import Model
from src.train.adam import Adam


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The file with weights, optimiser, losses and film after the last finished epoch.

    `digest` identifies all inputs of the training. A state with another digest is not used.
    """

    path: Path
    digest: str

    def restore(self, model: Model, optimiser: Adam, film: Film) -> list[dict[str, float]]:
        """Put model, optimiser and the frames of the film into the saved state.

        Returns the losses of the epochs that are done; none if there is no state to go on from.
        """
        try:
            content = self.path.read_bytes()  # lack of permission is no damage: it ends the stage
        except FileNotFoundError:
            return []
        state = _parse(content)
        if state is None:
            print(f"{self.path} is damaged: starting afresh", flush=True)
            return []
        if state["digest"] != self.digest:
            print(f"{self.path} is of other parameters, data or code: starting afresh", flush=True)
            return []
        model.load_state_dict(state["model"])
        optimiser.restore(state["optimiser"])
        film.codes[:] = state["film"]
        print(f"{self.path}: going on after {len(state['losses'])} finished epochs", flush=True)
        return state["losses"]

    def save(
        self, model: Model, optimiser: Adam, film: Film, losses: list[dict[str, float]]
    ) -> None:
        """Replace the saved state by this one."""
        state = {
            "digest": self.digest,
            "model": model.state_dict(),
            "optimiser": optimiser.state(),
            "film": torch.from_numpy(film.codes),
            "losses": losses,
        }
        file = io.BytesIO()
        torch.save(state, file)
        write_whole(self.path, file.getvalue())


def _parse(content: bytes) -> dict[str, Any] | None:
    """The state in a file's content; None if it is damaged."""
    try:
        # To the CPU: the state may be of a GPU with another number.
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return state if {"digest", "model", "optimiser", "film", "losses"} <= set(state) else None
    except Exception as error:  # for damaged bytes torch raises nearly anything
        if is_lack_of_memory(error):
            raise
        return None
