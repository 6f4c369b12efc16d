"""One module per DVC stage, run as `python -m stages.NAME` from the root of the project."""
