"""The few operations of `tensorflow.compat.v1` that `tensorflow_facenet` uses, computed by PyTorch.

Maps are (n, h, w, c) and filters (h, w, in, out), as there. `SAME` pads as TensorFlow documents it.
"""

from __future__ import annotations

from contextlib import contextmanager

import numpy as np
import torch
from torch.nn import functional as F  # noqa: N812


class Like:
    """Stands for the module; `variables` holds what was made, by its full name.

    Args:
        batch: what the placeholder `input` is fed with, (n, h, w, 3).
    """

    float32 = bool = None
    concat = staticmethod(lambda values, axis: torch.cat(values, dim=axis))
    reduce_mean = staticmethod(lambda x, axis: x.mean(dim=axis))
    matmul = staticmethod(torch.matmul)

    def __init__(self, batch):
        self.nn = self
        self.variables = {}
        self._batch = torch.from_numpy(batch)
        self._scopes = []

    def placeholder(self, kind, shape, name):
        return self._batch

    @contextmanager
    def variable_scope(self, name):
        self._scopes.append(name)
        yield
        self._scopes.pop()

    def get_variable(self, name, initializer):
        values = np.asarray(initializer)
        self.variables["/".join([*self._scopes, name])] = values
        return torch.from_numpy(values) if values.ndim else values

    def conv2d(self, x, weights, strides, padding):
        x = x.permute(0, 3, 1, 2)
        height, width = weights.shape[:2]
        if padding == "SAME":
            assert strides[1] == 1
            x = F.pad(x, ((width - 1) // 2, width // 2, (height - 1) // 2, height // 2))
        return F.conv2d(x, weights.permute(3, 2, 0, 1), stride=strides[1]).permute(0, 2, 3, 1)

    def batch_normalization(self, x, mean, variance, offset, scale, epsilon):
        assert scale is None
        return (x - mean) / torch.sqrt(variance + epsilon) + offset

    def max_pool2d(self, x, size, stride, padding):
        assert padding == "VALID"
        return F.max_pool2d(x.permute(0, 3, 1, 2), size, stride).permute(0, 2, 3, 1)

    def relu(self, x):
        return torch.relu(x)

    def l2_normalize(self, x, axis, epsilon, name):
        return x / torch.sqrt((x * x).sum(dim=axis, keepdim=True).clamp_min(epsilon))
