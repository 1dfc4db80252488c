"""URLs of galleries in PostgreSQL; a password is in no text that anybody sees."""

from __future__ import annotations

import traceback

import pytest

from facewise.errors import GalleryError
from facewise.gallery import open_store

pytest.importorskip("psycopg", reason="psycopg is not installed")

from facewise.gallery.stores.postgres.address import parsed

SECRET = "s3cret"


@pytest.mark.parametrize(
    ("url", "shown", "schema"),
    [
        ("postgresql://", "postgresql://", "facewise"),
        ("postgresql:///faces", "postgresql:///faces", "facewise"),
        ("postgresql://h/d?gallery=staff", "postgresql://h/d?gallery=staff", "staff"),
        (f"postgresql://u:{SECRET}@h:1/d", "postgresql://u@h:1/d", "facewise"),
        (f"postgresql://u@h/d?password={SECRET}&gallery=b", "postgresql://u@h/d?gallery=b", "b"),
        (f"postgresql://u:{SECRET}%40%2F%3F@h/d", "postgresql://u@h/d", "facewise"),
        ("postgresql://u@a:1,b:2/d?gallery=x", "postgresql://u@a,b:1,2/d?gallery=x", "x"),
        ("postgresql://u@h/d?gallery=x&sslmode=disable", "postgresql://u@h/d?gallery=x", "x"),
        ("postgresql:///d?host=/run/pg", "postgresql:///run/pg/d", "facewise"),
    ],
)
def test_what_is_shown_of_a_url(url, shown, schema):
    address = parsed(url)
    assert (address.url, address.schema) == (shown, schema)
    assert SECRET not in f"{address} {address!r}"
    if SECRET in url:
        assert str(address.parameters["password"]).startswith(SECRET)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://u:{SECRET}/x@h/d",
        f"postgresql://u:{SECRET}?x@h/d",
        f"postgresql://u:{SECRET}#x@h/d",
        f"postgresql://u:x@{SECRET}@h/d",
        f"postgresql://u:{SECRET}%zz@h/d",
        f"postgresql://u:{SECRET}/d",
        f"postgresql://u:[{SECRET}@h/d",
        f"postgresql://u@h/d?unknown={SECRET}",
    ],
)
def test_a_bad_url_shows_no_password(url):
    with pytest.raises(GalleryError) as caught:
        open_store(url)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


@pytest.mark.parametrize(
    "name",
    [
        *("", "A", "1a", "a-b", "a b", "a'b", 'a"b', "a.b", "x" * 64, "é", "a%22;drop", "a%00"),
        *("pg_a", "public", "information_schema", "a&gallery=b"),
    ],
)
def test_names_of_galleries_that_are_none(name):
    with pytest.raises(GalleryError, match="expected one name"):
        open_store(f"postgresql://h/d?gallery={name}")


def test_each_purpose_of_each_gallery_has_a_lock_of_its_own():
    galleries = [parsed(f"postgresql://h/d?gallery={name}") for name in ("a", "b")]
    locks = {gallery.lock(purpose) for gallery in galleries for purpose in ("change", "index")}
    assert len(locks) == 4
    assert all(-(2**63) <= lock < 2**63 for lock in locks)
    assert galleries[0].lock("change") == parsed("postgresql://u@h:5/d?gallery=a").lock("change")
