"""Latent space: the file of codes, and the geometry that pictures and the page share."""
