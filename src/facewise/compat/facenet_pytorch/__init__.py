"""The names of facenet-pytorch 2.6.0, with its arguments, results and saved files.

    from facewise.compat.facenet_pytorch import MTCNN, InceptionResnetV1

The modules lie where they lie there (`models.mtcnn`, `models.inception_resnet_v1`,
`models.utils.detect_face`, `models.utils.training`), because programs import from them too.
`docs/migrating-from-facenet-pytorch.md` lists the differences, which are all on purpose.

Example:
    >>> import facewise.compat.facenet_pytorch as facenet_pytorch
    >>> from PIL import Image
    >>> face, score = facenet_pytorch.MTCNN()(
    ...     Image.open("examples/photos/astronaut.jpg"), return_prob=True
    ... )
    >>> face.shape, score > 0.99
    (torch.Size([3, 160, 160]), True)
"""

from facewise.compat.facenet_pytorch.models.inception_resnet_v1 import InceptionResnetV1
from facewise.compat.facenet_pytorch.models.mtcnn import (
    MTCNN,
    ONet,
    PNet,
    RNet,
    fixed_image_standardization,
    prewhiten,
)
from facewise.compat.facenet_pytorch.models.utils import training
from facewise.compat.facenet_pytorch.models.utils.detect_face import extract_face

__all__ = [
    "MTCNN",
    "InceptionResnetV1",
    "ONet",
    "PNet",
    "RNet",
    "extract_face",
    "fixed_image_standardization",
    "prewhiten",
    "training",
]
