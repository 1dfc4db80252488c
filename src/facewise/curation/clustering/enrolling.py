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
    over, so it can be called after every run. A person that was enrolled without a name gets it
    once the cluster has one. Nobody is removed from a gallery, nor merged there.

    Args:
        album: that holds the clusters.
        clusters: to enrol.
        gallery: of the same model.

    Returns:
        How many faces were added.

    Raises:
        ModelMismatchError: the gallery's vectors are those of another model.
        CurationError: the name that a cluster without a name would have is somebody else's.
        GalleryError: the gallery is damaged, or cannot be written.
    """
    gallery.store.facts().require(album.facts)
    files, digests = album.photo_files(), album.digests()
    added = 0
    for cluster in clusters:
        table = album.table(cluster.id)
        faces = {face.id: face for face in album.faces(cluster.id)}
        with gallery.store.change() as change:
            person = _person(change, album, cluster)
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


def _person(change: Change, album: Album, cluster: Cluster) -> int:
    """The person of a cluster, who may be new."""
    mark = f"facewise cluster: {album.fact('id')} #{cluster.id}"
    nameless = [p for p in change.find_people(f"person {cluster.id}") if p.notes == mark]
    known: list[Person] = change.find_people(cluster.title)
    if nameless and cluster.name is not None and not known:
        change.update_person(nameless[0].id, name=cluster.name, notes="")
        return nameless[0].id
    if not known:
        return change.add_person(cluster.title, notes="" if cluster.name else mark)
    if cluster.name is None and known[0].notes != mark:
        raise CurationError(
            f"gallery: has a {name_key(cluster.title)!r} that is not this album's; name the cluster"
        )
    return known[0].id
