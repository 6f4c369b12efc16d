"""The pictures of a model."""
