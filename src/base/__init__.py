"""Used by every stage: errors, whole files, random generators, devices, releases of packages."""
