"""Measurements of speed, run by hand. No stage depends on them."""
