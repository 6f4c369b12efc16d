"""Latent space: codes, and the geometry and colours in which pictures and page show it."""
