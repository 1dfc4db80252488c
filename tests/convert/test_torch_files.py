from __future__ import annotations

import collections
import pickle

import numpy as np
import pytest
import torch

from facewise.convert.torch_files import read_checkpoint, state_dict_of
from facewise.errors import ModelError


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "value", [np.float64(0.9412), np.float32(1.5), np.float16(-2.25), np.int64(-7), np.int32(3)]
)
def test_numbers_of_numpy_become_pythons(tmp_path, value, zipped):
    torch.save(
        {"a": value, "b": [torch.ones(2)]},
        tmp_path / "f.pt",
        _use_new_zipfile_serialization=zipped,
    )
    content = read_checkpoint(tmp_path / "f.pt")
    assert content["a"] == value
    assert type(content["a"]) in (float, int)
    torch.testing.assert_close(content["b"][0], torch.ones(2))


def test_names_and_byte_orders_of_other_machines(tmp_path):
    """NumPy 1 wrote `numpy.core`, and a big-endian machine writes its own order."""
    torch.save({"a": np.float64(0.9412)}, tmp_path / "f.pt", _use_new_zipfile_serialization=False)
    data = (tmp_path / "f.pt").read_bytes()
    assert b"numpy._core.multiarray" in data
    (tmp_path / "f.pt").write_bytes(data.replace(b"numpy._core.", b"numpy.core."))
    assert read_checkpoint(tmp_path / "f.pt") == {"a": 0.9412}
    big = np.array(0.9412, ">f8")[()]
    scalar = big.dtype.newbyteorder(">")
    torch.save(
        {"a": _Scalar(scalar, np.array(0.9412, ">f8").tobytes())},
        tmp_path / "g.pt",
        _use_new_zipfile_serialization=False,
    )
    assert read_checkpoint(tmp_path / "g.pt") == {"a": 0.9412}


class _Scalar:
    """Pickles as a NumPy scalar of any type and bytes."""

    def __init__(self, dtype, data):
        self.parts = (dtype, data)

    def __reduce__(self):
        return np.float64(0).__reduce__()[0], self.parts


def test_only_numbers_of_numpy(tmp_path):
    for value in (np.str_("text"), np.array([1.0]), np.datetime64("2020-01-01")):
        torch.save({"a": value}, tmp_path / "f.pt")
        with pytest.raises(ModelError, match=r"f\.pt: (refused|cannot be read)"):
            read_checkpoint(tmp_path / "f.pt")
    torch.save({"a": _Scalar(np.dtype("f8"), b"short")}, tmp_path / "f.pt")
    with pytest.raises(ModelError, match=r"f\.pt: cannot be read"):
        read_checkpoint(tmp_path / "f.pt")


def test_a_whole_module_is_refused_with_the_way_out(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "whole.pt")
    with pytest.raises(ModelError, match=r"whole\.pt: refused: .*Linear .*save the state_dict"):
        read_checkpoint(tmp_path / "whole.pt")


def test_other_kinds_of_files(tmp_path):
    with pytest.raises(ModelError, match=r"none\.pt: no such file"):
        read_checkpoint(tmp_path / "none.pt")
    with pytest.raises(ModelError, match="is a folder"):
        read_checkpoint(tmp_path)
    for content in (
        b"",
        b"text",
        b"PK\x03\x04" + bytes(100),
        pickle.dumps({"a": 1}, protocol=2)[:-1],
    ):
        (tmp_path / "f.pt").write_bytes(content)
        with pytest.raises(ModelError, match=r"f\.pt: cannot be read as a PyTorch file"):
            read_checkpoint(tmp_path / "f.pt")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_torchscript_program(tmp_path):
    torch.jit.trace(torch.nn.Linear(2, 2), torch.zeros(1, 2)).save(str(tmp_path / "s.pt"))
    with pytest.raises(ModelError, match=r"s\.pt: a TorchScript program"):
        read_checkpoint(tmp_path / "s.pt")


def test_state_dicts_wherever_they_lie(tmp_path):
    path = tmp_path / "f.pt"
    state = collections.OrderedDict(a=torch.ones(1))
    parallel = {"module.module.a": torch.ones(1)}
    for content in (state, {"model_state_dict": state}, {"state_dict": parallel, "epoch": 3}):
        assert list(state_dict_of(content, path)) == ["a"]
    # A name that begins so in part of the tensors is a name.
    assert list(state_dict_of({"module.a": torch.ones(1), "b": torch.ones(1)}, path)) == [
        "module.a",
        "b",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "expected a state_dict, got list"),
        ({}, r"got a dictionary with the keys \(none\)"),
        ({"epoch": 3}, "got 'epoch': int"),
        ({"model_state_dict": None}, "expected a state_dict, got NoneType"),
        ({"model_state_dict": {3: torch.ones(1)}}, "named tensors; got 3: Tensor"),
        ({"a": {"b": 1}}, "got 'a': a dictionary with the keys 'b'"),
    ],
)
def test_what_is_no_state_dict(tmp_path, content, message):
    with pytest.raises(ModelError, match=message):
        state_dict_of(content, tmp_path / "f.pt")
