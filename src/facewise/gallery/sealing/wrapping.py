"""The data key of a gallery, wrapped by the user's key: what the gallery keeps of both."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass

from facewise.errors import GalleryError
from facewise.gallery.sealing.cipher import Cipher
from facewise.gallery.sealing.keys import SIZE, VARIABLE, Key, UserKey, as_key, as_new_key

_FORMAT = 1
_KIND = "data key"


@dataclass(frozen=True, slots=True)
class Scrypt:
    """How a passphrase becomes a key (RFC 7914).

    By default that takes 128 MiB and some tenths of a second, as OWASP's Password Storage Cheat
    Sheet asks for.

    Attributes:
        salt: random, hexadecimal.
        n: cost, a power of two.
        r: block size; 128 * n * r bytes are needed.
        p: how often.

    Raises:
        ValueError: they are none that facewise ever wrote.
    """

    salt: str
    n: int = 1 << 17
    r: int = 8
    p: int = 1

    def __post_init__(self) -> None:
        bytes.fromhex(self.salt)
        # A file of others must not make us take any amount of memory and time.
        if not (
            1 < self.n <= 1 << 20 and self.n & (self.n - 1) == 0 and (self.r, self.p) == (8, 1)
        ):
            raise ValueError("parameters of scrypt")

    def key(self, passphrase: bytes) -> bytes:
        """The key, 32 bytes."""
        return hashlib.scrypt(
            passphrase,
            salt=bytes.fromhex(self.salt),
            n=self.n,
            r=self.r,
            p=self.p,
            maxmem=129 * self.n * self.r + (1 << 20),
            dklen=SIZE,
        )


def sealed_anew(identity: str, key: Key) -> str:
    """A new data key, wrapped: the text for `opened` that a gallery keeps.

    Args:
        identity: of the gallery.
        key: the user's.

    Raises:
        GalleryError: the key can be none.
        ExtraMissingError: the package `cryptography` is not installed.
    """
    return wrapped(Cipher(os.urandom(SIZE), identity), key)


def wrapped(cipher: Cipher, key: Key) -> str:
    """The data key of a cipher, wrapped by a user's key; raises as `sealed_anew`."""
    user = as_new_key(key)
    scrypt = Scrypt(os.urandom(16).hex()) if user.is_passphrase else None
    content = _wrapper(user, scrypt, cipher.identity).seal(_KIND, 0, cipher.key)
    kept = None if scrypt is None else asdict(scrypt)
    return json.dumps({"sealing": _FORMAT, "scrypt": kept, "key": content.hex()})


def opened(text: str, identity: str, key: Key | None, place: str) -> Cipher | None:
    """The cipher of a gallery.

    Args:
        text: what the gallery keeps; empty where it is not sealed.
        identity: of the gallery.
        key: the user's, or None.
        place: the gallery, for messages.

    Returns:
        None where it is not sealed.

    Raises:
        GalleryError: it is sealed and the key is missing or another one, or it is not sealed and a
            key was given; or what it keeps is damaged.
        ExtraMissingError: the package `cryptography` is not installed.
    """
    if not text:
        if key is not None:
            raise GalleryError(
                f"{place}: is not sealed, and a key was given (--key-file, {VARIABLE}; Python: "
                "key=); open it without"
            )
        return None
    if key is None:
        raise GalleryError(
            f"{place}: is sealed; give its key (--key-file FILE, {VARIABLE}; Python: key=)"
        )
    scrypt, content = _read(text, place)
    user = as_key(key)
    if user.is_passphrase != (scrypt is not None):
        wanted = UserKey(b"", is_passphrase=scrypt is not None)
        raise GalleryError(f"{place}: another key; it was sealed with {wanted}, got {user}")
    try:
        return Cipher(_wrapper(user, scrypt, identity).open(_KIND, 0, content), identity)
    except ValueError:
        raise GalleryError(f"{place}: another key; it does not open this gallery") from None


def _wrapper(user: UserKey, scrypt: Scrypt | None, identity: str) -> Cipher:
    return Cipher(user.secret if scrypt is None else scrypt.key(user.secret), identity)


def _read(text: str, place: str) -> tuple[Scrypt | None, bytes]:
    try:
        content = json.loads(text)
        if content["sealing"] != _FORMAT:
            raise GalleryError(f"{place}: sealed by a newer facewise")
        scrypt = None if content["scrypt"] is None else Scrypt(**content["scrypt"])
        return scrypt, bytes.fromhex(content["key"])
    except (ValueError, LookupError, TypeError, RecursionError):
        raise GalleryError(f"{place}: damaged (its wrapped key); put back a copy of it") from None
