"""Galleries with everything that files have trouble with, and how they are compared."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np

from facewise.gallery import ImportOptions, ModelFacts, NewFace
from facewise.gallery.digests import source_text
from facewise.gallery.transfer.audit_log import entries
from facewise.gallery.transfer.importing import import_file

D = 32
FACTS = ModelFacts({"model": "probe.colour", "weights": "ab" * 32, "flip": True}, D)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4
WORKER = Path(__file__).with_name("migrating_worker.py")
PAST = datetime(2021, 3, 4, 5, 6, 7, 890123, timezone(timedelta(hours=-3)))
NAMES = ["Ann", "=1+1", "Zoë 😀", "a/b", ".", 'O\'Neill, "Bo"', "'=x", "embedding", "%2F/x"]


def units(rng, n, dimension=D):
    vectors = rng.standard_normal((n, dimension)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def fill(store, rng):
    """Nine people with one to nine faces each, one of many faces, one of none."""
    with store.change() as change:
        for i, name in enumerate(NAMES):
            person = change.add_person(
                name,
                notes="=cmd|' /C calc'!A0\nsecond, \"line\"\r\n" if i % 2 else "",
                consent="@door" if i % 3 else "",
                retain_until=date(2030, 1, i + 1) if i % 2 else None,
                created=PAST + timedelta(days=i),
            )
            change.add_faces(
                person,
                [
                    NewFace(
                        vector,
                        source=(
                            source_text(f"-photos/{name}/é {j % 3}.jpg", f"{i * 9 + j:064x}")
                            if j != 1
                            else ""
                        ),
                        box=(-0.1, 1 / 3, 30, 40.25) if j % 2 else None,
                        quality=1 / 3 if j % 3 else None,
                        chip=PNG + bytes([j]) if j % 2 else None,
                        created=PAST + timedelta(hours=j),
                    )
                    for j, vector in enumerate(units(rng, i + 1))
                ],
            )
        change.add_person("Nobody yet", consent="later", created=PAST)
        many = change.add_person("Many", created=PAST)
        change.add_faces(many, [NewFace(vector, "m.jpg") for vector in units(rng, 700)])


def everybody(store):
    return store.people(limit=10**6)


def vectors_of(store, person):
    return store.vectors_of([face.id for face in store.faces(person.id)]).vectors


def contents(store, *parts):
    """What is in a store, without its numbers: for each person the parts of all faces."""
    found = {}
    for person in everybody(store):
        about = (person.notes, person.consent, person.retain_until, person.created)
        faces = []
        for face, vector in zip(store.faces(person.id), vectors_of(store, person), strict=True):
            values = {
                "source": face.source,
                "vector": vector.tobytes(),
                "box": face.box,
                "quality": face.quality,
                "created": face.created,
                "chip": store.chip(face.id),
            }
            faces.append(tuple(values[part] for part in parts or values))
        found[person.name] = (about, Counter(faces))
    return found


def take(store, path, **options):
    return import_file(store, path, ImportOptions(**options))


def take_assumed(store, path, **options):
    return take(store, path, assume_model=True, **options)


def everything(store):
    """All that can be read, with numbers and times."""
    people = store.people(limit=10**6)
    faces = [face for person in people for face in store.faces(person.id)]
    blocks = list(store.vectors())
    return (
        *(people, faces, [store.chip(face.id) for face in faces], store.counts()),
        *(np.concatenate(parts).tobytes() for parts in zip(*blocks, strict=True)),
    )


def log(store):
    return [(e.time, e.action, e.person_id, e.count, e.detail) for e in entries(store)]


def killed(source, target, after, environment):
    """Start a migration, kill it so many seconds after it is ready; whether it was killed."""
    with subprocess.Popen(
        [sys.executable, str(WORKER), str(source), str(target)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        assert process.stdout.readline() == "ready\n"
        try:
            process.wait(after)
        except subprocess.TimeoutExpired:
            process.kill()
        assert process.wait() in (0, -9), process.stderr.read()
        return process.returncode == -9
