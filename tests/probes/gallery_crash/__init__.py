"""Processes that change a gallery and are killed, and what has to be true afterwards."""
