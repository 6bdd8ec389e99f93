"""The HTTP edge: authenticates, parses, calls one use case, renders; it decides nothing else."""
