"""Add the people and faces of a file to a store, some hundred in a transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from os import PathLike, fspath
from pathlib import Path
from typing import TYPE_CHECKING

from facewise.errors import GalleryError, ModelMismatchError
from facewise.gallery.transfer.arriving import Arrival, arrival
from facewise.gallery.transfer.formats import format_to_read
from facewise.gallery.transfer.imported import Imported, ImportOptions
from facewise.gallery.transfer.known_faces import KnownFaces
from facewise.gallery.transfer.rows import Given, Refusal, Row, Survey

if TYPE_CHECKING:
    from facewise.gallery.change import Change, PersonFields
    from facewise.gallery.records import Person
    from facewise.gallery.store import Store

TOGETHER = 256
"""Rows of one transaction: what an interrupted run has to look at again."""

_LISTED = 1000  # refusals that are kept; the others are counted


def import_file(store: Store, path: str | PathLike[str], options: ImportOptions) -> Imported:
    """Add the people and faces of a file, or of a folder of shards; see `Gallery.import_faces`.

    Raises:
        GalleryError: the file cannot be read, is damaged, a pickle, or its vectors are not as long
            as the gallery's: nothing was added. Or the store is damaged, busy or cannot be reached:
            what earlier transactions added stays.
        ModelMismatchError: the file's vectors are of another model, or it does not say of which.
        ExtraMissingError: a package is missing; says which.
    """
    place = fspath(path)
    form = format_to_read(place, options.format)
    names = None if options.names is None else Path(options.names)
    if names is not None and form.name != "npy":
        raise GalleryError(f"{place}: --names (names=) is for .npy files; this one is {form.name}")
    if options.select is not None and form.name != "shards":
        raise GalleryError(
            f"{place}: --select (select=) is for shards; this one is {form.name}, a face each row"
        )
    given = Given(place, store.facts().embedding_size, names, options.select)
    survey = form.code.survey(given)
    _check_model(store, place, survey, options.assume_model)
    run = _Run(store, options)
    rows = iter(form.code.read(given))
    while batch := list(islice(rows, TOGETHER)):
        run.keep(batch)
    return run.report(place, form.name, survey)


def _check_model(store: Store, path: str, survey: Survey, assume: bool) -> None:
    if survey.facts is not None:
        try:
            store.facts().require(survey.facts, place=store.url)
        except ModelMismatchError as error:
            raise ModelMismatchError(
                f"{path}: its vectors are not for this gallery: {error}"
            ) from None
    elif not assume:
        raise ModelMismatchError(
            f"{path}: does not say which model made its vectors; if it was "
            f"{store.facts().model}, as in this gallery, say so with --assume-model "
            "(assume_model=True)"
        )


class _Run:
    """One run of importing."""

    def __init__(self, store: Store, options: ImportOptions) -> None:
        self._store = store
        self._options = options
        self._known = KnownFaces(store)
        self._dimension = store.facts().embedding_size
        self._people = self._faces = self._skipped = self._normalised = self._rows = 0
        self._refused: list[Refusal] = []
        self._refused_count = 0

    def keep(self, batch: Sequence[Row | Refusal]) -> None:
        """Add some rows in one transaction."""
        people: dict[str, list[Arrival]] = {}
        for found in self._checked(batch):
            people.setdefault(found.key, []).append(found)
        added = skipped = new = 0
        try:
            with self._store.change() as change:
                self._known.begin()
                for some in people.values():
                    person, is_new, updated = self._person(change, some)
                    faces = [each.face for each in some if each.face is not None]
                    fresh = self._known.new(change, person, faces)
                    if fresh:
                        self._known.added(change.add_faces(person, fresh))
                    if updated:
                        change.note("update", person)
                    if fresh or is_new:
                        change.note("import", person, len(fresh), "new person" if is_new else "")
                    added += len(fresh)
                    skipped += len(faces) - len(fresh)
                    new += is_new
        except BaseException:
            self._known.clear()
            raise
        self._people += new
        self._faces += added
        self._skipped += skipped
        self._rows += len(batch)
        self._options.done(self._rows)

    def report(self, path: str, form: str, survey: Survey) -> Imported:
        """What came of it."""
        return Imported(
            path=path,
            format=form,
            people=self._people,
            faces=self._faces,
            skipped=self._skipped,
            normalised=self._normalised,
            faceless=survey.faceless,
            failed=survey.failed,
            refused=tuple(self._refused),
            refused_count=self._refused_count,
        )

    def _checked(self, batch: Iterable[Row | Refusal]) -> Iterator[Arrival]:
        for row in batch:
            refusal = row
            if isinstance(row, Row):
                try:
                    found = arrival(self._with_defaults(row), self._dimension)
                except GalleryError as error:
                    refusal = Refusal(row.place, row.name, str(error))
                else:
                    self._normalised += not found.was_unit
                    yield found
                    continue
            assert isinstance(refusal, Refusal)  # noqa: S101 - a row was given or refused
            self._refused_count += 1
            if len(self._refused) < _LISTED:
                self._refused.append(refusal)

    def _with_defaults(self, row: Row) -> Row:
        given = self._options
        return replace(
            row,
            consent=row.consent or given.consent,
            retain_until=row.retain_until or given.retain_until,
        )

    def _person(self, change: Change, some: Sequence[Arrival]) -> tuple[int, bool, bool]:
        """Whose faces these are: the number, whether it is new, and whether it was changed."""
        first = some[0]
        fields: PersonFields = {
            "notes": next((each.notes for each in some if each.notes), ""),
            "consent": next((each.consent for each in some if each.consent), ""),
            "retain_until": min((e.retain_until for e in some if e.retain_until), default=None),
        }
        known = change.find_people(first.name)
        if not known:
            person_id = change.add_person(
                first.name,
                fields["notes"],
                fields["consent"],
                fields["retain_until"],
                created=first.created,
            )
            return person_id, True, False
        person = known[0]
        changed = _beside(person, fields)
        if changed:
            change.update_person(person.id, **changed)
        return person.id, False, bool(changed)


def _beside(person: Person, given: PersonFields) -> PersonFields:
    """What of a person who is there is changed by what a file says: as of `editing.merge`.

    Notes and consent that are there stay; of two retention dates the earlier one holds.
    """
    changed: PersonFields = {}
    if given["notes"] and not person.notes:
        changed["notes"] = given["notes"]
    if given["consent"] and not person.consent:
        changed["consent"] = given["consent"]
    until, mine = given["retain_until"], person.retain_until
    if until is not None and (mine is None or until < mine):
        changed["retain_until"] = until
    return changed
