"""State_dicts of egcode/facerec: the names of face.evoLVe's `Backbone`.

That `IResNet` has those names and computes that network is shown in
tests/embedding/test_iresnet.py; here a transcription of one unit at a time stands beside it.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812

import facewise
from facewise.alignment import FivePointCrop
from facewise.convert.facerec import convert_facerec
from facewise.embedding.folder import write_model_folder
from facewise.embedding.iresnet import IResNet
from facewise.errors import ModelError


@pytest.fixture(scope="module")
def ir_50():
    """IR_50 whose batch norms are as after training."""
    torch.manual_seed(0)
    network = IResNet(50).eval()
    for layer in network.modules():
        if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            layer.running_mean.normal_(0, 0.1)
            layer.running_var.uniform_(0.5, 1.5)
    return network


def unit(state, i, x, stride):
    """One residual unit, computed from the tensors of the file alone."""

    def norm(name, y):
        at = f"body.{i}.{name}"
        return F.batch_norm(
            y,
            state[f"{at}.running_mean"],
            state[f"{at}.running_var"],
            state[f"{at}.weight"],
            state[f"{at}.bias"],
        )

    if f"body.{i}.shortcut_layer.0.weight" in state:
        short = F.conv2d(x, state[f"body.{i}.shortcut_layer.0.weight"], stride=stride)
        short = norm("shortcut_layer.1", short)
    else:
        short = x[:, :, ::stride, ::stride]
    y = F.conv2d(norm("res_layer.0", x), state[f"body.{i}.res_layer.1.weight"], padding=1)
    y = F.prelu(y, state[f"body.{i}.res_layer.2.weight"])
    y = F.conv2d(y, state[f"body.{i}.res_layer.3.weight"], stride=stride, padding=1)
    return short + norm("res_layer.4", y)


def plain_ir_50(state, x):
    """The whole network from the tensors of the file."""
    y = F.conv2d(x, state["input_layer.0.weight"], padding=1)
    names = ("running_mean", "running_var", "weight", "bias")
    y = F.batch_norm(y, *(state[f"input_layer.1.{name}"] for name in names))
    y = F.prelu(y, state["input_layer.2.weight"])
    for i in range(24):
        y = unit(state, i, y, stride=2 if i in (0, 3, 7, 21) else 1)
    y = F.batch_norm(y, *(state[f"output_layer.0.{name}"] for name in names))
    y = F.linear(y.flatten(1), state["output_layer.3.weight"], state["output_layer.3.bias"])
    return F.batch_norm(y, *(state[f"output_layer.4.{name}"] for name in names))


def test_the_folder_is_a_model_that_computes_what_the_file_says(tmp_path, ir_50, rng):
    path = tmp_path / "IR_50_MODEL_arcface_ms1celeb_epoch90_lfw9962.pth"
    torch.save(ir_50.state_dict(), path)
    network, spec = convert_facerec(path)
    assert spec.id == "ir_50.ir_50_model_arcface_ms1celeb_epoch90_lfw9962"
    assert (spec.architecture, spec.input_size, spec.embedding_size) == ("ir_50", 112, 512)
    assert spec.crop == FivePointCrop()
    assert spec.normalisation.mean == (127.5,) * 3
    assert spec.normalisation.std == (128.0,) * 3

    file = write_model_folder(tmp_path / "out", network, spec)
    embedder = facewise.load_embedder(str(file), backend="torch", precision="float32")
    chips = rng.integers(0, 256, (2, 112, 112, 3), np.uint8)
    x = torch.from_numpy(((chips.astype(np.float32) - 127.5) / 128).transpose(0, 3, 1, 2))
    with torch.inference_mode():
        expected = F.normalize(plain_ir_50(ir_50.state_dict(), x)).numpy()
    np.testing.assert_allclose(embedder.embed(chips), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("form", ["parallel", "half", "before PyTorch 1.6", "training"])
def test_every_form_of_the_file(tmp_path, ir_50, form):
    state = ir_50.state_dict()
    if form == "half":
        state = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    content = {f"module.{k}": v for k, v in state.items()} if form == "parallel" else state
    torch.save(
        {"state_dict": content, "epoch": 90} if form == "training" else content,
        tmp_path / "a.pth",
        _use_new_zipfile_serialization=form != "before PyTorch 1.6",
    )
    network, _ = convert_facerec(tmp_path / "a.pth")
    converted = network.state_dict()
    assert converted.keys() == state.keys()
    assert all(torch.equal(converted[k], v.to(converted[k].dtype)) for k, v in state.items())


def test_squeeze_excitation_and_input_size_are_read_off_the_tensors(tmp_path):
    torch.manual_seed(0)
    torch.save(IResNet(50, se=True, input_size=224).state_dict(), tmp_path / "a.pth")
    network, spec = convert_facerec(tmp_path / "a.pth")
    assert (spec.architecture, spec.input_size) == ("ir_se_50", 224)
    assert spec.crop.size == 224
    assert spec.crop.template[0] == pytest.approx((2 * 38.2946, 2 * 51.6963))
    with torch.inference_mode():
        assert network(torch.zeros(1, 3, 224, 224)).shape == (1, 512)


@pytest.mark.slow
@pytest.mark.parametrize("depth", [101, 152])
def test_depths_are_told_apart(tmp_path, depth):
    torch.save(IResNet(depth).state_dict(), tmp_path / "a.pth")
    assert convert_facerec(tmp_path / "a.pth")[1].architecture == f"ir_{depth}"


def test_missing_and_other_tensors(tmp_path, ir_50):
    state = dict(ir_50.state_dict())
    del state["body.3.res_layer.1.weight"]
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(ModelError, match=r"not weights of ir_50: 1 of .* \(body\.3\.res_layer\.1"):
        convert_facerec(tmp_path / "a.pth")
    state = {k: v for k, v in ir_50.state_dict().items() if not k.startswith("output_layer")}
    torch.save(state, tmp_path / "b.pth")
    with pytest.raises(ModelError, match=r"missing \(output_layer\.0\.weight"):
        convert_facerec(tmp_path / "b.pth")


def test_the_head_of_arcface_is_no_network(tmp_path):
    torch.save({"weight": torch.zeros(100, 512)}, tmp_path / "arcface_90.pth")
    with pytest.raises(ModelError, match=r"got 0 units under body and 1 tensors, the first 'wei"):
        convert_facerec(tmp_path / "arcface_90.pth")
