"""MTCNN's three networks from the forms in which they are handed on."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from facewise.convert.mtcnn.caffe import read_caffemodel
from facewise.convert.mtcnn.layers import ORDER, from_caffe, from_tensorflow, from_torch
from facewise.convert.mtcnn.npy import read_npy
from facewise.convert.torch_files import read_checkpoint, state_dict_of
from facewise.errors import ModelError

__all__ = ["convert_mtcnn", "read_networks"]

_NPY, _CAFFE, _TORCH, _TEXT = ".npy", ".caffemodel", (".pt", ".pth"), ".prototxt"


def read_networks(path: Path) -> dict[str, dict[str, Tensor]]:
    """The networks in a file, by `pnet`, `rnet` and `onet`, which its layers tell.

    Args:
        path: `det1.npy` to `det3.npy` of davidsandberg/facenet and its descendants; a
            `.caffemodel` of the original; a `.pt` of facenet-pytorch, of one network or of all.

    Returns:
        float32 tensors with the names and the conventions of `facewise.detection.mtcnn_nets`.

    Raises:
        ModelError: the file is missing, damaged, or of something else; reading it would execute
            code.
    """
    suffix = path.suffix.lower()
    if suffix == _NPY:
        return from_tensorflow(read_npy(path), str(path))
    if suffix == _CAFFE:
        return from_caffe(read_caffemodel(path), str(path))
    if suffix in _TORCH:
        return from_torch(state_dict_of(read_checkpoint(path), path), str(path))
    raise ModelError(f"{path}: expected a file {_NPY}, {_CAFFE} or {_TORCH[0]}")


def convert_mtcnn(paths: Sequence[Path]) -> bytes:
    """Make the file that `--detector mtcnn=FILE` takes, in float32.

    Of facenet-pytorch 2.6.0's own three files it is the one in the package, to the byte.

    Args:
        paths: of files with all three networks together, or the folder of them. A `.prototxt` is
            not needed: layers have their names in the `.caffemodel`.

    Raises:
        ModelError: a file is missing or cannot be read, a network is missing or there twice.
    """
    from facewise.convert.bundled import mtcnn_file

    files = [file for path in paths for file in _files(path)]
    networks: dict[str, dict[str, Tensor]] = {}
    for file in files:
        for name, state in read_networks(file).items():
            if name in networks:
                raise ModelError(f"{file}: {name} again; it was in another file already")
            networks[name] = state
    missing = [name for name in ORDER if name not in networks]
    if missing:
        read = ", ".join(str(file) for file in files)
        raise ModelError(f"{', '.join(missing)}: not in the files that were given ({read})")
    tensors = {f"{name}.{key}": value for name in ORDER for key, value in networks[name].items()}
    digests = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}
    return mtcnn_file(tensors, digests)


def _files(path: Path) -> list[Path]:
    """The weight files of a folder, or the file itself."""
    if not path.is_dir():
        return [] if path.suffix.lower() == _TEXT else [path]
    for endings in ((_NPY,), (_CAFFE,), _TORCH):
        found = sorted(f for f in path.iterdir() if f.suffix.lower() in endings)
        if found:
            return [f for f in found if f.stem in ("det1", "det2", "det3", *ORDER)] or found
    raise ModelError(f"{path}: holds no file {_NPY}, {_CAFFE} or {_TORCH[0]}")
