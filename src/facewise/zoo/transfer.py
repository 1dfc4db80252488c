"""Bring one file from one address into a `.part` file, going on where an earlier try stopped.

This module imports `requests`, so it is itself imported only when something is to be downloaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from facewise._files import replace_file

Report = Callable[[int, int | None], None]
"""Called with the bytes that are here and the bytes of the whole file (None: not known)."""

MAX_UNKNOWN_SIZE = 2 << 30  # a file whose size no one has published; the largest known has 261 MB
_CHUNK = 1 << 16  # what a killed process loses at most
_MAX_REDIRECTS = 5
_PASSING = {408, 425, 429}  # of the 4xx statuses, those that speak of the moment


class AddressError(Exception):
    """An address did not deliver the file.

    Attributes:
        final: asking it again is pointless.
    """

    def __init__(self, reason: str, *, final: bool) -> None:
        super().__init__(reason)
        self.final = final


def transfer(
    url: str,
    part: Path,
    *,
    size: int | None,
    sha256: str | None,
    timeout: float,
    report: Report,
) -> str:
    """Complete a `.part` file from an address and verify it.

    Bytes of an earlier try are continued when a mixture of two files cannot go unnoticed: because
    the sha256 is known, or because the same address still states the same ETag. The address and
    its ETag are kept beside the `.part` file, in a `.part.json` file.

    Args:
        url: http or https.
        part: the file to write or to continue.
        size: bytes the file must have, or None: then what the server states, at most
            `MAX_UNKNOWN_SIZE`.
        sha256: of the whole file, or None.
        timeout: seconds without an answer, or without data, after which to give up.
        report: told the progress.

    Returns:
        The sha256 of the whole file, which `part` now is.

    Raises:
        AddressError: the address did not deliver. What came stays in `part` for the next try,
            unless it is known to be wrong.
        OSError: the file cannot be written.
    """
    tag = _read_tag(part, url)
    kept = part.stat().st_size if part.exists() else 0
    if (sha256 is None and tag is None) or (size is not None and kept > size):
        kept = 0
    if kept and kept == size:
        digest = _hash(part)
    else:
        headers = {"Accept-Encoding": "identity", "User-Agent": "facewise"}
        if kept:
            headers["Range"] = f"bytes={kept}-"
            if tag:
                headers["If-Range"] = tag
        with (
            _translated(timeout),
            requests.Session() as session,
            _get(session, url, headers, timeout) as response,
        ):
            if response.status_code != 206:
                kept = 0
            total = _total(response, part, kept, tag)
            ceiling = _ceiling(response, total, size, sha256)
            if not kept:
                _write_tag(part, url, response)
            digest = _receive(response, part, kept, ceiling, total or size, report)
    found = digest.hexdigest()
    if sha256 is not None and found != sha256:
        _discard(part)
        # A continued file may be two honest halves that do not fit; a fresh start settles it.
        raise AddressError(f"sha256 is {found}, expected {sha256}", final=not kept)
    return found


def _get(
    session: requests.Session, url: str, headers: dict[str, str], timeout: float
) -> requests.Response:
    """GET, with redirects followed here: requests would read each one's body, however long."""
    for _ in range(_MAX_REDIRECTS + 1):
        response = session.get(
            url, headers=headers, stream=True, timeout=timeout, allow_redirects=False
        )
        target = session.get_redirect_target(response)
        if target is None:
            return response
        response.close()
        url = redirected(url, target)
    raise AddressError(f"redirects more than {_MAX_REDIRECTS} times", final=True)


def redirected(url: str, target: str) -> str:
    """The address a redirect leads to.

    Raises:
        AddressError: it leaves http and https, or https for http.
    """
    address = urljoin(url, target)
    allowed = {"https"} if urlsplit(url).scheme == "https" else {"http", "https"}
    if urlsplit(address).scheme not in allowed:
        raise AddressError(f"redirects to {address!r}, which is refused", final=True)
    return address


def _total(response: requests.Response, part: Path, kept: int, tag: str | None) -> int | None:
    """The size of the whole file by the server's word; the answer must fit the question."""
    status = response.status_code
    if status == 416:
        _discard(part)
        raise AddressError("cannot continue the file; it will be started anew", final=False)
    if status >= 400:
        passing = status >= 500 or status in _PASSING
        raise AddressError(f"HTTP status {status}", final=not passing)
    if status == 200:
        length = response.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else None
    if status != 206 or not kept:
        raise AddressError(f"HTTP status {status}", final=True)
    span = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    changed = tag is not None and response.headers.get("ETag", tag) != tag
    if span is None or int(span[1]) != kept or changed:
        _discard(part)
        raise AddressError("the file changed; it will be started anew", final=False)
    return None if span[2] == "*" else int(span[2])


def _ceiling(
    response: requests.Response, total: int | None, size: int | None, sha256: str | None
) -> int:
    """The most bytes the file may have, so that no server can fill the disk."""
    if sha256 is None and "text/html" in response.headers.get("Content-Type", ""):
        raise AddressError("answers with a web page, not with a file", final=True)
    if size is not None:
        if total not in (None, size):
            raise AddressError(f"offers {total} bytes, expected {size}", final=True)
        return size
    if total is None:
        if sha256 is None:
            raise AddressError("does not say how long the file is", final=True)
        return MAX_UNKNOWN_SIZE
    if total > MAX_UNKNOWN_SIZE:
        raise AddressError(f"offers {total} bytes, more than {MAX_UNKNOWN_SIZE}", final=True)
    return total


def _receive(
    response: requests.Response,
    part: Path,
    kept: int,
    ceiling: int,
    total: int | None,
    report: Report,
) -> hashlib._Hash:
    """Write the body behind what is kept, hashing all of it."""
    digest = _hash(part) if kept else hashlib.sha256()
    done = kept
    report(done, total)
    with part.open("ab" if kept else "wb") as file:
        for chunk in response.iter_content(_CHUNK):
            done += len(chunk)
            if done > ceiling:
                break
            file.write(chunk)
            file.flush()  # so that it is there for the next try even if the process is killed
            digest.update(chunk)
            report(done, total)
    if done > ceiling:
        _discard(part)
        raise AddressError(f"sends more than the expected {ceiling} bytes", final=True)
    if not done or (total is not None and done < total):
        raise AddressError(f"ended after {done} of {total or '?'} bytes", final=False)
    return digest


@contextlib.contextmanager
def _translated(timeout: float) -> Iterator[None]:
    """Turn the errors of requests, which are OSErrors, into ours."""
    try:
        yield
    except requests.Timeout as error:
        raise AddressError(f"no answer within {timeout:g} s", final=False) from error
    except requests.exceptions.SSLError as error:
        raise AddressError(f"TLS: {_root(error)}", final=True) from error
    except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError) as error:
        raise AddressError(f"connection: {_root(error)}", final=False) from error
    except requests.RequestException as error:
        raise AddressError(f"{error}", final=True) from error


def _root(error: BaseException) -> BaseException:
    """The plain fact ("Connection refused") inside the layers of libraries."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return error


def _hash(part: Path) -> hashlib._Hash:
    digest = hashlib.sha256()
    with part.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest


def _record(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _read_tag(part: Path, url: str) -> str | None:
    """The ETag under which this address gave the bytes in `part`, if it is known."""
    try:
        record = json.loads(_record(part).read_bytes())
        return str(record["etag"]) if record["url"] == url and record["etag"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_tag(part: Path, url: str, response: requests.Response) -> None:
    tag = response.headers.get("ETag")
    if tag and tag.startswith("W/"):  # "weak": not a promise that the bytes are the same
        tag = None
    # Old bytes must never stand beside a new tag.
    part.unlink(missing_ok=True)
    replace_file(_record(part), json.dumps({"url": url, "etag": tag}).encode())


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _record(part).unlink(missing_ok=True)


def finish(part: Path, target: Path) -> None:
    """Put the verified file in its place, at once; a reader sees the old file or the new.

    Raises:
        OSError: it cannot be put there.
    """
    part.replace(target)
    _record(part).unlink(missing_ok=True)
