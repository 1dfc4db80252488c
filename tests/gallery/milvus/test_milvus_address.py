"""URLs of galleries in Milvus."""

from __future__ import annotations

import pytest

from facewise.errors import GalleryError
from facewise.gallery.stores.milvus.address import TOKEN, parse


@pytest.mark.parametrize(
    ("url", "folder", "records"),
    [
        ("milvus:///people", "people", "people/records.db"),
        ("MILVUS:////srv/a b/people", "/srv/a b/people", "/srv/a b/people/records.db"),
    ],
)
def test_folders(url, folder, records):
    found = parse(url)
    assert (str(found.folder), found.records, found.token) == (folder, records, "")


@pytest.mark.parametrize(
    ("url", "server", "token", "name", "records", "shown"),
    [
        (
            "milvus://db.example:19531/people?records=people.db",
            *("http://db.example:19531", "", "people", "people.db"),
            "milvus://db.example:19531/people",
        ),
        (
            "milvus://ann:s%40c@db/p_1?tls=true&records=postgresql://a:b@h/x?sslmode=require&y=1",
            *("https://db:19530", "ann:s@c", "p_1", "postgresql://a:b@h/x?sslmode=require&y=1"),
            "milvus://db:19530/p_1",
        ),
        (
            "milvus://[::1]:7/people?records=sqlite:////srv/people.db",
            *("http://[::1]:7", "", "people", "sqlite:////srv/people.db"),
            "milvus://[::1]:7/people",
        ),
    ],
)
def test_servers(url, server, token, name, records, shown):
    found = parse(url)
    assert found.folder is None
    assert (found.server, found.token, found.collection) == (server, token, name)
    assert (found.records, found.url) == (records, shown)
    assert repr(found) == f"Address({shown!r})"


def test_a_token_from_the_environment(monkeypatch):
    monkeypatch.setenv(TOKEN, "ann:secret")
    assert parse("milvus://db/p?records=a.db").token == "ann:secret"
    assert parse("milvus://ben:other@db/p?records=a.db").token == "ben:other"
    assert parse("milvus:///people").token == ""


@pytest.mark.parametrize(
    "url",
    [
        "milvus:///",
        "milvus://",
        "milvus:///a\0b",
        "milvus://host",
        "milvus://host/people",
        "milvus://host/people?records=",
        "milvus://host/?records=a.db",
        "milvus://host/a-b?records=a.db",
        "milvus://host/a/b?records=a.db",
        "milvus://host:port/a?records=a.db",
        "milvus://host/a?tls=maybe&records=a.db",
        "milvus://host/a?colour=red&records=a.db",
    ],
)
def test_urls_that_are_none(url):
    with pytest.raises(GalleryError, match="expected") as caught:
        parse(url)
    assert "secret" not in str(caught.value)


def test_a_refused_url_hides_its_password():
    with pytest.raises(GalleryError) as caught:
        parse("milvus://ann:s3cret@host:port/people?records=postgresql://b:s3cret@x/y")
    assert "s3cret" not in str(caught.value)
