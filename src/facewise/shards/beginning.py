"""The models and the manifest that all runs of a folder agree on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from facewise.shards.manifest import Manifest, manifest_of
from facewise.shards.models import Loaded, Models
from facewise.shards.output import Output
from facewise.shards.schema import MANIFEST
from facewise.shards.units import Unit


class Beginning:
    """A run that begins, or goes on with what another began.

    Backend and precision are those of the first run, unless they are asked for: what is fastest
    here need not be so on the next machine, and shards of several kinds would not compare well.

    Args:
        output: the folder.
        models: what is asked for.
        chips: whether chips are kept.
        shard_size: pictures of a shard.

    Raises:
        ShardsError: the folder holds other things, or its manifest is damaged.
        FacewiseError: the models cannot be loaded; see `Models.load`.
    """

    def __init__(self, output: Output, models: Models, *, chips: bool, shard_size: int) -> None:
        self._output = output
        self._asked = models
        self._own = {"chips": chips, "shard_size": shard_size}
        self._known = manifest_of(output)
        self.models, self.loaded = self._load(self._known)

    def agree(self, units: Sequence[Unit]) -> Manifest:
        """The manifest of the folder, which is written if there is none.

        Raises:
            ModelMismatchError, ShardsError: see `Manifest.require`.
            OSError: it cannot be written.
        """
        mine = self._manifest(units)
        known = self._known
        if known is None:
            content = self._output.claim(MANIFEST, mine.to_json())
            known = Manifest.from_json(content, self._output.place)
            if known.running != mine.running:  # somebody else was faster
                self.models, self.loaded = self._load(known)
                mine = self._manifest(units)
        known.require(mine, self._output.place)
        return known

    def _load(self, known: Manifest | None) -> tuple[Models, Loaded]:
        models = self._asked
        if known is not None and models.backend is None and models.precision is None:
            running = known.running
            models = replace(models, backend=running["backend"], precision=running["precision"])
        loaded = models.load()
        return models.settled(loaded.embedder), loaded

    def _manifest(self, units: Sequence[Unit]) -> Manifest:
        chosen = self.loaded.embedder.candidate
        running = {"backend": chosen.backend, "precision": chosen.precision}
        settings = {**self.loaded.settings(), **self._own}
        return Manifest.of(settings, self.loaded.facts(), running, units)
