"""What every room stands on: errors, whole files, random generators, devices, versions."""
