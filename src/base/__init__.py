"""Used everywhere: errors, files, random generators."""
