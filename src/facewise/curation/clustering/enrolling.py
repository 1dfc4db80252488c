"""The clusters of an album as people of a gallery."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from facewise.errors import CurationError
from facewise.gallery.digests import source_text
from facewise.gallery.names import name_key
from facewise.gallery.records import NewFace

if TYPE_CHECKING:
    from facewise.curation.clustering.album import Album
    from facewise.curation.clustering.records import Cluster
    from facewise.gallery import Gallery
    from facewise.gallery.change import Change
    from facewise.gallery.records import Person


def enrol_clusters(album: Album, clusters: Sequence[Cluster], gallery: Gallery) -> int:
    """Let a gallery have the faces of clusters, each as a person of the cluster's name.

    Vectors are taken from the album: nothing is embedded again. It can be called after every run:
    faces that are there are passed over, and people that were made for clusters (their notes say
    so) follow the album. They are called what the cluster is called now, if nobody else is; faces
    that were split off or merged go to whom they belong to, and who has none then goes; what was
    left out is forgotten. People and faces of other origin stay as they are.

    Args:
        album: that holds the clusters.
        clusters: to enrol.
        gallery: of the same model.

    Returns:
        How many faces were added.

    Raises:
        ModelMismatchError: the gallery's vectors are those of another model.
        CurationError: the name that a cluster without a name would have is somebody else's; or the
            gallery has somebody of a cluster's new name beside the person that was made for it.
        GalleryError: the gallery is damaged, or cannot be written.
    """
    gallery.store.facts().require(album.facts)
    made = _made_for(gallery, album)
    placed = {
        (_digest(face.source), face.box): face.id
        for person in made.values()
        for face in gallery.store.faces(person)
    }
    files, digests = album.photo_files(), album.digests()
    added = 0
    for cluster in clusters:
        table = album.table(cluster.id)
        faces = {face.id: face for face in album.faces(cluster.id)}
        with gallery.store.change() as change:
            person = _person(change, album, cluster, made.get(cluster.id))
            known = {(_digest(face.source), face.box) for face in change.faces(person)}
            new, moved = [], []
            for i, number in enumerate(table.ids.tolist()):
                face = faces[number]
                place = str(next(iter(files.get(face.photo, ["?"]))))
                source = source_text(place, digests[face.photo])
                key = _digest(source), face.box
                if key in placed and key not in known:
                    moved.append(placed[key])
                elif key not in known:
                    new.append(NewFace(table.vectors[i], source, face.box, face.quality))
            change.move_faces(moved, person)
            change.add_faces(person, new)
            change.note("enrol", person, len(new) + len(moved), "from an album")
            added += len(new)
    _remove_empty(gallery, made.values())
    left_out = [face for face in album.faces() if face.left_out]
    keys = [(_digest(source_text("", digests[face.photo])), face.box) for face in left_out]
    left = [placed[key] for key in keys if key in placed]
    if left:
        gallery.forget(faces=left)
    gallery.index.refresh()
    gallery.index.prepare()
    return added


def _digest(source: str) -> str:
    return source.rpartition("#")[2]


def _remove_empty(gallery: Gallery, people: Iterable[int]) -> None:
    """Remove who was made for a cluster and has no face any more, nor consent or a date."""
    for number in people:
        with gallery.store.change() as change:
            person = change.person(number)
            if person and not (change.faces(number) or person.consent or person.retain_until):
                change.remove_person(number)
                change.note("merge", number, 0, "from an album")


def _made_for(gallery: Gallery, album: Album) -> dict[int, int]:
    """The people that were made for clusters of an album, by the clusters' ids."""
    found = {}
    after = 0
    while some := gallery.store.people(after):
        after = some[-1].id
        for person in some:
            mark, _, number = person.notes.partition("#")
            if mark == _mark(album) and number.isdecimal():
                found[int(number)] = person.id
    return found


def _mark(album: Album) -> str:
    """What the notes of people begin with that were made for clusters."""
    return f"facewise cluster: {album.fact('id')} "


def _person(change: Change, album: Album, cluster: Cluster, made: int | None) -> int:
    """The person of a cluster, who may be new."""
    known: list[Person] = change.find_people(cluster.title)
    own = None if made is None else change.person(made)
    if own is not None:
        if known and known[0].id != own.id:
            raise CurationError(
                f"gallery: has {own.name!r}, made for cluster #{cluster.id}, and also "
                f"{known[0].name!r}, which the cluster is called now; merge them there "
                f"(facewise gallery merge) or give the cluster another name"
            )
        if name_key(own.name) != name_key(cluster.title):
            change.update_person(own.id, name=cluster.title)
            change.note("rename", own.id)
        return own.id
    if not known:
        return change.add_person(cluster.title, notes=f"{_mark(album)}#{cluster.id}")
    if cluster.name is None:
        raise CurationError(
            f"gallery: has a {name_key(cluster.title)!r} that is not this album's; name the cluster"
        )
    return known[0].id
