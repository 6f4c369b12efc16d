"""What is measured on the test images."""
