"""Seal values with a gallery's data key, and open them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Sequence
from typing import Any, TypeAlias

from facewise.errors import ExtraMissingError

Value: TypeAlias = "bytes | bytearray | memoryview"

NONCE = 12
"""Bytes of the random number before each sealed value. By NIST SP 800-38D a key may seal 2^32 of
them; a gallery of ten million faces with chips needs 2^25."""

GROWTH = NONCE + 16
"""Bytes that a sealed value is longer: the nonce before it, GCM's tag behind it."""


def aesgcm(key: bytes) -> Any:
    """AES-256-GCM with a key of 32 bytes.

    Raises:
        ExtraMissingError: the package `cryptography` is not installed; says what to install.
    """
    try:
        module = importlib.import_module("cryptography.hazmat.primitives.ciphers.aead")
    except ImportError as error:
        raise ExtraMissingError(
            f"sealed galleries: need cryptography ({error}); pip install 'facewise[encryption]'"
        ) from error
    return module.AESGCM(key)


class Cipher:
    """Seals what belongs to one gallery; threads may share it.

    What a value belongs to is authenticated with it: the gallery, a kind, a number. In another
    place it does not open.

    Args:
        key: the gallery's data key, 32 bytes.
        identity: of the gallery.

    Raises:
        ExtraMissingError: the package `cryptography` is not installed.
    """

    def __init__(self, key: bytes, identity: str) -> None:
        self.key = key
        self.identity = identity
        self._aesgcm = aesgcm(key)

    def __reduce__(self) -> Any:
        raise TypeError("a cipher stays in its process")

    def seal(self, kind: str, number: int, value: Value) -> bytes:
        """Nonce, ciphertext and tag of a value of less than 2 GiB."""
        return self.seal_all(kind, [number], [value])[0]

    def seal_all(self, kind: str, numbers: Sequence[int], values: Sequence[Value]) -> list[bytes]:
        """`seal` for many values of one kind; some 250,000 vectors of 512 numbers in a second."""
        encrypt, place = self._aesgcm.encrypt, self._place(kind)
        nonces = os.urandom(NONCE * len(values))
        sealed = []
        for i, (number, value) in enumerate(zip(numbers, values, strict=True)):
            nonce = nonces[NONCE * i : NONCE * (i + 1)]
            sealed.append(nonce + encrypt(nonce, value, place + number.to_bytes(8, "little")))
        return sealed

    def open(self, kind: str, number: int, sealed: bytes) -> bytes:
        """The value of what `seal` gave for this kind and number.

        Raises:
            ValueError: it is damaged, or belongs elsewhere.
        """
        [value] = self.open_all(kind, [number], [sealed])
        if value is None:
            raise ValueError("sealed for another place, or damaged")
        return value

    def open_all(
        self, kind: str, numbers: Sequence[int], sealed: Sequence[bytes]
    ) -> list[bytes | None]:
        """`open` for many values of one kind, with None for what does not open."""
        from cryptography.exceptions import InvalidTag

        decrypt, place = self._aesgcm.decrypt, self._place(kind)
        values: list[bytes | None] = []
        for number, whole in zip(numbers, sealed, strict=True):
            try:
                about = place + number.to_bytes(8, "little")
                values.append(decrypt(whole[:NONCE], whole[NONCE:], about))
            except (InvalidTag, ValueError):  # ValueError: shorter than a nonce
                values.append(None)
        return values

    def _place(self, kind: str) -> bytes:
        return f"facewise\0{self.identity}\0{kind}\0".encode()
