"""What made the vectors of a gallery."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from facewise.errors import GalleryError, ModelMismatchError

if TYPE_CHECKING:
    from facewise.embedding import Embedder


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """What made the vectors of a gallery; only vectors of the same facts compare.

    Attributes:
        settings: the parts of `Embedder.settings` that change vectors (not the number format):
            its model, the hash of its weights, crop, normalisation and flip.
        embedding_size: d, above 0.

    Raises:
        GalleryError: no model is named, or the size is not above 0.
    """

    settings: Mapping[str, str | bool]
    embedding_size: int

    def __post_init__(self) -> None:
        if not isinstance(self.settings, Mapping) or not self.settings.get("model"):
            raise GalleryError(f"settings: expected those of a model, got {self.settings!r:.60}")
        if type(self.embedding_size) is not int or self.embedding_size < 1:
            raise GalleryError(
                f"embedding_size: expected a whole number above 0, got {self.embedding_size!r:.40}"
            )
        object.__setattr__(self, "settings", dict(self.settings))

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def of(cls, embedder: Embedder) -> ModelFacts:
        """The facts of an embedder.

        Raises:
            GalleryError: its spec does not say how long its vectors are.
        """
        from facewise.recognition.calibration import comparable

        return cls(comparable(embedder), embedder.spec.embedding_size or 0)

    @property
    def model(self) -> str:
        """Id of the embedder."""
        return str(self.settings["model"])

    def require(
        self,
        other: ModelFacts,
        *,
        place: str = "gallery",
        advice: str = "use the gallery's model, or enrol the pictures again in a gallery of this "
        "one",
    ) -> None:
        """Make sure that vectors of others can be compared with those of these facts.

        Args:
            other: the facts of a model that is about to be used.
            place: what these facts belong to, for the message.
            advice: what to do, for the message.

        Raises:
            ModelMismatchError: they differ; says in what, on both sides.
        """
        mine, theirs = (
            {**facts.settings, "embedding_size": facts.embedding_size} for facts in (self, other)
        )
        keys = [key for key in {**mine, **theirs} if mine.get(key) != theirs.get(key)]
        if keys:
            made, now = (
                ", ".join(f"{key} {facts.get(key, 'unknown')!s:.40}" for key in keys)
                for facts in (mine, theirs)
            )
            raise ModelMismatchError(f"{place}: made with {made}; this model has {now}; {advice}")

    def to_json(self) -> str:
        """JSON that `from_json` turns back into equal facts."""
        return json.dumps({"settings": self.settings, "embedding_size": self.embedding_size})

    @classmethod
    def from_json(cls, text: str) -> ModelFacts:
        """The facts that `to_json` wrote.

        Raises:
            GalleryError: the text is not JSON of that form.
        """
        try:
            content: dict[str, Any] = json.loads(text)
            return cls(content["settings"], content["embedding_size"])
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise GalleryError(f"facts of the model: not their JSON ({error!r:.80})") from None
