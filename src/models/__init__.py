"""The networks, their losses, and the table of what sets each model apart."""
