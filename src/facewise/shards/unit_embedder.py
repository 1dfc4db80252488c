"""From a unit of work to its shard: what every worker does, alone, among others or on a cluster."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, suppress
from typing import TYPE_CHECKING, NamedTuple

from facewise._software import versions
from facewise.errors import ImageError, ModelMismatchError
from facewise.images import load
from facewise.pipeline import drained
from facewise.runtime.workers import ordered_map
from facewise.shards.job import Done
from facewise.shards.locations import reason
from facewise.shards.output import output_at
from facewise.shards.pictures import Picture, pictures_of
from facewise.shards.reading import counts_of
from facewise.shards.schema import FORMAT, VERSION
from facewise.shards.writing import ShardWriter, png

if TYPE_CHECKING:
    from facewise.faces import EmbeddedFaces
    from facewise.images import ImageSource
    from facewise.shards.job import Job, Task
    from facewise.shards.models import Loaded


_IN_A_ROW = 8
"""Pictures that models may fail for, one after another; then it is not the pictures' fault."""


class _Looked(NamedTuple):
    """A picture with what was found in it, or why nothing was; and PNG files of its faces."""

    picture: Picture
    found: EmbeddedFaces | str
    chips: tuple[bytes, ...] = ()


class _NoBetterError(Exception):
    """A shard that was done again, of which as many pictures failed."""


class UnitEmbedder:
    """Embeds the pictures of units, one unit after another.

    Args:
        job: what they have in common.
        loaded: its models, if they are loaded already.

    Raises:
        ModelMismatchError: the models on this machine are not those of the run.
    """

    def __init__(self, job: Job, loaded: Loaded | None = None) -> None:
        self._job = job
        self._models = job.models.load() if loaded is None else loaded
        mine = self._models.settings()
        other = [key for key, value in mine.items() if job.settings[key] != value]
        if other:
            raise ModelMismatchError(
                f"{' and '.join(other)}: on this machine {[mine[key] for key in other]}, but the "
                f"run has {[job.settings[key] for key in other]}"
            )
        self._pipeline = self._models.pipeline()
        self._output = output_at(job.out)

    def embed(self, task: Task, report: Callable[[int], None] | None = None) -> Done:
        """Write the shard of a unit, unless it is there (and not to be bettered).

        Args:
            task: the unit.
            report: called with the number of pictures that are done, as they are.

        Raises:
            OSError, ShardsError: the shard cannot be written, or what is there not be read.
        """
        counts = counts_of(self._output, task.shard)
        if counts is not None and (task.failed is None or counts.failed < task.failed):
            return Done(task.shard, counts)  # somebody else was faster
        about = {
            "format": FORMAT,
            "version": VERSION,
            "model": self._job.facts,
            "settings": self._job.settings,
            "software": versions(),
            "unit": task.unit.digest,
        }
        with (
            suppress(_NoBetterError),
            self._output.draft(task.shard) as path,
            ShardWriter(
                path,
                self._job.facts["embedding_size"],
                chips=self._job.chips,
                scored=self._models.detector is not None,
                about=about,
            ) as writer,
        ):
            with closing(self._with_chips(self._looked_at(pictures_of(task.unit)))) as looked:
                for picture, found, chips in looked:
                    writer.add(picture, found, chips)
                    if report is not None:
                        report(writer.counts.pictures)
            writer.finish()
            if counts is not None and writer.counts.failed >= counts.failed:
                raise _NoBetterError  # which leaves what is there
            counts = writer.counts
        return Done(task.shard, counts)

    def _looked_at(
        self, pictures: Generator[Picture, None, None]
    ) -> Generator[_Looked, None, None]:
        """All pictures through the pipeline, in order, also those that cannot be read."""
        waiting: deque[Picture] = deque()  # taken, and not given back
        names: deque[str] = deque()
        reading: list[Exception] = []

        def contents() -> Iterator[ImageSource]:
            try:
                for picture in pictures:
                    waiting.append(picture)
                    if picture.problem is None:
                        names.append(picture.name)
                        yield picture.content
            except Exception as error:
                reading.append(error)
                raise

        row = 0  # of pictures that the models failed for
        with closing(pictures):
            while True:
                try:
                    with closing(
                        self._pipeline.run_each(contents(), names=drained(names))
                    ) as results:
                        for found in results:
                            yield from _failed(waiting)
                            yield _judged(waiting.popleft(), found)
                            row = row if isinstance(found, ImageError) else 0
                    break
                except Exception:
                    if reading or not waiting:
                        raise
                # Some picture is too much for the models. Those beside it are not to suffer.
                names.clear()
                while waiting:
                    picture = waiting.popleft()
                    looked, failure = self._alone(picture)
                    if failure is not None:
                        row += 1
                        if row > _IN_A_ROW:
                            raise failure
                    elif not isinstance(looked.found, str):
                        row = 0
                    yield looked
            yield from _failed(waiting)

    def _alone(self, picture: Picture) -> tuple[_Looked, Exception | None]:
        """A picture by itself; and what the models failed with, if they did."""
        if picture.problem is not None:
            return _Looked(picture, picture.problem), None
        try:
            return _judged(picture, self._pipeline.run(picture.content, name=picture.name)), None
        except ImageError as error:
            return _judged(picture, error), None
        except Exception as error:
            return _Looked(picture, reason(error)), error

    def _with_chips(self, looked: Generator[_Looked, None, None]) -> Generator[_Looked, None, None]:
        if not self._job.chips:
            with closing(looked):
                yield from looked
            return
        with closing(looked), closing(ordered_map(self._cut, looked)) as cut:
            yield from cut

    def _cut(self, looked: _Looked) -> _Looked:
        """The chips of a picture; they are cut anew, since the pipeline keeps none."""
        found = looked.found
        if isinstance(found, str) or not len(found.faces):
            return looked
        from facewise.alignment import crop

        try:
            image = load(looked.picture.content, name=looked.picture.name)
        except ImageError as error:  # it was there a moment ago
            return _judged(looked.picture, error)
        policy = self._models.embedder.spec.crop
        assert policy is not None  # noqa: S101 - the registry refuses such
        if self._models.detector is None:
            return looked._replace(chips=(png(image),))
        chips = crop(image, found.faces, policy)
        return looked._replace(chips=tuple(png(chip) for chip in chips))


def _failed(waiting: deque[Picture]) -> Iterator[_Looked]:
    """The pictures at the head of the row that nothing could be read of."""
    while waiting and (problem := waiting[0].problem) is not None:
        yield _Looked(waiting.popleft(), problem)


def _judged(picture: Picture, found: EmbeddedFaces | ImageError) -> _Looked:
    if isinstance(found, ImageError):
        return _Looked(picture, str(found).removeprefix(f"{picture.name}: "))
    return _Looked(picture, found)
