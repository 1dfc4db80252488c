from __future__ import annotations

import sys

import numpy as np
import pytest
import torch
from torch.nn import functional as F  # noqa: N812

from facewise.embedding.onnx import OnnxNetwork
from facewise.errors import ChipError, DeviceError, ExtraMissingError, ModelError
from facewise.runtime.networks import Candidate

onnx = pytest.importorskip("onnx", reason="writing ONNX files needs the onnx package")
onnxruntime = pytest.importorskip("onnxruntime", reason="the extra 'onnx' is not installed")

WEIGHT = np.random.default_rng(0).normal(size=(5, 3, 3, 3)).astype(np.float32)
BIAS = np.arange(5, dtype=np.float32)
PICTURES = np.random.default_rng(1).normal(size=(4, 3, 8, 8)).astype(np.float32)
FLOAT, HALF = onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
POOLED = [
    onnx.helper.make_node("GlobalAveragePool", ["maps"], ["means"]),
    onnx.helper.make_node("Flatten", ["means"], ["vectors"]),
]


@pytest.fixture
def write(tmp_path):
    """Write a small graph: a convolution and whatever follows; returns its path."""

    def write_graph(
        shape=("n", 3, 8, 8),
        tail=POOLED,
        outputs=(("vectors", ("n", 5)),),
        kind=FLOAT,
        initializers=(),
        more_inputs=(),
    ):
        helper = onnx.helper
        dtype = helper.tensor_dtype_to_np_dtype(kind)
        weights = [
            onnx.numpy_helper.from_array(WEIGHT[:, : shape[1]].astype(dtype), "weight"),
            onnx.numpy_helper.from_array(BIAS.astype(dtype), "bias"),
        ]
        graph = helper.make_graph(
            [helper.make_node("Conv", ["x", "weight", "bias"], ["maps"]), *tail],
            "small",
            [
                helper.make_tensor_value_info("x", kind, shape),
                *(helper.make_tensor_value_info(name, kind, s) for name, s in more_inputs),
            ],
            [helper.make_tensor_value_info(name, kind, s) for name, s in outputs],
            [*weights, *initializers],
        )
        opset = helper.make_opsetid("", 17)
        path = tmp_path / "small.onnx"
        onnx.save(helper.make_model(graph, opset_imports=[opset], ir_version=8), path)
        return path

    return write_graph


def in_torch(pictures):
    maps = F.conv2d(torch.from_numpy(pictures), torch.from_numpy(WEIGHT), torch.from_numpy(BIAS))
    return maps.mean(dim=(2, 3)).numpy()


@pytest.mark.parametrize("batch", ["n", None, 1])
@pytest.mark.parametrize("count", [0, 1, 4])
def test_embeds_like_torch_whatever_the_batch_axis(write, batch, count):
    network = OnnxNetwork(write(shape=(batch, 3, 8, 8), outputs=[("vectors", (batch, 5))]))
    result = network(PICTURES[:count])
    assert (network.input_size, network.embedding_size) == (8, 5)
    assert result.dtype == np.float32
    assert result.shape == (count, 5)
    np.testing.assert_allclose(result, in_torch(PICTURES[:count]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("stated", [(1, 5), (None, None), ("a", "b")])
def test_does_not_trust_the_stated_output_shape(write, stated):
    # The output of w600k_r50.onnx says (1, 512) although its batch is free.
    network = OnnxNetwork(write(outputs=[("vectors", stated)]))
    assert network.embedding_size == 5
    np.testing.assert_allclose(network(PICTURES), in_torch(PICTURES), rtol=0, atol=1e-5)


def test_takes_pictures_that_are_not_contiguous(write):
    network = OnnxNetwork(write())
    mirrored = PICTURES[..., ::-1]
    np.testing.assert_allclose(network(mirrored), in_torch(mirrored.copy()), rtol=0, atol=1e-5)


def test_openvino_gives_the_same(write):
    pytest.importorskip("openvino", reason="the extra 'openvino' is not installed")
    candidate = Candidate("openvino", "float32")
    for batch in ("n", 1):
        path = write(shape=(batch, 3, 8, 8), outputs=[("vectors", (batch, 5))])
        network = OnnxNetwork(path, candidate=candidate)
        np.testing.assert_allclose(network(PICTURES), in_torch(PICTURES), rtol=0, atol=1e-5)
    for graph in ({"kind": HALF}, {"shape": ("n", 3, 8, 9)}, {"shape": ("n", 3, "h", "w")}):
        with pytest.raises(ModelError, match=r"not an embedder: expected one .* input"):
            OnnxNetwork(write(**graph), candidate=candidate)
    path.write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"small\.onnx: OpenVINO cannot read it"):
        OnnxNetwork(path, candidate=candidate)


def test_auto_is_the_cpu_where_there_is_no_cuda(write):
    network = OnnxNetwork(write(), device="auto")
    np.testing.assert_allclose(network(PICTURES), in_torch(PICTURES), rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    "pictures",
    [PICTURES.astype(np.float64), PICTURES[0], PICTURES[..., :7], PICTURES.transpose(0, 2, 3, 1)],
    ids=["float64", "no batch", "not square", "NHWC"],
)
def test_refuses_other_arrays(write, pictures):
    with pytest.raises(ChipError, match=r"expected float32 \(n, 3, 8, 8\), got"):
        OnnxNetwork(write())(pictures)


@pytest.mark.parametrize(
    "graph",
    [
        {"shape": (2, 3, 8, 8)},
        {"shape": ("n", 1, 8, 8)},
        {"shape": ("n", 3, 8, 9)},
        {"shape": ("n", 3, "h", "w")},
        {"kind": HALF},
        {"more_inputs": [("y", ("n", 5))]},
    ],
    ids=["batch 2", "grey", "not square", "free size", "half", "two inputs"],
)
def test_refuses_other_inputs(write, graph):
    with pytest.raises(ModelError, match=r"small\.onnx: not an embedder: expected one .* input"):
        OnnxNetwork(write(**graph))


@pytest.mark.parametrize(
    "graph",
    [
        {"tail": [], "outputs": [("maps", ("n", 5, 6, 6))]},
        {"outputs": [("vectors", ("n", 5)), ("maps", ("n", 5, 6, 6))]},
        {
            "tail": [*POOLED, onnx.helper.make_node("Reshape", ["vectors", "row"], ["flat"])],
            "outputs": [("flat", (1, "d"))],
            "initializers": [onnx.numpy_helper.from_array(np.array([1, -1]), "row")],
        },
    ],
    ids=["4-D", "two outputs", "whole batch in one row"],
)
def test_refuses_other_outputs(write, graph):
    with pytest.raises(ModelError, match=r"small\.onnx: not an embedder: expected one .* output"):
        OnnxNetwork(write(**graph))


def test_refuses_a_graph_that_fails_to_run(write):
    tail = [*POOLED, onnx.helper.make_node("Reshape", ["vectors", "row"], ["flat"])]
    row = onnx.numpy_helper.from_array(np.array([1, 5]), "row")
    path = write(tail=tail, outputs=[("flat", (1, 5))], initializers=[row])
    with pytest.raises(ModelError, match=r"small\.onnx: a trial run failed"):
        OnnxNetwork(path)


@pytest.mark.shared
def test_refuses_a_detector(shared):
    with pytest.raises(ModelError, match=r"bnkps\.onnx: not an embedder"):
        OnnxNetwork(shared("weights/scrfd_500m_bnkps.onnx"))


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"absent\.onnx: no such file"):
        OnnxNetwork(tmp_path / "absent.onnx")


@pytest.mark.parametrize("share", [0, 0.5, 0.9])
def test_damaged_file_is_named(write, share):
    path = write()
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"small\.onnx: onnxruntime cannot read it"):
        OnnxNetwork(path)


def test_missing_onnxruntime_names_the_extra(write, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'facewise\[onnx\]'"):
        OnnxNetwork(write())


@pytest.mark.parametrize("device", ["cuda", "cuda:1"])
def test_missing_cuda_is_an_error(write, monkeypatch, device):
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(DeviceError, match=f"device '{device}': .* no CUDAExecutionProvider"):
        OnnxNetwork(write(), device=device)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="CUDA works here"
)
@pytest.mark.filterwarnings("ignore:Specified provider")
def test_falling_back_to_the_cpu_is_an_error(write, monkeypatch):
    monkeypatch.setattr(
        "onnxruntime.get_available_providers",
        lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"],
    )
    with pytest.raises(DeviceError, match="could not start it"):
        OnnxNetwork(write(), device="cuda")


@pytest.mark.parametrize("device", ["mps", "gpu", "cuda:x"])
def test_other_devices_are_refused(write, device):
    with pytest.raises(DeviceError, match=f"device '{device}'"):
        OnnxNetwork(write(), device=device)
