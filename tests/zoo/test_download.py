"""Downloads from a real server on loopback; what goes wrong there, goes wrong elsewhere."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from facewise.errors import DownloadError, ModelError
from facewise.zoo import ModelSpec, fetch, transfer
from facewise.zoo.transfer import AddressError, redirected

MakeSpec = Callable[..., ModelSpec]

FETCH = """
import sys
from facewise.zoo import ModelSpec, Weights, fetch

url, size, sha256 = sys.argv[1:]
weights = Weights("probe.bin", "a licence", "pictures", int(size), sha256, (url,))
print(fetch(ModelSpec(id="probe", task="detect", architecture="probe", weights=weights)))
"""


def fetch_elsewhere(spec: ModelSpec, **options: Any) -> subprocess.Popen[str]:
    """`fetch` in another process."""
    weights = spec.weights
    return subprocess.Popen(
        [sys.executable, "-c", FETCH, *weights.urls, str(weights.size), str(weights.sha256)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        **options,
    )


def wait_for(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "waited for 20 s"
        time.sleep(0.01)


def models(cache: Path) -> dict[str, bytes]:
    """Content of the model folder, without the lock."""
    files = (cache / "models").iterdir()
    return {file.name: file.read_bytes() for file in files if file.suffix != ".lock"}


def test_downloads_and_verifies(server: Any, cache: Path, body: bytes, make_spec: MakeSpec) -> None:
    spec = make_spec(server.put("/probe.bin", body))
    assert fetch(spec) == cache / "models" / "probe.bin"
    assert models(cache) == {"probe.bin": body}
    assert server.requests[0].range is None


def test_a_file_that_is_here_is_not_fetched_again(
    server: Any, body: bytes, make_spec: MakeSpec
) -> None:
    spec = make_spec(server.put("/probe.bin", body))
    assert fetch(spec) == fetch(spec)
    assert len(server.requests) == 1


def test_licence_is_shown_once_before_the_first_byte(
    server: Any, body: bytes, make_spec: MakeSpec, capsys: pytest.CaptureFixture[str]
) -> None:
    spec = make_spec(server.put("/probe.bin", body, cut=[200_000]))
    before: list[str] = []
    fetch(spec, progress=lambda done, total: before.append(capsys.readouterr().err))
    assert "licence: a licence in words" in before[0]
    assert "trained on: some pictures" in before[0]
    assert "".join(before[1:]) + capsys.readouterr().err == ""


def test_progress_counts_bytes_of_the_whole_file(
    server: Any, body: bytes, make_spec: MakeSpec
) -> None:
    seen: list[tuple[int, int | None]] = []
    fetch(make_spec(server.put("/a", body)), progress=lambda *report: seen.append(report))
    assert seen[0] == (0, len(body))
    assert seen[-1] == (len(body), len(body))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)


def test_bar_is_for_terminals_only(
    server: Any,
    cache: Path,
    body: bytes,
    make_spec: MakeSpec,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec = make_spec(server.put("/probe.bin", body))
    path = fetch(spec)
    assert len(capsys.readouterr().err.splitlines()) == 3  # the announcement
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    for progress, bar in ((True, True), (False, False)):
        path.unlink()
        fetch(spec, progress=progress)
        assert ("1.0/1.0 MB" in capsys.readouterr().err) == bar


def test_slow_server(server: Any, cache: Path, body: bytes, make_spec: MakeSpec) -> None:
    """Slower in all than the timeout, but never silent for that long."""
    spec = make_spec(server.put("/probe.bin", body, pause=0.05))
    start = time.monotonic()
    fetch(spec, timeout=0.4)
    assert time.monotonic() - start > 0.4
    assert models(cache) == {"probe.bin": body}
    assert len(server.requests) == 1


def test_silent_server_is_left_for_its_mirror(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    urls = server.put("/silent", body, stall=[300_000]), server.put("/mirror", body)
    fetch(make_spec(*urls), timeout=0.3)
    assert models(cache) == {"probe.bin": body}
    first, second = server.requests
    kept = int(second.range.removeprefix("bytes=").removesuffix("-"))
    assert (first.path, second.path) == ("/silent", "/mirror")
    assert 0 < kept <= first.sent
    assert second.sent == len(body) - kept
    assert second.if_range is None  # the tag of another server would mean nothing


def test_truncated_transfer_is_continued(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    spec = make_spec(server.put("/probe.bin", body, cut=[300_000, 400_000]))
    fetch(spec)
    assert models(cache) == {"probe.bin": body}
    assert [request.status for request in server.requests] == [200, 206, 206]
    assert {request.if_range for request in server.requests[1:]} == {'"one"'}
    assert sum(request.sent for request in server.requests) < len(body) + 3 * (1 << 16)


def test_transfer_that_is_always_truncated_keeps_what_came(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    url = server.put("/probe.bin", body, cut=[200_000] * 3)
    spec = make_spec(url)
    with pytest.raises(DownloadError, match=f"{url}: connection: IncompleteRead") as caught:
        fetch(spec)
    assert str(cache / "models" / "probe.bin") in str(caught.value)
    assert "probe.bin" not in models(cache)
    part = models(cache)["probe.bin.part"]
    assert len(part) > 3 * (200_000 - (1 << 16))
    assert body.startswith(part)


def test_wrong_content_is_refused_and_a_mirror_asked(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    wrong = bytes(len(body))
    urls = server.put("/wrong", wrong), server.put("/right", body)
    fetch(make_spec(*urls))
    assert models(cache) == {"probe.bin": body}
    assert [(request.path, request.range) for request in server.requests] == [
        ("/wrong", None),
        ("/right", None),
    ]


def test_wrong_content_everywhere(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    wrong = bytes(len(body))
    spec = make_spec(server.put("/wrong", wrong))
    with pytest.raises(DownloadError, match=hashlib.sha256(wrong).hexdigest()):
        fetch(spec)
    assert models(cache) == {}
    assert len(server.requests) == 1


def test_halves_that_do_not_fit_are_fetched_anew(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    """The first address breaks off in another file, and the second continues it with the right."""
    urls = server.put("/other", bytes(len(body)), cut=[500_000]), server.put("/right", body)
    fetch(make_spec(*urls))
    assert models(cache) == {"probe.bin": body}
    assert [request.range is None for request in server.requests if request.path == "/right"] == [
        False,
        True,
    ]


@pytest.mark.parametrize("status", [404, 410, 403])
def test_missing_file_is_not_asked_for_again(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec, status: int
) -> None:
    urls = server.put("/gone", status=status), server.put("/mirror", body)
    fetch(make_spec(*urls))
    assert models(cache) == {"probe.bin": body}
    assert [request.path for request in server.requests] == ["/gone", "/mirror"]


@pytest.mark.parametrize("status", [500, 503, 429])
def test_troubled_server_is_asked_three_times(
    server: Any, make_spec: MakeSpec, status: int
) -> None:
    urls = server.put("/troubled", status=status), server.put("/gone", status=404)
    with pytest.raises(DownloadError, match=f"HTTP status {status}.*HTTP status 404"):
        fetch(make_spec(*urls))
    assert [request.path for request in server.requests] == ["/troubled", "/gone"] + [
        "/troubled"
    ] * 2


def test_no_server(make_spec: MakeSpec) -> None:
    with pytest.raises(DownloadError, match=r"connection: .*refused") as caught:
        fetch(make_spec("http://127.0.0.1:9/probe.bin"))
    assert "\n" not in str(caught.value)


def test_server_that_ignores_ranges(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    spec = make_spec(server.put("/probe.bin", body, cut=[300_000], ranges=False))
    fetch(spec)
    assert models(cache) == {"probe.bin": body}
    _, second = server.requests
    assert second.range is not None
    assert second.status == 200
    assert second.sent == len(body)


def test_file_that_changed_on_the_server_is_started_anew(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    """Without a known sha256, the ETag alone keeps two versions apart."""
    other = bytes(len(body))
    url = server.put("/probe.bin", other, cut=[300_000])
    spec = make_spec(url, sha256=None, size=None)

    def replace_file(done: int, total: int | None) -> None:
        server.put("/probe.bin", body, etag='"two"')

    fetch(spec, progress=replace_file)
    assert models(cache)["probe.bin"] == body
    assert [request.if_range for request in server.requests] == [None, '"one"']
    assert server.requests[1].sent == len(body)


@pytest.mark.parametrize("etag", [None, 'W/"weak"'])
def test_nothing_is_continued_without_a_tag_or_a_sha256(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec, etag: str | None
) -> None:
    spec = make_spec(server.put("/a", body, cut=[300_000], etag=etag), sha256=None, size=None)
    fetch(spec)
    assert models(cache)["probe.bin"] == body
    assert [request.range for request in server.requests] == [None, None]


def test_complete_part_file_needs_no_request(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    spec = make_spec(server.put("/probe.bin", body))
    (cache / "models").mkdir(parents=True)
    (cache / "models" / "probe.bin.part").write_bytes(body)
    fetch(spec)
    assert models(cache) == {"probe.bin": body}
    assert server.requests == []


def test_part_file_of_unknown_size_that_is_too_long(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    spec = make_spec(server.put("/probe.bin", body), size=None)
    (cache / "models").mkdir(parents=True)
    (cache / "models" / "probe.bin.part").write_bytes(body + b"more")
    fetch(spec)
    assert models(cache) == {"probe.bin": body}
    assert [request.status for request in server.requests] == [416, 200]


def test_offer_of_another_size_is_declined_before_the_download(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    spec = make_spec(server.put("/probe.bin", body + b"!"))
    with pytest.raises(DownloadError, match=f"offers {len(body) + 1} bytes, expected {len(body)}"):
        fetch(spec)
    assert models(cache) == {}


@pytest.mark.parametrize("size_known", [True, False])
def test_server_that_never_stops_sending(
    server: Any,
    cache: Path,
    body: bytes,
    make_spec: MakeSpec,
    monkeypatch: pytest.MonkeyPatch,
    size_known: bool,
) -> None:
    monkeypatch.setattr(transfer, "MAX_UNKNOWN_SIZE", len(body))
    url = server.put("/probe.bin", body, endless=True)
    spec = make_spec(url, size=len(body) if size_known else None)
    most = 0

    def watch(done: int, total: int | None) -> None:
        nonlocal most
        most = max(most, done)

    with pytest.raises(DownloadError, match=f"sends more than the expected {len(body)} bytes"):
        fetch(spec, progress=watch)
    assert most <= len(body)
    assert models(cache) == {}


def test_size_nobody_knows_is_limited(
    server: Any, body: bytes, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "MAX_UNKNOWN_SIZE", 1000)
    spec = make_spec(server.put("/probe.bin", body), size=None)
    with pytest.raises(DownloadError, match=r"offers \d+ bytes, more than 1000"):
        fetch(spec)


def test_redirect_is_followed(server: Any, cache: Path, body: bytes, make_spec: MakeSpec) -> None:
    server.put("/probe.bin", body)
    fetch(make_spec(server.put("/moved", status=302, headers={"Location": "/probe.bin"})))
    assert models(cache) == {"probe.bin": body}


def test_redirect_loop(server: Any, make_spec: MakeSpec) -> None:
    url = server.put("/loop", status=302, headers={"Location": "/loop"})
    with pytest.raises(DownloadError, match="redirects more than 5 times"):
        fetch(make_spec(url))
    assert len(server.requests) == 6


def test_redirect_to_a_local_file(
    server: Any, cache: Path, tmp_path: Path, body: bytes, make_spec: MakeSpec
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(body)
    url = server.put("/probe.bin", status=302, headers={"Location": secret.as_uri()})
    with pytest.raises(DownloadError, match=r"redirects to 'file:.*refused"):
        fetch(make_spec(url))
    assert models(cache) == {}


def test_address_that_is_not_http(make_spec: MakeSpec, tmp_path: Path, body: bytes) -> None:
    (tmp_path / "file").write_bytes(body)
    with pytest.raises(DownloadError, match="No connection adapters"):
        fetch(make_spec((tmp_path / "file").as_uri()))


@pytest.mark.parametrize(
    ("url", "target", "address"),
    [
        ("https://a.org/x/y", "z", "https://a.org/x/z"),
        ("https://a.org/x", "https://b.org/y", "https://b.org/y"),
        ("http://a.org/x", "https://b.org/y", "https://b.org/y"),
        ("http://a.org/x", "//b.org/y", "http://b.org/y"),
        ("https://a.org/x", "http://a.org/x", None),
        ("http://a.org/x", "ftp://a.org/x", None),
        ("http://a.org/x", "data:,hello", None),
    ],
)
def test_where_redirects_may_lead(url: str, target: str, address: str | None) -> None:
    if address is None:
        with pytest.raises(AddressError, match="refused"):
            redirected(url, target)
    else:
        assert redirected(url, target) == address


def test_killed_process_is_taken_over(server: Any, cache: Path, make_spec: MakeSpec) -> None:
    body = bytes(range(256)) * (1 << 14)  # 4 MiB
    digest = hashlib.sha256(body).hexdigest()
    url = server.put("/probe.bin", body, pause=0.02)
    spec = make_spec(url, size=len(body), sha256=digest)
    part = cache / "models" / "probe.bin.part"
    process = fetch_elsewhere(spec)
    wait_for(lambda: part.exists() and part.stat().st_size > 500_000)
    process.send_signal(signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)
    process.communicate()
    kept = part.stat().st_size
    server.pages["/probe.bin"].pause = 0.0

    fetch(spec)  # neither the lock nor the part file of the dead process stands in the way

    assert models(cache) == {"probe.bin": body}
    first, second = server.requests
    assert first.sent < len(body)
    assert second.range == f"bytes={kept}-"
    assert second.sent == len(body) - kept
    assert first.sent + second.sent < 2 * len(body)


def test_two_processes_download_once(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    gate = threading.Event()
    spec = make_spec(server.put("/probe.bin", body, gate=gate))
    first = fetch_elsewhere(spec)
    wait_for(lambda: server.requests)  # it holds the lock, and will until the gate opens
    second = fetch_elsewhere(spec)
    assert second.stderr is not None
    assert "waiting for another process" in second.stderr.readline()
    gate.set()
    outputs = [process.communicate(timeout=20)[0].strip() for process in (first, second)]
    assert outputs == [str(cache / "models" / "probe.bin")] * 2
    assert models(cache) == {"probe.bin": body}
    assert len(server.requests) == 1


def test_threads_download_once(server: Any, cache: Path, body: bytes, make_spec: MakeSpec) -> None:
    spec = make_spec(server.put("/probe.bin", body, pause=0.01))
    threads = [threading.Thread(target=fetch, args=(spec,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert models(cache) == {"probe.bin": body}
    assert len(server.requests) == 1


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_offline_forbids_the_network(
    server: Any,
    cache: Path,
    body: bytes,
    make_spec: MakeSpec,
    monkeypatch: pytest.MonkeyPatch,
    value: str,
) -> None:
    monkeypatch.setenv("FACEWISE_OFFLINE", value)
    urls = server.put("/a", body), server.put("/b", body)
    with pytest.raises(DownloadError, match="FACEWISE_OFFLINE") as caught:
        fetch(make_spec(*urls))
    for needed in (*urls, str(cache / "models" / "probe.bin")):
        assert needed in str(caught.value)
    assert server.requests == []
    assert not cache.exists()


@pytest.mark.parametrize("value", ["", "0", "false", "No"])
def test_offline_switched_off(
    server: Any, body: bytes, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FACEWISE_OFFLINE", value)
    assert fetch(make_spec(server.put("/probe.bin", body))).read_bytes() == body


def test_offline_uses_what_is_here(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEWISE_OFFLINE", "1")
    (cache / "models").mkdir(parents=True)
    (cache / "models" / "probe.bin").write_bytes(body)
    assert fetch(make_spec("https://example.invalid/a")) == cache / "models" / "probe.bin"


def test_damaged_file_offline_is_an_error_and_stays(
    cache: Path, body: bytes, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FACEWISE_OFFLINE", "1")
    damaged = b"!" + body[1:]
    (cache / "models").mkdir(parents=True)
    (cache / "models" / "probe.bin").write_bytes(damaged)
    with pytest.raises(ModelError, match=r"probe\.bin: damaged: sha256 is"):
        fetch(make_spec("https://example.invalid/a"))
    assert models(cache) == {"probe.bin": damaged}


def test_damaged_file_in_the_cache_is_replaced(
    server: Any,
    cache: Path,
    body: bytes,
    make_spec: MakeSpec,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec(server.put("/probe.bin", body))
    path = fetch(spec)
    path.write_bytes(b"!" + body[1:])
    assert fetch(spec).read_bytes() == body
    assert capsys.readouterr().err.count("where a damaged file lies") == 1
    assert len(server.requests) == 2


def test_damaged_file_stays_when_no_address_delivers(
    server: Any, cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    (cache / "models").mkdir(parents=True)
    (cache / "models" / "probe.bin").write_bytes(b"older version")
    with pytest.raises(DownloadError, match="404"):
        fetch(make_spec(server.put("/probe.bin", status=404)))
    assert models(cache) == {"probe.bin": b"older version"}


def test_damaged_file_in_a_folder_of_the_user_is_never_replaced(
    server: Any,
    tmp_path: Path,
    body: bytes,
    make_spec: MakeSpec,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FACEWISE_WEIGHTS", str(tmp_path))
    (tmp_path / "probe.bin").write_bytes(b"mine")
    with pytest.raises(ModelError, match="damaged: 4 bytes"):
        fetch(make_spec(server.put("/probe.bin", body)))
    assert (tmp_path / "probe.bin").read_bytes() == b"mine"
    assert server.requests == []


def test_file_for_a_person_to_fetch(cache: Path, make_spec: MakeSpec) -> None:
    spec = make_spec(by_hand="https://drive.example/page")
    with pytest.raises(DownloadError, match=r"https://drive\.example/page") as caught:
        fetch(spec)
    assert str(cache / "models" / "probe.bin") in str(caught.value)


def test_file_without_any_address(cache: Path, body: bytes, make_spec: MakeSpec) -> None:
    spec = make_spec()
    with pytest.raises(DownloadError, match="bring your own copy") as caught:
        fetch(spec)
    assert str(cache / "models" / "probe.bin") in str(caught.value)
    (cache / "models").mkdir(parents=True)
    (cache / "models" / "probe.bin").write_bytes(body)
    assert fetch(spec) == cache / "models" / "probe.bin"


def test_unpublished_sha256_is_recorded_and_then_holds(
    server: Any,
    cache: Path,
    body: bytes,
    make_spec: MakeSpec,
    capsys: pytest.CaptureFixture[str],
) -> None:
    spec = make_spec(server.put("/probe.bin", body), size=None, sha256=None)
    digest = hashlib.sha256(body).hexdigest()
    path = fetch(spec)
    assert models(cache)["probe.bin.sha256"].decode() == f"{digest}  probe.bin\n"
    assert digest in capsys.readouterr().err

    path.unlink()
    server.put("/probe.bin", bytes(len(body)))
    with pytest.raises(DownloadError, match=f"expected {digest}"):
        fetch(spec)
    assert "probe.bin" not in models(cache)

    server.put("/probe.bin", body)
    assert fetch(spec).read_bytes() == body


def test_unpublished_sha256_of_a_file_put_there_by_hand(
    cache: Path, body: bytes, make_spec: MakeSpec
) -> None:
    spec = make_spec(size=None, sha256=None)
    path = cache / "models" / "probe.bin"
    path.parent.mkdir(parents=True)
    path.write_bytes(body)
    assert fetch(spec) == path
    path.write_bytes(body[:-1])
    with pytest.raises(ModelError, match=r"delete .*probe\.bin\.sha256"):
        fetch(spec)


def test_web_page_is_not_taken_for_an_unknown_file(
    server: Any, cache: Path, make_spec: MakeSpec
) -> None:
    """A hotel's login page must not become the recorded sha256."""
    page = {"Content-Type": "text/html; charset=utf-8"}
    url = server.put("/probe.bin", b"<html>please log in</html>", headers=page)
    with pytest.raises(DownloadError, match="a web page"):
        fetch(make_spec(url, size=None, sha256=None))
    assert models(cache) == {}


def test_unknown_file_of_unknown_length_is_refused(
    server: Any, body: bytes, make_spec: MakeSpec
) -> None:
    """Nothing could tell its end from a broken connection."""
    url = server.put("/probe.bin", body, length=False)
    with pytest.raises(DownloadError, match="does not say how long"):
        fetch(make_spec(url, size=None, sha256=None))
    assert fetch(make_spec(url, size=None)).read_bytes() == body


@pytest.mark.skipif(sys.platform == "win32", reason="needs the file size limit of POSIX")
@pytest.mark.parametrize("room", [300_000, (1 << 20) - 1])
def test_full_disk(server: Any, cache: Path, body: bytes, make_spec: MakeSpec, room: int) -> None:
    """A process that may only write small files stands for a disk without space."""
    import resource

    spec = make_spec(server.put("/probe.bin", body))
    folder = cache / "models"
    folder.mkdir(parents=True)
    (folder / "probe.bin").write_bytes(b"older version")
    process = fetch_elsewhere(
        spec, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    )
    error = process.communicate(timeout=20)[1].splitlines()[-1]
    assert f"DownloadError: {folder / 'probe.bin.part'}: cannot be written (File too" in error
    assert process.returncode == 1
    assert (folder / "probe.bin").read_bytes() == b"older version"
    assert (folder / "probe.bin.part").stat().st_size == room

    assert fetch(spec).read_bytes() == body  # once there is space, it goes on
    assert server.requests[-1].range == f"bytes={room}-"


def test_cache_that_cannot_be_made(
    server: Any, tmp_path: Path, body: bytes, make_spec: MakeSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("FACEWISE_CACHE", str(tmp_path / "file"))
    with pytest.raises(DownloadError, match="set FACEWISE_CACHE to another folder"):
        fetch(make_spec(server.put("/probe.bin", body)))
