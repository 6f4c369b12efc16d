"""Training: the loop, the optimiser, and the state of an unfinished training."""
