"""One module per DVC stage, run as `python -m stages.NAME` from the root of the project."""

import time

STARTED = time.time()  # seconds since 1970, before a stage's module and what it imports are read
