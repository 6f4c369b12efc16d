"""Where MNIST comes from, and how its bytes are checked."""
