"""What a source is, told from how it is written: a file, an address, a camera or pictures."""

from __future__ import annotations

import glob
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from io import TextIOBase
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import numpy as np

from facewise.errors import VideoError
from facewise.video.sources.numbered import in_natural_order, numbered_files

Kind = Literal["file", "stream", "address", "camera", "pictures"]

_DEVICES = frozenset(
    {"v4l2", "avfoundation", "dshow", "vfwcap", "gdigrab", "x11grab", "kmsgrab", "fbdev", "lavfi"}
)
"""FFmpeg's input devices that may stand before a colon."""

_LIVE = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "rtp", "srtp", "udp", "tcp", "srt", "mms"})
"""Protocols whose streams come as they happen."""

_PICTURES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".ppm", ".pgm"})
"""What is taken from a folder of pictures."""


@dataclass(frozen=True, slots=True)
class Address:
    """What to open, and how.

    Attributes:
        kind: a `file`; a `stream`: a file object or standard input; the `address` of something on
            the network; a `camera`; or `pictures`.
        name: for messages; without a password.
        target: for FFmpeg: its URL, device or file object; for pictures the list of them.
        format: FFmpeg's name of the demuxer or device, where it is not to be guessed.
        live: whether it comes as it happens.
        options: FFmpeg's options that go with it.
    """

    kind: Kind
    name: str
    target: Any
    format: str | None = None
    live: bool = False
    options: dict[str, str] = field(default_factory=dict)


def address_of(what: Any) -> Address:
    """What is meant by a path, address, camera, or list of pictures (see `open_source`).

    Raises:
        VideoError: there is no such file or picture, or it is none of these.
    """
    if isinstance(what, (bool, bytes)) or what is None:
        raise VideoError(f"{what!r}: expected a path, address, camera number or list of pictures")
    if isinstance(what, (int, np.integer)):
        return _camera(int(what))
    if isinstance(what, (str, PathLike)):
        text = fspath(what)
        return _from_text(text) if isinstance(what, str) else _from_path(text)
    if isinstance(what, (Sequence, np.ndarray)):
        return _pictures(list(what), f"{len(what)} pictures")
    if hasattr(what, "read"):
        name = str(getattr(what, "name", "file object"))
        if isinstance(what, TextIOBase):
            raise VideoError(f"{name}: is open as text, expected a binary file (mode 'rb')")
        return Address("stream", name, what)
    raise VideoError(
        f"{type(what).__name__} object: expected a path, address, camera number, file object or "
        "list of pictures"
    )


def _from_text(text: str) -> Address:
    if text.isascii() and text.isdecimal() and not Path(text).exists():
        return _camera(int(text))
    if text == "-":
        return Address("stream", "standard input", "pipe:0", options={})
    scheme, colon, rest = text.partition(":")
    if scheme == "file":
        return _from_path(rest[2:] if rest.startswith("//") else rest)
    if colon and rest.startswith("//") and re.fullmatch(r"[a-z][a-z0-9+.]*", scheme):
        return _network(text, scheme)
    if colon and scheme in _DEVICES and not Path(text).exists():
        return Address("camera", text, rest, scheme, live=scheme != "lavfi")
    return _from_path(text)


def _network(text: str, scheme: str) -> Address:
    options: dict[str, str] = {}
    if scheme in {"rtsp", "rtsps"}:
        options = {"rtsp_transport": "tcp"}  # UDP loses packets, and firewalls lose UDP
    elif scheme in {"http", "https"}:
        options = {"reconnect": "1", "reconnect_delay_max": "4"}
    return Address("address", _without_password(text), text, None, scheme in _LIVE, options)


def _without_password(text: str) -> str:
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    before, at, host = parts.netloc.rpartition("@")
    return parts._replace(netloc=f"***@{host}").geturl() if at and ":" in before else text


def _camera(number: int) -> Address:
    if number < 0:
        raise VideoError(f"camera {number}: expected a number of at least 0")
    if sys.platform == "darwin":
        return Address("camera", f"camera {number}", str(number), "avfoundation", live=True)
    if sys.platform == "win32":
        raise VideoError(
            f"camera {number}: on Windows name the camera, as dshow:video=Integrated Camera"
        )
    return Address("camera", f"/dev/video{number}", f"/dev/video{number}", "v4l2", live=True)


def _from_path(text: str) -> Address:
    path = Path(text)
    try:
        if path.is_dir():
            files = [file for file in path.iterdir() if file.suffix.lower() in _PICTURES]
            return _pictures(in_natural_order(files), text)
        if path.is_char_device() and path.name.startswith("video"):
            return Address("camera", text, text, "v4l2", live=True)
        if not path.exists():
            return _several(text)
        if path.is_file() and not path.stat().st_size:
            raise VideoError(f"{text}: empty")
    except (OSError, ValueError) as error:  # a name with a zero byte, or a forbidden folder
        raise VideoError(f"{text}: cannot be read ({error})") from error
    # Nothing that a file names is fetched from the network: a playlist is a file too.
    local = {"protocol_whitelist": "file,crypto,data"}
    return Address("file", text, f"file:{text}", options=local)


def _several(text: str) -> Address:
    """A pattern for pictures: `%d` as in C, or `*` and `?` as in a shell."""
    if text.startswith("/dev/video"):
        return Address("camera", text, text, "v4l2", live=True)  # unplugged: opening says so
    if re.search(r"%\d*d", text):
        return _pictures(numbered_files(text), text)
    if glob.has_magic(text):
        files = glob.glob(text)  # noqa: PTH207 - the pattern may be absolute
        return _pictures(in_natural_order(map(Path, files)), text)
    raise VideoError(f"{text}: no such file")


def _pictures(pictures: list[Any], name: str) -> Address:
    if not pictures:
        raise VideoError(f"{name}: no pictures, expected at least one")
    return Address("pictures", name, pictures)
