"""Galleries as files of other programs, and from one store to another; one file for each format."""
