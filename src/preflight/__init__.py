"""The check of params.yaml."""
