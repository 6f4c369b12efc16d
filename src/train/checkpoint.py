"""The state of an unfinished training, from which the next run of the stage goes on."""

import dataclasses
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import torch

from src.base.errors import is_lack_of_memory
from src.base.files import write_end, write_whole
from src.history.film import Film
from src.models.networks import Model
from src.train.adam import Adam

CHECKSUM_BYTES = 32  # of SHA-256, before the codes of a frame


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """The file with weights, optimiser and losses after the last finished epoch.

    `digest` identifies all inputs of the training. A state with another digest is not used. The
    frames of the film are in a file beside it, one after the other, so that the time to save a
    state does not grow with the epochs.
    """

    path: Path
    digest: str

    def restore(self, model: Model, optimiser: Adam, film: Film) -> list[dict[str, float]]:
        """Put model, optimiser and the frames before the next epoch into the saved state.

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
        if not self._restore_frames(film, before=len(state["losses"])):
            print(f"{self._frames} is missing or damaged: starting afresh", flush=True)
            return []
        model.load_state_dict(state["model"])
        optimiser.restore(state["optimiser"])
        print(f"{self.path}: going on after {len(state['losses'])} finished epochs", flush=True)
        return state["losses"]

    def save(self, model: Model, optimiser: Adam, losses: list[dict[str, float]]) -> None:
        """Replace the saved state by this one."""
        state = {"model": model.state_dict(), "optimiser": optimiser.state(), "losses": losses}
        file = io.BytesIO()
        torch.save({"digest": self.digest, **state}, file)
        write_whole(self.path, file.getvalue())

    def save_frame(self, film: Film, number: int) -> None:
        """Write a frame after those before it; what an earlier run left there is cut off."""
        codes = film.codes[number].tobytes()
        position = number * (CHECKSUM_BYTES + len(codes))
        write_end(self._frames, position, self._checksum(number, codes) + codes)

    def _restore_frames(self, film: Film, before: int) -> bool:
        """Fill the frames before the epoch `before`; whether all are there, undamaged."""
        numbers = range(int((film.epochs < before).sum()))
        try:
            with open(self._frames, "rb") as file:
                for number in numbers:
                    checksum = file.read(CHECKSUM_BYTES)
                    codes = file.read(film.codes[number].nbytes)
                    if checksum != self._checksum(number, codes):
                        return False
                    film.codes[number].flat = np.frombuffer(codes, film.codes.dtype)
        except FileNotFoundError:
            return False
        return True

    @property
    def _frames(self) -> Path:
        return self.path.with_suffix(".frames")

    def _checksum(self, number: int, codes: bytes) -> bytes:
        """Of a frame and its place in the training with these inputs."""
        return hashlib.sha256(f"{self.digest} {number} ".encode() + codes).digest()


def _parse(content: bytes) -> dict[str, Any] | None:
    """The state in a file's content; None if it is damaged."""
    try:
        # To the CPU: the state may be of a GPU with another number.
        state = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return state if {"digest", "model", "optimiser", "losses"} <= set(state) else None
    except Exception as error:  # for damaged bytes torch raises nearly anything
        if is_lack_of_memory(error):
            raise
        return None
