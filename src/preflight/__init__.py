"""What is checked before any stage loses an output: the whole of params.yaml."""
