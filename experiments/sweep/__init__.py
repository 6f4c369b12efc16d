"""Sweeps over many machines, on Ray: `python -m experiments.sweep`."""
