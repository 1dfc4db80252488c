"""Identification on all of LFW, by a real gallery: strangers, thresholds, and templates."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from bench.contest import UnavailableError
from bench.record import Group, Record
from facewise.evaluation.metrics.identification import limit_at_fpir
from facewise.gallery import Gallery
from facewise.gallery.enrolment import EnrolOptions
from facewise.gallery.portraits import Portrait
from facewise.gallery.templates import Template

FPIR = 0.01
_TEMPLATES: tuple[Template, ...] = ("best", "mean", "quality")
_SEVERAL = 4  # pictures from which on a person has several enrolled, and several probes
_MODELS = ("dlib_resnet29.dlib", "weights/mobilefacenet-ms1m-128d.pt")

Pictures = Sequence[tuple[str, Path]]


def measure(arguments: argparse.Namespace, record: Record) -> None:
    """Two groups for each model: one picture of each person enrolled, and half of all pictures."""
    people: dict[str, list[Path]] = {}
    for path in sorted((arguments.shared / "data/lfw/lfw-deepfunneled").glob("*/*.jpg")):
        people.setdefault(path.parent.name, []).append(path)
    if not people:
        raise UnavailableError(f"{arguments.shared}: no data/lfw/lfw-deepfunneled; give --shared")
    if arguments.quick:
        people = dict(list(people.items())[:40])
    for model in _MODELS:
        title = Path(model).stem if "/" in model else model
        given = arguments.shared / model if "/" in model else model
        _one_each(title, given, people, record)
        _several(title, given, people, record)


def _one_each(
    title: str, model: str | Path, people: Mapping[str, Sequence[Path]], record: Record
) -> None:
    """The first picture of everybody who has two or more; the rest, and all others, are probes."""
    enrolled = [(name, paths[0]) for name, paths in people.items() if len(paths) > 1]
    mated = [(name, path) for name, paths in people.items() for path in paths[1:]]
    strangers = [(name, paths[0]) for name, paths in people.items() if len(paths) == 1]
    _measure(f"LFW, {title}: one picture of each person", model, enrolled, mated, strangers, record)


def _several(
    title: str, model: str | Path, people: Mapping[str, Sequence[Path]], record: Record
) -> None:
    """Half of the pictures of everybody who has four or more; probes as before."""
    known = {name: paths for name, paths in people.items() if len(paths) >= _SEVERAL}
    enrolled = [(n, path) for n, paths in known.items() for path in paths[::2]]
    mated = [(n, path) for n, paths in known.items() for path in paths[1::2]]
    strangers = [(n, path) for n, paths in people.items() if n not in known for path in paths]
    _measure(
        f"LFW, {title}: half of the pictures of those with four or more",
        *(model, enrolled, mated, strangers, record),
        templates=_TEMPLATES,
    )


def _measure(
    title: str,
    model: str | Path,
    enrolled: Pictures,
    mated: Pictures,
    strangers: Pictures,
    record: Record,
    templates: Sequence[Template] = ("mean",),
) -> None:
    group = Group(
        title,
        unit="",
        reference="",
        columns=["rank_1", "dir", "dir_by_far", "fpir_by_far"],
        notes=[
            f"Enrolled: {len({n for n, _ in enrolled}):,} people, {len(enrolled):,} pictures.",
            f"Probes: {len(mated):,} of them, {len(strangers):,} of strangers.",
            "A probe without a face is never recognised, and counts.",
        ],
    )
    record.groups.append(group)
    spec = "mobilefacenet" if isinstance(model, Path) else model
    with tempfile.TemporaryDirectory() as folder, _create(folder, spec, model) as gallery:
        done = gallery.enrol_portraits(
            [Portrait(name, path, str(path)) for name, path in enrolled],
            options=EnrolOptions(select="most_central"),
        )
        group.notes.append(f"Enrolled without success: {len(enrolled) - done.faces}.")
        threshold = gallery.threshold(fpir=FPIR).value
        for template in templates:
            tops = [list(_tops(gallery, some, template)) for some in (mated, strangers)]
            similar = np.array([similarity for _, similarity in tops[0]])
            right = np.array(
                [found == name for (found, _), (name, _) in zip(tops[0], mated, strict=True)]
            )
            false = np.array([similarity for _, similarity in tops[1]])
            limit = limit_at_fpir(false, FPIR)
            figures = {
                "rank_1": right.mean(),
                "dir_by_far": (right & (similar >= threshold)).mean(),
                "fpir_by_far": (false >= threshold).mean(),
            }
            if limit is not None:
                figures["dir"] = (right & (similar > limit)).mean()
            group.note(template, {key: float(value) for key, value in figures.items()})
            record.save()


def _create(folder: str, spec: str, model: str | Path) -> Gallery:
    import facewise

    weights = model if isinstance(model, Path) else None
    embedder = facewise.load_embedder(spec, weights, precision="float32", backend="torch")
    return Gallery.create(Path(folder, "people.db"), embedder)


def _tops(
    gallery: Gallery, pictures: Pictures, template: Template
) -> Iterator[tuple[str | None, float]]:
    """The most similar person to the most central face of each picture, and how similar."""
    decide = gallery.threshold(threshold=-1.0)
    photos = ((path, str(path)) for _, path in pictures)
    for photo in gallery.identify_each(photos, decide, template=template, top=1):
        if not len(photo.faces) or not photo.candidates:
            yield None, -np.inf
            continue
        centres = photo.faces.boxes.reshape(-1, 2, 2).mean(axis=1)
        face = int(np.linalg.norm(centres - 125, axis=1).argmin())
        candidate = photo.candidates[face][0]
        yield candidate.name, candidate.similarity
