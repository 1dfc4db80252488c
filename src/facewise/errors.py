"""The errors of facewise: each names the file or argument, and says what to do."""

from __future__ import annotations


class FacewiseError(Exception):
    """Base of every error that facewise raises on purpose.

    Example:
        >>> import facewise
        >>> try:
        ...     facewise.load_image("no/such/photo.jpg")
        ... except facewise.FacewiseError as error:
        ...     print(type(error).__name__)
        ImageError
    """


class ImageError(FacewiseError, ValueError):
    """An input is not an image that facewise can read; says which input, and what was expected.

    Example:
        >>> import facewise
        >>> facewise.load_image(b"this is not a picture")
        Traceback (most recent call last):
        facewise.errors.ImageError: 21 bytes: not an image file that Pillow can read...
    """


class FacesError(FacewiseError, ValueError):
    """Arrays that do not make a valid `Faces` (shapes, types, non-finite values).

    Example:
        >>> import facewise
        >>> facewise.Faces(boxes=[[0, 0, 10]], scores=[0.9])
        Traceback (most recent call last):
        facewise.errors.FacesError: boxes: expected shape (n, 4), got (1, 3)
    """


class NoFaceError(FacewiseError):
    """A picture that must show a face shows none, or none that the policy accepts.

    Example:
        >>> import facewise, numpy
        >>> blank = numpy.zeros((200, 200, 3), numpy.uint8)
        >>> facewise.compare(blank, "examples/photos/astronaut.jpg")
        Traceback (most recent call last):
        facewise.errors.NoFaceError: ndarray uint8 (200, 200, 3): no face found...
    """


class ChipError(FacewiseError, ValueError):
    """Chips that do not fit the embedder: wrong size, type or layout.

    Example:
        >>> import facewise, numpy
        >>> facewise.load_embedder().embed(numpy.zeros((1, 90, 90, 3), numpy.uint8))
        Traceback (most recent call last):
        facewise.errors.ChipError: chips: expected uint8 (n, 150, 150, 3)...
    """


class ModelError(FacewiseError):
    """A model is unknown, or its weights are missing, damaged or of another architecture.

    Example:
        >>> import facewise
        >>> facewise.load_embedder("inception_resnet_v1.vgface2")
        Traceback (most recent call last):
        facewise.errors.ModelError: unknown model 'inception_resnet_v1.vgface2'; did you mean ...
    """


class DownloadError(ModelError):
    """A weight file could not be fetched or did not verify; says where to put it by hand.

    Example:
        >>> import facewise
        >>> issubclass(facewise.DownloadError, facewise.ModelError)
        True
    """


class ModelMismatchError(FacewiseError):
    """Embeddings made by different models (or weights) were about to be compared.

    Example:
        >>> import facewise
        >>> issubclass(facewise.ModelMismatchError, facewise.FacewiseError)
        True
    """


class DeviceError(FacewiseError, ValueError):
    """A device was asked for by name and is not on this machine.

    Example:
        >>> import facewise
        >>> facewise.load_detector("mtcnn", device="cuda:99")
        Traceback (most recent call last):
        facewise.errors.DeviceError: device 'cuda:99': ...
    """


class ExtraMissingError(FacewiseError, ImportError):
    """A feature needs an optional dependency; says which extra to install.

    Example:
        >>> import facewise
        >>> issubclass(facewise.ExtraMissingError, ImportError)
        True
    """


class ProtocolError(FacewiseError, ValueError):
    """An evaluation protocol file or folder is not of its published form; names file and line.

    Example:
        >>> import facewise
        >>> issubclass(facewise.ProtocolError, ValueError)
        True
    """


class TrainingError(FacewiseError, ValueError):
    """A training cannot begin, go on or be resumed; names the setting, file or batch.

    Example:
        >>> import facewise
        >>> issubclass(facewise.errors.TrainingError, ValueError)
        True
    """


class AlignError(FacewiseError, ValueError):
    """Photos cannot be cut into a folder of chips: names the folder, and what is wrong with it.

    Example:
        >>> import facewise
        >>> from facewise.aligning import read_boxes
        >>> read_boxes("no/such/boxes.txt")
        Traceback (most recent call last):
        facewise.errors.AlignError: no/such/boxes.txt: cannot be read (No such file or directory)
    """


class GalleryError(FacewiseError):
    """A gallery is missing, damaged or busy, or what it was asked for or told cannot be.

    Example:
        >>> import facewise
        >>> from facewise.gallery import open_store
        >>> open_store("no/such/people.db")
        Traceback (most recent call last):
        facewise.errors.GalleryError: no/such/people.db: no such gallery...
    """


class ShardsError(FacewiseError):
    """A run of `facewise embed` to shards cannot begin or go on, or shards cannot be read.

    Example:
        >>> import facewise
        >>> from facewise.shards import open_shards
        >>> open_shards("no/such/folder")
        Traceback (most recent call last):
        facewise.errors.ShardsError: no/such/folder: no shards there...
    """


class ExportError(FacewiseError):
    """Embeddings cannot be written to a file, or read from one; names the file.

    Example:
        >>> import facewise
        >>> from facewise.export import open_export
        >>> open_export("no/such/file.npz")
        Traceback (most recent call last):
        facewise.errors.ExportError: no/such/file.npz: there is no such file
    """


class CurationError(FacewiseError):
    """Folders cannot be put in order, or a file of decisions or a journal is not one; names it.

    Example:
        >>> import facewise
        >>> from facewise.curation.pages import read_decisions
        >>> read_decisions("no/such/file.json", "clean", {"keep", "reject"})
        Traceback (most recent call last):
        facewise.errors.CurationError: no/such/file.json: no such file of decisions
    """


class VideoError(FacewiseError):
    """A video, stream, camera or series of pictures cannot be read or written; names it.

    Example:
        >>> import facewise
        >>> from facewise.video import open_source
        >>> open_source("no/such/clip.mp4")
        Traceback (most recent call last):
        facewise.errors.VideoError: no/such/clip.mp4: no such file...
    """
