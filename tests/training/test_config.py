from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from facewise.errors import TrainingError
from facewise.training.config import TrainConfig, continued, load_config

LEAST = {"data": "people", "out": "run"}


def test_what_is_not_given_has_its_default() -> None:
    config = TrainConfig.from_mapping(LEAST)
    assert (config.data, config.out) == ("people", Path("run"))
    assert (config.loss_name, config.lr, config.evaluate) == ("arcface", None, ())
    assert TrainConfig.from_mapping({**LEAST, "task": "classify"}).loss_name == "normface"


@pytest.mark.parametrize(
    ("given", "rates"),
    [
        ({}, (0.1, 0.1)),
        ({"pretrained": "dlib_resnet29.dlib"}, (0.01, 0.1)),
        ({"optimizer": "adamw"}, (1e-3, 1e-3)),
        ({"optimizer": "adamw", "pretrained": "a.pt"}, (1e-4, 1e-3)),
        ({"lr": 0.02, "pretrained": "a.pt"}, (0.02, 0.02)),
        ({"lr": 0.02, "head_lr": 0.3}, (0.02, 0.3)),
        ({"head_lr": 0.3}, (0.1, 0.3)),
    ],
)
def test_rates_that_are_not_given(given: dict[str, Any], rates: tuple[float, float]) -> None:
    assert TrainConfig.from_mapping({**LEAST, **given}).rates == pytest.approx(rates)


def test_gradients_are_clipped_where_there_is_something_to_lose() -> None:
    def largest(**given: Any) -> float | None:
        return TrainConfig.from_mapping({**LEAST, **given}).largest_gradient

    assert largest() is None
    assert largest(clip=3) == 3
    assert largest(pretrained="a.pt") == 1
    assert largest(pretrained="a.pt", clip=100) == 100
    assert largest(pretrained="a.pt", clip=0) is None


def test_a_file_gives_back_every_setting(tmp_path: Path) -> None:
    given = {
        **LEAST,
        "images": "photos",
        "aligned": True,
        "freeze": ["conv1", "0.5"],
        "loss_options": {"margin": 0.4, "scale": 32},
        "augment": {"flip": 0.5},
        "lr": 3e-4,
        "ema": 0.999,
        "evaluate": ["lfw:pairs.txt:lfw", "bin:pack.bin"],
        "evaluate_steps": 50,
        "out": "Läufe/1",
    }
    config = TrainConfig.from_mapping(given)
    config.save(tmp_path / "config.yaml")
    again = load_config(tmp_path / "config.yaml")
    assert again == config
    assert (again.images, again.freeze, again.lr) == (Path("photos"), ("conv1", "0.5"), 3e-4)
    assert config.to_mapping().keys() == TrainConfig.__dataclass_fields__.keys()


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("epoch", 3, "unknown setting 'epoch'; the settings are data, data_form"),
        ("epochs", 0, "epochs: expected a number at least 1, got 0"),
        ("epochs", 2.5, "epochs: expected a whole number, got 2.5"),
        ("epochs", True, "epochs: expected a whole number, got True"),
        ("lr", "fast", "lr: expected a number, got 'fast'"),
        ("lr", 0, "lr: expected a number above 0, got 0.0"),
        ("lr", float("nan"), "lr: expected a number, got nan"),
        ("ema", 1, "ema: expected a number above 0 and below 1, got 1.0"),
        ("compile", "yes", "compile: expected true or false, got 'yes'"),
        ("optimizer", "sdg", "optimizer: expected one of sgd, adagrad, rmsprop, adam, adamw"),
        ("loss_options", [1], "loss_options: expected names with values, got [1]"),
        ("freeze", {"a": 1}, "freeze: expected a text, got {'a': 1}"),
        ("data", None, "data: expected a text, got None"),
        ("evaluate", "lwf:a:b", "evaluate: expected a word that begins with one of lfw, calfw, "),
        ("evaluate", ["ijbb:a", "csv:a"], "evaluate: expected csv:PAIRS:IMAGES, got 'csv:a'"),
    ],
)
def test_a_wrong_setting_is_named(key: str, value: Any, message: str) -> None:
    with pytest.raises(TrainingError) as caught:
        TrainConfig.from_mapping({**LEAST, key: value}, "a.yaml")
    assert str(caught.value).startswith(f"a.yaml: {message}")


def test_settings_that_contradict_each_other() -> None:
    with pytest.raises(TrainingError, match="batch_size: expected a multiple of pictures_each"):
        TrainConfig.from_mapping({**LEAST, "sampler": "pk", "batch_size": 30})
    with pytest.raises(TrainingError, match="patience: counts evaluations"):
        TrainConfig.from_mapping({**LEAST, "patience": 3})
    with pytest.raises(TrainingError, match="data: expected a folder"):
        TrainConfig.from_mapping({"out": "run"})


def test_numbers_as_yaml_reads_them(tmp_path: Path) -> None:
    # YAML 1.1 takes 1e-3 for a text and 2024 for a number.
    (tmp_path / "a.yaml").write_text("data: 2024\nout: run\nlr: 1e-3\nclip: 5\n")
    config = load_config(tmp_path / "a.yaml")
    assert (config.data, config.lr, config.clip) == ("2024", 1e-3, 5.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [("data: [", "not YAML"), ("people", "expected lines `setting: value`"), (None, "cannot be")],
)
def test_a_file_that_is_no_configuration(tmp_path: Path, text: str | None, message: str) -> None:
    if text is not None:
        (tmp_path / "a.yaml").write_text(text)
    with pytest.raises(TrainingError, match=message):
        load_config(tmp_path / "a.yaml")


def test_a_run_goes_on_as_it_was_begun() -> None:
    begun = TrainConfig.from_mapping({**LEAST, "lr": 0.05})
    asked = TrainConfig.from_mapping({**LEAST, "lr": 0.05, "workers": 2, "keep_every": 10})
    assert continued(begun, asked) == asked
    with pytest.raises(TrainingError, match=r"lr: the run was begun with 0\.05 .* with None"):
        continued(begun, TrainConfig.from_mapping(LEAST))
