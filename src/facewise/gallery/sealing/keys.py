"""The user's key: 32 random bytes, or a passphrase."""

from __future__ import annotations

import base64
import os
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from facewise.errors import GalleryError

Key: TypeAlias = "bytes | str"
"""As a user gives it: 32 bytes; or a text, which is 32 bytes in base64 or else a passphrase."""

VARIABLE = "FACEWISE_GALLERY_KEY"
"""The environment variable from which commands take a key: a text."""

SIZE = 32
"""Bytes of a key."""

SHORTEST = 8
"""Characters of a new passphrase, at least (NIST SP 800-63B)."""

_MOST = 4096  # bytes of a key's file
_BASE64 = 44  # characters of 32 bytes


@dataclass(frozen=True, slots=True)
class UserKey:
    """A key that was understood.

    Attributes:
        secret: 32 bytes, or the passphrase as UTF-8. It is in no message and no `repr`.
        is_passphrase: which of them.
    """

    secret: bytes = field(repr=False)
    is_passphrase: bool

    def __str__(self) -> str:
        return "a passphrase" if self.is_passphrase else f"a key of {SIZE} bytes"


def as_key(key: Key) -> UserKey:
    """Understand a key.

    A passphrase is the same however its characters are composed (NFC).

    Raises:
        GalleryError: it can be none; does not say what was given.
    """
    if isinstance(key, bytes):
        if len(key) != SIZE:
            raise GalleryError(f"key: expected {SIZE} bytes, got {len(key)}; a passphrase is a str")
        return UserKey(key, is_passphrase=False)
    if not isinstance(key, str):
        raise GalleryError(f"key: expected {SIZE} bytes or a str, got {type(key).__name__}")
    if not key:
        raise GalleryError("key: it is empty")
    if len(key) == _BASE64:
        try:
            raw = base64.b64decode(key, validate=True)
        except ValueError:  # binascii.Error is one
            raw = b""
        if len(raw) == SIZE:
            return UserKey(raw, is_passphrase=False)
    try:
        secret = unicodedata.normalize("NFC", key).encode()
    except UnicodeEncodeError:
        raise GalleryError("key: a passphrase of characters that are none") from None
    return UserKey(secret, is_passphrase=True)


def as_new_key(key: Key) -> UserKey:
    """`as_key` for a key that a gallery is to be sealed with.

    Raises:
        GalleryError: also for a passphrase that is too short.
    """
    found = as_key(key)
    if found.is_passphrase and len(found.secret.decode()) < SHORTEST:
        raise GalleryError(f"key: a passphrase needs at least {SHORTEST} characters, better many")
    return found


def key_from_file(path: Path) -> Key:
    """The key in a file: text in UTF-8 (one line end behind it is no part of it), or 32 bytes.

    Raises:
        GalleryError: the file cannot be read, or has no key in it; does not say what it has.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_MOST + 1)
    except OSError as error:
        raise GalleryError(f"{path}: no key can be read there ({error.strerror})") from None
    text = _text(content)
    if text:
        return text
    if len(content) != SIZE:
        raise GalleryError(
            f"{path}: no key; expected {SIZE} bytes, the same in base64, or one line of text"
        )
    return content


def key_from_environment() -> Key | None:
    """The key of the environment variable, or None where it is not set or empty."""
    return os.environ.get(VARIABLE) or None


def _text(content: bytes) -> str | None:
    """The one line of a text; None where it is something else. Random bytes are never one."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return None
    text = text.removesuffix("\n").removesuffix("\r")
    return text if len(content) <= _MOST and text.isprintable() else None
