"""What a data set is, and its images and labels in memory."""
