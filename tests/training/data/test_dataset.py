from __future__ import annotations

import pickle
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

import facewise
from facewise.alignment import FivePointCrop, MarginCrop, crop
from facewise.embedding.embedder import normalised
from facewise.errors import ChipError, ImageError, TrainingError
from facewise.images import load
from facewise.training.data.augment import Augmentation
from facewise.training.data.dataset import ChipDataset
from facewise.training.data.draws import Draw
from facewise.training.data.index import read_folder, read_lfw_view1, read_recordio
from facewise.training.data.samplers import build_sampler


@pytest.fixture
def chips(people):
    return read_folder(people(["ann/1.png", "ann/2.png", "bob/1.png"]))


@pytest.fixture
def photos(people, content, picture):
    return read_folder(
        people({f"ann/{i}.png": content(picture(i, 40, 50)) for i in range(3)}, root="photos")
    )


def test_items_are_chips_with_labels(chips, spec, picture) -> None:
    dataset = ChipDataset(chips, spec)
    assert len(dataset) == 3
    for i, label in enumerate((0, 0, 1)):
        chip, found = dataset[i]
        assert chip.dtype == torch.uint8
        assert chip.shape == (16, 16, 3)
        assert np.array_equal(chip.numpy(), picture(i))
        assert found == label
        assert type(found) is int


def test_records_are_chips_too(write_records, spec, content, picture) -> None:
    rec = write_records([(7, content(picture(0))), (3, content(picture(1)))])
    dataset = ChipDataset(read_recordio(rec), spec)
    assert [dataset[i][1] for i in range(2)] == [1, 0]
    assert np.array_equal(dataset[1][0].numpy(), picture(1))


def test_chips_of_another_size_are_an_error_or_resized(people, spec, content, picture) -> None:
    image = picture(0, 32, 32)
    index = read_folder(people({"ann/1.png": content(image)}))
    expected = r"1\.png: 32×32 .* test\.tiny takes chips of 16×16.*resize"
    with pytest.raises(ChipError, match=expected):
        ChipDataset(index, spec).chip(0)
    with pytest.raises(TrainingError, match=f"none of 1 pictures can be used, .*{expected}"):
        ChipDataset(index, spec)[0]
    chip, _ = ChipDataset(index, spec, resize=True)[0]
    means = image.reshape(16, 2, 16, 2, 3).mean((1, 3))
    assert np.abs(chip.numpy() - means).max() <= 0.5
    larger = replace(spec, input_size=64)
    chip, _ = ChipDataset(index, larger, resize=True)[0]
    assert np.array_equal(chip.numpy(), cv2.resize(image, (64, 64)))
    oblong = read_folder(people({"ann/1.png": content(picture(0, 16, 20))}, root="oblong"))
    with pytest.raises(ChipError, match="20×16 pixels"):
        ChipDataset(oblong, spec, resize=True).chip(0)


def test_photos_are_cut_at_the_most_central_face(photos, spec, detector, picture) -> None:
    dataset = ChipDataset(photos, spec, detector=detector)
    for i in range(3):
        assert np.array_equal(dataset[i][0].numpy(), picture(i, 40, 50)[12:28, 17:33])


def test_the_second_epoch_reads_chips(photos, spec, detector, tmp_path) -> None:
    cache = tmp_path / "cache"
    first = ChipDataset(photos, spec, detector=detector, cache_dir=cache)
    cut = [first[i][0] for i in range(3)]
    assert detector.seen == 3
    second = ChipDataset(photos, spec, detector=detector, cache_dir=cache)
    assert all(torch.equal(second[i][0], cut[i]) for i in range(3))
    assert detector.seen == 3
    assert len(list(cache.rglob("*.webp"))) == 3


def test_kept_chips_are_of_this_content_and_these_settings(
    photos, spec, detector, tmp_path, content, picture
) -> None:
    cache = tmp_path / "cache"
    ChipDataset(photos, spec, detector=detector, cache_dir=cache)[0]
    photos.sources[0].write_bytes(content(picture(9, 40, 50)))
    chip, _ = ChipDataset(photos, spec, detector=detector, cache_dir=cache)[0]
    assert np.array_equal(chip.numpy(), picture(9, 40, 50)[12:28, 17:33])
    assert detector.seen == 2
    detector.settings = {"corner": 2}
    ChipDataset(photos, spec, detector=detector, cache_dir=cache)[0]
    assert detector.seen == 3


def test_a_damaged_cache_is_made_again_and_a_missing_one_is_no_matter(
    photos, spec, detector, tmp_path
) -> None:
    cache = tmp_path / "cache"
    expected = ChipDataset(photos, spec, detector=detector, cache_dir=cache)[0][0]
    [kept] = cache.rglob("*.webp")
    kept.write_bytes(kept.read_bytes()[:50])
    again = ChipDataset(photos, spec, detector=detector, cache_dir=cache)
    assert torch.equal(again[0][0], expected)
    assert detector.seen == 2
    assert torch.equal(again[0][0], expected)
    assert detector.seen == 2
    (tmp_path / "file").touch()
    nowhere = ChipDataset(photos, spec, detector=detector, cache_dir=tmp_path / "file")
    assert torch.equal(nowhere[0][0], expected)


def test_a_bad_picture_is_replaced_by_the_next_of_the_person(
    people, spec, detector, content, picture, tmp_path
) -> None:
    black = content(np.zeros((40, 50, 3), np.uint8))
    files = {"ann/1.png": content(picture(1, 40, 50)), "ann/2.png": black, "ann/3.png": b"x",
             "ann/4.png": content(picture(4, 40, 50)), "bob/1.png": black}  # fmt: skip
    dataset = ChipDataset(
        read_folder(people(files)), spec, detector=detector, cache_dir=tmp_path / "cache"
    )
    for bad, reason, instead in ((1, "2.png: no face found", 4), (2, "3.png: not an image", 4)):
        with pytest.warns(RuntimeWarning, match=rf"{reason}.*; .*4\.png takes its place"):
            chip, label = dataset[bad]
        assert label == 0
        assert np.array_equal(chip.numpy(), picture(instead, 40, 50)[12:28, 17:33])
    seen = detector.seen
    with pytest.warns(RuntimeWarning, match="no face found"):
        dataset[1]
    assert detector.seen == seen  # that there is no face is kept, too
    with pytest.raises(ImageError, match=r"2\.png: no face found"):
        dataset.chip(1)
    with pytest.warns(RuntimeWarning, match=r"bob.*no face found; .*ann.*1\.png takes its place"):
        chip, label = dataset[4]
    assert label == 0  # nobody learns that ann is bob
    assert np.array_equal(chip.numpy(), picture(1, 40, 50)[12:28, 17:33])
    nobody = ChipDataset(read_folder(people({"c/1.png": black, "d/1.png": black}, root="none")),
                         spec, detector=detector)  # fmt: skip
    with pytest.raises(TrainingError, match=r"none of 2 pictures can be used, .*no face found"):
        nobody[0]
    with pytest.raises(IndexError):
        nobody[2]


def test_arguments_that_contradict_each_other(chips, spec, detector, tmp_path) -> None:
    with pytest.raises(TrainingError, match="chips need no detector"):
        ChipDataset(chips, spec, aligned=True, detector=detector)
    with pytest.raises(TrainingError, match="and no cache_dir"):
        ChipDataset(chips, spec, cache_dir=tmp_path)
    with pytest.raises(TrainingError, match="resize: only of chips"):
        ChipDataset(chips, spec, detector=detector, resize=True)
    with pytest.raises(TrainingError, match="no input_size"):
        ChipDataset(chips, replace(spec, input_size=None))
    with pytest.raises(TrainingError, match="no crop"):
        ChipDataset(chips, replace(spec, crop=None), detector=detector)


def test_augmentation_follows_the_draw_and_the_seed(chips, spec) -> None:
    strong = Augmentation(colour=1, occlusion=1)
    dataset = ChipDataset(chips, spec, augment=strong, seed=1)
    one, again, later = (dataset[Draw(0, serial)][0] for serial in (5, 5, 6))
    assert torch.equal(one, again)
    assert not torch.equal(one, later)
    other = ChipDataset(chips, spec, augment=strong, seed=2)
    assert not torch.equal(one, other[Draw(0, 5)][0])
    torch.manual_seed(0)
    plain = [dataset[0][0] for _ in range(2)]
    assert not torch.equal(*plain)
    torch.manual_seed(0)
    assert torch.equal(dataset[0][0], plain[0])


def test_workers_and_processes_do_not_change_what_is_seen(chips, spec) -> None:
    dataset = ChipDataset(chips, spec, augment=Augmentation(colour=1, turn=1), seed=1)

    def batches(workers: int, **options):
        sampler = build_sampler("balanced", chips.labels, batch_size=4, seed=3, **options)
        sampler.set_epoch(2)
        return list(DataLoader(dataset, batch_sampler=sampler, num_workers=workers))

    [(alone, labels)] = batches(0)
    [(by_workers, _)] = batches(2)
    assert alone.shape == (4, 16, 16, 3)
    assert alone.dtype == torch.uint8
    assert labels.dtype == torch.int64
    assert torch.equal(alone, by_workers)
    parts = [batches(0, rank=rank, world=2)[0][0] for rank in range(2)]
    assert torch.equal(torch.cat(parts), alone)


def test_workers_that_are_spawned_get_a_copy(photos, spec, write_records, content, picture) -> None:
    detector = facewise.load_detector()
    records = read_recordio(write_records([(0, content(picture(0)))]))
    for dataset in (
        ChipDataset(records, spec, augment=Augmentation(blur=1)),
        ChipDataset(photos, replace(spec, crop=MarginCrop(16, 2)), detector=detector),
    ):
        copied = pickle.loads(pickle.dumps(dataset))
        assert len(copied) == len(dataset)
        assert copied.index.names == dataset.index.names
    chip, _ = pickle.loads(pickle.dumps(ChipDataset(records, spec)))[0]
    assert np.array_equal(chip.numpy(), picture(0))


def test_training_and_serving_see_the_same_input(spec, examples) -> None:
    photo = examples / "photos/astronaut.jpg"
    detector = facewise.load_detector()
    spec = replace(spec, input_size=112, crop=FivePointCrop())
    index = read_folder(examples / "people")
    for number, source in enumerate(index.sources[:2]):
        chip, _ = ChipDataset(index, spec, detector=detector)[number]
        image = load(source)
        [faces] = detector.detect([image])
        best = faces.select("most_central", image_size=(image.shape[1], image.shape[0]))
        served = crop(image, best, spec.crop)
        device = torch.device("cpu")
        assert torch.equal(
            normalised(chip[None].numpy(), spec, device), normalised(served, spec, device)
        )
    assert photo.exists()


@pytest.mark.shared
def test_lfw_chips_as_they_lie_there(shared, spec) -> None:
    index = read_lfw_view1(shared("data/lfw/peopleDevTrain.txt"), shared("data/lfw-aligned-112"))
    dataset = ChipDataset(index, replace(spec, input_size=112, crop=FivePointCrop()))
    numbers = range(0, len(dataset), 100)
    chips, labels = zip(*(dataset[i] for i in numbers), strict=True)
    assert torch.stack(chips).shape == (len(numbers), 112, 112, 3)
    assert list(labels) == index.labels[::100].tolist()
    assert 60 < float(torch.stack(chips).float().mean()) < 160
