"""Milvus Lite within this process, shared by all stores of a folder."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from facewise.errors import GalleryError
from facewise.gallery.stores.milvus.address import COLLECTION
from facewise.gallery.stores.milvus.connection import Connection, needed
from facewise.gallery.stores.milvus.syncing import Syncing

FILES = "vectors"
"""The engine's folder in that of the gallery."""

_THREADS = 10
_LARGEST = 256 << 20  # bytes of a message, as a server of Milvus has it
_running: dict[Path, _Lite] = {}
_turn = threading.Lock()


def embedded(folder: Path, name: str) -> Connection:
    """Use the engine of a gallery's folder; the first who does starts it, the last one stops it.

    Args:
        folder: of the gallery, which exists.
        name: of the gallery, for messages.

    Raises:
        GalleryError: another process has it, or its files cannot be read or written.
        ExtraMissingError: pymilvus or milvus-lite is not installed.
    """
    place = Path(os.path.realpath(folder)) / FILES
    with _turn:
        lite = _running.get(place)
        if lite is None or lite.process != os.getpid():
            lite = _running[place] = _Lite(place, folder, name)
        lite.users += 1
    return Connection(lite.client, name, lite.settle, lambda: _leave(place, lite))


def _leave(place: Path, lite: _Lite) -> None:
    with _turn:
        lite.users -= 1
        if not lite.users:
            if _running.get(place) is lite:
                del _running[place]
            lite.stop()


class _Lite:
    """A running engine, reached by a socket that only this user can open.

    Attributes:
        process: whose it is.
        users: how many connections there are.
        client: for all of them.
    """

    def __init__(self, place: Path, folder: Path, name: str) -> None:
        self.process, self.users, self._name = os.getpid(), 0, name
        self._database = _opened(place, folder, name)
        self._syncing = Syncing(place)
        self._sockets = Path(tempfile.mkdtemp(prefix="facewise-"))  # for its owner only
        self._server: Any = None
        try:
            address = self._serve()
            self.client = needed("pymilvus").MilvusClient(address, dedicated=True)
        except BaseException:
            self.stop()
            raise

    def settle(self) -> None:
        """Milvus Lite leaves it to the system when files reach the disk; here they do."""
        try:
            self._syncing.run()
        except OSError as error:
            raise GalleryError(f"{self._name}: cannot be written ({error})") from None

    def stop(self) -> None:
        """Write everything to the files and give them back."""
        if self._server is not None:
            self.client.close()
            self._server.stop(grace=5).wait()
        self._database.close()
        with suppress(GalleryError):  # it was settled after each change
            self.settle()
        shutil.rmtree(self._sockets, ignore_errors=True)

    def _serve(self) -> str:
        servicer = needed("milvus_lite.adapter.grpc.servicer").MilvusServicer(self._database)
        options = [
            ("grpc.max_receive_message_length", _LARGEST),
            ("grpc.max_send_message_length", _LARGEST),
        ]
        self._server = needed("grpc").server(ThreadPoolExecutor(_THREADS), options=options)
        rpc = needed("pymilvus.grpc_gen.milvus_pb2_grpc")
        rpc.add_MilvusServiceServicer_to_server(servicer, self._server)
        if os.name == "nt":  # no such sockets there
            port = self._server.add_insecure_port("127.0.0.1:0")
            address = f"http://127.0.0.1:{port}"
        else:
            address = f"unix:{self._sockets / 'milvus'}"
            self._server.add_insecure_port(address)
        self._server.start()
        return address


def _opened(place: Path, folder: Path, name: str) -> Any:
    lite = needed("milvus_lite")
    needed("pymilvus")
    try:
        place.mkdir(mode=0o700, exist_ok=True)
        return lite.MilvusLite(str(place))
    except lite.DataDirLockedError:
        raise GalleryError(
            f"{name}: in use by another process; for several, run `milvus-lite server --host "
            f"127.0.0.1 --data-dir {place}` and open milvus://127.0.0.1:19530/{COLLECTION}"
            f"?records={folder / 'records.db'}"
        ) from None
    except OSError as error:
        raise GalleryError(f"{name}: {place} cannot be used ({error})") from None


@atexit.register
def _stop_all() -> None:
    """Stop what was not closed, so that it is written to files and no socket stays behind."""
    for lite in list(_running.values()):
        if lite.process == os.getpid():
            with suppress(Exception):
                lite.stop()
