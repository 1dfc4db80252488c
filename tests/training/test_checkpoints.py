from __future__ import annotations

import errno
import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from facewise.errors import TrainingError
from facewise.training import checkpoints as module
from facewise.training.checkpoints import Checkpoints
from facewise.training.encoding import decode, encode

MODEL = {"weight": torch.arange(6.0).reshape(2, 3).t(), "steps": torch.tensor(7)}


def saved(folder: Path, *steps: int, **options: Any) -> Checkpoints:
    store = Checkpoints(folder, **options)
    for step in steps:
        store.save(step, MODEL, {"step": step})
    return store


def test_what_goes_in_comes_out(tmp_path: Path) -> None:
    network = torch.nn.Linear(3, 2)
    optimiser = torch.optim.Adam(network.parameters(), 0.1)
    network(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    state = {
        "optimiser": optimiser.state_dict(),
        "python": random.getstate(),
        "numpy": np.random.get_state(),  # noqa: NPY002
        "torch": torch.get_rng_state(),
        "generator": np.random.default_rng(1).bit_generator.state,
        "loss": 0.1 + 0.2,
        "infinite": float("inf"),
        "flags": (True, None, [1, "a"]),
        "half": torch.ones(2, dtype=torch.bfloat16),
    }
    Checkpoints(tmp_path).save(12, MODEL, state)
    found = Checkpoints(tmp_path).load(12)
    assert found.step == 12
    assert all(torch.equal(found.model[key], value) for key, value in MODEL.items())
    assert found.state["loss"] == 0.1 + 0.2
    assert found.state["infinite"] == float("inf")
    assert found.state["flags"] == (True, None, [1, "a"])
    assert found.state["half"].dtype == torch.bfloat16
    assert found.state["generator"] == state["generator"]
    random.setstate(found.state["python"])
    np.random.set_state(found.state["numpy"])  # noqa: NPY002
    assert random.getstate() == state["python"]
    assert np.array_equal(np.random.get_state()[1], state["numpy"][1])  # noqa: NPY002
    assert torch.equal(found.state["torch"], state["torch"])
    again = torch.optim.Adam(network.parameters(), 0.5)
    again.load_state_dict(found.state["optimiser"])
    assert again.state_dict()["param_groups"] == optimiser.state_dict()["param_groups"]
    moments = optimiser.state_dict()["state"][0]
    assert torch.equal(again.state_dict()["state"][0]["exp_avg"], moments["exp_avg"])


def test_what_cannot_be_kept_is_named() -> None:
    with pytest.raises(TypeError, match=r"state\.a\.1: a object cannot be kept"):
        encode({"a": [1, object()]})


def test_keys_that_are_no_texts_or_look_like_ours() -> None:
    state = {"a": {3: "b", (1, 2): "c"}, "b": {"$tensor": "no tensor"}}
    content, tensors = encode(state)
    assert decode(json.loads(json.dumps(content)), tensors) == state


def test_kept_are_the_last_two_the_best_and_every_so_many(tmp_path: Path) -> None:
    store = Checkpoints(tmp_path, every=4)
    for step in range(1, 11):
        store.save(step, MODEL, {}, keep={3})
    assert store.steps() == [3, 4, 8, 9, 10]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"step-{step:08d}" for step in (3, 4, 8, 9, 10)
    ]


@pytest.mark.parametrize("name", ["model.safetensors", "state.safetensors", "state.json"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(tmp_path: Path, name: str) -> None:
    store = saved(tmp_path, 1, 2)
    file = store.path(2) / name
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(TrainingError, match=f"{name}: damaged"):
        store.load(2)
    with pytest.warns(UserWarning, match=f"{name}: damaged .* the one before it is tried"):
        found = store.load_last()
    assert found is not None
    assert (found.step, found.state) == (1, {"step": 1})
    store.forget_after(1)
    assert store.steps() == [1]


def test_a_checkpoint_with_a_missing_file(tmp_path: Path) -> None:
    store = saved(tmp_path, 1)
    (store.path(1) / "manifest.json").unlink()
    with (
        pytest.warns(UserWarning, match=r"manifest\.json: cannot be read"),
        pytest.raises(TrainingError, match="all 1 checkpoints are damaged"),
    ):
        store.load_last()


def test_no_checkpoint(tmp_path: Path) -> None:
    assert Checkpoints(tmp_path / "none").load_last() is None


def test_a_full_disk_keeps_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = saved(tmp_path, 1, 2)
    write = module._write

    def full(path: Path, content: bytes) -> str:
        if path.name == "state.json":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        store.save(3, MODEL, {})
    assert caught.value.errno == errno.ENOSPC
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["step-00000001", "step-00000002"]
    assert store.load(2).state == {"step": 2}
    monkeypatch.undo()
    store.save(3, MODEL, {})
    assert store.steps() == [2, 3]


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    store = saved(tmp_path, 1)
    (tmp_path / ".writing-00000002").mkdir()
    (tmp_path / ".writing-00000002" / "model.safetensors").write_bytes(b"half")
    assert store.steps() == [1]
    store.save(2, MODEL, {})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["step-00000001", "step-00000002"]


def test_the_hash_of_the_model_is_that_of_its_file(tmp_path: Path) -> None:
    import hashlib

    found = saved(tmp_path, 1).load(1)
    content = (found.path / "model.safetensors").read_bytes()
    assert found.model_sha256 == hashlib.sha256(content).hexdigest()
