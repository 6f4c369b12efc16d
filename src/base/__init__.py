"""Used everywhere: errors, the words for faults in files, whole files, random generators."""
