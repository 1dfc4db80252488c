"""The models of the zoo, as data.

Figures under `published` are fractions, as the authors state them. A mirror is an address from
which other public projects fetch a file of the same sha256. A size or sha256 that no one has
published is None; see `Weights`. A licence begins with what limits the use of the weights; that of
the code often allows more.
"""

from facewise.zoo.entries.detectors import DETECTORS
from facewise.zoo.entries.onnx_embedders import ONNX_EMBEDDERS
from facewise.zoo.entries.torch_embedders import TORCH_EMBEDDERS
from facewise.zoo.spec import ModelSpec

ENTRIES: tuple[ModelSpec, ...] = (*DETECTORS, *TORCH_EMBEDDERS, *ONNX_EMBEDDERS)
"""Everything `facewise.zoo.registry` starts with."""
