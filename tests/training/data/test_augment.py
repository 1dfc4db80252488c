from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image

from facewise.errors import ExtraMissingError, TrainingError
from facewise.training.data.augment import Augmentation

STRENGTHS = {
    "turn": {"rotation": 10.0, "scale": 0.1},
    "occlusion": {"occlusion_area": (0.1, 0.2)},
    "colour": {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "hue": 0.1},
    "blur": {"blur_sigma": (0.5, 1.5)},
    "low_resolution": {"low_resolution_side": (0.2, 0.5)},
    "jpeg": {"jpeg_quality": (20, 60)},
}
CHANGES = ["flip", *STRENGTHS]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def only(name: str, probability: float = 1, **strengths) -> Augmentation:
    options = {"flip": 0, name: probability, **STRENGTHS.get(name, {}), **strengths}
    return Augmentation(**options)


@pytest.fixture
def chip(examples) -> torch.Tensor:
    with Image.open(examples / "photos/astronaut.jpg") as photo:
        face = photo.convert("RGB").crop((170, 60, 282, 172))
    return torch.from_numpy(np.array(face))


def sharpness(chip: torch.Tensor) -> float:
    values = chip.double()
    return float((values[:, 1:] - values[:, :-1]).abs().mean())


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_keeps_the_form_and_is_decided_by_the_generator(chip, name) -> None:
    augmentation = only(name)
    before = chip.clone()
    one, again, other = (augmentation(chip, generator(seed)) for seed in (1, 1, 2))
    assert one.shape == (112, 112, 3)
    assert one.dtype == torch.uint8
    assert one.is_contiguous()
    assert torch.equal(one, again)
    assert not torch.equal(one, before)
    assert torch.equal(one, other) == (name == "flip")
    assert torch.equal(chip, before)  # the input stays as it is


@pytest.mark.parametrize("name", CHANGES)
def test_each_change_happens_as_often_as_it_is_asked_for(chip, name) -> None:
    chip = chip[40:72, 40:72].contiguous()
    augmentation, random = only(name, 0.3), generator()
    changed = sum(augmentation(chip, random) is not chip for _ in range(600))
    assert 130 <= changed <= 230  # 180, standard deviation 11


def test_off_is_the_chip_itself(chip) -> None:
    assert Augmentation(flip=0)(chip, generator()) is chip


def test_by_default_half_of_the_chips_are_mirrored(chip) -> None:
    random = generator()
    mirrored = chip.flip(1)
    made = [Augmentation()(chip, random) for _ in range(400)]
    count = sum(torch.equal(each, mirrored) for each in made)
    assert count + sum(each is chip for each in made) == 400
    assert 160 <= count <= 240


def test_flip_mirrors_columns_by_hand() -> None:
    chip = torch.tensor([[[1, 2, 3], [4, 5, 6]], [[7, 8, 9], [10, 11, 12]]], dtype=torch.uint8)
    assert only("flip")(chip, generator()).tolist() == [
        [[4, 5, 6], [1, 2, 3]],
        [[10, 11, 12], [7, 8, 9]],
    ]


def test_without_strength_a_turn_changes_nothing(chip) -> None:
    assert torch.equal(only("turn", rotation=0, scale=0)(chip, generator()), chip)


def test_a_turn_is_about_the_middle_and_within_its_range() -> None:
    chip = torch.zeros((101, 101, 3), dtype=torch.uint8)
    chip[49:52, 49:52] = 255  # the middle
    chip[49:52, 79:82] = 255  # 30 pixels to its right
    places, random = [], generator()
    for _ in range(200):
        turned = only("turn", rotation=20, scale=0.2)(chip, random)
        assert turned[50, 50, 0] > 200
        values = turned[:, :, 0].double().clone()
        values[45:56, 45:56] = 0
        y, x = (
            float((values.sum(1 - axis) * torch.arange(101)).sum() / values.sum()) - 50
            for axis in (0, 1)
        )
        places.append((np.hypot(x, y) / 30, np.degrees(np.arctan2(y, x))))
    factors, angles = np.array(places).T
    assert 1 / 1.22 < factors.min() < 1 / 1.15
    assert 1.15 < factors.max() < 1.22
    assert -20.5 < angles.min() < -17
    assert 17 < angles.max() < 20.5
    assert abs(np.log(factors).mean()) < 0.03
    assert abs(angles.mean()) < 2.5


def test_brightness_is_a_factor_in_its_range() -> None:
    chip = torch.full((8, 8, 3), 100, dtype=torch.uint8)
    augmentation = only("colour", brightness=0.3, contrast=0, saturation=0, hue=0)
    random = generator()
    values = np.array([int(augmentation(chip, random)[0, 0, 0]) for _ in range(300)])
    assert (values >= 70).all()
    assert (values <= 130).all()
    assert values.min() < 74
    assert values.max() > 126
    assert abs(values.mean() - 100) < 4


def test_saturation_of_one_factor_mixes_with_grey() -> None:
    chip = torch.tensor([200, 100, 50], dtype=torch.uint8).expand(4, 4, 3).contiguous()
    augmentation = only("colour", brightness=0, contrast=0, saturation=1.0, hue=0)
    # ITU-R BT.601: 0.299 R + 0.587 G + 0.114 B; all mixtures lie on one line through it.
    grey = 0.299 * 200 + 0.587 * 100 + 0.114 * 50
    for seed in range(20):
        r, g, b = augmentation(chip, generator(seed))[0, 0].tolist()
        factor = (g - grey) / (100 - grey)
        if r < 255 and b > 0:
            assert abs(r - (grey + factor * (200 - grey))) < 8
            assert abs(b - (grey + factor * (50 - grey))) < 8


def test_occlusion_replaces_a_rectangle_of_the_stated_area(chip) -> None:
    chip = torch.zeros((100, 100, 3), dtype=torch.uint8)
    augmentation, random = only("occlusion", occlusion_area=(0.1, 0.2)), generator()
    areas, covered = [], np.zeros((100, 100), bool)
    for _ in range(200):
        hidden = augmentation(chip, random).any(2).bool().numpy()
        rows, columns = np.flatnonzero(hidden.any(1)), np.flatnonzero(hidden.any(0))
        box = np.ix_(range(rows[0], rows[-1] + 1), range(columns[0], columns[-1] + 1))
        areas.append(hidden[box].size / 10_000)
        assert hidden[box].mean() > 0.999  # noise is black once in 256^3
        covered |= hidden
    assert min(areas) > 0.09
    assert max(areas) < 0.21
    assert abs(np.mean(areas) - 0.15) < 0.01
    assert covered[10:90, 10:90].all()


def test_blur_and_low_resolution_take_detail_and_keep_the_mean(chip) -> None:
    for name, weak, strong in (
        ("blur", {"blur_sigma": (0.5, 0.5)}, {"blur_sigma": (2, 2)}),
        (
            "low_resolution",
            {"low_resolution_side": (0.8, 0.8)},
            {"low_resolution_side": (0.2, 0.2)},
        ),
    ):
        little, much = (only(name, **each)(chip, generator()) for each in (weak, strong))
        assert sharpness(chip) > sharpness(little) > 1.5 * sharpness(much)
        assert abs(float(much.double().mean() - chip.double().mean())) < 1


def test_blur_of_a_point_is_a_gaussian() -> None:
    chip = torch.zeros((31, 31, 3), dtype=torch.uint8)
    chip[15, 15] = 255
    chip[15, 15, 1] = 0
    blurred = only("blur", blur_sigma=(1, 1))(chip, generator())[:, :, 0].double()
    # exp(-r²/2) of the middle: 255 / (2π) there, and its parts beside it.
    assert abs(float(blurred[15, 15]) - 255 / (2 * np.pi)) < 1
    assert abs(float(blurred[15, 16] / blurred[15, 15]) - np.exp(-0.5)) < 0.03
    assert abs(float(blurred[16, 16] / blurred[15, 15]) - np.exp(-1)) < 0.03


def test_jpeg_is_as_bad_as_pillow_makes_it(chip) -> None:
    made = only("jpeg", jpeg_quality=(30, 30))(chip, generator()).numpy()
    file = io.BytesIO()
    Image.fromarray(chip.numpy()).save(file, "JPEG", quality=30)
    with Image.open(file) as image:
        theirs = np.array(image)
    assert np.array_equal(made, theirs)
    worse = only("jpeg", jpeg_quality=(5, 5))(chip, generator()).numpy().astype(int)
    assert np.abs(worse - chip.numpy()).mean() > np.abs(made.astype(int) - chip.numpy()).mean()


def test_all_at_once_on_chips_of_any_size(chip) -> None:
    strong = Augmentation(**dict.fromkeys(CHANGES, 1), hue=0.1)
    for side in (1, 2, 7, 112):
        part = chip[:side, :side].contiguous()
        made = strong(part, generator())
        assert made.shape == part.shape
        assert made.dtype == torch.uint8


@pytest.mark.parametrize(
    ("options", "match"),
    [
        *[({name: 1.5}, f"{name}: expected a number from 0 to 1, got 1.5") for name in CHANGES],
        ({"flip": float("nan")}, "flip: expected a number from 0 to 1, got nan"),
        ({"flip": True}, "flip: expected a number"),
        ({"blur": "often"}, "blur: expected a number from 0 to 1, got 'often'"),
        ({"rotation": -1}, "rotation: expected a number from 0 to 180"),
        ({"scale": 2}, "scale: expected a number from 0 to 1"),
        ({"hue": 0.6}, "hue: expected a number from 0 to 0.5"),
        ({"blur_sigma": (0, 1)}, "blur_sigma: expected a number from 0.001"),
        ({"blur_sigma": (2, 1)}, "blur_sigma: expected the lower number first"),
        ({"blur_sigma": 1}, "blur_sigma: expected two numbers, low and high, got 1"),
        ({"blur_sigma": (1, 2, 3)}, "blur_sigma: expected two numbers"),
        ({"jpeg_quality": (0, 50)}, "jpeg_quality: expected a number from 1 to 100"),
        ({"jpeg_quality": (10.5, 50)}, "jpeg_quality: expected whole numbers"),
        ({"low_resolution_side": (0.5, 1.1)}, "low_resolution_side: expected a number from 0.001"),
        ({"occlusion_area": (0.5, 1)}, "occlusion_area: expected a number"),
    ],
)
def test_values_outside_their_range_are_named(options, match) -> None:
    with pytest.raises(TrainingError, match=match):
        Augmentation(**options)


def test_lists_are_taken_as_yaml_has_them() -> None:
    assert Augmentation(jpeg_quality=[30, 60]).jpeg_quality == (30, 60)


def test_all_but_the_mirror_need_torchvision(monkeypatch) -> None:
    import_module: Callable = __import__("importlib").import_module

    def without(name: str):
        if name.startswith("torchvision"):
            raise ImportError(name)
        return import_module(name)

    monkeypatch.setattr("importlib.import_module", without)
    Augmentation(flip=1)
    with pytest.raises(ExtraMissingError, match=r"torchvision; pip install 'facewise\[train\]'"):
        Augmentation(blur=0.1)
