"""The page's server, asked without a browser: who may do what, and what is answered."""

from __future__ import annotations

import asyncio
import json
import struct
import threading
import time
from contextlib import asynccontextmanager

import cv2
import numpy as np
import pytest

from facewise.errors import FacewiseError
from facewise.video.camera.feed import open_feed
from facewise.video.camera.serving import PageOptions, serve

aiohttp = pytest.importorskip("aiohttp")
pytest.importorskip("av")
pytest.importorskip("scipy")

PATIENCE = 90.0
TOKEN = "a-token-of-the-tests"


class Page:
    """A page that is served, and a client of it."""

    def __init__(self, watched, address, client):
        self.watched, self.address, self.client = watched, address, client
        self.secret = ""

    async def load(self):
        async with self.client.get(self.address) as answer:
            text = await answer.text()
        self.secret = text.split('name="facewise-secret" content="')[1].split('"')[0]
        return text

    async def ask(self, what, content, **headers):
        headers = {"X-Facewise-Secret": self.secret, **headers}
        headers = {name: value for name, value in headers.items() if value is not None}
        async with self.client.post(self.address + what, json=content, headers=headers) as answer:
            text = await answer.text()
            kind = answer.content_type
            return answer.status, json.loads(text) if kind == "application/json" else text

    @asynccontextmanager
    async def stream(self, secret=None, **headers):
        async with self.client.ws_connect(
            self.address + "live", headers=headers, max_msg_size=0
        ) as socket:
            await socket.send_json({"hello": self.secret if secret is None else secret})
            yield socket


async def message(socket, wanted):
    """The next message of a stream that is wanted: "frame", "state" or "events"."""
    while True:
        got = await asyncio.wait_for(socket.receive(), PATIENCE)
        if got.type == aiohttp.WSMsgType.BINARY:
            await socket.send_json({"next": 1})
            if wanted == "frame":
                (length,) = struct.unpack(">I", got.data[:4])
                return json.loads(got.data[4 : 4 + length]), got.data[4 + length :]
        elif got.type == aiohttp.WSMsgType.TEXT:
            content = json.loads(got.data)
            if wanted in content:
                return content[wanted]
        else:
            return got


async def waiting(socket):
    """The kinds of the messages that have come already."""
    kinds = []
    try:
        while True:
            kinds.append((await asyncio.wait_for(socket.receive(), 0.02)).type)
    except asyncio.TimeoutError:
        return kinds


@pytest.fixture
def served(watch, scene, quick):
    """Runs a test's coroutine with a page."""

    def run(test, *, source=scene, feed=None, page=None, faces=False, **options):
        if not faces:
            options["models"] = quick
        watched = watch(source, feed=feed, **options)

        async def main():
            ready = asyncio.get_running_loop().create_future()
            settings = page or PageOptions(port=0, token=TOKEN)
            task = asyncio.create_task(serve(watched.session, settings, ready.set_result))
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
            async with aiohttp.ClientSession() as client:
                client_page = Page(watched, ready.result(), client)
                await client_page.load()
                await asyncio.wait_for(test(client_page), PATIENCE)
            watched.session.stop()
            await asyncio.wait_for(task, PATIENCE)

        asyncio.run(main())
        return watched

    return run


def test_the_page_needs_nothing_from_elsewhere(served):
    async def test(page):
        assert page.address.startswith("http://127.0.0.1:")
        assert page.address.endswith(f"/{TOKEN}/")
        for name in ("", "camera.css", "camera.js", "icon.svg"):
            async with page.client.get(page.address + name) as answer:
                text = await answer.text()
                assert answer.status == 200
                policy = answer.headers["Content-Security-Policy"]
                assert "default-src 'none'" in policy
                assert "unsafe" not in policy
                assert answer.headers["X-Content-Type-Options"] == "nosniff"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert answer.headers["Cache-Control"] == "no-store"
            assert "//" not in text.replace("http://www.w3.org/2000/svg", "").replace(
                "\n//", ""
            ).replace(" // ", "")
            assert "style=" not in text
            assert "onclick=" not in text

    served(test)


def test_without_the_token_there_is_nothing(served):
    async def test(page):
        base = page.address.removesuffix(f"{TOKEN}/")
        for path in ("", f"{TOKEN[:-1]}x/", "live", "../", f"x/{TOKEN}/", "%2e%2e/", "ä/"):
            async with page.client.get(base + path) as answer:
                assert answer.status == 404
                assert page.secret not in await answer.text()

    served(test)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example"])
def test_a_name_that_points_here_is_no_name_of_this_machine(served, host):
    async def test(page):
        for headers in ({"Host": host}, {"Host": host, "Origin": f"http://{host}"}):
            async with page.client.get(page.address, headers=headers) as answer:
                assert answer.status == 421
                assert page.secret not in await answer.text()
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with page.stream(**headers):
                    pass
        assert (await page.ask("snapshot", {}, Host=host))[0] == 421

    served(test)


def test_a_page_from_elsewhere_can_do_nothing(served, tmp_path):
    async def test(page):
        for headers in (
            {"Origin": "http://evil.example"},
            {"Origin": "null"},
            {"Origin": page.address.replace("127.0.0.1", "localhost").split("/", 3)[0]},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ):
            assert (await page.ask("snapshot", {}, **headers))[0] == 403
            with pytest.raises(aiohttp.WSServerHandshakeError):
                async with page.stream(**headers):
                    pass
        assert (await page.ask("snapshot", {}, **{"X-Facewise-Secret": None}))[0] == 403
        assert (await page.ask("record", {"on": True}, **{"X-Facewise-Secret": "x"}))[0] == 403
        async with page.stream(secret="wrong") as socket:
            got = await message(socket, "frame")
            assert (got.type, got.data) == (aiohttp.WSMsgType.CLOSE, 4003)
        async with page.client.get(page.address + "snapshot") as answer:  # as a link would
            assert answer.status == 405
        assert not (tmp_path / "out").exists()

    served(test)


def test_a_frame_comes_with_its_own_faces(served, people, pictures):
    async def test(page):
        async with page.stream() as socket:
            header, jpeg = await message(socket, "frame")
            while not header["faces"]:
                header, jpeg = await message(socket, "frame")
            image = cv2.cvtColor(
                cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB
            )
            assert image.shape == (header["height"], header["width"], 3) == (360, 640, 3)
            # Which of the pictures it is tells the time, and the picture itself.
            number = round(header["time"] * 10) % len(pictures)
            far = [np.abs(image.astype(int) - picture).mean() for picture in pictures]
            assert int(np.argmin(far)) == number
            for face in header["faces"]:
                assert all(0 <= value <= 1 for value in face["box"])
                assert face["color"].startswith("#")
            state = await message(socket, "state")
            assert state["viewers"] == 1
            assert state["people"] == str(people)

    served(test, people=people, faces=True)


def test_enrolling_by_the_page(served, people):
    async def test(page):
        async with page.stream() as socket:
            header = {"faces": []}
            while len(header["faces"]) < 3 or "obama" not in {f["name"] for f in header["faces"]}:
                header, _ = await message(socket, "frame")
            [face] = [face for face in header["faces"] if not face["known"]]
            track, answer = face["track"], None
            while answer is None or answer.status != 200:
                await message(socket, "frame")
                answer = await page.client.get(f"{page.address}portrait/{track}")
            portrait = await answer.read()
            assert portrait.startswith(b"\xff\xd8")
            version = int(answer.headers["X-Portrait"])
            for wrong, why in [
                ({"name": "ann"}, "no face is selected"),
                ({"track": "1", "name": "ann"}, "no face is selected"),
                ({"track": True, "name": "ann"}, "no face is selected"),
                ({"track": track}, "the name is empty"),
                ({"track": track, "name": " \t"}, "the name is empty"),
                ({"track": track, "name": ["ann"]}, "the name is empty"),
                ({"track": track, "name": "a/b"}, "has a '/'"),
                ({"track": track, "name": "\ud800"}, "half of a character"),
                ({"track": 99, "name": "ann"}, "not there any more"),
                ({"track": track, "name": "ann", "portrait": 99}, "not there any more"),
                ({"track": track, "name": "ann", "portrait": "1"}, "expected a number"),
            ]:
                status, answer = await page.ask("enrol", wrong)
                assert status == 422
                assert why in answer["error"]
            asked = {"track": track, "name": "Ann & Co", "portrait": version}
            assert await page.ask("enrol", asked) == (
                200,
                {"name": "Ann & Co", "new": True, "remarks": []},
            )
            while "Ann & Co" not in {face["name"] for face in header["faces"]}:
                header, _ = await message(socket, "frame")

    watched = served(test, people=people, faces=True)
    assert (people / "Ann & Co").is_dir()
    assert [event["name"] for event in watched.events("enrolled")] == ["Ann & Co"]


def test_saving_by_the_page(served, tmp_path):
    async def test(page):
        async with page.stream() as socket:
            viewer = await message(socket, "viewer")
            header, jpeg = await message(socket, "frame")
            for _ in range(2):
                await message(socket, "frame")
            asked = {"viewer": viewer, "frame": header["number"], "drawn": False}
            status, answer = await page.ask("snapshot", asked)
            assert status == 200
            async with page.client.get(f"{page.address}saved/{answer['file']}") as saved:
                content = await saved.read()
            images = [
                cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR).astype(int)
                for data in (jpeg, content)
            ]
            assert np.abs(images[0] - images[1]).mean() < 3  # the frame that this viewer saw
            status, answer = await page.ask("record", {"on": True})
            assert status == 200
            status, again = await page.ask("record", {"on": True})
            assert status == 422
            assert "is being recorded already" in again["error"]
            state = {}
            while not (state.get("recording") or {}).get("frames"):
                state = await message(socket, "state")
            assert state["recording"]["file"] == answer["file"]
            assert await page.ask("record", {"on": False}) == (200, answer)
            assert await page.ask("record", {"on": False}) == (200, {"file": None})
            assert (await page.ask("record", {"on": "yes"}))[0] == 422
            assert (await page.ask("record", [1]))[0] == 400
            assert (await page.ask("record", {"x": "y" * 20_000}))[0] == 413
            for name in ("nothing.mp4", "..%2fpeople.db", "%00", "x" * 300):
                async with page.client.get(f"{page.address}saved/{name}") as saved:
                    assert saved.status == 404

    served(test)


def test_a_slow_viewer_gets_the_newest_frame_and_holds_up_nobody(served):
    async def test(page):
        async with page.stream() as slow, page.stream() as quick:
            # The slow one takes what is under way, and shows nothing: it gets no more.
            for _ in range(2):
                while (await asyncio.wait_for(slow.receive(), PATIENCE)).type != (
                    aiohttp.WSMsgType.BINARY
                ):
                    pass
            numbers = []
            while len(numbers) < 15:
                header, _ = await message(quick, "frame")
                numbers.append(header["number"])
            assert numbers == sorted(set(numbers))
            assert aiohttp.WSMsgType.BINARY not in await waiting(slow)
            newest = page.watched.session.latest.number
            await slow.send_json({"next": 1})
            while True:
                got = await asyncio.wait_for(slow.receive(), PATIENCE)
                if got.type == aiohttp.WSMsgType.BINARY:
                    break
            (length,) = struct.unpack(">I", got.data[:4])
            assert json.loads(got.data[4 : 4 + length])["number"] >= newest

    served(test)


def test_viewers_come_and_go_and_send_nonsense(served):
    async def test(page):
        for nonsense in ("", "[]", '{"next": "x"}', '{"next": 1e99}', "[" * 3000, '{"next": -5}'):
            async with page.stream() as socket:
                await message(socket, "state")
                await socket.send_str(nonsense)
                await message(socket, "frame")
        async with page.stream() as socket:
            await socket.send_bytes(b"x" * 10_000)  # more than a viewer may say
            got = await message(socket, "nothing")
            assert got.type in {aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED}
        async with page.stream() as socket:
            state = await message(socket, "state")
            while state["viewers"] != 1:
                state = await message(socket, "state")

    served(test)


def test_requests_that_make_no_sense_are_answered_and_not_logged(served, caplog, capfd):
    async def test(page):
        headers = {"X-Facewise-Secret": page.secret, "Content-Type": "application/json"}
        for changed, content in (
            ({"Content-Type": "application/json; charset=none-such"}, b"{}"),
            ({"Content-Encoding": "gzip"}, b"no gzip"),
        ):
            async with page.client.post(
                page.address + "snapshot", data=content, headers={**headers, **changed}
            ) as answer:
                assert answer.status == 400
        async with page.client.get(page.address[:-21] + "x" * 20_000) as answer:  # no token
            assert answer.status == 400
        async with page.client.ws_connect(page.address + "live") as socket:
            await socket.send_str("[" * 4000)
            assert (await socket.receive()).data == 4003
        async with page.stream() as socket:
            await message(socket, "frame")
            await socket.send_str('{"next": 1e999}')
            assert type(await message(socket, "frame")) is tuple

    served(test)
    assert caplog.records == []
    assert "Traceback" not in capfd.readouterr().err


def test_no_more_viewers_than_there_may_be(served, monkeypatch):
    monkeypatch.setattr("facewise.video.camera.viewers.MOST", 2)

    async def test(page):
        async with page.stream() as one, page.stream() as other:
            await message(one, "state")
            await message(other, "state")
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                async with page.stream():
                    pass

    served(test)


def test_who_has_not_said_hello_is_a_viewer_too(served, monkeypatch):
    monkeypatch.setattr("facewise.video.camera.viewers.MOST", 2)

    async def test(page):
        live = page.address + "live"
        async with page.client.ws_connect(live) as one, page.client.ws_connect(live):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="503"):
                async with page.stream():
                    pass
            await one.close()
            async with page.stream() as socket:
                await message(socket, "state")

    served(test)


def test_the_address_without_its_last_stroke_and_a_look_at_the_head_alone(served):
    async def test(page):
        async with page.client.get(page.address.removesuffix("/")) as answer:
            assert (answer.status, str(answer.url)) == (200, page.address)
        async with page.client.head(page.address) as answer:
            assert (answer.status, answer.content_type) == (200, "text/html")
        for path in ("enrol", "snapshot", "record"):
            async with page.client.head(page.address + path) as answer:
                assert answer.status == 405

    served(test)


def test_viewers_are_told_each_time_the_camera_is_lost(served, lost_server):
    server = lost_server(held=True)

    async def test(page):
        async with page.stream() as socket:
            told = []
            for time in range(1, 11):
                while told.count("lost") < time:
                    told += [event["event"] for event in await message(socket, "events")]
                server.again.release()
            state = await message(socket, "state")
            while not (state["status"] == "lost" and state["losses"] >= 9):
                state = await message(socket, "state")
            assert state["why"]
            assert [kind for kind in told if kind in {"lost", "back"}][:19] == [
                *["lost", "back"] * 9,
                "lost",
            ]

    served(test, feed=open_feed(server.url, timeout=20))


def test_the_end_is_told(served):
    async def test(page):
        async with page.stream() as socket:
            await message(socket, "frame")
            page.watched.session.stop()
            kinds = []
            while "ended" not in kinds:
                kinds += [event["event"] for event in await message(socket, "events")]
            got = await message(socket, "nothing")
            assert (got.type, got.data) == (aiohttp.WSMsgType.CLOSE, 1001)

    served(test)


def test_with_page_the_session_ends_when_the_page_is_closed(served, monkeypatch):
    monkeypatch.setattr("facewise.video.camera.serving._GRACE", 0.3)

    async def test(page):
        for _ in range(2):  # loading it anew is not closing it
            async with page.stream() as socket:
                await message(socket, "frame")
        while not page.watched.session.done.is_set():
            await asyncio.sleep(0.02)

    options = PageOptions(port=0, token=TOKEN, with_page=True)
    watched = served(test, page=options)
    assert watched.told[-1]["event"] == "ended"


def test_where_one_cannot_listen(served):
    async def test(page):
        port = int(page.address.split(":")[2].split("/")[0])
        for options, why in [
            (PageOptions(port=port), "cannot be listened on"),
            (PageOptions(host="203.0.113.1", port=0), "cannot be listened on"),
            (PageOptions(host="no.such.host.invalid", port=0), "cannot be listened on"),
        ]:
            with pytest.raises(FacewiseError, match=why):
                await serve(page.watched.session, options, lambda _: None)
        for token in ("short", "with space and more of it", "../../../../../../etc"):
            with pytest.raises(ValueError, match="token"):
                await serve(page.watched.session, PageOptions(token=token), lambda _: None)

    served(test)


def test_names_of_this_machine():
    from facewise.video.camera.guard import Guard

    guard = Guard("cam.example")
    for host in (
        "127.0.0.1",
        "127.0.0.1:8460",
        "[::1]:80",
        "localhost:1",
        "cam.example",
        "10.0.0.7",
    ):
        assert guard.allows_host(host)
    for host in ("", "evil.example", "localhost.evil.example", "[::1", "127.0.0.1@evil.example:1"):
        assert not guard.allows_host(host)
    assert len(guard.token) >= 20
    assert guard.token != Guard("cam.example").token
    assert not guard.knows(None)
    assert not guard.knows("")
    assert not guard.knows("ü")
    assert guard.knows(guard.secret)


def test_only_an_address_of_this_machine_is_local():
    local = {
        host: PageOptions(host).is_local for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0")
    }
    assert local == {"127.0.0.1": True, "::1": True, "localhost": True, "0.0.0.0": False}


def test_no_thread_is_left(served):
    async def test(page):
        async with page.stream() as socket:
            await message(socket, "frame")

    served(test)
    end = time.monotonic() + PATIENCE
    own = ("facewise-camera", "facewise-picture", "facewise-record", "facewise-enrol")
    while [t.name for t in threading.enumerate() if t.name.startswith(own)]:
        assert time.monotonic() < end
        time.sleep(0.01)
