"""What a file of embeddings says of itself."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from facewise.gallery.model_facts import ModelFacts


@dataclass(frozen=True, slots=True)
class ExportFacts(ModelFacts):
    """The facts of the model, and how the file was made.

    Attributes:
        about: `rows`: "images" or "people"; `select`, `aligned`, `detector` (its settings);
            `pictures`, `without_face`, `failed`; `software`. Empty where the file does not say.
    """

    about: Mapping[str, Any] = field(default_factory=dict)

    __hash__ = None

    def to_json(self) -> str:
        """JSON that `ModelFacts.from_json` reads too, as the facts of the model alone."""
        model = {"settings": self.settings, "embedding_size": self.embedding_size}
        return json.dumps({**model, "export": self.about}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ExportFacts:
        """The facts that `to_json` wrote; also those of a gallery, which say nothing more.

        Raises:
            GalleryError: the text is not JSON of that form.
        """
        model = ModelFacts.from_json(text)
        about = json.loads(text).get("export", {})
        return cls(model.settings, model.embedding_size, about if isinstance(about, dict) else {})
