"""`Faces`: what a detector found in one picture, as a validated struct of arrays."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NoReturn, get_args

import numpy as np

from facewise.errors import FacesError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from facewise.images import ImageSource

SelectPolicy = Literal["largest", "most_confident", "most_central", "largest_over"]

_RESERVED = ("box", "score", "landmarks")


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """n faces of one picture; immutable, and its arrays are read-only.

    Attributes:
        boxes: float32 (n, 4), `(x1, y1, x2, y2)` in pixels of the picture, origin at its top-left
            corner; a box may reach beyond the picture.
        scores: float32 (n,), the detector's confidence in [0, 1].
        landmarks: float32 (n, 5, 2), `(x, y)` of left eye, right eye (as seen in the picture),
            nose, left and right corner of the mouth; None when the detector gives none.
        data: further values, one for each face, by name: strings, booleans, integers or floats
            of shape (n, …).

    Raises:
        FacesError: the shapes do not fit, a value is not finite, a score is outside [0, 1] or a
            box is inverted.

    Example:
        >>> import facewise
        >>> faces = facewise.Faces(boxes=[[10, 10, 50, 60], [0, 0, 20, 20]], scores=[0.9, 0.99])
        >>> len(faces), faces.select("largest").boxes.tolist()
        (2, [[10.0, 10.0, 50.0, 60.0]])
        >>> facewise.Faces.from_json(faces.to_json()) == faces
        True
    """

    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    landmarks: NDArray[np.float32] | None = None
    data: Mapping[str, NDArray[Any]] = field(default_factory=dict)

    if TYPE_CHECKING:  # whatever makes such arrays is taken

        def __init__(
            self,
            boxes: ArrayLike,
            scores: ArrayLike,
            landmarks: ArrayLike | None = None,
            data: Mapping[str, ArrayLike] = ...,
        ) -> None: ...

    def __post_init__(self) -> None:
        boxes = _floats("boxes", self.boxes, (4,))
        n = len(boxes)
        scores = _floats("scores", self.scores, ())
        _same_length("scores", scores, n)
        if n and not (scores.min() >= 0 and scores.max() <= 1):
            raise FacesError(
                f"scores: expected values in [0, 1], got {scores.min()} to {scores.max()}"
            )
        if n and (boxes[:, 2:] < boxes[:, :2]).any():
            bad = int(np.flatnonzero((boxes[:, 2:] < boxes[:, :2]).any(axis=1))[0])
            raise FacesError(f"boxes: expected x1 <= x2 and y1 <= y2, got {boxes[bad].tolist()}")
        landmarks = self.landmarks
        if landmarks is not None:
            landmarks = _floats("landmarks", landmarks, (5, 2))
            _same_length("landmarks", landmarks, n)
        if not isinstance(self.data, Mapping):
            raise FacesError(f"data: expected a dictionary of columns, got {self.data!r}")
        columns = {name: _column(name, values, n) for name, values in self.data.items()}
        for name, value in (("boxes", boxes), ("scores", scores), ("landmarks", landmarks)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "data", _Columns(columns))

    @classmethod
    def empty(cls, *, landmarks: bool = True) -> Faces:
        """No faces; with an empty array of landmarks unless told otherwise."""
        points = np.empty((0, 5, 2), np.float32) if landmarks else None
        return cls(np.empty((0, 4), np.float32), np.empty(0, np.float32), points)

    @classmethod
    def concat(cls, parts: Iterable[Faces]) -> Faces:
        """The faces of all parts, in order.

        Raises:
            FacesError: some parts with faces have landmarks or a data column and others have not.
        """
        parts = list(parts)
        filled = [part for part in parts if len(part)] or parts[:1]
        if not filled:
            return cls.empty()
        if len({part.landmarks is None for part in filled}) > 1:
            raise FacesError("landmarks: some of the parts have landmarks and others have none")
        keys = [set(part.data) for part in filled]
        if any(k != keys[0] for k in keys):
            raise FacesError(
                f"data: the parts have different columns ({[sorted(k) for k in keys]})"
            )
        for name in filled[0].data:
            kinds = {(part.data[name].dtype.kind, part.data[name].shape[1:]) for part in filled}
            if len(kinds) > 1:
                raise FacesError(f"data[{name!r}]: the parts have different types or shapes")
        points = [part.landmarks for part in filled if part.landmarks is not None]
        return cls(
            np.concatenate([part.boxes for part in filled]),
            np.concatenate([part.scores for part in filled]),
            np.concatenate(points) if points else None,
            {k: np.concatenate([part.data[k] for part in filled]) for k in filled[0].data},
        )

    def __len__(self) -> int:
        return len(self.boxes)

    def __iter__(self) -> Iterator[Faces]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, index: int | slice | Sequence[int] | NDArray[Any]) -> Faces:
        """Faces chosen by number, slice, list of numbers or boolean mask; always a `Faces`."""
        if isinstance(index, (int, np.integer)):
            if not -len(self) <= index < len(self):
                raise IndexError(f"face {index} of {len(self)}")
            rows: Any = [index]
        elif isinstance(index, slice):
            rows = index
        else:
            rows = np.asarray(index)
            if rows.dtype == bool and rows.shape != (len(self),):
                raise FacesError(f"mask: expected shape ({len(self)},), got {rows.shape}")
            if rows.dtype != bool:
                rows = rows.astype(np.intp, casting="safe" if rows.size else "unsafe")
        landmarks = None if self.landmarks is None else self.landmarks[rows]
        data = {name: values[rows] for name, values in self.data.items()}
        return Faces(self.boxes[rows], self.scores[rows], landmarks, data)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Faces):
            return NotImplemented
        mine, theirs = self._arrays(), other._arrays()
        return mine.keys() == theirs.keys() and all(
            np.array_equal(mine[key], theirs[key]) for key in mine
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def areas(self) -> NDArray[np.float32]:
        """Area of each box in square pixels, shape (n,)."""
        size = self.boxes[:, 2:] - self.boxes[:, :2]
        areas: NDArray[np.float32] = size[:, 0] * size[:, 1]
        return areas

    def with_data(self, **columns: ArrayLike) -> Faces:
        """The same faces with columns added to (or replaced in) `data`."""
        added = {name: np.asarray(values) for name, values in columns.items()}
        return Faces(self.boxes, self.scores, self.landmarks, {**self.data, **added})

    def order(
        self,
        policy: SelectPolicy = "largest",
        *,
        image_size: tuple[int, int] | None = None,
        min_score: float = 0.9,
        center_weight: float = 2.0,
    ) -> NDArray[np.intp]:
        """Numbers of the faces, best first, under one of the policies.

        Args:
            policy: `largest` box; `most_confident` score; `most_central`: the area less
                `center_weight` times the squared distance (pixels) from the box's centre to the
                picture's, so that a large face near the middle wins (the rule of
                davidsandberg/facenet); `largest_over`: the largest of the faces whose score is
                above `min_score`, the others being left out.
            image_size: `(width, height)` of the picture in pixels, for `most_central`.
            min_score: for `largest_over`, in [0, 1].
            center_weight: for `most_central`.

        Raises:
            ValueError: an unknown policy, or `most_central` without an image size.
        """
        if policy not in get_args(SelectPolicy):
            raise ValueError(f"policy: expected one of {get_args(SelectPolicy)}, got {policy!r}")
        if policy == "most_confident":
            worth = self.scores
        elif policy == "most_central":
            if image_size is None:
                raise ValueError("image_size: the policy 'most_central' needs (width, height)")
            centres = (self.boxes[:, :2] + self.boxes[:, 2:]) / 2
            offset = centres - np.asarray(image_size, np.float32) / 2
            worth = self.areas - center_weight * (offset**2).sum(axis=1)
        else:
            worth = self.areas
        ranked = np.argsort(-worth, kind="stable")
        if policy == "largest_over":
            ranked = ranked[self.scores[ranked] > min_score]
        return ranked

    def select(
        self,
        policy: SelectPolicy = "largest",
        *,
        image_size: tuple[int, int] | None = None,
        min_score: float = 0.9,
        center_weight: float = 2.0,
    ) -> Faces:
        """The one best face under a policy (see `order`), or none when there is none to choose."""
        ranked = self.order(
            policy, image_size=image_size, min_score=min_score, center_weight=center_weight
        )
        return self[ranked[:1]]

    def draw(
        self,
        image: ImageSource,
        labels: Sequence[str] | None = None,
        *,
        colors: Sequence[tuple[int, int, int]] | None = None,
        min_side: int = 240,
    ) -> NDArray[np.uint8]:
        """A copy of the picture with boxes, landmarks and labels.

        Args:
            image: the picture the faces were found in, in any form that `load_image` takes.
            labels: a text for each face; by default its score.
            colors: an RGB colour for each box.
            min_side: a picture whose shorter side has fewer pixels is enlarged first by a whole
                factor (as long as the other side stays below 4,000), so that labels stay
                readable; 0 keeps every size.

        Returns:
            uint8 RGB, (H, W, 3) or a whole multiple of it.
        """
        from facewise._drawing import draw_faces

        return draw_faces(self, image, labels, colors=colors, min_side=min_side)

    def records(self) -> list[dict[str, Any]]:
        """One dictionary of plain values for each face: box, score, landmarks and the data."""
        rows = []
        for i in range(len(self)):
            row: dict[str, Any] = {"box": self.boxes[i].tolist(), "score": self.scores[i].item()}
            if self.landmarks is not None:
                row["landmarks"] = self.landmarks[i].tolist()
            rows.append(row | {name: values[i].tolist() for name, values in self.data.items()})
        return rows

    def to_json(self) -> str:
        """JSON that `from_json` turns back into an equal object, to the last bit."""
        columns = {
            name: {"dtype": values.dtype.str, "shape": values.shape, "values": values.tolist()}
            for name, values in self.data.items()
        }
        points = None if self.landmarks is None else self.landmarks.tolist()
        return json.dumps(
            {
                "boxes": self.boxes.tolist(),
                "scores": self.scores.tolist(),
                "landmarks": points,
                "data": columns,
            }
        )

    @classmethod
    def from_json(cls, text: str | bytes) -> Faces:
        """The faces that `to_json` wrote.

        Raises:
            FacesError: the text is not JSON of that form, or not valid faces.
        """
        try:
            content = json.loads(text)
            points = content["landmarks"]
            data = {
                name: np.array(column["values"], np.dtype(column["dtype"])).reshape(column["shape"])
                for name, column in content["data"].items()
            }
            boxes = np.array(content["boxes"], np.float32).reshape(-1, 4)
            landmarks = None if points is None else np.array(points, np.float32).reshape(-1, 5, 2)
            scores = content["scores"]
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            raise FacesError(f"not the JSON of faces: {error!r}") from error
        except RecursionError:
            raise FacesError("not the JSON of faces: nested too deeply") from None
        return cls(boxes, scores, landmarks, data)

    def _arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {"boxes": self.boxes, "scores": self.scores}
        if self.landmarks is not None:
            arrays["landmarks"] = self.landmarks
        return arrays | {f"data.{name}": values for name, values in self.data.items()}


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddedFaces:
    """The faces of one picture with their vectors.

    Attributes:
        faces: n faces.
        embeddings: float32 (n, d), unit length, in the same order.
        image_size: `(width, height)` of the picture in pixels.
    """

    faces: Faces
    embeddings: NDArray[np.float32]
    image_size: tuple[int, int]


class _Columns(dict[str, Any]):
    """A dictionary that cannot be changed, but copied and pickled like any other."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("the data of faces cannot be changed; see Faces.with_data")

    __setitem__ = __delitem__ = _refuse
    clear = pop = popitem = setdefault = update = __ior__ = _refuse

    def __reduce__(self) -> tuple[type[_Columns], tuple[dict[str, Any]]]:
        return _Columns, (dict(self),)


def _floats(name: str, values: ArrayLike, tail: tuple[int, ...]) -> NDArray[np.float32]:
    if np.iscomplexobj(values):
        raise FacesError(f"{name}: expected real numbers, got complex ones")
    try:
        array = np.array(values, np.float32, order="C")
    except (TypeError, ValueError) as error:
        raise FacesError(f"{name}: expected numbers ({error})") from None
    if array.size == 0 and array.ndim == 1:
        array = array.reshape(0, *tail)
    if array.shape[1:] != tail or array.ndim != 1 + len(tail):
        expected = ", ".join(["n", *map(str, tail)]) + ("" if tail else ",")
        raise FacesError(f"{name}: expected shape ({expected}), got {array.shape}")
    if not np.isfinite(array).all():
        raise FacesError(f"{name}: expected finite values, got NaN or infinity")
    array.setflags(write=False)
    return array


def _column(name: str, values: ArrayLike, n: int) -> NDArray[Any]:
    if name in _RESERVED:
        raise FacesError(f"data: {name!r} is a name that records have already")
    try:
        array = np.array(values)
    except ValueError as error:
        raise FacesError(f"data[{name!r}]: not an array ({error})") from None
    kind = array.dtype.kind
    if kind not in "biufU" or (kind == "f" and array.dtype.itemsize > 8):
        raise FacesError(
            f"data[{name!r}]: expected strings, booleans or numbers, got {array.dtype}"
        )
    if kind == "f" and not np.isfinite(array).all():
        raise FacesError(f"data[{name!r}]: expected finite values, got NaN or infinity")
    _same_length(f"data[{name!r}]", array, n)
    array.setflags(write=False)
    return array


def _same_length(name: str, array: NDArray[Any], n: int) -> None:
    if array.ndim == 0 or len(array) != n:
        raise FacesError(f"{name}: expected {n} entries, one for each box, got shape {array.shape}")
