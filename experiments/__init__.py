"""What people run by hand: sweeps, and looking at experiments. No stage depends on it."""
