"""What is written on a page fits: in more lines, in smaller letters, or by its end."""

from __future__ import annotations

import numpy as np
import pytest

from zfwidgets.drawing.page import MARGIN, WIDTH, Page, font, shortened
from zfwidgets.drawing.page_charts import DASHED, DOTTED, legend

LONG = " ".join(f"word{number}" for number in range(40))


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """(text, size) of all that pages write."""
    found: list[tuple[str, int]] = []
    monkeypatch.setattr(
        Page,
        "text",
        lambda page, x, y, text, size=20, colour="", width=WIDTH: found.append((text, size)),
    )
    return found


def test_a_paragraph_has_all_words_in_lines_that_fit(written: list[tuple[str, int]]) -> None:
    page = Page()
    top = page.y
    page.paragraph(LONG, 30)
    lines = [text for text, _ in written]
    assert len(lines) > 3
    assert " ".join(lines) == LONG
    for line in lines:
        assert page.pen.textlength(line, font(30)) <= WIDTH - 2 * MARGIN
    assert page.y == top + len(lines) * 45


@pytest.mark.parametrize(("width", "size"), [(1200, 18), (330, 12), (40, 10)])
def test_letters_become_smaller_where_that_makes_a_text_fit(
    written: list[tuple[str, int]], width: int, size: int
) -> None:
    page = Page()
    text = "p(Egyptian cat): -41 points magenta .. +26 points green"
    page.fitting(0, 0, text, 18, width=width)
    ((said, chosen),) = written
    assert said == text
    assert abs(chosen - size) <= 1
    if 10 < chosen < 18:
        assert page.pen.textlength(text, font(chosen)) <= width
        assert page.pen.textlength(text, font(chosen + 1)) > width


def test_of_a_steps_name_number_and_end_stay() -> None:
    pen = Page().pen
    text = shortened(pen, "11: features.3.squeeze.conv", 14, 100)
    assert text.startswith("11: ..")
    assert text.endswith("conv")
    assert pen.textlength(text, font(14)) <= 100
    assert shortened(pen, "trained", 14, 100) == "trained"


def test_a_legend_draws_lines_as_the_chart_does() -> None:
    page = Page()
    legend(page, 50, 300, [("one", "#0000ff")] * 3, [None, DASHED, DOTTED])
    ink = (np.asarray(page.image) == (0, 0, 255)).all(-1)[:, 50:77]
    rows = [row for row in ink if row.any()]
    changes = {int(np.abs(np.diff(row.astype(int))).sum()) for row in rows}
    assert len(changes) == 3, "solid, dashed and dotted differ"
