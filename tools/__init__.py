"""Tools for maintainers of the project."""
