"""Galleries in PostgreSQL, for tests of what only they have."""

from __future__ import annotations

import numpy as np
import pytest

import postgres_server
from facewise.gallery import ModelFacts, NewFace, open_store

D = 64
FACTS = ModelFacts({"model": "probe.postgres"}, D)


@pytest.fixture
def url():
    """Of a new gallery, beside those of other tests in a database."""
    return postgres_server.gallery_url()


@pytest.fixture
def store(url):
    with open_store(url, create=FACTS) as store:
        yield store


@pytest.fixture
def sql(url):
    """Runs a statement as somebody else would, with the tables of the gallery at hand."""
    import psycopg

    postgres_server.server()
    with psycopg.connect(postgres_server.plain(url), autocommit=True) as connection:
        connection.execute(f"SET search_path = {url.rpartition('=')[2]}, public")
        yield connection.execute


@pytest.fixture
def crowd(rng):
    """Vectors of people who are like each other, as faces are: (people, each, D)."""

    def make(people, each=3):
        centres = rng.standard_normal((people, 1, D)) + 1.5 * rng.standard_normal((1, 1, D))
        faces = centres + 0.4 * rng.standard_normal((people, each, D))
        return (faces / np.linalg.norm(faces, axis=2, keepdims=True)).astype(np.float32)

    return make


@pytest.fixture
def enrol():
    """Puts people into a store; their ids, and those of the faces."""

    def put(store, people, name="p"):
        with store.change() as change:
            ids = [change.add_person(f"{name}{i}") for i in range(len(people))]
            faces = [
                change.add_faces(person, [NewFace(vector, f"{name}.jpg") for vector in vectors])
                for person, vectors in zip(ids, people, strict=True)
            ]
        return ids, faces

    return put
