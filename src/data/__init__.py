"""The images and labels, as tensors in memory."""
