"""The codes of all images, and what is measured on the test images."""
