"""Prints the digest of the inputs of a stage: `python -m tests.digest train_vae`."""

import sys

from stages import records

stage = records.stage_named(sys.argv[1])
print(records.digest(stage, records.input_hashes(stage)))
