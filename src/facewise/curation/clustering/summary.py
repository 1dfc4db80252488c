"""What is in an album, as plain values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from facewise.curation.clustering.album import Album


def summary(album: Album, least: int = 2) -> dict[str, Any]:
    """The people of an album with their faces, and how many strangers there are.

    Args:
        album: to tell of.
        least: faces that somebody without a name must have; who has fewer is a stranger.

    Returns:
        `album`, `model`, `photos`, `faces`, `left_out`, `strangers` and `people`, each with `id`,
        `name` (or None) and `faces`: `id`, `files`, `box`, `score`, `quality`.
    """
    files = album.photo_files()
    people = album.clusters(least)
    by_cluster: dict[int | None, list[dict[str, Any]]] = {}
    every = album.faces()
    for face in every:
        by_cluster.setdefault(face.cluster, []).append(
            {
                "id": face.id,
                "files": [str(path) for path in files.get(face.photo, [])],
                "box": list(face.box),
                "score": face.score,
                "quality": face.quality,
            }
        )
    return {
        "album": str(album.path),
        "model": album.facts.model,
        "photos": len(files),
        "faces": len(every),
        "left_out": sum(face.left_out for face in every),
        "strangers": len(album.clusters()) - len(people),
        "people": [{"id": c.id, "name": c.name, "faces": by_cluster.get(c.id, [])} for c in people],
    }
