"""Inception-ResNet-v1 with random weights in TensorFlow's operations, named as Slim names them.

Written from the paper and from the names in davidsandberg/facenet's published files; it shares no
code with `facewise.convert`, which it is held against. `build` works on TensorFlow, and on what
stands in for it where it is not installed (`tensorflow_like`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np


class Builder:
    """Adds layers to the default graph, drawing their weights."""

    def __init__(self, v1, seed):
        self.v1 = v1
        self.random = np.random.default_rng(seed)

    def variable(self, name, values):
        return self.v1.get_variable(name, initializer=np.asarray(values, np.float32))

    def norm(self, x):
        count = int(x.shape[-1])
        with self.v1.variable_scope("BatchNorm"):
            beta = self.variable("beta", self.random.normal(0, 0.2, count))
            mean = self.variable("moving_mean", self.random.normal(0, 0.2, count))
            variance = self.variable("moving_variance", self.random.uniform(0.5, 2, count))
        return self.v1.nn.batch_normalization(x, mean, variance, beta, None, 0.001)

    def conv(self, x, channels, kernel, scope, stride=1, padding="SAME", plain=False):
        height, width = kernel
        inputs = int(x.shape[-1])
        scale = (2 / (height * width * inputs)) ** 0.5
        with self.v1.variable_scope(scope):
            shape = (height, width, inputs, channels)
            weights = self.variable("weights", self.random.normal(0, scale, shape))
            x = self.v1.nn.conv2d(x, weights, strides=[1, stride, stride, 1], padding=padding)
            if plain:
                return x + self.variable("biases", self.random.normal(0, 0.1, channels))
            return self.v1.nn.relu(self.norm(x))

    def residual(self, x, scope, branches, scale, relu=True):
        with self.v1.variable_scope(scope):
            results = []
            for number, branch in enumerate(branches):
                with self.v1.variable_scope(f"Branch_{number}"):
                    y = x
                    for name, channels, kernel in branch:
                        y = self.conv(y, channels, kernel, name)
                    results.append(y)
            mixed = self.v1.concat(results, axis=3)
            x = x + scale * self.conv(mixed, int(x.shape[-1]), (1, 1), "Conv2d_1x1", plain=True)
        return self.v1.nn.relu(x) if relu else x

    def reduction(self, x, scope, branches):
        with self.v1.variable_scope(scope):
            results = []
            for number, branch in enumerate(branches):
                with self.v1.variable_scope(f"Branch_{number}"):
                    y = x
                    for name, channels, kernel in branch[:-1]:
                        y = self.conv(y, channels, kernel, name)
                    name, channels, kernel = branch[-1]
                    y = self.conv(y, channels, kernel, name, stride=2, padding="VALID")
                    results.append(y)
            results.append(self.v1.nn.max_pool2d(x, 3, 2, "VALID"))
            return self.v1.concat(results, axis=3)


ONE, THREE = (1, 1), (3, 3)
BLOCK35 = [
    [("Conv2d_1x1", 32, ONE)],
    [("Conv2d_0a_1x1", 32, ONE), ("Conv2d_0b_3x3", 32, THREE)],
    [("Conv2d_0a_1x1", 32, ONE), ("Conv2d_0b_3x3", 32, THREE), ("Conv2d_0c_3x3", 32, THREE)],
]
BLOCK17 = [
    [("Conv2d_1x1", 128, ONE)],
    [("Conv2d_0a_1x1", 128, ONE), ("Conv2d_0b_1x7", 128, (1, 7)), ("Conv2d_0c_7x1", 128, (7, 1))],
]
BLOCK8 = [
    [("Conv2d_1x1", 192, ONE)],
    [("Conv2d_0a_1x1", 192, ONE), ("Conv2d_0b_1x3", 192, (1, 3)), ("Conv2d_0c_3x1", 192, (3, 1))],
]
MIXED_6A = [
    [("Conv2d_1a_3x3", 384, THREE)],
    [("Conv2d_0a_1x1", 192, ONE), ("Conv2d_0b_3x3", 192, THREE), ("Conv2d_1a_3x3", 256, THREE)],
]
MIXED_7A = [
    [("Conv2d_0a_1x1", 256, ONE), ("Conv2d_1a_3x3", 384, THREE)],
    [("Conv2d_0a_1x1", 256, ONE), ("Conv2d_1a_3x3", 256, THREE)],
    [("Conv2d_0a_1x1", 256, ONE), ("Conv2d_0b_3x3", 256, THREE), ("Conv2d_1a_3x3", 256, THREE)],
]


def build(v1, embedding_size, seed):
    """The nodes `input`, `phase_train` and `embeddings`, in the default graph."""
    b = Builder(v1, seed)
    x = v1.placeholder(v1.float32, (None, 160, 160, 3), "input")
    v1.placeholder(v1.bool, (), "phase_train")
    with v1.variable_scope("InceptionResnetV1"):
        x = b.conv(x, 32, THREE, "Conv2d_1a_3x3", stride=2, padding="VALID")
        x = b.conv(x, 32, THREE, "Conv2d_2a_3x3", padding="VALID")
        x = b.conv(x, 64, THREE, "Conv2d_2b_3x3")
        x = v1.nn.max_pool2d(x, 3, 2, "VALID")
        x = b.conv(x, 80, ONE, "Conv2d_3b_1x1", padding="VALID")
        x = b.conv(x, 192, THREE, "Conv2d_4a_3x3", padding="VALID")
        x = b.conv(x, 256, THREE, "Conv2d_4b_3x3", stride=2, padding="VALID")
        for i in range(5):
            x = b.residual(x, f"Repeat/block35_{i + 1}", BLOCK35, 0.17)
        x = b.reduction(x, "Mixed_6a", MIXED_6A)
        for i in range(10):
            x = b.residual(x, f"Repeat_1/block17_{i + 1}", BLOCK17, 0.10)
        x = b.reduction(x, "Mixed_7a", MIXED_7A)
        for i in range(5):
            x = b.residual(x, f"Repeat_2/block8_{i + 1}", BLOCK8, 0.20)
        x = b.residual(x, "Block8", BLOCK8, 1.0, relu=False)
        x = v1.reduce_mean(x, axis=[1, 2])
        with v1.variable_scope("Bottleneck"):
            weights = b.random.normal(0, 1792**-0.5, (1792, embedding_size))
            x = b.norm(v1.matmul(x, b.variable("weights", weights)))
    v1.get_variable("Logits/weights", initializer=np.zeros((embedding_size, 3), np.float32))
    v1.get_variable("global_step", initializer=np.int64(275000))
    return v1.nn.l2_normalize(x, 1, 1e-10, name="embeddings")


def save(folder: Path, embedding_size=512, seed=0):
    """Write a checkpoint `model.ckpt-275` with its `.meta`, and `frozen.pb`; these two paths."""
    import tensorflow as tf

    v1 = tf.compat.v1
    with v1.Graph().as_default(), v1.Session() as session:
        v1.disable_resource_variables()
        build(v1, embedding_size, seed)
        session.run(v1.global_variables_initializer())
        prefix = v1.train.Saver().save(session, str(folder / "model.ckpt"), global_step=275)
        frozen = v1.graph_util.convert_variables_to_constants(
            session, session.graph.as_graph_def(), ["embeddings"]
        )
        (folder / "frozen.pb").write_bytes(frozen.SerializeToString())
    return Path(prefix), folder / "frozen.pb"
