"""facewise: find, align, embed, compare and recognise faces, offline, on current PyTorch.

The public names are loaded when they are first used, so that importing the package, and commands
that need no network, do not wait for PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from facewise._version import __version__

if TYPE_CHECKING:
    from facewise.api import detect, embed
    from facewise.detection import load_detector
    from facewise.embedding import load_embedder
    from facewise.errors import (
        ChipError,
        DeviceError,
        DownloadError,
        ExtraMissingError,
        FacesError,
        FacewiseError,
        GalleryError,
        ImageError,
        ModelError,
        ModelMismatchError,
        NoFaceError,
        ProtocolError,
        ShardsError,
        TrainingError,
        VideoError,
    )
    from facewise.faces import Faces
    from facewise.gallery import Gallery
    from facewise.images import load as load_image
    from facewise.recognition import compare, recognize

__all__ = [
    "ChipError",
    "DeviceError",
    "DownloadError",
    "ExtraMissingError",
    "Faces",
    "FacesError",
    "FacewiseError",
    "Gallery",
    "GalleryError",
    "ImageError",
    "ModelError",
    "ModelMismatchError",
    "NoFaceError",
    "ProtocolError",
    "ShardsError",
    "TrainingError",
    "VideoError",
    "__version__",
    "compare",
    "detect",
    "embed",
    "load_detector",
    "load_embedder",
    "load_image",
    "recognize",
]

_HOMES = {
    "Faces": "facewise.faces",
    "Gallery": "facewise.gallery",
    "compare": "facewise.recognition",
    "detect": "facewise.api",
    "embed": "facewise.api",
    "load_detector": "facewise.detection",
    "load_embedder": "facewise.embedding",
    "load_image": "facewise.images",
    "recognize": "facewise.recognition",
}


if not TYPE_CHECKING:  # type checkers know the names above, and no others

    def __getattr__(name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module 'facewise' has no attribute {name!r}")
        home = import_module(_HOMES.get(name, "facewise.errors"))
        value = getattr(home, "load" if name == "load_image" else name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
