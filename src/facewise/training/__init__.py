"""Learn an embedder: data, losses, loop, checkpoints. Needs `pip install 'facewise[train]'`."""
