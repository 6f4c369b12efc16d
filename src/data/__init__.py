"""The descriptions of the data sets, and their images and labels in memory."""
