from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

import facewise
from facewise.embedding.proof import proof_chips
from facewise.errors import ExtraMissingError, FacewiseError, ModelError
from facewise.model_export import FORMATS, export_model, read_metadata
from facewise.model_export.formats import the_format
from facewise.zoo import Normalisation, get_spec, read_spec

NEEDS = {"onnx": "onnxruntime", "openvino": "openvino", "executorch": "executorch"}


def installed(name):
    if name in NEEDS:
        pytest.importorskip(NEEDS[name])
    return name


@pytest.fixture(params=FORMATS)
def form(request):
    """A format whose packages are installed."""
    return installed(request.param)


@pytest.fixture(params=["onnx", *(pytest.param(f, marks=pytest.mark.slow) for f in FORMATS[1:])])
def whole_form(request):
    """Likewise, but for ONNX in the slow suite only."""
    return installed(request.param)


@pytest.mark.parametrize("preprocess", [False, True])
def test_mtcnn_becomes_three_files_that_give_its_answers(form, preprocess, tmp_path):
    exported = export_model("mtcnn", form, tmp_path, preprocess=preprocess)
    assert [each.name for each in exported] == ["mtcnn.pnet", "mtcnn.rnet", "mtcnn.onet"]
    for each in exported:
        assert each.path.is_file()
        assert each.parity.difference < 1e-5
        assert each.loss is None
    content = read_metadata(exported[0].path)
    assert content["spec"]["licence"].startswith("MIT")
    assert content["weights_sha256"] == get_spec("mtcnn").weights.sha256
    assert content["outputs"] == ["moves", "probabilities"]
    assert content["input"]["shape"] == (
        ["batch", "height", "width", 3] if preprocess else ["batch", 3, "height", "width"]
    )
    hidden = [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert hidden == []


@pytest.mark.parametrize("preprocess", [pytest.param(False, marks=pytest.mark.slow), True])
def test_the_default_embedder_gives_its_own_vectors(form, preprocess, tmp_path):
    (exported,) = export_model("dlib_resnet29", form, tmp_path, preprocess=preprocess)
    assert exported.parity.cosine > 1 - 1e-5
    embedder = facewise.load_embedder()
    chips = np.tile(proof_chips(embedder.spec.crop)[:3], (6, 1, 1, 1))  # more than it was proved by
    given = chips if preprocess else ((chips - np.float32([122.782, 117.001, 104.298])) / 256)
    if not preprocess:
        given = np.ascontiguousarray(given.transpose(0, 3, 1, 2).astype(np.float32))
    (vectors,) = the_format(form).opened(exported.path)(given)
    assert np.abs(vectors - embedder.embed(chips)).max() < 1e-5
    spec = read_metadata(exported.path)["spec"]
    (tmp_path / "spec.json").write_text(json.dumps(spec))
    assert read_spec(tmp_path / "spec.json").thresholds == embedder.spec.thresholds


def test_preprocessing_is_that_of_the_spec(form, own_model, tmp_path):
    normalisation = Normalisation(colour="bgr", per_image=True)
    model = own_model(normalisation=normalisation)
    (exported,) = export_model(str(model), form, tmp_path, preprocess=True)
    assert exported.parity.cosine > 1 - 1e-5
    chips = proof_chips(read_spec(model / "spec.json").crop)
    (vectors,) = the_format(form).opened(exported.path)(chips)
    embedder = facewise.load_embedder(model)
    expected = embedder.embed(chips)
    assert np.abs(vectors - expected).max() < 5e-4
    assert np.abs(vectors - embedder.embed(chips[..., ::-1].copy())).max() > 1e-2
    assert np.abs(expected[0] - expected[1]).max() > 1e-3  # the network looks at its input
    assert read_metadata(exported.path)["spec"]["training_set"] == "none: ö"


def test_half_precision_is_smaller_and_near(whole_form, tmp_path):
    form = whole_form
    (half,) = export_model("dlib_resnet29", form, tmp_path, precision="float16", preprocess=True)
    assert half.parity.cosine > 0.999
    assert read_metadata(half.path)["precision"] == "float16"
    if form != "executorch":  # XNNPACK keeps the weights as they are
        assert half.size < 12_000_000  # 5,607,488 weights


def test_integers_are_measured_on_pictures_that_set_no_range(whole_form, faces, tmp_path):
    form = whole_form
    photos = sorted(faces.glob("*.jpg")) * 4
    options = {"precision": "int8", "calibration": photos}
    if "int8" not in the_format(form).PRECISIONS:
        with pytest.raises(ModelError, match="torchscript in int8: only float32, float16"):
            export_model("dlib_resnet29", form, tmp_path, **options)
        return
    with pytest.raises(FacewiseError, match="int8 needs calibration"):
        export_model("dlib_resnet29", form, tmp_path, precision="int8")
    with pytest.raises(FacewiseError, match=r"1 inputs for dlib_resnet29\.dlib in 1"):
        export_model("dlib_resnet29", form, tmp_path, precision="int8", calibration=photos[:1])
    (exported,) = export_model("dlib_resnet29", form, tmp_path, **options)
    assert exported.loss is not None
    assert exported.loss.pictures >= 2
    assert 0.99 < exported.loss.cosine < 1 - 1e-6  # it is not float32
    assert exported.size < 10_000_000


def test_mtcnn_in_integers(whole_form, faces, tmp_path):
    form = whole_form
    if "int8" not in the_format(form).PRECISIONS:
        pytest.skip("not in this format")
    photos = [faces / "astronaut.jpg"]
    exported = export_model("mtcnn", form, tmp_path, precision="int8", calibration=photos)
    for each in exported:
        assert each.parity.mean < 0.05
        assert each.loss.pictures > 0


@pytest.mark.parametrize("name", ["onnx", pytest.param("openvino", marks=pytest.mark.slow)])
def test_a_model_that_is_a_graph_gets_preprocessing_and_unit_vectors(
    name, own_model, faces, tmp_path
):
    pytest.importorskip("onnxruntime")
    pytest.importorskip(NEEDS[name])
    own = own_model()
    (source,) = export_model(str(own), "onnx", tmp_path / "source")
    folder = tmp_path / "graph"
    folder.mkdir()
    spec = json.loads((own / "spec.json").read_text())
    spec |= {"id": "onnx.net", "architecture": "onnx", "weights": "net.onnx"}
    (folder / "net.onnx").write_bytes(source.path.read_bytes())
    (folder / "spec.json").write_text(json.dumps(spec))
    (exported,) = export_model(str(folder), name, tmp_path / "out", preprocess=True)
    assert exported.parity.cosine > 1 - 1e-5
    chips = proof_chips(read_spec(own / "spec.json").crop)
    (vectors,) = the_format(name).opened(exported.path)(chips)
    assert np.abs(vectors - facewise.load_embedder(own).embed(chips)).max() < 1e-4
    photos = sorted(faces.glob("*.jpg")) * 4
    with pytest.raises(ModelError, match="comes as a graph"):
        export_model(str(folder), name, tmp_path / "half", precision="int8", calibration=photos)
    with pytest.raises(ModelError, match="comes as an ONNX graph"):
        export_model(str(folder), "torchscript", tmp_path / "torch")


def test_a_file_that_is_another_network_is_not_kept(form, own_model, tmp_path, monkeypatch):
    module = the_format(form)
    opened = module.opened
    monkeypatch.setattr(
        module, "opened", lambda path: lambda x: tuple(y[:, ::-1] for y in opened(path)(x))
    )
    with pytest.raises(ModelError, match=r"mobilefacenet.own: its file least cosine .*not kept"):
        export_model(str(own_model()), form, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_that_does_not_run_is_not_kept(form, own_model, tmp_path, monkeypatch):
    def broken(part, wanted, path):
        path.write_bytes(b"no model")

    monkeypatch.setattr(the_format(form), "write", broken)
    with pytest.raises(ModelError, match=r"mobilefacenet.own: its file does not run"):
        export_model(str(own_model()), form, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_files_that_are_there_stay(own_model, tmp_path):
    model = str(own_model())
    export_model(model, "torchscript", tmp_path)
    with pytest.raises(ModelError, match=r"holds mobilefacenet\.own\.torchscript already"):
        export_model(model, "torchscript", tmp_path)


def test_what_cannot_be_exported_is_said(tmp_path, monkeypatch):
    with pytest.raises(ModelError, match="expected one of onnx, openvino, torchscript, executorch"):
        export_model("mtcnn", "coreml", tmp_path)
    with pytest.raises(ModelError, match="expected one of float32, float16, int8, got 'fp4'"):
        export_model("mtcnn", "onnx", tmp_path, precision="fp4")
    with pytest.raises(ModelError, match="scrfd_10g: it is an ONNX file"):
        export_model("scrfd_10g", "onnx", tmp_path)
    with pytest.raises(ModelError, match=r"expected a file \.onnx, \.xml, \.torchscript, \.pte"):
        read_metadata(tmp_path / "model.bin")
    monkeypatch.setitem(__import__("sys").modules, "executorch", None)
    monkeypatch.setitem(__import__("sys").modules, "executorch.exir", None)
    with pytest.raises(ExtraMissingError, match=r"pip install 'facewise\[executorch\]'"):
        export_model("mtcnn", "executorch", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_strange_files_have_no_metadata(form, tmp_path):
    path = tmp_path / f"x{the_format(form).SUFFIX}"
    path.write_bytes(b"something else")
    with pytest.raises(ModelError, match=str(path)):
        read_metadata(path)


def test_figures_of_other_weights_do_not_go_into_the_file(tmp_path):
    from safetensors.torch import load_file, save_file

    from facewise import zoo

    plain = zoo.weights_path(get_spec("dlib_resnet29"))
    tensors = load_file(plain)
    name = next(name for name in tensors if tensors[name].is_floating_point())
    save_file({**tensors, name: tensors[name] * 1.01}, tmp_path / "own.safetensors")
    metadata = []
    for weights in (plain, tmp_path / "own.safetensors"):
        out = tmp_path / weights.stem
        (file,) = export_model("dlib_resnet29", "torchscript", out, weights=weights)
        metadata.append(read_metadata(file.path)["spec"])
    assert metadata[0]["thresholds"]
    assert not metadata[1].get("thresholds")
    assert not metadata[1].get("measured")
    assert metadata[1]["licence"] == "not stated"
    assert metadata[1]["weights"] == "own.safetensors"


def test_a_spec_that_states_another_size_is_refused(tmp_path):
    spec = dataclasses.replace(get_spec("dlib_resnet29"), embedding_size=512)
    with pytest.raises(ModelError, match="gives 128 numbers; its spec states embedding_size 512"):
        export_model(spec, "torchscript", tmp_path / "out")


def test_rests_of_a_killed_export_are_cleared_away(tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    (tmp_path / f".export-{gone.pid}-x").mkdir()
    (tmp_path / ".export-mine").mkdir()
    export_model("mtcnn", "torchscript", tmp_path)
    hidden = [path.name for path in tmp_path.iterdir() if path.name.startswith(".")]
    assert hidden == [".export-mine"]
