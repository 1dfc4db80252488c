"""Readers: one file for each published form, all of which end in the same few classes."""
