"""The stores: each passes `tests/gallery/test_store_contract.py`."""
