"""The stages, run as `python -m stages.NAME` from the root; here is what comes before the imports of each."""

import gc
import sys
import time

from src.arithmetic.pins import pin

STARTED = time.time()  # seconds since 1970, before a stage's module and what it imports are read


def _end_quietly(kind, error, traceback) -> None:
    """Say in one line that Ctrl-C has ended a stage, even in the seconds that it takes to import torch."""
    if issubclass(kind, KeyboardInterrupt):
        print(
            "interrupted: the next `dvc repro` goes on, a training after its last finished epoch",
            file=sys.stderr,
        )
    else:
        sys.__excepthook__(kind, error, traceback)


sys.excepthook = _end_quietly
pin()
gc.disable()  # while the stage is loaded: to look for garbage in all that it imports takes up to a second
