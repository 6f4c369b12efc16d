"""How many CPU threads compute: in portable arithmetic their number decides no byte.

A library gives each thread a part of the work. Where the parts are added up, or end within a vector
register (torch's exp2 and sigmoid compute the rest by another formula), last digits depend on the
number of parts. So torch, NumPy and scikit-learn compute with one thread, whatever they compute: a
layer, a loss or a metric of one's own keeps its bytes. The work in which no cut can show, most of
all work here, is `divided` among all threads: products, Adam, and operations that round each number
by itself.
"""

from contextlib import ContextDecorator

import torch
from threadpoolctl import threadpool_limits

_count: int | None = None  # for divided work, in this process; None until `use` is called


def use(count: int, *, everywhere: bool) -> None:
    """Compute with `count` threads: everywhere, or only where the work is `divided`."""
    global _count
    _count = count
    limit = count if everywhere else 1
    threadpool_limits(limit)  # NumPy and scikit-learn count threads for themselves
    torch.set_num_threads(limit)


def count() -> int:
    """How many threads divided work has."""
    return _count or torch.get_num_threads()


class _Within(ContextDecorator):
    """Within it, torch computes with so many threads, or with all."""

    def __init__(self, limit: int | None):
        self.limit = limit

    def _recreate_cm(self) -> "_Within":
        return _Within(self.limit)  # a decorated function may call itself

    def __enter__(self) -> None:
        self.before = torch.get_num_threads()
        torch.set_num_threads(self.limit or count())

    def __exit__(self, *error: object) -> None:
        torch.set_num_threads(self.before)


def divided() -> _Within:
    """Within it, torch divides its work among all threads."""
    return _Within(None)


def undivided() -> _Within:
    """Within it, one thread computes: for a sum in divided work."""
    return _Within(1)
