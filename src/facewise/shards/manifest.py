"""What a folder of shards is made with, and of: fixed by the first run, checked by all others."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from facewise.errors import ModelMismatchError, ShardsError
from facewise.shards.output import Output
from facewise.shards.schema import FORMAT, MANIFEST, SUFFIX, VERSION
from facewise.shards.units import Unit


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard that there is or will be.

    Attributes:
        name: of its file.
        source: of its unit.
        pictures: how many, or None of a tar file.
        digest: of its unit.
    """

    name: str
    source: str
    pictures: int | None
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """A run: everything that decides its shards.

    Attributes:
        settings: of the models (`Loaded.settings`), whether chips are kept, and the shards' size.
        facts: of the embedder, in the form of `gallery.ModelFacts`.
        running: backend and precision of the embedder, which whoever goes on takes too.
        shards: in order.
    """

    settings: Mapping[str, Any]
    facts: Mapping[str, Any]
    running: Mapping[str, str]
    shards: tuple[Shard, ...]

    @classmethod
    def of(
        cls,
        settings: Mapping[str, Any],
        facts: Mapping[str, Any],
        running: Mapping[str, str],
        units: Sequence[Unit],
    ) -> Manifest:
        """The manifest of a run that begins."""
        made_with = json.dumps(settings, sort_keys=True)
        shards = []
        for number, unit in enumerate(units):
            digest = hashlib.sha256(f"{made_with}\0{unit.digest}".encode()).hexdigest()
            name = f"{number:06d}-{digest[:16]}{SUFFIX}"
            pictures = None if unit.tar else len(unit.keys)
            shards.append(Shard(name, unit.source, pictures, unit.digest))
        return cls(settings, facts, running, tuple(shards))

    def to_json(self) -> bytes:
        """The content of the file."""
        rows = [[shard.name, shard.source, shard.pictures, shard.digest] for shard in self.shards]
        content = {
            "format": FORMAT,
            "version": VERSION,
            "model": self.facts,
            "settings": self.settings,
            "running": self.running,
            "shards": rows,
        }
        return json.dumps(content, sort_keys=True, indent=0).encode()

    @classmethod
    def from_json(cls, content: bytes, place: str) -> Manifest:
        """The manifest that `to_json` wrote.

        Raises:
            ShardsError: it is not one, or of a later version; names the folder.
        """
        try:
            values = json.loads(content)
            if values["format"] != FORMAT:
                raise ValueError(values["format"])
            if values["version"] > VERSION:
                raise ShardsError(f"{place}: made by a later version of facewise")
            shards = tuple(Shard(*row) for row in values["shards"])
            return cls(values["settings"], values["model"], values["running"], shards)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise ShardsError(f"{place}: {MANIFEST} is damaged ({error!r:.80})") from None

    def require(self, other: Manifest, place: str) -> None:
        """Make sure that a run may go on with what another began.

        Args:
            other: of the run that wants to.
            place: the folder.

        Raises:
            ModelMismatchError: it has other models; says in what, on both sides.
            ShardsError: it has other settings, or its sources hold other pictures.
        """
        mine, its = (_flat(manifest.settings) for manifest in (self, other))
        keys = [key for key in {**mine, **its} if mine.get(key) != its.get(key)]
        if "aligned" in keys:  # so one has a detector and the other has none
            keys = ["aligned"]
        if keys:
            began, now = (
                ", ".join(f"{key} {side.get(key, 'none')!s:.60}" for key in keys)
                for side in (mine, its)
            )
            of_models = any(key.startswith(("aligned", "embedder", "detector")) for key in keys)
            raise (ModelMismatchError if of_models else ShardsError)(
                f"{place}: was begun with {began}; this run has {now}; use the same settings, or "
                "another folder"
            )
        if self.shards != other.shards and _digests(self) != _digests(other):
            raise ShardsError(
                f"{place}: was begun with other pictures ({self._changes(other)}); a run has to "
                "find what it began with; embed new pictures to another folder"
            )

    def _changes(self, other: Manifest) -> str:
        """In a few words, what differs between the sources of two runs."""
        counts = []
        for manifest in (self, other):
            pictures = sum(shard.pictures or 0 for shard in manifest.shards)
            tars = len({shard.source for shard in manifest.shards if shard.pictures is None})
            counts.append((pictures, tars))
        words = []
        for what, before, now in zip(("pictures", "tar files"), *counts, strict=True):
            if before != now:
                words.append(f"{before:,} {what} then, {now:,} now")
        if words:
            return "; ".join(words)
        missing = Counter(_digests(self))
        missing.subtract(_digests(other))
        changed = next(shard for shard in self.shards if missing[shard.digest] > 0)
        return f"as many, but not the same ones, or of other sizes: first in {changed.source!r}"


def manifest_of(output: Output) -> Manifest | None:
    """The manifest of a folder, or None where no run has begun.

    Raises:
        ShardsError: the folder holds other things, or the manifest is damaged.
    """
    content = output.read(MANIFEST)
    if content is not None:
        return Manifest.from_json(content, output.place)
    if output.names():
        raise ShardsError(f"{output.place}: is not empty, and holds no shards; name a new folder")
    return None


def _digests(manifest: Manifest) -> list[str]:
    return [shard.digest for shard in manifest.shards]


def _flat(settings: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """Nested settings as one dictionary, with names such as `embedder model`."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        name = f"{before} {key}".strip()
        if isinstance(value, Mapping):
            flat |= _flat(value, name)
        else:
            flat[name] = value
    return flat
