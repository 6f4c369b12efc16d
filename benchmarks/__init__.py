"""Measurements of speed, to run by hand; no stage depends on them."""
