"""`facewise detect`: where the faces are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from facewise.cli.options import Backend, Detector, Device, Json, Mode, Out, Photos
from facewise.errors import ImageError

if TYPE_CHECKING:
    from facewise.cli.inputs import Input
    from facewise.faces import Faces


def detect(
    photos: Photos,
    detector: Detector = None,
    min_face_size: Annotated[
        float | None,
        typer.Option(metavar="PIXELS", help="Smallest face looked for (MTCNN's default: 20)."),
    ] = None,
    min_score: Annotated[
        float, typer.Option(min=0, max=1, help="Leave out faces with a lower score.")
    ] = 0,
    mode: Mode = None,
    backend: Backend = None,
    device: Device = None,
    json_file: Json = None,
    out: Out = None,
) -> None:
    """Find the faces of photos: boxes, scores and landmarks.

    Exit status: 0, or 1 when a photo could not be read.
    """
    from facewise.cli.annotated import draw, plan
    from facewise.cli.files import protect, write_text
    from facewise.cli.inputs import expand
    from facewise.cli.loading import model_and_weights, the_detector
    from facewise.cli.photos import end, work_through
    from facewise.cli.tables import show
    from facewise.detection import DEFAULT_DETECTOR
    from facewise.images import load
    from facewise.runtime.workers import device_turn, ordered_map
    from facewise.zoo import get_spec

    inputs = expand(photos, skip=out)
    targets = {} if out is None else plan(inputs, out)
    protect([item.source for item in inputs], [json_file, *targets.values()])
    finder = the_detector(detector, device, min_face_size=min_face_size, mode=mode, backend=backend)

    def find(item: Input) -> Faces | ImageError:
        try:
            image = load(item.source, name=item.name)
            with device_turn(finder):
                [faces] = finder.detect([image])
            faces = faces[faces.scores >= min_score]
            if targets:
                draw(image, faces, targets[item.name])
        except ImageError as error:
            return error
        return faces

    results = work_through(inputs, lambda items: ordered_map(find, items), "detecting")
    if json_file is not None:
        images = [result.to_dict() for result in results]
        name, _ = model_and_weights(detector or DEFAULT_DETECTOR)
        content = {"model": get_spec(name).id, "images": images}
        write_text(json_file, json.dumps(content, indent=2))
    if str(json_file) != "-":
        show(results, out)
    end(results)
