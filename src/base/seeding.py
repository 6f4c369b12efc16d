"""Random numbers: an independent generator for each purpose, all derived from one seed."""

import hashlib

import torch


def generator(
    seed: int, *purpose: str | int, device: torch.device | str = "cpu"
) -> torch.Generator:
    """A generator for one purpose, such as `generator(seed, "order", epoch)`.

    Each purpose has its own stream: drawing more numbers for one purpose never shifts another,
    and the numbers of an epoch do not depend on the epochs before it.
    """
    name = "/".join(str(part) for part in (seed, *purpose))
    digest = hashlib.sha256(name.encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:8], "big"))
