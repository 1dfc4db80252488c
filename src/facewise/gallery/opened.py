"""An open gallery: its store, and the models and the index that are loaded when they are needed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from facewise.errors import GalleryError
from facewise.gallery.store import open_store
from facewise.gallery.transfer.audit_log import is_unfinished

if TYPE_CHECKING:
    from os import PathLike

    from typing_extensions import Self

    from facewise.detection import Detector
    from facewise.embedding import Embedder
    from facewise.gallery.sealing.keys import Key
    from facewise.gallery.searching import Searcher
    from facewise.gallery.store import Store
    from facewise.pipeline import Pipeline
    from facewise.result_cache import ResultCache
    from facewise.zoo import ModelSpec


class OpenedGallery:
    """What `Gallery` works with.

    Args:
        store: an open store; the gallery closes it.
        model: an embedder, or what `facewise.load_embedder` takes; None: the one the gallery was
            made with, loaded when it is needed.
        detector: a detector, or its id; None: the default.
        cache: keep what is found in files in the user's cache folder; of a sealed gallery that is
            never done, since what is there can be read.

    Attributes:
        store: people, faces and vectors as they are kept.

    Raises:
        ModelMismatchError: the model is not the one the gallery was made with; names both.
    """

    def __init__(
        self,
        store: Store,
        model: str | PathLike[str] | ModelSpec | Embedder | None = None,
        *,
        detector: str | Detector | None = None,
        cache: bool = True,
    ) -> None:
        self.store = store
        self._detector = detector
        self._cached = cache and store.cipher is None
        self._turn = threading.Lock()
        self._embedder: Embedder | None = None
        self._cache: ResultCache | None = None
        self._pipeline: Pipeline | None = None
        self._index: Searcher | None = None
        self._is_whole = False  # or not known yet
        if model is not None:
            from facewise.gallery.models import embedder_of

            self._embedder = embedder_of(store.facts(), model, store.url)

    @classmethod
    def create(
        cls,
        url: str | PathLike[str],
        model: str | PathLike[str] | ModelSpec | Embedder | None = None,
        *,
        detector: str | Detector | None = None,
        cache: bool = True,
        key: Key | None = None,
    ) -> Self:
        """Make a gallery for the vectors of a model.

        Args:
            url: where; nothing may be there yet (see `open_store`).
            model: an embedder, or what `load_embedder` takes; None: the default embedder.
            detector: as of the class.
            cache: as of the class.
            key: to seal vectors and chips with (see `open_store`); None: they can be read.

        Raises:
            GalleryError: something is there already, no store has such a URL, or the key can be
                none.
            ModelError: the model is unknown, or its weights are not here.
            ExtraMissingError: a package is not installed that this needs.
        """
        from facewise.api import as_embedder
        from facewise.embedding import DEFAULT_EMBEDDER
        from facewise.gallery.records import ModelFacts

        embedder = as_embedder(DEFAULT_EMBEDDER if model is None else model)
        store = open_store(url, ModelFacts.of(embedder), key)
        return cls(store, embedder, detector=detector, cache=cache)

    @classmethod
    def open(
        cls,
        url: str | PathLike[str],
        model: str | PathLike[str] | ModelSpec | Embedder | None = None,
        *,
        detector: str | Detector | None = None,
        cache: bool = True,
        key: Key | None = None,
    ) -> Self:
        """Open a gallery; the arguments are those of the class, and of `open_store`.

        Raises:
            GalleryError: there is none, it is damaged, no store has such a URL, or the key is
                missing or another one.
            ModelMismatchError: `model` is not the one it was made with.
        """
        store = open_store(url, key=key)
        try:
            return cls(store, model, detector=detector, cache=cache)
        except BaseException:
            store.close()
            raise

    @property
    def embedder(self) -> Embedder:
        """The model the gallery was made with.

        Raises:
            ModelError: it is not known here; give it when the gallery is opened.
            ModelMismatchError: its weights are others than those the gallery was made with.
        """
        if self._embedder is None:
            from facewise.gallery.models import embedder_of

            self._embedder = embedder_of(self.store.facts(), None, self.store.url)
        return self._embedder

    @property
    def pipeline(self) -> Pipeline:
        """The way from pictures to vectors; raises as `embedder` and `require_whole` do."""
        self.require_whole()
        with self._turn:
            if self._pipeline is None:
                from facewise.gallery.models import pipeline_of
                from facewise.result_cache import ResultCache

                embedder = self.embedder
                if self._cached and self._cache is None:
                    self._cache = ResultCache()
                self._pipeline = pipeline_of(embedder, self._detector, self._cache)
            return self._pipeline

    def require_whole(self) -> None:
        """Refuse a gallery that a migration has not completed: not everybody is there yet.

        It can be looked at and checked, and people can be forgotten; nothing else.

        Raises:
            GalleryError: it is none that can be used.
        """
        if not self._is_whole:
            if is_unfinished(self.store):
                raise GalleryError(
                    f"{self.store.url}: the migration to this gallery is not complete; start "
                    "`facewise gallery migrate` again, or use the gallery that it came from"
                )
            self._is_whole = True

    @property
    def index(self) -> Searcher:
        """What searches the store; not necessarily up to date (`Searcher.refresh`)."""
        with self._turn:
            if self._index is None:
                from facewise.gallery.searching import searcher

                self._index = searcher(self.store)
            return self._index

    def close(self) -> None:
        """Give everything back."""
        for part in (self._index, self._cache, self.store):
            if part is not None:
                part.close()
        self._index = self._cache = self._pipeline = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
