"""What people run by hand: sweeps, and looking at experiments. No stage depends on it."""

from src.arithmetic.pins import ignore_drawing_settings

ignore_drawing_settings()
