"""Latent space: the file of codes, and the geometry that the pictures and the explorer share."""
