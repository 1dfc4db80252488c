from __future__ import annotations

from collections.abc import Callable
from typing import Any

from facewise.evaluation.report import page
from facewise.evaluation.report.page import Card, Chart, Html, Section, Thumbnail


def test_text_is_escaped() -> None:
    assert page.escaped('<a href="x">&\'') == "&lt;a href=&quot;x&quot;&gt;&amp;&#x27;"
    # A byte that is no text, a mark that turns the direction of writing, and a line end.
    assert page.escaped("a\udc80\u202eb\n") == "a\\udc80\\u202eb\\n"
    assert page.escaped("5\u00a0% ü 人") == "5\u00a0% ü 人"
    assert page.breakable("A/<b>_1.jpg") == "A/<wbr>&lt;b&gt;_<wbr>1.jpg"


def test_every_block_escapes(read_page: Callable[[str], Any]) -> None:
    bad = "<script>x</script>"
    chart = Chart(Html("<svg></svg>"), bad, (bad, bad))
    blocks = (
        page.heading(bad),
        page.paragraph(bad, "warning"),
        page.bullets([bad]),
        page.code(bad),
        page.table(bad, [bad, bad], [[bad, bad]], words=(1,), best=[(0, 1)]),
        page.figures([(chart, bad)]),
        page.results([page.Result(bad, bad, bad, bad)]),
        page.gallery([Card((Thumbnail(bad, None), Thumbnail(bad, "data:,")), bad, bad)]),
        page.columns([page.key_values([(bad, bad)])]),
        page.folded(bad, page.paragraph(bad)),
    )
    text = page.page(bad, blocks, [Section(bad, blocks)])
    found = read_page(text)
    assert "script" not in found.tags
    assert "<script" not in text
    assert found.headings[0] == ("h1", bad)


def test_table_stresses_the_best_and_can_be_reached_by_keyboard() -> None:
    made = page.table("c", ["model", "AUC"], [["a", "1"], ["b", "2"]], best=[(1, 1)])
    assert '<td class="figure">1</td>' in made
    assert '<td class="figure"><strong>2</strong></td>' in made
    assert 'tabindex="0"' in made
    assert '<th scope="row" class="words">a</th>' in made


def test_sections_without_blocks_are_left_out(read_page: Callable[[str], Any]) -> None:
    text = page.page("t", [], [Section("Empty", ()), Section("Full", (page.paragraph("x"),))])
    assert read_page(text).sections == ["Full"]
    assert "Empty" not in text
    assert 'href="#part-1">Full' in text
