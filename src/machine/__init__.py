"""What a machine decides: the device of a stage, its cores and GPUs, the releases of packages."""
