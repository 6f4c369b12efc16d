"""The training loop, and the state from which an interrupted one goes on."""
