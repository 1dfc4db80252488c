"""Galleries whose vectors are in Milvus: in a folder, or on a server."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.stores.milvus.address import Address, parse
from facewise.gallery.stores.milvus.blocks import LiteEngine
from facewise.gallery.stores.milvus.cluster import ClusterEngine
from facewise.gallery.stores.milvus.connection import Connection, connect, needed
from facewise.gallery.stores.milvus.embedded import embedded
from facewise.gallery.stores.milvus.form import ElsewhereForm
from facewise.gallery.stores.milvus.ledger import open_ledger
from facewise.gallery.stores.milvus.store import MilvusStore

if TYPE_CHECKING:
    from facewise.gallery.records import ModelFacts
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.store import Store
    from facewise.gallery.vector_form import VectorForm

__all__ = ["MilvusStore", "open_store"]


def open_store(url: str, create: ModelFacts | None = None, key: Key | None = None) -> Store:
    """Open or make a gallery; see `gallery.store.open_store`.

    Args:
        url: `milvus:///folder` (`milvus:////srv/people` from the root): Milvus Lite in this
            process, with the records in the folder's `records.db`. Or
            `milvus://[USER:PASSWORD@]HOST:PORT/NAME[?tls=true]?records=RECORDS`: a server, with the
            records in a file or a `postgresql://…`, written as it is, at the end. A password or
            token can also be in the environment variable `FACEWISE_MILVUS_TOKEN`.
        create: make it, for vectors of this model.
        key: is refused: an engine that searches has to see the vectors.

    Raises:
        GalleryError: as `gallery.store.open_store`; or the engine is not reached, or is in use.
        ExtraMissingError: pymilvus or milvus-lite is not installed.
    """
    address = parse(url)
    if key is not None:
        raise GalleryError(
            f"{address.url}: a gallery in Milvus cannot be sealed, since Milvus has to see the "
            "vectors; encrypt its disk"
        )
    needed("pymilvus")
    if address.folder is None:
        return _on_a_server(address, create)
    needed("milvus_lite")
    if create is not None:
        try:
            address.folder.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise GalleryError(f"{address.url}: cannot be made ({error})") from None
    folder = address.folder
    return _opened(address, create, lambda: embedded(folder, address.url))


def _on_a_server(address: Address, create: ModelFacts | None) -> Store:
    connection = connect(address.server, address.token, address.url)
    try:
        if create is not None and connection.call("has_collection", address.collection):
            raise GalleryError(f"{address.url}: exists already; open it, or choose another name")
        return _opened(address, create, lambda: connection)
    except BaseException:
        connection.close()
        raise


def _opened(
    address: Address, create: ModelFacts | None, reach: Callable[[], Connection]
) -> MilvusStore:
    forms: list[ElsewhereForm] = []

    def form(_: str, facts: ModelFacts) -> VectorForm:
        forms.append(ElsewhereForm(facts.embedding_size))
        return forms[0]

    ledger = open_ledger(address.records, create, form)
    try:
        connection = reach()
        try:
            kind = LiteEngine if connection.is_lite() else ClusterEngine
            engine = kind(connection, address.collection, ledger.facts().embedding_size)
            # Also what an interrupted creation has not come to.
            engine.open(ledger.identity(), make=not ledger.counts().faces)
        except BaseException:
            connection.close()
            raise
    except BaseException:
        ledger.close()
        raise
    forms[0].bind(engine)
    return MilvusStore(address, ledger, forms[0], engine)
