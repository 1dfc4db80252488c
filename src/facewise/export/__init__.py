"""The embeddings of a folder as one file, for other programs; and reading such files."""

from facewise.export.choosing import SELECTIONS, Selection
from facewise.export.exporting import Exported, export_folder
from facewise.export.facts import ExportFacts
from facewise.export.reading import Batch, Export, open_export

__all__ = [
    "SELECTIONS",
    "Batch",
    "Export",
    "ExportFacts",
    "Exported",
    "Selection",
    "export_folder",
    "open_export",
]
