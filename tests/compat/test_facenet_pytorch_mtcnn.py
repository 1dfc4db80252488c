"""What `MTCNN` returns, and the predecessor's bugs that it does not have."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import facewise.compat.facenet_pytorch as compat
from facewise.errors import DeviceError, ImageError

BOX = [180.0, 59.7, 268.8, 173.3]  # of the astronaut's face, found by facenet-pytorch 2.6.0


@pytest.fixture(scope="module")
def mtcnn():
    return compat.MTCNN()


# What it returns


def test_a_face(mtcnn, astronaut):
    face, probability = mtcnn(astronaut, return_prob=True)
    assert (face.shape, face.dtype) == ((3, 160, 160), torch.float32)
    assert -1 <= face.min() < -0.9
    assert 0.9 < face.max() <= 1
    assert isinstance(probability, float)
    assert probability > 0.999


def test_a_box_with_landmarks(mtcnn, astronaut):
    boxes, probabilities, points = mtcnn.detect(astronaut, landmarks=True)
    np.testing.assert_allclose(boxes.astype(float), [BOX], atol=0.1)
    assert [values.dtype for values in (boxes, probabilities, points)] == [object] * 3
    assert (probabilities.shape, points.shape) == ((1,), (1, 5, 2))
    left_eye, right_eye, nose, left_mouth, right_mouth = points[0]
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < right_mouth[0]


def test_order_of_faces(group):
    largest, _ = compat.MTCNN(select_largest=True).detect(group)
    areas = (largest[:, 2] - largest[:, 0]) * (largest[:, 3] - largest[:, 1])
    assert len(areas) == 3
    assert list(areas) == sorted(areas, reverse=True)
    _, probable = compat.MTCNN(select_largest=False).detect(group)
    assert list(probable) == sorted(probable, reverse=True)


def test_results_may_be_written_to(mtcnn, group, astronaut):
    for boxes in (mtcnn.detect(group)[0], *mtcnn.detect([group, astronaut])[0]):
        boxes += 1


def test_settings_are_attributes(mtcnn, group):
    detector = compat.MTCNN(keep_all=True)
    assert detector(group).shape == (3, 3, 160, 160)
    detector.image_size, detector.post_process, detector.min_face_size = 112, False, 150
    faces = detector(group)
    assert faces.shape == (2, 3, 112, 112)
    assert faces.max() > 200
    detector.thresholds[2] = 1.0
    assert detector(group) is None


def test_default_thresholds_are_not_shared():
    compat.MTCNN().thresholds[0] = 0.1
    assert compat.MTCNN().thresholds == [0.6, 0.7, 0.7]


def test_unknown_selection_method_is_named(group):
    detector = compat.MTCNN(selection_method="biggest")
    with pytest.raises(ValueError, match=r"largest_over_threshold.*'biggest'"):
        detector(group)


def test_missing_device_is_refused():
    with pytest.raises(DeviceError, match="cuda:99"):
        compat.MTCNN(device="cuda:99")


# Its networks


def test_assigned_networks_and_weights_take_effect(astronaut):
    detector = compat.MTCNN()
    state = {key: value.clone() for key, value in detector.state_dict().items()}
    detector.onet = compat.ONet(pretrained=False)
    for parameter in detector.onet.parameters():
        nn.init.zeros_(parameter)  # every face is as probable as not
    assert detector.detect(astronaut)[0] is None
    detector.load_state_dict(state)
    assert len(detector.detect(astronaut)[0]) == 1


def test_subclasses_may_build_their_own_networks(astronaut):
    class Own(compat.MTCNN):
        def __init__(self):
            nn.Module.__init__(self)
            self.min_face_size, self.thresholds, self.factor = 20, [0.6, 0.7, 0.7], 0.709
            self.pnet, self.rnet, self.onet = compat.PNet(), compat.RNet(), compat.ONet()
            self.select_largest = True

    np.testing.assert_allclose(Own().detect(astronaut)[0].astype(float), [BOX], atol=0.1)


def test_half_precision_networks(astronaut):
    for dtype in (torch.float16, torch.bfloat16):
        boxes, _ = compat.MTCNN().to(dtype).detect(astronaut)
        np.testing.assert_allclose(boxes.astype(float), [BOX], atol=4)


def test_copies(mtcnn, astronaut, assert_same):
    for copied in (copy.deepcopy(mtcnn), pickle.loads(pickle.dumps(mtcnn))):
        assert_same(copied.detect(astronaut), mtcnn.detect(astronaut))


def test_copies_of_data_parallel(mtcnn, astronaut, assert_same):
    # In the copies that DataParallel makes, parameters have become plain tensors. The predecessor
    # asked for the first parameter: StopIteration.
    replica = copy.deepcopy(mtcnn)
    for module in replica.modules():
        for name in list(module._parameters):
            setattr(module, name, module._parameters.pop(name).data)
    assert not list(replica.parameters())
    assert_same(replica.detect(astronaut), mtcnn.detect(astronaut))


def test_candidates_outside_the_picture(astronaut):
    # The predecessor left these out of the crops but not out of the boxes: IndexError.
    detector = compat.MTCNN(thresholds=[0.6, 0.0, 0.0])
    with torch.no_grad():
        detector.pnet.conv4_2.bias += torch.tensor([2.0, 0.0, 2.0, 0.0])  # two widths to the right
    boxes, probabilities = detector.detect(astronaut)
    assert len(boxes) == len(probabilities) > 20


# Batches


def test_a_batch_with_a_faceless_picture(astronaut, noise):
    detector = compat.MTCNN()
    faces, probabilities = detector([astronaut, noise, astronaut], return_prob=True)
    assert torch.equal(faces[0], detector(astronaut))
    assert torch.equal(faces[2], faces[0])
    assert faces[1] is None
    assert probabilities.shape == (3, 1)
    assert probabilities[1, 0] is None
    assert probabilities[0, 0] == probabilities[2, 0] > 0.999

    found = detector.detect([noise, astronaut], landmarks=True)
    boxes, probabilities, points = detector.select_boxes(*found, [noise, astronaut])
    assert (boxes[0], probabilities[0, 0], points[0]) == (None, None, None)
    assert (boxes[1].shape, points[1].shape) == ((1, 4), (1, 5, 2))


@pytest.mark.parametrize("method", ["largest_over_threshold", "center_weighted_size"])
def test_a_batch_of_faceless_pictures(noise, method):
    faces, probabilities = compat.MTCNN(selection_method=method)([noise, noise], return_prob=True)
    assert faces == [None, None]
    assert probabilities.tolist() == [[None], [None]]


def test_faces_under_the_threshold(astronaut, mtcnn):
    found = mtcnn.detect([astronaut], landmarks=True)
    chosen = mtcnn.select_boxes(*found, [astronaut], "largest_over_threshold", 0.9999999)
    assert [values.tolist() for values in chosen] == [[None], [[None]], [None]]


def test_pictures_of_different_sizes_and_kinds(mtcnn, astronaut, group, noise):
    small = astronaut.resize((300, 256))
    batch = [astronaut, np.array(group), torch.from_numpy(np.array(small)), noise.resize((9, 300))]
    boxes, probabilities = mtcnn.detect(batch)
    faces = mtcnn(batch)
    assert [None if found is None else len(found) for found in boxes] == [1, 3, 1, None]
    assert [len(values) for values in probabilities] == [1, 3, 1, 1]
    for picture, face in zip(batch[:3], faces[:3], strict=True):
        assert torch.equal(face, mtcnn(picture))
    assert faces[3] is None


def test_an_empty_batch(mtcnn):
    assert mtcnn([]) == []
    assert [len(values) for values in mtcnn.detect([], landmarks=True)] == [0, 0, 0]


# Pictures


@pytest.mark.parametrize("size", [(1, 1), (1, 60), (60, 1), (11, 12), (19, 40), (20, 20), (21, 25)])
def test_tiny_pictures(mtcnn, as_kind, size, noise):
    picture = as_kind(noise.crop((0, 0, *size)))
    boxes, probabilities, points = mtcnn.detect(picture, landmarks=True)
    assert (boxes, points) == (None, None)
    assert probabilities.tolist() == [None]
    assert mtcnn(picture, return_prob=True) == (None, None)
    assert mtcnn([picture, picture]) == [None, None]


@pytest.mark.parametrize("method", ["center_weighted_size", "largest", "probability"])
def test_selection_does_not_depend_on_the_kind_of_picture(group, as_kind, method):
    detector = compat.MTCNN(selection_method=method)
    found = detector.detect(group, landmarks=True)
    expected, _, _ = detector.select_boxes(*found, group, method=method)
    chosen, _, _ = detector.select_boxes(*found, as_kind(group), method=method)
    assert chosen.tolist() == expected.tolist()


def test_center_weighted_size_prefers_the_centre(group):
    detector = compat.MTCNN()
    found = boxes, _, _ = detector.detect(group, landmarks=True)
    centres = (boxes[:, 0] + boxes[:, 2]) / 2
    nearest = int(np.argmin(np.abs(centres - group.width / 2)))
    for picture in (group, np.array(group)):
        box, _, _ = detector.select_boxes(
            *found, picture, method="center_weighted_size", center_weight=1000.0
        )
        assert box[0].tolist() == boxes[nearest].tolist()


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK"])
def test_pictures_of_other_modes(mtcnn, astronaut, mode, tmp_path):
    picture = astronaut.convert(mode)
    face = mtcnn(picture, save_path=tmp_path / "face.png")
    assert torch.equal(face, mtcnn(picture.convert("RGB")))
    assert mtcnn.detect(picture)[1] > 0.999
    with Image.open(tmp_path / "face.png") as saved:
        assert (saved.mode, saved.size) == ("RGB", (160, 160))


@pytest.mark.parametrize("mode", ["L", "RGBA"])
def test_grey_and_alpha_in_arrays_and_tensors(mtcnn, astronaut, mode, as_kind, assert_same):
    picture = as_kind(astronaut.convert(mode))
    in_colours = as_kind(astronaut.convert(mode).convert("RGB"))
    assert_same(mtcnn.detect(picture), mtcnn.detect(in_colours))
    assert_same(mtcnn(picture), mtcnn(in_colours), atol=1 / 128)  # uint8 rounds


def test_other_arrays(mtcnn, astronaut, assert_same):
    colours, grey = np.array(astronaut), np.array(astronaut.convert("L"))
    assert_same(mtcnn(grey[:, :, None]), mtcnn(grey))
    for dtype in (np.int64, np.int16, np.uint16, np.float16):
        assert_same(mtcnn(colours.astype(dtype)), mtcnn(colours))
    assert_same(mtcnn(colours[:, ::-1]), mtcnn(np.ascontiguousarray(colours[:, ::-1])))


def test_transparency_is_white(mtcnn, astronaut):
    clear = astronaut.copy()
    clear.putalpha(0)
    assert mtcnn.detect(clear)[0] is None
    face = compat.extract_face(clear, [10, 10, 60, 60])
    assert bool((face == 255).all())


def test_orientation_is_that_of_the_pixels(mtcnn, astronaut, tmp_path):
    # As in the predecessor: boxes are of the picture the caller has, whatever its EXIF data say.
    exif = Image.Exif()
    exif[0x0112] = 6
    for mode in ("RGB", "L"):
        astronaut.convert(mode).save(tmp_path / "turned.png", exif=exif)
        with Image.open(tmp_path / "turned.png") as turned:
            assert turned.getexif()[0x0112] == 6
            boxes, _ = mtcnn.detect(turned)
        np.testing.assert_allclose(boxes.astype(float), [BOX], atol=4)


def test_float_pictures_are_rounded(mtcnn, astronaut):
    whole = np.array(astronaut)
    boxes, _ = mtcnn.detect(np.clip(whole + 0.3, 0, 255))
    assert boxes.tolist() == mtcnn.detect(whole)[0].tolist()


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.full((40, 40, 3), 0.5, np.float32), "values from 0 to 1"),
        (torch.full((40, 40, 3), 300.0), r"tensor|Tensor.*from 300.0 to 300.0; expected 0 to 255"),
        (np.full((40, 40, 3), np.nan), "from nan to nan"),
        (np.full((40, 40, 3), -1), "from -1 to -1"),
        (torch.zeros(3, 40, 40, dtype=torch.uint8), "channels last"),
        (np.zeros((40, 40, 2), np.uint8), "1, 3 or 4 channels"),
        (np.zeros((0, 40, 3), np.uint8), "no pixels"),
        (np.zeros((40, 40, 3), complex), "expected numbers"),
        ("face.jpg", "expected a PIL image, an array or a tensor"),
    ],
)
def test_what_is_not_a_picture_is_refused(mtcnn, picture, message):
    for call in (mtcnn, mtcnn.detect):
        with pytest.raises(ImageError, match=message):
            call(picture)


# Saved files


def test_saved_faces_are_pictures(astronaut, as_kind, tmp_path):
    detector = compat.MTCNN(post_process=False)
    face = detector(as_kind(astronaut), save_path=tmp_path / "new" / "folder" / "face.png")
    with Image.open(tmp_path / "new" / "folder" / "face.png") as saved:
        pixels = np.array(saved, np.float32)
    np.testing.assert_allclose(pixels, face.permute(1, 2, 0), atol=0.5)


def test_saved_faces_are_numbered(group, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    compat.MTCNN(keep_all=True)(group, save_path="the.face.png")  # no folder in the path
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "the.face.png",
        "the.face_2.png",
        "the.face_3.png",
    ]


def test_paths_of_a_batch(mtcnn, astronaut, noise, tmp_path):
    paths = [tmp_path / "a.png", tmp_path / "b.png", None]
    mtcnn([astronaut, noise, astronaut], save_path=paths)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    with pytest.raises(ValueError, match="expected 2 paths, one for each picture; got 1"):
        mtcnn([astronaut, astronaut], save_path=str(tmp_path / "c.png"))


def test_unwritable_path_is_an_error(mtcnn, astronaut, tmp_path):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "face.png").mkdir()
    for picture in (astronaut, np.array(astronaut)):
        with pytest.raises(OSError, match=r"face\.png"):
            mtcnn(picture, save_path=tmp_path / "taken" / "face.png")


# Boxes


def test_boxes_beyond_the_picture(astronaut, as_kind):
    picture = as_kind(astronaut)
    inside = compat.extract_face(picture, [400, 400, 512, 512], 64)
    assert torch.equal(compat.extract_face(picture, [400, 400, 600, 700], 64), inside)
    outside = compat.extract_face(picture, [600, 20, 700, 90], 32)
    assert (outside.shape, outside.std(dim=2).max()) == ((3, 32, 32), 0)


def test_margin_is_counted_in_pixels_of_the_face(astronaut):
    # 40 of 160 pixels: the box is the middle 120, and so grows by a third.
    with_margin = compat.extract_face(astronaut, [100, 100, 220, 220], 160, 40)
    assert torch.equal(with_margin, compat.extract_face(astronaut, [80, 80, 240, 240], 160, 0))


def test_extract_needs_boxes(mtcnn, astronaut):
    assert mtcnn.extract(astronaut, None, None) is None
    assert mtcnn.extract(astronaut, np.empty((0, 4)), None) is None
    [face] = mtcnn.extract([astronaut], [[BOX, [0, 0, 9, 9]]], None)
    expected = compat.fixed_image_standardization(compat.extract_face(astronaut, BOX))
    assert torch.equal(face, expected)


# Names


def test_modules_lie_where_programs_look_for_them():
    from facewise.compat.facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1
    from facewise.compat.facenet_pytorch.models.mtcnn import MTCNN, prewhiten
    from facewise.compat.facenet_pytorch.models.utils import training
    from facewise.compat.facenet_pytorch.models.utils.detect_face import (
        crop_resize,
        extract_face,
        get_size,
        save_img,
    )

    assert (MTCNN, InceptionResnetV1) == (compat.MTCNN, compat.InceptionResnetV1)
    assert (prewhiten, extract_face) == (compat.prewhiten, compat.extract_face)
    assert training is compat.training
    assert callable(crop_resize)
    assert callable(save_img)
    assert get_size(Image.new("RGB", (3, 5))) == get_size(np.zeros((5, 3, 3))) == (3, 5)


def test_prewhiten():
    values = torch.tensor([1.0, 2.0, 3.0, 6.0])
    deviation = ((4 + 1 + 0 + 9) / 3) ** 0.5
    torch.testing.assert_close(
        compat.prewhiten(values), torch.tensor([-2.0, -1.0, 0.0, 3.0]) / deviation
    )
    assert compat.prewhiten(torch.full((4,), 7.0)).tolist() == [0.0] * 4
