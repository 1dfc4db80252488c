"""From a figure of matplotlib to an `svg` element that belongs to the page it stands in.

Colours become variables of the page's style, so that a drawing follows the light or dark scheme;
text stays text, in the page's font; identifiers are the drawing's own, and nothing is left that
changes from one run to the next.
"""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from facewise.evaluation.extra import needed
from facewise.evaluation.report.page import Html, printable

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 460, 320
"""Of a drawing, in pixels. Small: a telephone shows it at four fifths of that, and its writing must
be read there too."""

_LEFT, _BOTTOM = 80, 50  # room for the writing at the axes

_COLOURS = {
    name: f"#fe00{number:02x}"
    for number, name in enumerate(
        ["ink", "muted", "line", "shade", "genuine", "impostor", *(f"curve-{i}" for i in range(6))]
    )
}
INK, MUTED, LINE, SHADE, GENUINE, IMPOSTOR, *_CURVES = _COLOURS.values()
"""What is drawn with; no colours yet, but stand-ins for the variables of these names."""

_DASHES = ((), (6.0, 2.0), (1.5, 1.5), (8.0, 2.0, 1.5, 2.0))

_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "facewise",
    "font.size": 13,
    "font.family": ["DejaVu Sans"],  # comes with matplotlib: measures the same everywhere
    "axes.edgecolor": LINE,
    "axes.labelcolor": MUTED,
    "axes.labelsize": 13,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.facecolor": "none",
    "figure.facecolor": "none",
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.minor.visible": False,
    "ytick.major.size": 0,
    "text.color": INK,
    "lines.linewidth": 2,
    "lines.solid_capstyle": "round",
}


def curve_colour(number: int) -> str:
    """The colour of a model's curve."""
    return _CURVES[number % len(_CURVES)]


def curve_dashes(number: int) -> tuple[float, tuple[float, ...] | None]:
    """The dashes of a model's curve: they tell curves apart where colours do not."""
    return 0, _DASHES[number % len(_DASHES)] or None


class Canvas:
    """A figure with one pair of axes, and the element made of it.

    Attributes:
        axes: to draw on.
    """

    def __init__(self, figure: Figure, axes: Axes, key: str, description: str) -> None:
        self._figure = figure
        self.axes = axes
        self._key = key
        self._description = description
        self.svg = Html("")

    def finish(self) -> None:
        """Make the element."""
        file = io.BytesIO()
        nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
        self._figure.savefig(file, format="svg", metadata=nothing)
        self.svg = _element(file.getvalue(), self._key, self._description)


@contextmanager
def canvas(key: str, description: str, *, height: int = HEIGHT) -> Iterator[Canvas]:
    """Axes to draw on; when the block ends, `svg` is the element.

    Args:
        key: a word that no other drawing of the page has.
        description: what the drawing shows, for those who cannot see it.
        height: pixels.

    Raises:
        ExtraMissingError: matplotlib is missing.
    """
    mpl = needed("matplotlib", "the plots of a report")
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # a user's own style is not ours
        mpl.rcParams.update(_SETTINGS)
        figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
        FigureCanvasSVG(figure)
        axes = figure.add_axes(
            (_LEFT / WIDTH, _BOTTOM / height, 1 - (_LEFT + 16) / WIDTH, 1 - (_BOTTOM + 14) / height)
        )
        drawing = Canvas(figure, axes, key, description)
        yield drawing
        drawing.finish()


def _element(document: bytes, key: str, description: str) -> Html:
    root = ET.fromstring(document)  # noqa: S314 (of our own making)
    used = set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", document.decode()))
    for node in root.iter():
        for child in [c for c in node if _local(c.tag) in ("metadata", "style")]:
            node.remove(child)  # its style would hold for the page
        node.tag = _local(node.tag)
        node.attrib = {
            _local(name): value
            for name, value in (_attribute(n, v, key, used) for n, v in node.attrib.items())
            if value
        }
        if node.text is not None and not node.text.strip():
            node.text = None
        node.tail = None
    view = root.attrib["viewBox"]
    root.attrib = {"viewBox": view, "role": "img", "aria-label": printable(description)}
    return Html(ET.tostring(root, encoding="unicode"))


def _attribute(name: str, value: str, key: str, used: set[str]) -> tuple[str, str]:
    """An attribute as the page takes it; an empty value takes it away."""
    local = _local(name)
    if local == "id":
        return name, f"{key}-{value}" if value in used else ""
    if local == "href":
        return name, f"#{key}-{value.removeprefix('#')}"
    if local == "clip-path":
        return name, value.replace("#", f"#{key}-")
    if local == "style":
        parts = [part.strip() for part in html.unescape(value).split(";")]
        kept = [part for part in parts if not part.startswith("font-family")]
        return name, re.sub(r"#fe00[0-9a-f]{2}", _variable, "; ".join(kept))
    if local == "d":
        return name, re.sub(r"(\d\.\d\d)\d+", r"\1", " ".join(value.split()))
    if local == "transform" and value.startswith("rotate(-0 "):
        return name, ""
    return name, value


def _variable(found: re.Match[str]) -> str:
    names = {colour: name for name, colour in _COLOURS.items()}
    return f"var(--{names[found.group()]})"


def _local(name: str) -> str:
    """Without the namespace, which HTML knows by itself."""
    return name.rpartition("}")[2]
