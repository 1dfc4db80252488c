"""The JSON of a run, its tables and its plot, with contenders that are not real."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from bench.contest import OTHERS, Contender, UnavailableError
from bench.hold import hold, let_in
from bench.plot import bars, colours, label, plot
from bench.record import Group, Record
from rich.console import Console

from bench import report


class Judge:
    def __init__(self):
        self.seen = []

    def see(self, timed):
        self.seen.append((timed.contender.name, timed.round))

    def extras(self, name):
        return {"faces": float(len(name)), "recall": None if name == "peer" else 0.975}


def work(items):
    return np.sort(np.arange(20_000)[::-1]).sum()


def fail(items):
    raise RuntimeError("cannot")


CONTENDERS = [
    Contender("theirs", "single", "theirs", work),
    Contender("theirs", "batched", "theirs", work),
    Contender("facewise fast, torch", "single", "facewise fast", work, settings={"mode": "fast"}),
    Contender("facewise fast, torch", "list", "facewise fast", work),
    Contender("peer", "", OTHERS, work),
    Contender("broken", "", OTHERS, fail),
]


def new_group():
    return Group("small", unit="frame", reference="theirs", columns=["faces", "recall"])


@pytest.fixture
def run(tmp_path):
    record = Record("detect", ["detect", "--quick"], tmp_path / "deep" / "run.json")
    record.miss("absent", "not installed: pip install absent")
    record.miss("absent", "not installed: pip install absent")
    hold(new_group(), CONTENDERS, [[1], [2], [3]], record, Judge())
    record.save(finished=True)
    return json.loads((tmp_path / "deep" / "run.json").read_text())


def test_what_the_json_holds(run):
    assert run["schema"] == 1
    assert run["command_line"] == ["python", "-m", "bench", "detect", "--quick"]
    assert run["started"] <= run["finished"]
    assert run["machine"]["cores_usable"] >= 1
    assert run["versions"]["torch"]
    assert run["threads"]["torch"] >= 1
    assert run["missing"] == [{"name": "absent", "reason": "not installed: pip install absent"}]
    [group] = run["groups"]
    assert group["failed"] == [{"name": "broken", "reason": "RuntimeError: cannot"}]
    assert [row["name"] for row in group["rows"]] == [c.name for c in CONTENDERS[:5]]
    assert group["reference"] in {"theirs, single", "theirs, batched"}
    row = group["rows"][2]
    assert len(row["seconds"]) == 3
    assert row["median"] == sorted(row["seconds"])[1]
    assert row["settings"] == {"mode": "fast"}
    assert row["extras"] == {"faces": 28.0, "recall": 0.975}
    assert set(row["ratios"]) == {"theirs, single", "theirs, batched"}
    assert group["rows"][4]["extras"] == {"faces": 4.0}


def test_an_interrupted_run_leaves_what_it_measured(tmp_path):
    def interrupt(items):
        if items == [2]:
            raise KeyboardInterrupt
        return work(items)

    record = Record("detect", [], tmp_path / "run.json")
    contenders = [*CONTENDERS[:2], Contender("ours", "", "ours", interrupt)]
    with pytest.raises(KeyboardInterrupt):
        hold(new_group(), contenders, [[1], [2]], record, Judge())
    [file] = tmp_path.iterdir()  # no draft is left
    content = json.loads(file.read_text())
    assert content["finished"] is None
    assert [len(row["seconds"]) for row in content["groups"][0]["rows"]] == [1, 2, 1]
    assert "not finished" in report.markdown(content)


def test_without_the_reference_nothing_is_measured(tmp_path):
    record = Record("detect", [], tmp_path / "run.json")
    with pytest.raises(UnavailableError, match="small: theirs cannot take part"):
        hold(new_group(), CONTENDERS[2:], [[1]], record, Judge())


def test_those_that_cannot_be_made_are_listed(tmp_path):
    def missing():
        raise UnavailableError("not installed: pip install it")

    record = Record("detect", [], tmp_path / "run.json")
    builders = {"a": lambda: CONTENDERS[:2], "b": missing, "c": lambda: [][0]}
    assert let_in(builders, record) == CONTENDERS[:2]
    assert record.missing == [
        {"name": "b", "reason": "not installed: pip install it"},
        {"name": "c", "reason": "IndexError: list index out of range"},
    ]


def row(name, median, ratio, **others):
    family, kind = others.pop("family", name), others.pop("kind", "facewise exact")
    figures = {"median": median, "q1": median, "q3": 2 * median, "per_second": 1 / median}
    extras = others.pop("extras", {})
    return {
        "name": name,
        "family": family,
        "kind": kind,
        "ratio": ratio,
        "extras": extras,
    } | figures


def group_of(*rows, unit="frame", columns=("faces", "recall")):
    return {
        "title": "1080×1920",
        "unit": unit,
        "reference": "theirs",
        "columns": columns,
        "notes": ["A note."],
        "rows": rows,
        "failed": [],
    }


THEIRS = row("theirs", 0.5, 1.0, kind="theirs", extras={"faces": 6.0, "recall": 1.0})
SINGLE = row("exact, single", 0.125, 4.0, family="exact", extras={"faces": 6.0, "recall": 0.998})
LISTED = row("exact, list", 0.1, 5.0, family="exact", extras={"faces": 6.0, "recall": 0.998})


def test_cells():
    heading, lines = report.cells(group_of(THEIRS, LISTED))
    assert heading[:3] == ["contender", "ms a frame", "quartiles"]
    assert heading[3:] == ["frames a second", "ratio", "faces an image", "of exact's faces"]
    assert lines == [
        ["theirs", "500", "500–1,000", "2", "1", "6.00", "100.0%"],
        ["exact, list", "100", "100–200", "10", "5.00×", "6.00", "99.8%"],
    ]


def test_a_group_without_times():
    plain = {"name": "ours", "extras": {"memory": 1.5e9}}
    heading, lines = report.cells(group_of(plain, unit="", columns=("memory",)))
    assert heading == ["contender", "peak memory, MB"]
    assert lines == [["ours", "1,500"]]


def test_milliseconds():
    assert [report.milliseconds(s) for s in (12.3456, 0.0123456, 1.23456e-6)] == [
        "12,346",
        "12.3",
        "0.00123",
    ]


def test_markdown_and_terminal_show_the_same(run):
    text = report.markdown(run)
    assert text.startswith("    python -m bench detect --quick\n")
    assert "| contender | ms a frame |" in text
    assert "- absent: not installed: pip install absent" in text
    assert "- broken (small): RuntimeError: cannot" in text
    console = Console(width=200, record=True, file=io.StringIO())
    report.show(run, console)
    shown = console.export_text()
    for line in report.cells(run["groups"][0])[1]:
        assert all(cell in shown for cell in line)
    assert "not measured: broken (small): RuntimeError: cannot" in shown


def test_names_with_the_same_reason_share_a_line():
    record = {"missing": [{"name": n, "reason": "gone"} for n in "ab"], "groups": []}
    assert report.absent(record) == ["a; b: gone"]


def test_of_a_family_the_plot_shows_the_fastest_with_what_it_found():
    group = group_of(THEIRS, SINGLE, LISTED)
    assert [r["name"] for r in bars(group)] == ["theirs", "exact, list"]
    assert (
        label(LISTED, "frame")
        == "5.0×  ·  100 ms a frame  ·  6.00 faces an image  ·  99.8% of exact's"
    )


def test_colours_are_the_same_in_every_panel_and_grey_for_others():
    peer, fast = row("p", 1, 1, kind=OTHERS), row("fast", 1, 1, kind="facewise fast")
    chosen = colours([group_of(THEIRS, SINGLE, peer), group_of(THEIRS, fast)])
    assert chosen == {
        "theirs": "#4D4D4D",
        "facewise exact": "#0072B2",
        OTHERS: "#B3B3B3",
        "facewise fast": "#E69F00",
    }


@pytest.mark.parametrize(("name", "start"), [("a.png", b"\x89PNG"), ("a.svg", b"<?xml")])
def test_plot(tmp_path, name, start):
    pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    record = {"groups": [group_of(THEIRS, SINGLE, LISTED)]}
    plot(record, tmp_path / name)
    assert (tmp_path / name).read_bytes().startswith(start)
    with pytest.raises(UnavailableError, match="'2160' in its title"):
        plot(record, tmp_path / name, only="2160")


def test_no_password_gets_into_the_json(tmp_path):
    url = "postgresql://ann:se:cr@et@127.0.0.1:5432/db?gallery=x"
    plain = ["--sizes", "3", "milvus:///people", "postgresql://ann@host/db", "a@b:c"]
    record = Record("gallery", [*plain, url], tmp_path / "run.json")
    record.save()
    content = (tmp_path / "run.json").read_text()
    assert "se:cr" not in content
    hidden = "postgresql://ann:***@127.0.0.1:5432/db?gallery=x"
    assert json.loads(content)["command_line"][3:] == [*plain, hidden]
