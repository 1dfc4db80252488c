"""Cleaning of LFW's folders, as docs/results/curation.md has it."""

from __future__ import annotations

import numpy as np
import pytest
from bench.clean import WRONG, figures, mix, read, rejected

import facewise


def test_a_mix_has_the_share_that_was_asked_for_and_each_picture_once(rng):
    people = np.array([f"p{i}" for i in range(60) for _ in range(1 + 29 * (i < 20))])
    rng.shuffle(people)
    for share in (0.05, 0.3):
        mixed = mix(people, share, 1)
        assert len(set(mixed.pictures.tolist())) == len(mixed.pictures)
        assert share - 0.01 <= mixed.dirt.mean() <= 1.5 * share  # pictures left their folders too
        assert (np.bincount(mixed.folders) >= 10).all()
        same = mix(people, share, 1)
        assert (same.pictures == mixed.pictures).all()


@pytest.mark.shared
@pytest.mark.slow
def test_a_fifth_of_dirt_is_found_in_folders_of_lfw(shared):
    folders = shared("data/lfw/lfw-deepfunneled").iterdir()
    many = [paths for folder in folders if len(paths := sorted(folder.glob("*.jpg"))) >= 10]
    weights = shared("weights/mobilefacenet-ms1m-128d.pt")
    embedder = facewise.load_embedder("mobilefacenet", weights)
    photos = read([path for paths in sorted(many) for path in paths], embedder)
    mixed = mix(photos.people, 0.2, 0)
    dirt = mixed.dirt | np.isin(photos.names[mixed.pictures], WRONG)
    precision, recall = figures(rejected(photos, mixed, embedder.spec, "ours"), dirt)
    assert precision >= 0.97
    assert recall >= 0.97
