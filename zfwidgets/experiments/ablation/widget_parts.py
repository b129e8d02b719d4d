"""What the ablation study's widget says and shows: the paper's Table 3, bars and curves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
from PIL import Image

from ...drawing.page import GAP, MARGIN, WIDTH, Page
from ...drawing.page_charts import Line, legend, line_chart
from ...drawing.page_charts import bars as paint_bars
from ...drawing.palette import INK, SOFT, colour
from ...drawing.tables import small, table_html
from ...language.words import Words
from ...records import Floats
from .table import AblationRow, AblationTable

EMPTY = "–"
ERRORS = ("train_error", "validation_error")


def filled(table: AblationTable, known: AblationTable | None) -> AblationTable:
    """A table whose rows that aren't begun again yet are still those of the run before."""
    if known is None:
        return table
    rows = zip(table.rows, known.rows, strict=True)
    return AblationTable(tuple(old if row.training is None else row for row, old in rows))


def title(table: AblationTable, words: Words) -> str:
    """What is compared, in one line."""
    text = words("ablation.variants", number=len(table.rows))
    training = next((row.training for row in table.rows if row.training is not None), None)
    if training is None:
        return text
    text += " " + words("ablation.on", images=training.images, classes=len(training.classes))
    if training.validation_images:
        text += ", " + words("ablation.validated", images=training.validation_images)
    return text


def measure(table: AblationTable) -> str:
    """Which error the curves show: validation, where anything is validated."""
    validated = any(row.validation_images for row in table.rows)
    begun = any(row.training is not None for row in table.rows)
    return "validation_error" if validated or not begun else "train_error"


def bars(table: AblationTable, words: Words) -> dict[str, Floats]:
    """(variants,) errors by what they are called; NaN before there are any."""
    names = list(ERRORS) if measure(table) == "validation_error" else ["train_error"]
    return {
        words(f"ablation.{name}"): np.array(
            [getattr(row, name) for row in table.rows], dtype=np.float32
        )
        for name in names
    }


def curves(table: AblationTable) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """Epochs, and the error measured after them, by variant."""
    name = measure(table)
    epochs, errors = {}, {}
    for row in table.rows:
        training = row.training
        nothing = np.empty(0, dtype=np.float32)
        epochs[row.name] = (
            nothing
            if training is None
            else np.asarray(training.measured / training.steps_per_epoch, dtype=np.float32)
        )
        errors[row.name] = nothing if training is None else np.asarray(getattr(training, name))
    return epochs, errors


@dataclass(frozen=True)
class Now:
    """What a table can't say of itself.

    Attributes
    ----------
    running, chosen
        Whether variants are being trained, and which one is pointed out (-1: none).
    """

    running: bool = False
    chosen: int = -1

    def note(self, table: AblationTable, number: int, words: Words) -> str:
        """Where a variant's training stands, in few words."""
        row = table.rows[number]
        if row.note:
            return row.note.split(":")[0]
        if row.training is not None and row.training.complete:
            return ""
        begun = row.training is not None and row.training.steps > 0
        if self.running and number == self._under_way(table):
            state = "training"
        elif self.running:
            state = "waiting"
        else:
            state = "stopped" if begun else "not"
        return words(f"ablation.state.{state}")

    @staticmethod
    def _under_way(table: AblationTable) -> int:
        """The variant that is trained while anything is: the first that isn't over."""
        over = [
            bool(row.note) or (row.training is not None and row.training.complete)
            for row in table.rows
        ]
        return over.index(False) if False in over else -1


def percent(
    share: float, words: Words, interval: tuple[float, float] = (math.nan, math.nan)
) -> str:
    """A share in percent, with its interval where there is one."""
    if not math.isfinite(share):
        return EMPTY
    low, high = (words.fixed(100 * end, 1) for end in interval)
    text = words.fixed(100 * share, 1)
    return f"{text} [{low}, {high}]" if math.isfinite(interval[0]) else text


def cells(table: AblationTable, now: Now, words: Words) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the paper's Table 3."""
    validated = measure(table) == "validation_error"
    five = any(math.isfinite(row.validation_error_5) for row in table.rows)
    heads = ["variant", "head.parameters", "head.train"]
    heads += ["head.validation"] * validated + ["head.five"] * five + ["epochs", "head.note"]
    rows = []
    for number, row in enumerate(table.rows):
        cells = [f"{'▸ ' * (number == now.chosen)}{row.name}", f"{row.parameters:,}"]
        cells.append(percent(row.train_error, words))
        if validated:
            cells.append(percent(row.validation_error, words, row.validation_interval))
        if five:
            cells.append(percent(row.validation_error_5, words))
        rows.append([*cells, epochs(row, words), now.note(table, number, words)])
    return [words(f"ablation.{head}") for head in heads], rows


def epochs(row: AblationRow, words: Words) -> str:
    """How often the images were gone through, of how often they are to be."""
    if row.training is None:
        return EMPTY
    wanted = row.training.steps_wanted / row.training.steps_per_epoch
    return words("ablation.of", epochs=row.training.epochs, wanted=wanted)


def table_text(table: AblationTable, now: Now, words: Words) -> str:
    """The table as HTML, and below it in full why a training ended early."""
    notes = [small(f"{row.name}: {row.note}") for row in table.rows if row.note]
    return table_html(*cells(table, now, words)) + "".join(notes)


def reading(table: AblationTable, words: Words) -> str:
    """How to read the table and the charts."""
    images = max((row.validation_images for row in table.rows), default=0)
    more = "interval" if images else "none"
    return f"{words('ablation.reading')} {words(f'ablation.reading.{more}', images=images)}"


def chosen_text(table: AblationTable, chosen: int, words: Words) -> str:
    """A variant beside the first one, in HTML."""
    if not 0 <= chosen < len(table.rows):
        return small(words("ablation.choose"))
    row, first = table.rows[chosen], table.rows[0]
    parts = [words("ablation.chosen", name=row.name, parameters=f"{row.parameters:,}")]
    if chosen and first.parameters:
        times = words.fixed(row.parameters / first.parameters, 2)
        parts.append(words("ablation.chosen.times", times=times, first=first.name))
    for name in ERRORS:
        value = getattr(row, name)
        if math.isfinite(value):
            error = {"called": words(f"ablation.{name}"), "error": percent(value, words)}
            parts.append(words("ablation.chosen.error", **error))
    difference, low, high = table.difference(row.name, first.name) if chosen else (math.nan,) * 3
    sentence = ""
    if math.isfinite(low):
        verdict = "same" if low <= 0 <= high else "more" if difference > 0 else "less"
        points = {"points": difference, "low": low, "high": high}
        sentence = " " + words(
            "ablation.chosen.points",
            first=first.name,
            verdict=words(f"ablation.verdict.{verdict}", images=row.validation_images),
            **{name: _signed(100 * value, words) for name, value in points.items()},
        )
    return small(f"{', '.join(parts)}.{sentence}")


def _signed(value: float, words: Words) -> str:
    return f"{'+' if value >= 0 else ''}{words.fixed(value, 1)}"


# ---------------------------------------------------------------------- the static picture


def draw(table: AblationTable | None, now: Now, status: str, words: Words) -> Image.Image:
    """The static picture: the table, bars and curves."""
    about = words("ablation.picture.none")
    if table is not None:
        about = words("ablation.picture", title=title(table, words))
    page = Page(about, status, 26)
    if table is None or all(row.training is None for row in table.rows):
        page.line(words("ablation.untrained"), 18, SOFT)
        return page.finish()
    _table(page, *cells(table, Now(now.running), words))
    for row in table.rows:
        if row.note:
            page.line(f"{row.name}: {row.note}", 15, SOFT)
    page.y += GAP
    top, half = page.y, (WIDTH - 2 * MARGIN - 2 * GAP) // 2
    series = bars(table, words)
    page.text(MARGIN, page.y, ", ".join(series), 18, INK, half)
    page.y += 32
    names = [row.name for row in table.rows]
    paint_bars(page, MARGIN, half, names, series, partial(percent, words=words))
    bottom, page.y = page.y, top
    _curves(page, table, MARGIN + half + 2 * GAP, half, words)
    page.y = max(bottom, page.y) + GAP
    for line in reading(table, words).split(". "):
        page.line(line.rstrip(".") + ".", 15, SOFT)
    return page.finish()


def _table(page: Page, heads: list[str], rows: list[list[str]]) -> None:
    places = [0, 300, 410]
    for head in heads[2:-1]:
        places.append(places[-1] + (230 if "[" in head else 120))
    page.table(places, heads, rows)


def _curves(page: Page, table: AblationTable, left: int, width: int, words: Words) -> None:
    places, errors = curves(table)
    error = words(f"ablation.{measure(table)}")
    page.text(left, page.y, words("ablation.over", error=error), 18, INK, width)
    last = max((float(x.max()) for x in places.values() if len(x)), default=1.0)
    known = np.concatenate([y[np.isfinite(y)] for y in errors.values()])
    high = float(known.max(initial=0.0)) or 1.0
    levels = {value: f"{100 * value:.0f} %" for value in (0.0, high / 2, high)}
    lines = [Line(x, errors[name], colour(n)) for n, (name, x) in enumerate(places.items())]
    area = (left + 48, page.y + 40, left + width - GAP, page.y + 280)
    line_chart(
        page, area, lines, (0.0, last), levels, [words("ablation.range", last=last)], gutter=48
    )
    page.y += 314
    legend(page, left + 48, width - 54, [(name, colour(n)) for n, name in enumerate(places)])
