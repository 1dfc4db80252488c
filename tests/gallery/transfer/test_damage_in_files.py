"""What a wrong byte does to a file that has checksums: nothing of it is taken."""

from __future__ import annotations

import pytest

from facewise.errors import GalleryError
from facewise.gallery import ExportOptions
from facewise.gallery.transfer.exporting import export
from gallery_files import take_assumed


@pytest.mark.parametrize("suffix", ["parquet", "npz"])
def test_a_wrong_byte_anywhere(store, empty, tmp_path, rng, suffix):
    path = tmp_path / f"people.{suffix}"
    export(store, path, ExportOptions(chips=suffix == "parquet"))
    whole = path.read_bytes()
    refused = 0
    for place in rng.choice(len(whole), 150, replace=False):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << rng.integers(8)
        path.write_bytes(damaged)
        before = empty.counts()
        try:
            take_assumed(empty, path)
        except GalleryError:
            refused += 1
            assert empty.counts() == before
    # What is left are bytes of headers and footers that nobody reads.
    assert refused > 75
    if empty.counts().faces:
        assert _vectors(empty) == _vectors(store)


def _vectors(store):
    return {vector.tobytes() for _, _, block in store.vectors() for vector in block}
