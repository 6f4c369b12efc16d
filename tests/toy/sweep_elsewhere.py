"""The command of a sweep, as on a machine whose cache the nodes do not see."""

import os
import sys

sys.path.insert(0, os.getcwd())

from experiments.sweep import __main__ as command
from experiments.sweep import clone

Job = clone.Job
clone.Job = lambda **fields: Job(**fields | {"marker": "none"})
command.main()
