"""What a user's key may be, and what a gallery keeps of it."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import unicodedata

import pytest

from facewise.errors import ExtraMissingError, GalleryError
from facewise.gallery.sealing import cipher as ciphers
from facewise.gallery.sealing import wrapping
from facewise.gallery.sealing.keys import (
    VARIABLE,
    as_key,
    as_new_key,
    key_from_environment,
    key_from_file,
)

RAW = bytes(range(100, 132))  # with bytes that are no text
TEXT = base64.b64encode(RAW).decode()
WORDS = "correct horse battery staple"


@pytest.fixture
def quick(monkeypatch):
    """A passphrase costs next to nothing."""
    pytest.importorskip("cryptography", reason="cryptography is not installed")
    real = wrapping.Scrypt
    monkeypatch.setattr(wrapping, "Scrypt", lambda salt, n=1 << 10, r=8, p=1: real(salt, n, r, p))


def test_forms_of_a_key():
    assert as_key(RAW) == as_key(TEXT)
    assert not as_key(RAW).is_passphrase
    assert as_key(WORDS).is_passphrase
    assert as_key(WORDS).secret == WORDS.encode()
    assert as_key(TEXT[:-2] + "!=").is_passphrase  # as long as base64
    assert as_key("ñandúes" * 2) == as_key(unicodedata.normalize("NFD", "ñandúes" * 2))
    assert as_key("short").is_passphrase  # opens, should a gallery have such a one
    with pytest.raises(GalleryError, match="at least 8 characters"):
        as_new_key("short")


@pytest.mark.parametrize("key", [b"", RAW[:-1], RAW + b"\0", "", 7, bytearray(RAW), "\ud800" * 9])
def test_what_is_no_key(key):
    with pytest.raises(GalleryError, match="key: "):
        as_key(key)


def test_a_key_is_in_no_text():
    shown = [f"{as_key(key)!r} {as_key(key)}" for key in (RAW, WORDS)]
    assert shown == [
        "UserKey(is_passphrase=False) a key of 32 bytes",
        "UserKey(is_passphrase=True) a passphrase",
    ]
    for wrong in ("x" * 5 + "\ud800secret", RAW[:9]):
        with pytest.raises(GalleryError) as caught:
            as_key(wrong)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("content", "key"),
    [
        (RAW, RAW),
        (TEXT.encode(), TEXT),
        (TEXT.encode() + b"\n", TEXT),
        (TEXT.encode() + b"\r\n", TEXT),
        (WORDS.encode() + b"\n", WORDS),
        (b"\xef\xbb\xbf" + WORDS.encode(), WORDS),  # as Windows' editor marks UTF-8
        (b" spaces count ", " spaces count "),
        (b"0123456789abcdefghijklmnopqrstu\n", "0123456789abcdefghijklmnopqrstu"),  # 32 bytes
    ],
)
def test_a_key_in_a_file(tmp_path, content, key):
    path = tmp_path / "key"
    path.write_bytes(content)
    assert key_from_file(path) == key


@pytest.mark.parametrize("content", [b"", b"\n", RAW[:31], RAW + b"\n", b"two\nlines", b"x" * 5000])
def test_a_file_without_a_key(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(GalleryError, match=r"key: no key; expected 32 bytes"):
        key_from_file(path)


def test_a_file_that_is_not_there(tmp_path):
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(GalleryError, match="no key can be read there"):
            key_from_file(path)


def test_a_key_in_the_environment(monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    assert key_from_environment() is None
    monkeypatch.setenv(VARIABLE, "")
    assert key_from_environment() is None
    monkeypatch.setenv(VARIABLE, WORDS)
    assert key_from_environment() == WORDS


@pytest.mark.parametrize("key", [RAW, TEXT, WORDS])
def test_a_wrapped_key(quick, key):
    text = wrapping.sealed_anew("gallery", key)
    cipher = wrapping.opened(text, "gallery", key, "people.db")
    sealed = cipher.seal("vector", 7, b"value")
    assert wrapping.opened(text, "gallery", key, "people.db").open("vector", 7, sealed) == b"value"
    again = wrapping.wrapped(cipher, "another passphrase")  # the data key stays
    other = wrapping.opened(again, "gallery", "another passphrase", "people.db")
    assert other.open("vector", 7, sealed) == b"value"
    assert wrapping.sealed_anew("gallery", key) != text
    for secret in (cipher.key, as_key(key).secret):
        assert secret.hex() not in text
        assert base64.b64encode(secret).decode() not in text


@pytest.mark.parametrize("key", [RAW, WORDS])
def test_what_does_not_open(quick, key):
    text = wrapping.sealed_anew("gallery", key)

    def refused(match, text=text, key=key, identity="gallery"):
        with pytest.raises(GalleryError, match=match) as caught:
            wrapping.opened(text, identity, key, "people.db")
        assert "people.db: " in str(caught.value)

    refused(r"is sealed; give its key \(--key-file", key=None)
    refused("another key; it was sealed with a", key=WORDS if key == RAW else RAW)
    refused("another key; it does not open", key=bytes(32) if key == RAW else WORDS + "!")
    refused("another key; it does not open", identity="another gallery")
    refused("is not sealed, and a key was given", text="")
    refused("damaged", text=text[:-5])
    refused("damaged", text="[]")
    refused("damaged", text=text.replace('"key"', '"no"'))
    refused("newer facewise", text=text.replace('"sealing": 1', '"sealing": 2'))
    assert wrapping.opened("", "gallery", None, "people.db") is None


@pytest.mark.parametrize(
    "change", [{"n": 1 << 24}, {"n": 3}, {"n": 0}, {"n": "2"}, {"r": 99}, {"p": 2}, {"salt": "x"}]
)
def test_scrypt_of_a_foreign_file_cannot_ask_for_everything(quick, change):
    content = json.loads(wrapping.sealed_anew("gallery", WORDS))
    content["scrypt"] |= change
    with pytest.raises(GalleryError, match="damaged"):
        wrapping.opened(json.dumps(content), "gallery", WORDS, "people.db")


def test_scrypt_is_that_of_the_rfc():
    """RFC 7914, section 12: its third test vector, whose n is in range; the first 32 bytes."""
    salt = b"SodiumChloride".hex()
    key = wrapping.Scrypt(salt, 1 << 14).key(b"pleaseletmein")
    assert key.hex() == "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"


def test_without_the_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)
    with pytest.raises(ExtraMissingError, match=r"facewise\[encryption\]"):
        ciphers.Cipher(RAW, "gallery")


def test_the_package_is_imported_when_it_is_used():
    code = (
        "import sys, facewise.gallery, facewise.gallery.stores.sqlite, facewise.cli\n"
        "assert not any(name.startswith('cryptography') for name in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
