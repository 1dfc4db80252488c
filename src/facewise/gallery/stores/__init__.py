"""The stores: each passes `tests/gallery/contract`."""
