"""Sealed values open where they belong, and nowhere else."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

pytest.importorskip("cryptography", reason="cryptography is not installed")
from facewise.gallery.sealing.cipher import GROWTH, NONCE, Cipher
from facewise.gallery.sealing.forms import SealedChips, SealedForm

KEY = bytes(range(32))


@pytest.fixture
def cipher():
    return Cipher(KEY, "gallery")


def test_it_is_aes_256_gcm(cipher):
    """Opened by the package itself, as anybody can who reads the docs."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    sealed = cipher.seal("vector", 0x0102, b"value")
    about = b"facewise\0gallery\0vector\0\x02\x01\0\0\0\0\0\0"
    assert AESGCM(KEY).decrypt(sealed[:12], sealed[12:], about) == b"value"
    assert len(sealed) == len(b"value") + GROWTH


def test_no_nonce_comes_twice(cipher):
    sealed = cipher.seal_all("vector", [1] * 5000, [b"same"] * 5000)
    sealed += [cipher.seal("vector", 1, b"same") for _ in range(5000)]
    assert len({value[:NONCE] for value in sealed}) == len(set(sealed)) == 10_000


@pytest.mark.parametrize("size", [0, 1, 100, 5000])
def test_it_opens_only_where_it_belongs(cipher, rng, size):
    value = rng.bytes(size)
    sealed = cipher.seal("vector", 7, value)
    assert cipher.open("vector", 7, sealed) == value
    elsewhere = [
        (cipher, "vector", 8),
        (cipher, "chip", 7),
        (Cipher(KEY, "another gallery"), "vector", 7),
        (Cipher(KEY[::-1], "gallery"), "vector", 7),
    ]
    for other, kind, number in elsewhere:
        with pytest.raises(ValueError, match="another place, or damaged"):
            other.open(kind, number, sealed)
    for _ in range(200):
        wrong = bytearray(sealed)
        wrong[int(rng.integers(len(wrong)))] ^= 1 << int(rng.integers(8))
        assert cipher.open_all("vector", [7], [bytes(wrong)]) == [None]
    for wrong in (sealed[:-1], sealed + b"\0", sealed[:20], sealed[:5], b""):
        assert cipher.open_all("vector", [7], [wrong]) == [None]


def test_it_stays_in_its_process(cipher):
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(cipher)
    assert "0102" not in repr(cipher)


def test_vectors_and_the_bad_ones(cipher, rng):
    form = SealedForm(24, cipher)
    vectors = rng.standard_normal((40, 24)).astype(np.float32)
    ids = rng.permutation(1000)[:40].tolist()
    blobs = form.encode(ids, vectors)
    assert [len(blob) for blob in blobs] == [4 * 24 + GROWTH] * 40
    found, bad = form.decode(ids, blobs)
    np.testing.assert_array_equal(found, vectors)
    assert (found.dtype, found.flags.writeable, bad) == (np.float32, True, [])
    blobs[3], blobs[9] = blobs[9], blobs[3]
    blobs[20] = blobs[20][:-1] + bytes([blobs[20][-1] ^ 1])
    blobs[39] = vectors[39].tobytes()  # not sealed
    found, bad = form.decode(ids, blobs)
    wrong = [3, 9, 20, 39]
    assert bad == [ids[i] for i in wrong]
    np.testing.assert_array_equal(found, np.delete(vectors, wrong, axis=0))
    found, bad = form.decode([], [])
    assert (found.shape, bad) == ((0, 24), [])


def test_chips(cipher):
    form = SealedChips(cipher)
    sealed = form.encode(7, b"picture")
    assert form.decode(7, sealed) == b"picture"
    with pytest.raises(ValueError, match="another place"):
        form.decode(8, sealed)
