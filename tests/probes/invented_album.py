"""Albums of invented faces, without pictures or models."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from facewise.curation.clustering import Album
from facewise.curation.clustering.records import NewFace, PhotoFile
from facewise.gallery.model_facts import ModelFacts

JPEG = b"\xff\xd8\xff\xe0 not much of a picture"


def album_in(folder, d=64, name="people.album"):
    return Album.create(Path(folder) / name, ModelFacts({"model": "invented"}, d))


def add(album, vectors, photos=None, qualities=None):
    """Add a face for each vector, each in a photo of its own or in that of the given number.

    Photos are counted on from those that are there.
    """
    n = len(vectors)
    first = len(album.digests())
    photos = np.arange(n) if photos is None else np.asarray(photos)
    qualities = np.ones(n) if qualities is None else qualities
    with album.change():
        for photo in sorted(set(photos.tolist())):
            faces = [
                NewFace((0, 0, 50, 60), 0.99, float(qualities[i]), vectors[i], JPEG)
                for i in np.flatnonzero(photos == photo).tolist()
            ]
            number = first + photo
            file = PhotoFile(album.path.parent.absolute() / f"{number}.jpg", 1, number)
            album.add_photo(file, f"{number:064x}", (100, 100), faces)


def clusters(album):
    """The faces of each cluster, by its id."""
    found = {}
    for face in album.faces():
        if face.cluster is not None:
            found.setdefault(face.cluster, []).append(face.id)
    return found
