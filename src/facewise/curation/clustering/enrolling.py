"""The clusters of an album as people of a gallery."""

from __future__ import annotations

from collections.abc import Sequence
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
    """Add the faces of clusters to a gallery, each as a person of the cluster's name.

    Vectors are taken from the album: nothing is embedded again. Faces that are there are passed
    over, so it can be called after every run. A person that was made for a cluster (the notes say
    so) is called what the cluster is called now, if nobody else is. Nobody is removed from a
    gallery, nor merged there.

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
    files, digests = album.photo_files(), album.digests()
    made = _made_for(gallery, album)
    added = 0
    for cluster in clusters:
        table = album.table(cluster.id)
        faces = {face.id: face for face in album.faces(cluster.id)}
        with gallery.store.change() as change:
            person = _person(change, album, cluster, made.get(cluster.id))
            known = {(face.source.rpartition("#")[2], face.box) for face in change.faces(person)}
            new = []
            for i, number in enumerate(table.ids.tolist()):
                face = faces[number]
                place = str(next(iter(files.get(face.photo, ["?"]))))
                source = source_text(place, digests[face.photo])
                if (source.rpartition("#")[2], face.box) not in known:
                    new.append(NewFace(table.vectors[i], source, face.box, face.quality))
            change.add_faces(person, new)
            change.note("enrol", person, len(new), "from an album")
            added += len(new)
    gallery.index.refresh()
    gallery.index.prepare()
    return added


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
