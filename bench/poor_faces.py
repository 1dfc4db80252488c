"""What small, blurred and compressed faces do to similarities; for `facewise.video.naming`.

    python -m bench.poor_faces ../shared/data/lfw

takes pictures of some people of LFW, makes each worse in ways that a video does, and tells

- how far the quality of a face (`facewise.quality`) says how like its person it is;
- how often strangers reach the similarity of FAR 1e-3, by the quality of both faces;
- how often they do when means of faces are compared.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import facewise
from facewise.quality import kept, promise
from facewise.quality.sharpness import detail

_EDGES = (0.0, 0.1, 0.2, 0.3, 0.5, 1.01)
_WORSE = 3  # pictures made of each
_ENROLLED = 3  # clean pictures of a person whose mean is compared
_RANKS = slice(10, None)  # the very first people of LFW have hundreds of pictures

Vector = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Face:
    """A face of a picture as it is (`clean`), or made worse."""

    person: str
    picture: str
    clean: bool
    side: float
    sharpness: float
    quality: float
    vector: Vector


def worse(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A picture as a video shows it: smaller, out of focus, moved, compressed."""
    factor = rng.choice([1, 0.7, 0.5, 0.35, 0.25])
    small = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    sigma = rng.choice([0, 0, 0.6, 1.2, 2])
    if sigma:
        small = cv2.GaussianBlur(small, (0, 0), sigma)
    length = rng.choice([0, 0, 3, 5])
    if length:
        row = rng.random() >= 0.5  # moved sideways, or along a diagonal
        kernel = np.full((1, length), 1 / length) if row else np.eye(length) / length
        small = cv2.filter2D(small, -1, kernel)
    options = [cv2.IMWRITE_JPEG_QUALITY, int(rng.choice([40, 60, 90]))]
    content = cv2.imencode(".jpg", small[..., ::-1], options)[1]
    return np.ascontiguousarray(cv2.imdecode(content, cv2.IMREAD_COLOR)[..., ::-1])


def faces_of(folder: Path, pictures: int, rng: np.random.Generator) -> Iterator[Face]:
    """The face of each of a person's first pictures, and of what is made of it."""
    detector, embedder = facewise.load_detector(), facewise.load_embedder()
    for path in sorted(folder.glob("*.jpg"))[:pictures]:
        image = facewise.load_image(path)
        for number in range(1 + _WORSE):
            shown = worse(image, rng) if number else image
            size = shown.shape[1::-1]
            face = detector.detect([shown])[0].select("most_central", image_size=size)
            if len(face):
                sharp = detail(shown, face.boxes[0])
                promised = float(promise(face.boxes, face.landmarks, face.scores, size)[0])
                [vectors] = embedder.embed_faces([shown], [face])
                side = float(np.sqrt(face.areas[0]))
                worth = kept(promised, shown, face.boxes[0])
                yield Face(folder.name, path.name, not number, side, sharp, worth, vectors[0])


def unit(vectors: Sequence[Vector], weights: Sequence[float] | None = None) -> Vector:
    """Their mean, of unit length."""
    mean = np.average(np.stack(vectors), axis=0, weights=weights)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)


def ranks(values: Sequence[float]) -> NDArray[np.float64]:
    return np.argsort(np.argsort(values)).astype(np.float64)


def tell_quality(faces: Sequence[Face]) -> None:
    """Rank correlations with the likeness to the person's other pictures."""
    alike = []
    for face in faces:
        others = [
            other.vector
            for other in faces
            if other.clean and other.person == face.person and other.picture != face.picture
        ]
        alike.append(float(unit(others) @ face.vector))
    for name in ("side", "sharpness", "quality"):
        found = np.corrcoef(ranks([getattr(face, name) for face in faces]), ranks(alike))[0, 1]
        print(f"rank correlation of {name} with the likeness: {found:.2f}")


def tell_pairs(faces: Sequence[Face], threshold: float) -> None:
    """Strangers that are alike, by the quality of both faces."""
    vectors = np.stack([face.vector for face in faces])
    people = np.array([face.person for face in faces])
    worth = np.array([face.quality for face in faces])
    alike = vectors @ vectors.T >= threshold
    strangers = people[:, None] != people
    bins = [(worth >= low) & (worth < high) for low, high in pairwise(_EDGES)]
    print(f"\nstrangers at {threshold:g} or above, by the quality of both faces")
    print("from    " + "".join(f"{low:9.1f}" for low in _EDGES[:-1]))
    for low, some in zip(_EDGES, bins, strict=False):
        rates = [
            alike[np.ix_(some, other)][strangers[np.ix_(some, other)]].mean() for other in bins
        ]
        print(f"{low:8.1f}" + "".join(f"{rate:9.2%}" for rate in rates))


def tell_means(faces: Sequence[Face], threshold: float) -> None:
    """Strangers that are alike when means are compared; and people, with themselves."""
    people = sorted({face.person for face in faces})
    known, used = [], set()
    for person in people:
        clean = [face for face in faces if face.clean and face.person == person][:_ENROLLED]
        known.append(unit([face.vector for face in clean]))
        used |= {(face.person, face.picture) for face in clean}
    probes: dict[tuple[str, str], list[Face]] = {}
    for face in faces:
        if not face.clean and (face.person, face.picture) not in used:
            probes.setdefault((face.person, face.picture), []).append(face)
    print(f"\nat {threshold:g} or above, people having the mean of {_ENROLLED} pictures")
    single = [(key[0], face.vector) for key, some in probes.items() for face in some]
    means = [
        (key[0], unit([f.vector for f in some], [f.quality for f in some]))
        for key, some in probes.items()
        if any(f.quality for f in some)
    ]
    for name, given in (("single faces", single), (f"means of {_WORSE}", means)):
        alike = np.stack([vector for _, vector in given]) @ np.stack(known).T >= threshold
        own = np.array([person for person, _ in given])[:, None] == np.array(people)
        print(f"{name:14}: strangers {alike[~own].mean():.2%}, the same {alike[own].mean():.1%}")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("lfw", type=Path, help="folder with lfw-deepfunneled")
    parser.add_argument("--people", type=int, default=24)
    parser.add_argument("--pictures", type=int, default=9, help="of each person")
    arguments = parser.parse_args()
    folders = [path for path in (arguments.lfw / "lfw-deepfunneled").iterdir() if path.is_dir()]
    folders.sort(key=lambda path: (-len(list(path.iterdir())), path.name))
    rng = np.random.default_rng(5)
    faces = [
        face
        for folder in folders[_RANKS][: arguments.people]
        for face in faces_of(folder, arguments.pictures, rng)
    ]
    embedder = facewise.load_embedder()
    print(f"{len(faces)} faces of {arguments.people} people, {embedder.spec.id}")
    threshold = embedder.spec.threshold(1e-3).value
    tell_quality(faces)
    tell_pairs(faces, threshold)
    for rate in (1e-3, 1e-4):
        tell_means(faces, embedder.spec.threshold(rate).value)


if __name__ == "__main__":
    main()
