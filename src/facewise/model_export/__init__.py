"""Write models as files of other runtimes: ONNX, OpenVINO, TorchScript, ExecuTorch."""

from facewise.model_export.exporting import FORMATS, PRECISIONS, Exported, export_model
from facewise.model_export.metadata import read_metadata

__all__ = ["FORMATS", "PRECISIONS", "Exported", "export_model", "read_metadata"]
