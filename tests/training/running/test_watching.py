from __future__ import annotations

import csv
import io
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from shutil import copyfile
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image as PILImage

from facewise.errors import ProtocolError, TrainingError
from facewise.evaluation import metrics
from facewise.training import loop
from facewise.training.evaluating import GRID, Examiner
from facewise.training.evaluating.pair_form import PairForm
from facewise.training.logs import CsvLog, read_log
from facewise.training.loop import train
from facewise.training.plots import _drawn
from facewise.training.stopping import TrainingInterrupted
from facewise.training.watching import EVALUATIONS

Settings = Callable[..., Any]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def pairs(people: Path, tmp_path: Path) -> str:
    """40 pairs of the toy's pictures, in two folds, as `csv:PAIRS:IMAGES`."""
    rng = np.random.default_rng(3)
    lines = ["image_a,image_b,same,fold"]
    seen = set()
    while len(lines) < 41:
        same = len(lines) % 2 == 0
        a, b = rng.integers(0, 5, 2)
        i, j = rng.integers(0, 6, 2)
        pair = tuple(sorted([f"person{a}/{i}.png", f"person{a if same else b}/{j}.png"]))
        if pair in seen or (same and i == j) or (not same and a == b):
            continue
        seen.add(pair)
        lines.append(f"{pair[0]},{pair[1]},{int(same)},{len(lines) % 4 // 2}")
    (tmp_path / "pairs.csv").write_text("\n".join(lines) + "\n")
    return f"csv:{tmp_path / 'pairs.csv'}:{people}"


@pytest.fixture
def measured(settings: Settings, pairs: str) -> Callable[..., Any]:
    """`measured(out, **changes)`: the configuration of a run that measures itself."""
    common = {"backbone": "toy", "evaluate": [pairs], "evaluate_aligned": True}
    return lambda out, **changes: settings(out, **{**common, **changes})


def test_a_log_goes_back_to_a_step(tmp_path: Path) -> None:
    file = tmp_path / "log.csv"
    log = CsvLog(file, ("step", "loss"), 0)
    for step in range(1, 6):
        log.append({"step": step, "loss": repr(1 / step)})
    log.sync()
    log.close()
    with file.open("a") as stream:
        stream.write("6,0.1")  # a process was killed here
    assert [row["step"] for row in read_log(file)] == ["1", "2", "3", "4", "5"]
    log = CsvLog(file, ("step", "loss"), 3)
    log.append({"step": 4, "loss": None})
    log.close()
    assert file.read_text() == f"step,loss\n1,1.0\n2,0.5\n3,{1 / 3!r}\n4,\n"
    with pytest.raises(TrainingError, match="expected the columns step,rate, got step,loss"):
        CsvLog(file, ("step", "rate"), 3)


def test_it_is_measured_at_each_epoch(measured: Any, pairs: str, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = train(measured(run, epochs=4))
    table = rows(run / "evaluations.csv")
    assert [(row["step"], row["epoch"], row["protocol"]) for row in table] == [
        ("3", "1", pairs),
        ("6", "2", pairs),
        ("9", "3", pairs),
        ("12", "4", pairs),
    ]
    accuracies = [float(row["accuracy"]) for row in table]
    assert result.best == max(accuracies) > 0.9
    assert result.best_step == 3 * (1 + accuracies.index(max(accuracies)))
    assert table[0]["pairs"] == "40"
    assert table[0]["tar_at_0.001"] == ""  # 20 impostor pairs do not measure it
    curve = [float(row["tar"]) for row in rows(run / "roc.csv") if row["step"] == "12"]
    assert curve == sorted(curve)
    assert curve[-1] == 1
    assert len(curve) == sum(far >= 1 / 20 for far in GRID)
    for name in ("accuracy.png", "roc.png"):
        with PILImage.open(run / name) as picture:
            assert picture.size == (840, 540)


def vectors_of(run: Path, people: Path) -> dict[str, torch.Tensor]:
    """The pictures by the saved model, without anything of the loop."""
    from safetensors.torch import load_file

    network, _ = loop.build_backbone("toy")
    network.load_state_dict(load_file(run / "model.safetensors"))
    vectors = {}
    for file in sorted(people.glob("*/*.png")):
        pixels = (np.asarray(PILImage.open(file), np.float32) - 127.5) / 128
        with torch.no_grad():
            vector = network.eval()(torch.from_numpy(pixels).permute(2, 0, 1)[None])[0]
        vectors[file.relative_to(people).as_posix()] = vector / vector.norm()
    return vectors


def test_the_figures_are_those_of_the_model(
    measured: Any, pairs: str, people: Path, tmp_path: Path
) -> None:
    """Of the best weights, embedded here once more."""
    run = tmp_path / "run"
    result = train(measured(run, epochs=3, ema=0.8))
    vectors = vectors_of(run, people)
    listed = rows(Path(pairs.split(":")[1]))
    similarity = np.array(
        [float(vectors[row["image_a"]] @ vectors[row["image_b"]]) for row in listed]
    )
    same = np.array([row["same"] == "1" for row in listed])
    folds = np.array([int(row["fold"]) for row in listed])
    by_fold, _ = metrics.accuracy_by_fold(similarity, same, folds)
    best = next(
        row for row in rows(run / "evaluations.csv") if int(row["step"]) == result.best_step
    )
    assert float(best["accuracy"]) == pytest.approx(float(by_fold.mean()), abs=1e-9)
    assert float(best["auc"]) == pytest.approx(metrics.auc(similarity, same), abs=1e-9)


def test_the_model_has_the_thresholds_that_could_be_measured(
    settings: Settings, measured: Any, people: Path, tmp_path: Path
) -> None:
    import json

    train(settings(tmp_path / "plain", backbone="toy"))
    [threshold] = json.loads((tmp_path / "plain" / "spec.json").read_text())["thresholds"]
    # 375 pairs of different people: 37 are a tenth, and three would be too few for a hundredth.
    assert threshold["far"] == 0.1
    assert threshold["measured_on"] == (
        "30 pictures of the people it was trained on; strangers are more alike"
    )
    embedder = vectors_of(tmp_path / "plain", people)
    names = [name.partition("/")[0] for name in embedder]
    matrix = torch.stack(list(embedder.values()))
    similarity = (matrix @ matrix.T).numpy()
    impostors = [similarity[i, j] for i in range(30) for j in range(i) if names[i] != names[j]]
    accepted = sum(value >= threshold["value"] for value in impostors)
    assert 33 <= accepted <= 37 < sum(value >= threshold["value"] - 0.01 for value in impostors)
    result = train(measured(tmp_path / "measured", epochs=2))
    content = json.loads((tmp_path / "measured" / "spec.json").read_text())
    assert list(content["measured"].values()) == [result.best]
    assert "thresholds" in content


def test_photos_become_what_serving_makes_of_them(examples: Path, tmp_path: Path) -> None:
    """The vectors of an evaluation are those of a pipeline with the same network."""
    from facewise.detection import load_detector
    from facewise.embedding import Embedder
    from facewise.evaluation import embed_photos, read_pairs_csv
    from facewise.pipeline import Pipeline
    from facewise.runtime.networks import Candidate

    network, spec = loop.build_backbone("toy")
    network.eval()
    detector, word = load_detector(), f"csv:{examples / 'pairs.csv'}:{examples}"
    examiner = Examiner(word, spec, tmp_path, aligned=False, detector=detector)
    cpu = torch.device("cpu")
    found = examiner.examine(network, cpu, lambda done: None)
    embedder = Embedder(
        spec,
        network,
        weight_hash="",
        device=cpu,
        candidate=Candidate("torch", "float32"),
        flip=False,
        batch_size=4,
    )
    protocol = read_pairs_csv(examples / "pairs.csv", examples)
    expected = embed_photos(protocol.images, Pipeline(detector, embedder), lambda done: None)
    np.testing.assert_allclose(found.vectors, expected.vectors, atol=1e-5)
    assert examiner.chips().shape == (5, 16, 16, 3)
    detector.detect = None  # type: ignore[method-assign, assignment] - the chips are kept
    again = Examiner(word, spec, tmp_path, aligned=False, detector=detector)
    assert np.array_equal(again.examine(network, cpu, lambda done: None).vectors, found.vectors)


def test_it_stops_when_nothing_gets_better(measured: Any, tmp_path: Path) -> None:
    # With this rate the weights stand still, and so does the accuracy.
    config = measured(tmp_path / "run", lr=1e-12, evaluate_steps=2, patience=3)
    result = train(config)
    assert (result.steps, result.best_step, result.stopped_early) == (8, 2, True)
    assert train(config, resume=True) == result


def test_the_best_checkpoint_stays(measured: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    result = train(measured(run, lr=1e-12))
    assert result.best_step == 3
    assert (run / "checkpoints" / "step-00000003").is_dir()
    assert len(list((run / "checkpoints").iterdir())) == 3


def test_interrupted_while_it_is_measured(
    measured: Any, losses: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import signal

    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(measured(whole, epochs=3))
    examine = Examiner.examine
    sent = []

    def interrupted(examiner: Examiner, *arguments: Any) -> Any:
        if not sent:
            sent.append(signal.raise_signal(signal.SIGTERM))
        return examine(examiner, *arguments)

    monkeypatch.setattr(Examiner, "examine", interrupted)
    with pytest.raises(TrainingInterrupted):
        train(measured(parts, epochs=3))
    assert rows(parts / "evaluations.csv") == []
    train(measured(parts, epochs=3), resume=True)
    assert losses(parts) == losses(whole)
    assert (parts / "evaluations.csv").read_text() == (whole / "evaluations.csv").read_text()
    assert (parts / "roc.csv").read_text() == (whole / "roc.csv").read_text()


def test_a_single_fold_is_cut_in_ten(people: Path, tmp_path: Path) -> None:
    from facewise.training.evaluating.opening import open_protocol

    lines = ["12"]
    lines += [f"person{i % 5}\t{1 + i // 5}\t{2 + i // 5}" for i in range(12)]
    lines += [f"person{i % 5}\t{1 + i // 5}\tperson{(i + 1) % 5}\t1" for i in range(12)]
    for person in range(5):
        for number in range(1, 7):
            source = people / f"person{person}" / f"{number - 1}.png"
            target = tmp_path / f"person{person}" / f"person{person}_{number:04d}.png"
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(source.read_bytes())
    (tmp_path / "pairs.txt").write_text("\n".join(lines) + "\n")
    word = f"lfw:{tmp_path / 'pairs.txt'}:{tmp_path}"
    form = open_protocol(word)
    assert isinstance(form, PairForm)
    assert form.tuning is None
    assert form.protocol.folds.tolist() == 2 * [*range(10), 0, 1]
    form = open_protocol(f"{word}:{tmp_path / 'pairs.txt'}")
    assert isinstance(form, PairForm)
    assert form.tuning is not None
    assert form.protocol.fold_count == 1
    with pytest.raises(TrainingError, match="evaluate: expected lfw:PAIRS:IMAGES or lfw"):
        open_protocol("lfw:a")
    with pytest.raises(ProtocolError):
        open_protocol("csv:no.csv:no")


@pytest.fixture
def search(people: Path, tmp_path: Path) -> str:
    """Pictures of five people to search for among four, as `identification:GALLERY:PROBES`."""
    for person in range(5):
        for number in range(6):
            kind = "gallery" if number < 2 else "probes"
            if person < 4 or kind == "probes":
                target = tmp_path / kind / f"person{person}" / f"{number}.png"
                target.parent.mkdir(parents=True, exist_ok=True)
                copyfile(people / f"person{person}" / target.name, target)
    return f"identification:{tmp_path / 'gallery'}:{tmp_path / 'probes'}"


PAIRS_ONLY = ("accuracy", "accuracy_std", "auc", "eer", "threshold", "tar_at_0.01", "pairs")
SEARCH_ONLY = ("rank_1", "rank_5", "dir_at_fpir_0.1", "probes", "failed_probes")


def test_each_form_fills_its_columns(
    measured: Any, pairs: str, search: str, tmp_path: Path
) -> None:
    import json

    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = tmp_path / "run"
    # It learns so little that accuracy and rank-1 rate are best at different steps.
    config = measured(
        run, evaluate=[search, pairs], epochs=3, tensorboard=True, projector=0, lr=1e-4, seed=1
    )
    result = train(config)
    table = rows(run / "evaluations.csv")
    assert [*table[0]] == [*EVALUATIONS]
    # Later columns come at the end, so that programs that read by their place go on to.
    assert EVALUATIONS[:13] == (
        "step",
        "epoch",
        "protocol",
        "accuracy",
        "accuracy_std",
        "auc",
        "eer",
        "threshold",
        "tar_at_0.01",
        "tar_at_0.001",
        "tar_at_0.0001",
        "pairs",
        "failed_pairs",
    )
    assert [row["protocol"] for row in table] == 3 * [search, pairs]
    for row in table[::2]:
        assert {row[name] for name in PAIRS_ONLY} == {""}
        assert (row["probes"], row["failed_probes"]) == ("20", "0")
        assert row["rank_5"] == row["dir_at_fpir_0.1"] == ""  # four people, four strangers
        assert 0 <= float(row["rank_1"]) <= 1
    for row in table[1::2]:
        assert {row[name] for name in SEARCH_ONLY} == {""}
        assert row["accuracy"]
    ranks = [float(row["rank_1"]) for row in table[::2]]
    assert result.best == max(ranks)
    assert result.best_step == 3 * (1 + ranks.index(max(ranks)))
    accuracies = [float(row["accuracy"]) for row in table[1::2]]
    assert accuracies[ranks.index(max(ranks))] < max(accuracies)
    best = next(row for row in table[1::2] if int(row["step"]) == result.best_step)
    content = json.loads((run / "spec.json").read_text())
    assert content["measured"] == {
        "identification rank 1": result.best,
        "pairs": float(best["accuracy"]),
    }
    assert {row["protocol"] for row in rows(run / "roc.csv")} == {pairs}
    assert (run / "roc.png").is_file()
    events = reader.EventAccumulator(str(run / "tensorboard"))
    events.Reload()
    shown = [event.value for event in events.Scalars(f"{search}/rank_1")]
    assert shown == pytest.approx(ranks)
    scalars = {tag for tag in events.Tags()["scalars"] if tag.startswith(search)}
    assert scalars == {f"{search}/{name}" for name in ("rank_1", "probes", "failed_probes")}


def test_a_search_alone_has_no_curve(
    measured: Any, search: str, tmp_path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    run = tmp_path / "run"
    train(measured(run, evaluate=[search], epochs=2))
    # Its word is long: the legend has to leave room for the lines.
    assert len(search) > 100
    assert not [each for each in recwarn if "axes sizes collapsed" in str(each.message)]
    assert rows(run / "roc.csv") == []
    assert (run / "accuracy.png").is_file()
    assert not (run / "roc.png").exists()


def test_what_is_drawn_of_a_search() -> None:
    empty = dict.fromkeys(EVALUATIONS, "")
    drawn = [{**empty, "rank_1": "0.5", "dir_at_fpir_0.1": "0.4", "dir_at_fpir_0.01": "0.2"}]
    assert _drawn(drawn) == [
        ("rank_1", ", rank 1"),
        ("dir_at_fpir_0.01", ", DIR at FPIR 0.01"),
    ]
    assert _drawn([{**empty, "rank_1": "0.5"}]) == [("rank_1", ", rank 1")]
    assert _drawn([{**empty, "accuracy": "0.5"}]) == [("accuracy", "")]


def test_a_run_of_an_earlier_version_goes_on(measured: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    train(measured(run, epochs=4, max_steps=6))
    whole = rows(run / "evaluations.csv")
    file = run / "evaluations.csv"
    shorter = [line.split(",")[:13] for line in file.read_text().splitlines()]
    file.write_text("".join(",".join(cells) + "\n" for cells in shorter))
    CsvLog(file, EVALUATIONS, 6).close()
    assert rows(file) == whole


def test_tensorboard(measured: Any, pairs: str, tmp_path: Path) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = tmp_path / "run"
    train(measured(run, epochs=2, tensorboard=True, loss="center", loss_options={}, centers_lr=0.5))
    events = reader.EventAccumulator(str(run / "tensorboard"), {"tensors": 0, "images": 0})
    events.Reload()
    scalars = set(events.Tags()["scalars"])
    assert {"loss", "images_per_second", f"{pairs}/accuracy", f"{pairs}/threshold"} <= scalars
    assert sum(tag.startswith("learning_rate/") for tag in scalars) >= 3
    shown = [float(row["loss"]) for row in rows(run / "log.csv")]
    assert [event.value for event in events.Scalars("loss")] == pytest.approx(shown, rel=1e-6)
    assert events.Tags()["images"]
    [folder] = (run / "tensorboard").glob("*/embeddings")
    vectors = (folder / "tensors.tsv").read_text().splitlines()
    named = (folder / "metadata.tsv").read_text().splitlines()
    assert len(vectors) == len(named) > 20
    assert all(len(line.split("\t")) == 8 for line in vectors)


def test_the_bar_is_for_people(
    measured: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "120")
    screen, quiet = Terminal(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    train(measured(tmp_path / "seen", epochs=2))
    monkeypatch.setattr(sys, "stderr", quiet)
    train(measured(tmp_path / "unseen", epochs=2))
    assert quiet.getvalue() == ""
    assert "6/6" in screen.getvalue()
    assert "images/s, loss" in screen.getvalue()


@pytest.fixture(autouse=True)
def _no_windows() -> Iterator[None]:
    """matplotlib writes files here and opens nothing."""
    yield
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()
