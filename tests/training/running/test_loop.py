from __future__ import annotations

import errno
import re
import shutil
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from facewise.errors import DeviceError, ExtraMissingError, TrainingError
from facewise.training import checkpoints as checkpoints_module
from facewise.training import loop
from facewise.training.beginning import only_one
from facewise.training.checkpoints import Checkpoints
from facewise.training.loop import train
from facewise.training.stopping import TrainingInterrupted

Settings = Callable[..., Any]
Losses = Callable[[Path], list[str]]

EVERYTHING = {
    "plain": {},
    "ema, accumulation, clipping": {"ema": 0.9, "accumulate": 4, "clip": 1.0},
    "triplets": {"loss": "triplet", "loss_options": {}, "batch_size": 12, "pictures_each": 4},
    "centers": {"loss": "center", "loss_options": {}, "centers_lr": 0.5, "sampler": "balanced"},
    "adam, running statistics": {"loss": "adaface", "optimizer": "adamw", "lr": 1e-3},
    "sampled classes": {"loss_options": {"scale": 16, "sample_rate": 0.5}, "optimizer": "adam"},
    "triplets from a list": {
        "loss": "triplet-offline",
        "loss_options": {},
        "batch_size": 12,
        "triplet_count": 20,
        "epochs": 4,
    },
    "schedule with warm-up": {"schedule": "polynomial", "warmup_epochs": 1.5},
}


@pytest.fixture
def interrupt_at(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """`interrupt_at(step)`: send SIGTERM to this process while that step is made; 0 for none."""
    when = 0
    step = loop._Run._step

    def stepped(run: Any, batches: Any, begun_at: int) -> None:
        if run._parts.progress.step + 1 == when:
            signal.raise_signal(signal.SIGTERM)
        step(run, batches, begun_at)

    monkeypatch.setattr(loop._Run, "_step", stepped)

    def at(number: int) -> None:
        nonlocal when
        when = number

    return at


def test_it_learns(settings: Settings, losses: Losses, tmp_path: Path) -> None:
    result = train(settings(tmp_path / "run", backbone="toy"))
    curve = [float(loss) for loss in losses(tmp_path / "run")]
    assert (result.steps, result.best, result.stopped_early) == (30, None, False)
    assert len(curve) == 30
    assert sum(curve[-5:]) < 0.2 * sum(curve[:5])
    assert Checkpoints(tmp_path / "run" / "checkpoints").steps() == [27, 30]
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert (tmp_path / "run" / "spec.json").is_file()


@pytest.mark.parametrize("changes", EVERYTHING.values(), ids=EVERYTHING)
def test_an_interrupted_run_equals_one_that_was_not(
    settings: Settings,
    losses: Losses,
    tmp_path: Path,
    interrupt_at: Callable[[int], None],
    changes: dict[str, Any],
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(settings(whole, **changes))
    last = len(losses(whole))
    for step in sorted({2, last // 3, last // 2}):
        interrupt_at(step)
        with pytest.raises(TrainingInterrupted) as caught:
            train(settings(parts, **changes), resume=True)
        assert caught.value.signal == signal.SIGTERM
        assert len(losses(parts)) == step
    interrupt_at(0)
    train(settings(parts, **changes), resume=True)
    assert losses(parts) == losses(whole)
    one, other = (Checkpoints(run / "checkpoints").load(last) for run in (whole, parts))
    assert one.model_sha256 == other.model_sha256
    model = (whole / "model.safetensors").read_bytes()
    assert model == (parts / "model.safetensors").read_bytes()


def test_a_damaged_checkpoint_is_passed_over(
    settings: Settings, losses: Losses, tmp_path: Path, interrupt_at: Callable[[int], None]
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(settings(whole))
    interrupt_at(14)
    with pytest.raises(TrainingInterrupted):
        train(settings(parts))
    store = Checkpoints(parts / "checkpoints")
    assert store.steps() == [12, 14]
    (store.path(14) / "state.safetensors").write_bytes(b"")
    interrupt_at(0)
    with pytest.warns(UserWarning, match="damaged"):
        train(settings(parts), resume=True)
    assert losses(parts) == losses(whole)


@pytest.mark.filterwarnings("ignore:no checkpoint at step")
def test_a_full_disk_stops_no_training(
    settings: Settings, losses: Losses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(settings(whole))
    write = checkpoints_module._write

    def full(path: Path, content: bytes) -> str:
        if not re.search(r"-0+(3|30)$", path.parent.name):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        return write(path, content)

    monkeypatch.setattr(checkpoints_module, "_write", full)
    with pytest.warns(UserWarning, match="no checkpoint at step 6: .*No space left"):
        train(settings(parts))
    assert losses(parts) == losses(whole)
    assert Checkpoints(parts / "checkpoints").steps() == [3, 30]


def test_a_full_disk_at_the_end_is_an_error(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    train(settings(run, max_steps=3))
    write = checkpoints_module._write

    def full(path: Path, content: bytes) -> str:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(checkpoints_module, "_write", full)
    with pytest.raises(OSError, match="No space left"):
        train(settings(tmp_path / "other", max_steps=2))
    monkeypatch.setattr(checkpoints_module, "_write", write)
    assert Checkpoints(run / "checkpoints").load_last() is not None


def test_a_loss_that_is_not_finite_names_the_pictures(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, people: Path
) -> None:
    with pytest.raises(TrainingError, match=r"step \d+: the loss is (nan|inf)") as caught:
        train(settings(tmp_path / "run", lr=1e30, backbone="toy"))
    named = re.findall(r"(\S+\.png)", str(caught.value))
    assert len(named) == 8
    assert all(Path(name).is_relative_to(people) and Path(name).is_file() for name in named)
    assert str(caught.value).endswith("and 2 more")


def test_embeddings_that_are_not_finite_are_noticed_whatever_the_loss(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Mining leaves such embeddings out, and the loss of the others is finite.
    build = loop.build_backbone

    def broken(name: str, **options: Any) -> Any:
        network, spec = build(name, **options)
        network.register_forward_hook(
            lambda module, inputs, output: output.index_fill(0, torch.tensor([3]), float("nan"))
        )
        return network, spec

    monkeypatch.setattr(loop, "build_backbone", broken)
    changes = {"loss": "triplet", "loss_options": {}, "batch_size": 12}
    with pytest.raises(TrainingError, match="of 12 embeddings 1 are not finite"):
        train(settings(tmp_path / "run", **changes))


def test_there_is_a_run_already(settings: Settings, tmp_path: Path) -> None:
    train(settings(tmp_path / "run", max_steps=2))
    with pytest.raises(TrainingError, match="holds a run; resume it"):
        train(settings(tmp_path / "run", max_steps=2))
    with pytest.raises(TrainingError, match="lr: the run was begun with"):
        train(settings(tmp_path / "run", max_steps=2, lr=0.5), resume=True)
    again = train(settings(tmp_path / "run", max_steps=2), resume=True)
    assert again.steps == 2


def test_other_data_is_refused(
    settings: Settings, tmp_path: Path, interrupt_at: Callable[[int], None], people: Path
) -> None:
    import shutil

    own = tmp_path / "people"
    shutil.copytree(people, own)
    interrupt_at(4)
    with pytest.raises(TrainingInterrupted):
        train(settings(tmp_path / "run", data=str(own)))
    interrupt_at(0)
    (own / "person0" / "0.png").rename(own / "person1" / "another.png")
    with pytest.raises(TrainingError, match="data: not what the run was begun with"):
        train(settings(tmp_path / "run", data=str(own)), resume=True)


def test_two_trainings_in_one_folder(settings: Settings, tmp_path: Path) -> None:
    with (
        only_one(tmp_path),
        pytest.raises(TrainingError, match="another training runs there"),
    ):
        train(settings(tmp_path))


def test_signals_are_left_alone_outside_the_main_thread(settings: Settings, tmp_path: Path) -> None:
    before = signal.getsignal(signal.SIGTERM)
    thread = threading.Thread(target=train, args=[settings(tmp_path / "run", max_steps=2)])
    thread.start()
    thread.join()
    assert (tmp_path / "run" / "model.safetensors").is_file()
    assert signal.getsignal(signal.SIGTERM) == before


def test_the_extra_is_missing(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "accelerate", None)
    with pytest.raises(ExtraMissingError, match=r"needs accelerate; pip install 'facewise\[train"):
        train(settings(tmp_path / "run"))


@pytest.mark.slow
def test_a_compiled_backbone_learns_the_same(
    settings: Settings, losses: Losses, tmp_path: Path
) -> None:
    changes = {"backbone": "toy", "epochs": 2, "ema": 0.9}
    train(settings(tmp_path / "plain", **changes))
    train(settings(tmp_path / "compiled", compile=True, **changes))
    plain, compiled = ([float(x) for x in losses(tmp_path / n)] for n in ("plain", "compiled"))
    assert compiled == pytest.approx(plain, rel=1e-4)


def test_float16_needs_a_gpu(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="precision float16: needs a GPU"):
        train(settings(tmp_path / "run", precision="float16"))


def test_bfloat16_computes_embeddings_only(
    settings: Settings, losses: Losses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    build = loop.build_loss

    def watched(*args: Any, **options: Any) -> Any:
        loss = build(*args, **options)
        loss.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].dtype))
        return loss

    monkeypatch.setattr(loop, "build_loss", watched)
    train(settings(tmp_path / "half", precision="bfloat16", max_steps=5, backbone="toy"))
    train(settings(tmp_path / "full", max_steps=5, backbone="toy"))
    assert set(seen) == {torch.float32}
    half, full = (losses(tmp_path / name) for name in ("half", "full"))
    assert half != full
    assert [float(x) for x in half] == pytest.approx([float(x) for x in full], rel=0.1)


def test_more_gradients_in_one_step_are_those_of_a_larger_batch(
    settings: Settings, losses: Losses, tmp_path: Path
) -> None:
    common = {"backbone": "toy", "augment": {}, "max_steps": 3, "momentum": 0.0}
    train(settings(tmp_path / "one", batch_size=30, **common))
    train(settings(tmp_path / "many", batch_size=10, accumulate=3, **common))
    one, many = ([float(x) for x in losses(tmp_path / name)] for name in ("one", "many"))
    assert many == pytest.approx(one, rel=1e-5)


def test_a_list_of_triplets_is_used_again(settings: Settings, tmp_path: Path) -> None:
    changes = {"loss": "triplet-offline", "loss_options": {}, "batch_size": 12, "max_steps": 2}
    train(settings(tmp_path / "one", triplet_count=20, **changes))
    listed = tmp_path / "one" / "triplets.npy"
    content = listed.read_bytes()
    assert np.load(listed).shape == (20, 3)
    train(settings(tmp_path / "two", triplets=str(listed), **changes))
    assert listed.read_bytes() == content
    assert not (tmp_path / "two" / "triplets.npy").exists()
    with pytest.raises(TrainingError, match="batch_size: expected a multiple of 3"):
        train(settings(tmp_path / "three", **{**changes, "batch_size": 10}))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("augment", "augment: no option 'wrong'; there are flip, turn, rotation"),
        ("schedule_options", "schedule_options: no option 'wrong'; there are milestones, gamma"),
        ("loss_options", "arcface: no option 'wrong'; it has"),
    ],
)
def test_options_that_there_are_not(
    settings: Settings, tmp_path: Path, setting: str, message: str
) -> None:
    with pytest.raises(TrainingError, match=re.escape(message)):
        train(settings(tmp_path / "run", **{setting: {"wrong": 1}}))


def test_one_person_is_nobody_to_tell_apart(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="at_least: nobody has 7 pictures"):
        train(settings(tmp_path / "run", at_least=7))


def test_a_pretrained_run_begins_with_the_people_it_sees(
    settings: Settings, losses: Losses, tmp_path: Path
) -> None:
    # The toy begins with chance whatever it is given, but even so a person's pictures are alike.
    once = {"backbone": "toy", "pretrained": "some.pt", "max_steps": 1}
    train(settings(tmp_path / "known", **once))
    train(settings(tmp_path / "chance", **once, imprint=False))
    [known], [chance] = (losses(tmp_path / run) for run in ("known", "chance"))
    assert float(known) < 0.9 * float(chance)


@pytest.mark.parametrize("resume", [False, True])
def test_a_model_without_checkpoints_is_left_alone(
    settings: Settings, tmp_path: Path, resume: bool
) -> None:
    run = tmp_path / "run"
    train(settings(run, backbone="toy", max_steps=3))
    model = (run / "model.safetensors").read_bytes()
    shutil.rmtree(run / "checkpoints")
    with pytest.raises(TrainingError, match="holds a model and no checkpoints to go on from"):
        train(settings(run, backbone="toy", max_steps=3), resume=resume)
    assert (run / "model.safetensors").read_bytes() == model


def test_what_was_left_out_is_told(settings: Settings, people: Path, tmp_path: Path) -> None:
    data = tmp_path / "people"
    shutil.copytree(people, data)
    (data / "person0" / "empty.png").write_bytes(b"")
    with pytest.warns(RuntimeWarning, match=r"1 left out of the data: .*empty\.png"):
        train(settings(tmp_path / "run", data=str(data), backbone="toy", max_steps=1))


def test_a_model_that_tells_nobody_apart_is_written_with_a_warning(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from facewise.training import judging

    def alike(network: Any, spec: Any, device: Any) -> Any:
        def same(chips: Any, flip: bool) -> Any:
            return np.full((len(chips), 4), 0.5, np.float32)

        return SimpleNamespace(spec=SimpleNamespace(embedding_size=4), flip=False, embed=same)

    monkeypatch.setattr(judging, "embedder_of", alike)
    with pytest.warns(RuntimeWarning, match="no thresholds: .* does not tell them apart"):
        train(settings(tmp_path / "run", backbone="toy", max_steps=1))
    assert (tmp_path / "run" / "model.safetensors").is_file()
