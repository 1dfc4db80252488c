"""Which way to run a network is chosen, and what becomes of those that fail."""

from __future__ import annotations

import json
import time

import pytest
import torch

from facewise import DeviceError, ExtraMissingError, FacewiseError, ModelError
from facewise.runtime import selection
from facewise.runtime.decisions import Proof, kept_decisions
from facewise.runtime.networks import Candidate
from facewise.runtime.selection import asked_for, choose

EXACT, HALF, OTHER = (
    Candidate("torch", "float32"),
    Candidate("torch", "bfloat16"),
    Candidate("openvino", "float32"),
)
SECONDS = {EXACT: 0.02, HALF: 0.008, OTHER: 0.0195}


@pytest.fixture(autouse=True)
def _able(monkeypatch):
    """A machine that has everything."""
    monkeypatch.setattr(selection, "processor_features", lambda: frozenset({"avx512_bf16"}))
    monkeypatch.setattr(selection, "installed", lambda backend: True)


@pytest.fixture
def run(tmp_path):
    """Choose among networks that sleep; the built thing is the candidate itself."""

    def choose_one(asked=("auto", "auto"), figures=None, build=None, **options):
        figures = {EXACT: 1.0, HALF: 0.999, OTHER: 1.0} | (figures or {})
        built = []

        def make(candidate):
            built.append(candidate)
            return candidate

        choice = choose(
            "probe",
            **{"key": "k", "offered": (EXACT, HALF, OTHER), "folder": tmp_path} | options,
            asked=asked,
            build=build or make,
            prove=lambda built, candidate: Proof("cosine", figures[built], 0.998),
            workloads={"a": lambda c: time.sleep(SECONDS[c]), "b": lambda c: time.sleep(0.002)},
        )
        return choice, built

    return choose_one


def test_the_fastest_is_taken_and_built_alone_the_next_time(run, tmp_path):
    choice, built = run()
    assert choice.built == choice.candidate == choice.decision.picked == HALF
    assert built == [EXACT, HALF, OTHER]
    assert "times as fast as torch float32" in choice.decision.why
    assert [t.milliseconds["a"] >= 1000 * SECONDS[t.candidate] for t in choice.decision.trials]
    again, built = run()
    assert again.candidate == HALF
    assert built == [HALF]
    assert again.decision == choice.decision == kept_decisions(tmp_path)[0]


def test_a_little_faster_is_not_worth_it(run):
    choice, _ = run(offered=(EXACT, OTHER))
    assert choice.candidate == EXACT


def test_who_fails_the_proof_is_out_and_the_figure_is_kept(run):
    choice, _ = run(figures={HALF: 0.99})
    assert choice.candidate == EXACT
    [trial] = [t for t in choice.decision.trials if t.candidate == HALF]
    assert trial.refused == "differs from float32 torch: cosine 0.990000, limit 0.998"
    assert run(figures={HALF: float("nan")}, key="other")[0].candidate == EXACT


def test_an_asked_one_that_fails_is_an_error_with_its_figure(run):
    for _ in range(2):  # and is not thought to be good because it was tried before
        with pytest.raises(FacewiseError, match=r"probe: .*cosine 0\.990000, limit 0\.998"):
            run(("torch", "bfloat16"), figures={HALF: 0.99})
    assert run(("torch", "bfloat16"))[0].candidate == HALF


def test_one_that_was_asked_for_is_not_timed(run):
    choice, _ = run(("openvino", "auto"))
    assert choice.candidate == OTHER
    assert choice.decision.trials[0].milliseconds is None


def test_an_exception_is_a_reason_not_the_end(run):
    def build(candidate):
        if candidate != EXACT:
            raise RuntimeError("no such kernel\nand much more")
        return candidate

    choice, _ = run(build=build)
    assert choice.candidate == EXACT
    assert [t.refused for t in choice.decision.trials[1:]] == ["RuntimeError: no such kernel"] * 2


def test_where_all_fail_the_models_own_error_comes_out(run):
    def build(candidate):
        raise ModelError("w.pt: empty")

    with pytest.raises(ModelError, match=r"w\.pt: empty"):
        run(build=build)


def test_a_kept_choice_that_no_longer_works_is_made_anew(run):
    assert run()[0].candidate == HALF

    def build(candidate):
        if candidate == HALF:
            raise RuntimeError("gone")
        return candidate

    assert run(build=build)[0].candidate == EXACT


def test_a_damaged_file_is_made_anew(run, tmp_path):
    run()
    [path] = (tmp_path / "decisions").glob("*.json")
    path.write_text("{")
    assert kept_decisions(tmp_path) == []
    assert run()[1] == [EXACT, HALF, OTHER]
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"machine": {}}))
    assert kept_decisions(tmp_path) == []  # another machine's


def test_what_auto_does_not_take_can_be_asked_for(run):
    withheld = {"bfloat16": "was not measured"}
    choice, _ = run(withheld=withheld)
    assert choice.candidate == EXACT
    assert choice.decision.trials[1].refused == "was not measured"
    assert run(("auto", "bfloat16"), withheld=withheld)[0].candidate == HALF
    one = {"torch bfloat16": "was not measured"}
    assert run(withheld=one, key="other")[0].decision.trials[1].refused == "was not measured"


def test_what_the_machine_lacks_is_said(run, monkeypatch):
    with pytest.raises(FacewiseError, match="does not run with backend 'onnxruntime' and"):
        run(("onnxruntime", "float32"))
    monkeypatch.setattr(selection, "processor_features", frozenset)
    assert run()[0].candidate == EXACT
    with pytest.raises(DeviceError, match="torch bfloat16: this processor has none of amx_bf16"):
        run(("auto", "bfloat16"))
    monkeypatch.setattr(selection, "installed", lambda backend: backend == "torch")
    with pytest.raises(ExtraMissingError, match=r"pip install 'facewise\[openvino\]'"):
        run(("openvino", "auto"))


def test_other_devices_run_torch_only(run, monkeypatch):
    monkeypatch.setattr(selection, "this_machine", lambda device: {"device": str(device)})
    choice, _ = run(device=torch.device("mps"))
    assert choice.candidate == HALF
    assert choice.decision.trials[2].refused == "runs on the CPU only"


def test_arguments_come_before_the_environment(monkeypatch):
    monkeypatch.delenv("FACEWISE_BACKEND")
    monkeypatch.delenv("FACEWISE_PRECISION")
    assert asked_for(None, None) == ("auto", "auto")
    monkeypatch.setenv("FACEWISE_BACKEND", "openvino")
    monkeypatch.setenv("FACEWISE_PRECISION", "")
    assert asked_for(None, None) == ("openvino", "auto")
    assert asked_for(None, None, impossible="openvino") == ("auto", "auto")
    assert asked_for("torch", "int8") == ("torch", "int8")
    monkeypatch.setenv("FACEWISE_BACKEND", "abacus")
    with pytest.raises(FacewiseError, match="FACEWISE_BACKEND 'abacus': expected one of torch"):
        asked_for(None, None)
    with pytest.raises(FacewiseError, match="precision 'fp8': expected one of float32"):
        asked_for("torch", "fp8")
