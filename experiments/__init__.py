"""Tools to run by hand on finished runs; no stage depends on them."""
