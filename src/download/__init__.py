"""Where the files of a data set come from, and how their bytes are checked."""
