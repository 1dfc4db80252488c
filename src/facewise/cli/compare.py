"""`facewise compare`: are two pictures of the same person?"""

from __future__ import annotations

import json
from typing import Annotated

import typer

from facewise.cli.options import (
    Backend,
    Calibrated,
    Detector,
    Device,
    Far,
    Json,
    Mode,
    Model,
    Precision,
    Similarity,
)


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A picture, or - for standard input.")],
    b: Annotated[str, typer.Argument(metavar="B", help="The other, likewise.")],
    model: Model = None,
    detector: Detector = None,
    mode: Mode = None,
    backend: Backend = None,
    precision: Precision = None,
    device: Device = None,
    far: Far = None,
    threshold: Similarity = None,
    calibration: Calibrated = None,
    json_file: Json = None,
) -> None:
    """Compare the faces of two pictures; of several faces the largest counts.

    Exit status: 0 when the pictures could be compared, whatever came out; 1 when not.
    """
    from facewise import recognition
    from facewise.cli.files import protect, write_text
    from facewise.cli.inputs import STANDARD_INPUT, single
    from facewise.cli.loading import (
        described,
        probable,
        the_calibration,
        the_detector,
        the_embedder,
        the_threshold,
    )

    if a == b == STANDARD_INPUT:
        raise typer.BadParameter("only one of the two pictures can come from standard input")
    first, second = single(a), single(b)
    protect([first, second, *filter(None, [calibration])], [json_file])
    embedder = the_embedder(model, device, backend=backend, precision=precision)
    finder = the_detector(detector, device, mode=mode, backend=backend)
    known = the_calibration(calibration, embedder, finder)
    chosen = the_threshold(embedder.spec, threshold, far, known)
    answer = recognition.compare(
        first,
        second,
        model=embedder,
        detector=finder,
        threshold=threshold,
        far=far,
        calibration=known,
    )
    if json_file is not None:
        write_text(json_file, json.dumps(answer.to_dict(), indent=2))
    if str(json_file) != "-":
        verdict = "same person" if answer.same else "different people"
        found = f"similarity {answer.similarity:.4f}"
        if answer.probability is not None:
            what = "probability" if answer.same else "probability of one person"
            found = (
                f"{what} {probable(answer.probability)} "
                f"({found}, FAR {answer.far_at_similarity} at this similarity)"
            )
        typer.echo(f"{verdict}: {found}, {described(chosen)}, model {answer.model}")
    for note in answer.notes:
        typer.echo(f"note: {note}", err=True)
