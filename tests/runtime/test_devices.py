"""A device or number format is what was asked for, or an error."""

from __future__ import annotations

import pytest
import torch

from facewise import DeviceError
from facewise.runtime.devices import resolve_device, resolve_dtype


def test_names_and_defaults():
    assert resolve_device(None) == torch.device("cpu")
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device(torch.device("cpu")) == torch.device("cpu")
    assert resolve_dtype(None) == torch.float32
    assert resolve_dtype("bfloat16") == resolve_dtype(torch.bfloat16) == torch.bfloat16


def test_auto_takes_the_best_there_is(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert resolve_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert resolve_device("auto").type == "mps"
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert resolve_device("auto").type == "cpu"


@pytest.mark.parametrize("name", ["cuda:99", "xpu", "meta", "gpu", ""])
def test_a_missing_device_is_an_error_not_a_fallback(name):
    with pytest.raises(DeviceError, match=f"device '{name}'"):
        resolve_device(name)


@pytest.mark.parametrize("name", ["int8", "double", torch.int64, "torch.float32"])
def test_other_number_formats_are_refused(name):
    with pytest.raises(DeviceError, match="expected one of float32, float16, bfloat16"):
        resolve_dtype(name)
