"""The calls of other packages, on top of facewise: change the import and nothing else."""
