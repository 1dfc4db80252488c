"""The same network by every backend and precision."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from torch import nn

from facewise.detection.mtcnn_nets import ONet, PNet, RNet
from facewise.embedding.architectures import ARCHITECTURES
from facewise.errors import ModelError
from facewise.runtime import onednn
from facewise.runtime.fusion import simplified
from facewise.runtime.networks import Candidate, compile_network, graph_network
from facewise.runtime.quantization import observe
from facewise.runtime.threads import become_worker

BACKENDS = ("torch", "onnxruntime", "openvino")
GRAPHS = BACKENDS[1:]


@pytest.fixture(autouse=True, scope="module")
def _backends():
    for module in ("onnx", "onnxruntime", "openvino"):
        pytest.importorskip(module, reason="the extras 'onnx' and 'openvino' are not installed")


class Small(nn.Module):
    """A few of everything: two results, one a map and one a vector."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2d(16)
        self.prelu = nn.PReLU(16)
        self.wide = nn.Conv2d(16, 32, 3, 2)
        self.relu = nn.ReLU6()
        self.places = nn.Conv2d(32, 4, 1)
        self.linear = nn.Linear(32, 5)

    def forward(self, x):
        y = self.relu(self.wide(self.prelu(self.norm(self.conv(x)))))
        return self.places(y), self.linear(y.mean(dim=(2, 3))).softmax(dim=1)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    return Small().eval()


@pytest.fixture
def compiled(tmp_path):
    def build(module, backend, precision="float32", example=(2, 3, 16, 16), **options):
        return compile_network(
            module,
            torch.zeros(example),
            Candidate(backend, precision),
            key=type(module).__name__,
            folder=tmp_path,
            **options,
        )

    return build


def expected(module, x):
    with torch.inference_mode():
        return module(x)


def pictures(*shape, seed=1):
    x = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return x.contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("backend", BACKENDS)
def test_float32_is_the_same(small, compiled, backend):
    network = compiled(small, backend, dynamic={0: "n", 2: "h", 3: "w"})
    for shape in ((2, 3, 16, 16), (1, 3, 16, 16), (3, 3, 9, 31)):
        for x in (pictures(*shape), pictures(*shape).contiguous()):
            results = network(x)
            assert isinstance(results, tuple)
            assert [r.dtype for r in results] == [torch.float32] * 2
            torch.testing.assert_close(results, expected(small, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("build", "size"), [(PNet, 37), (RNet, 24), (ONet, 48)])
def test_the_detectors_networks(compiled, backend, build, size):
    torch.manual_seed(0)
    module = build().eval()
    dynamic = {0: "n", 2: "h", 3: "w"} if build is PNet else None
    network = compiled(module, backend, example=(1, 3, size, size), dynamic=dynamic)
    for n, extra in ((1, 0), (5, 0), *([(1, 12), (2, 7)] if build is PNet else [])):
        x = pictures(n, 3, size + extra, size)
        torch.testing.assert_close(network(x), expected(module, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("backend", ["torch", "openvino"])
def test_bfloat16_is_near(small, compiled, backend):
    network = compiled(small, backend, "bfloat16")
    x = pictures(4, 3, 16, 16)
    for result, exact in zip(network(x), expected(small, x), strict=True):
        assert result.dtype == torch.float32
        assert 0 < (result - exact).abs().max() < 0.02 * exact.abs().max() + 1e-6


def test_float16_by_torch(small, compiled):
    result, vector = compiled(small, "torch", "float16")(x := pictures(2, 3, 16, 16))
    torch.testing.assert_close((result, vector), expected(small, x), rtol=5e-3, atol=5e-3)


@pytest.mark.parametrize("backend", GRAPHS)
def test_int8_is_near_and_made_of_integers(small, compiled, tmp_path, backend):
    seen = pictures(64, 3, 16, 16, seed=2)
    network = compiled(small, backend, "int8", calibration=lambda: seen.split(16))
    x = pictures(8, 3, 16, 16)
    for result, exact in zip(network(x), expected(small, x), strict=True):
        assert 0 < (result - exact).abs().max() < 0.06 * exact.abs().max()
    import onnx

    [path] = (tmp_path / "graphs").glob("*.onnx")
    graph = onnx.load_from_string(path.read_bytes()[32:]).graph
    whole = {i.name for i in graph.initializer if i.data_type == onnx.TensorProto.INT8}
    assert {"conv.weight.integers", "wide.weight.integers", "places.weight.integers"} <= whole


@pytest.mark.parametrize("backend", BACKENDS)
def test_int8_needs_calibration(small, compiled, backend):
    with pytest.raises(ValueError, match="int8 needs calibration"):
        compiled(small, backend, "int8")


def test_ranges_are_the_extremes_of_maps(small):
    seen = pictures(200, 3, 16, 16)
    ranges = observe(simplified(small), seen.split(50))
    assert ranges["x"] == (seen.min().item(), seen.max().item())
    assert observe(simplified(small), [seen.abs() + 1])["x"][0] == 0  # zero can be told exactly
    assert ranges["relu"][0] == 0  # of ReLU6
    assert 0 < ranges["relu"][1] <= 6
    assert not {"wide", "mean", "linear"} & ranges.keys()  # one with its activation; vectors
    with pytest.raises(ValueError, match="no pictures"):
        observe(simplified(small), [])


def test_kept_graphs_are_used_and_mended(small, compiled, tmp_path, monkeypatch):
    x = pictures(2, 3, 16, 16)
    exact = compiled(small, "onnxruntime")(x)
    [path] = (tmp_path / "graphs").glob("*.onnx")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    torch.testing.assert_close(compiled(small, "onnxruntime")(x), exact)
    assert path.read_bytes() == content
    monkeypatch.setattr("facewise.runtime.graphs.onnx_graph", None)  # not needed any more
    torch.testing.assert_close(compiled(small, "onnxruntime")(x), exact)


def test_where_nothing_can_be_written_it_works_all_the_same(small, tmp_path):
    (tmp_path / "file").write_text("in the way")
    network = compile_network(
        small,
        torch.zeros(1, 3, 16, 16),
        Candidate("onnxruntime", "float32"),
        key="test",
        folder=tmp_path / "file",
    )
    x = pictures(1, 3, 16, 16)
    torch.testing.assert_close(network(x), expected(small, x), rtol=1e-4, atol=1e-5)


class Strange(nn.Module):
    def forward(self, x):
        return torch.fft.fft(x).abs()


class Hesitant(nn.Module):
    def forward(self, x):
        return x + 1 if x.sum() > 0 else x


def test_what_a_backend_cannot_run_is_an_error_and_torch_runs_it(compiled):
    with pytest.raises(NotImplementedError, match="fft"):
        compiled(Strange(), "openvino")
    x = pictures(1, 3, 4, 4)
    torch.testing.assert_close(compiled(Hesitant(), "torch")(x)[0], expected(Hesitant(), x))


@pytest.mark.parametrize("backend", GRAPHS)
def test_a_bad_graph_is_an_error(backend):
    with pytest.raises(ModelError, match=r"the graph: .* cannot read it"):
        graph_network(b"nonsense", Candidate(backend, "float32"))


@pytest.mark.parametrize("backend", BACKENDS)
def test_workers_call_at_the_same_time(small, compiled, backend):
    network = compiled(small, backend)
    batches = [pictures(n % 3 + 1, 3, 16, 16, seed=n) for n in range(24)]
    with ThreadPoolExecutor(3, initializer=become_worker) as pool:
        results = list(pool.map(network, batches))
    kept = [[r.clone().numpy() for r in result] for result in results]
    for x, result in zip(batches, kept, strict=True):
        for value, exact in zip(result, expected(small, x), strict=True):
            np.testing.assert_allclose(value, exact.numpy(), rtol=1e-4, atol=1e-5)


def test_results_are_the_callers_to_keep(small, compiled):
    network = compiled(small, "openvino")
    first = network(pictures(2, 3, 16, 16))
    copy = [value.clone() for value in first]
    network(pictures(2, 3, 16, 16, seed=9))
    torch.testing.assert_close(list(first), copy, rtol=0, atol=0)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_without_onednns_operator_torch_gives_the_same(small, compiled, monkeypatch, precision):
    x = pictures(2, 3, 16, 16)
    fused = compiled(small, "torch", precision)(x)
    monkeypatch.setattr(onednn, "available", lambda: False)
    plain = compiled(small, "torch", precision)(x)
    torch.testing.assert_close(
        fused, plain, rtol=0.02, atol=1e-5 if precision == "float32" else 0.01
    )


def test_vectors_stay_in_float32_beside_bfloat16_maps(compiled):
    """The head of dlib's network on maps that are exact in bfloat16 gives no rounding at all."""
    torch.manual_seed(0)

    class Head(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(3, 64)

        def forward(self, x):
            return self.linear(x.mean(dim=(2, 3)))

    x = pictures(2, 3, 8, 8).bfloat16().float()
    head = Head().eval()
    torch.testing.assert_close(compiled(head, "torch", "bfloat16")(x)[0], expected(head, x))


def test_every_architecture_becomes_a_graph(compiled):
    for name in ("mobilefacenet", "ir_se_50"):
        torch.manual_seed(0)
        module = ARCHITECTURES[name]().eval()
        x = pictures(1, 3, 112, 112)
        result = compiled(module, "openvino", example=(1, 3, 112, 112))(x)[0]
        torch.testing.assert_close(result, expected(module, x), rtol=1e-3, atol=1e-4)
