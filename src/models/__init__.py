"""The models: networks with their losses, their registry, encoding and decoding."""
