"""What the ablation study's widget says and shows: the paper's Table 3, bars and curves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from ...drawing.page import GAP, MARGIN, WIDTH, Page
from ...drawing.page_charts import Line, legend, line_chart
from ...drawing.page_charts import bars as paint_bars
from ...drawing.palette import INK, SOFT, colour
from ...drawing.tables import small, table_html
from ...records import Floats
from .table import AblationRow, AblationTable

if TYPE_CHECKING:
    pass

EMPTY = "–"
BARS = {"train_error": "train error", "validation_error": "validation error"}
CHOOSE = "Click a bar or a curve, or choose a variant, to compare it."


def filled(table: AblationTable, known: AblationTable | None) -> AblationTable:
    """A table whose rows that aren't begun again yet are still those of the run before."""
    if known is None:
        return table
    rows = zip(table.rows, known.rows, strict=True)
    return AblationTable(tuple(old if row.training is None else row for row, old in rows))


def title(table: AblationTable) -> str:
    """What is compared, in one line."""
    text = f"{len(table.rows)} variant{'' if len(table.rows) == 1 else 's'}, trained alike"
    training = next((row.training for row in table.rows if row.training is not None), None)
    if training is None:
        return text
    text += f" on {training.images} images of {len(training.classes)} classes"
    if training.validation_images:
        text += f", validated on {training.validation_images} others"
    return text


def measure(table: AblationTable) -> str:
    """Which error the curves show: validation, where anything is validated."""
    validated = any(row.validation_images for row in table.rows)
    begun = any(row.training is not None for row in table.rows)
    return "validation_error" if validated or not begun else "train_error"


def bars(table: AblationTable) -> dict[str, Floats]:
    """(variants,) errors by what they are called; NaN before there are any."""
    names = list(BARS) if measure(table) == "validation_error" else ["train_error"]
    return {
        BARS[name]: np.array([getattr(row, name) for row in table.rows], dtype=np.float32)
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

    def note(self, table: AblationTable, number: int) -> str:
        """Where a variant's training stands, in few words."""
        row = table.rows[number]
        if row.note:
            return row.note.split(":")[0]
        if row.training is not None and row.training.complete:
            return ""
        begun = row.training is not None and row.training.steps > 0
        if self.running and number == self._under_way(table):
            return "in training"
        return ("stopped" if begun else "not begun") if not self.running else "waiting"

    @staticmethod
    def _under_way(table: AblationTable) -> int:
        """The variant that is trained while anything is: the first that isn't over."""
        over = [
            bool(row.note) or (row.training is not None and row.training.complete)
            for row in table.rows
        ]
        return over.index(False) if False in over else -1


def percent(share: float, interval: tuple[float, float] = (math.nan, math.nan)) -> str:
    """A share in percent, with its interval where there is one."""
    if not math.isfinite(share):
        return EMPTY
    low, high = interval
    text = f"{100 * share:.1f}"
    return f"{text} [{100 * low:.1f}, {100 * high:.1f}]" if math.isfinite(low) else text


def cells(table: AblationTable, now: Now) -> tuple[list[str], list[list[str]]]:
    """Heads and rows of the paper's Table 3."""
    validated = measure(table) == "validation_error"
    five = any(math.isfinite(row.validation_error_5) for row in table.rows)
    heads = ["variant", "parameters", "train error %"]
    heads += ["validation error % [95 %]"] * validated + ["top-5 error %"] * five
    rows = []
    for number, row in enumerate(table.rows):
        cells = [f"{'▸ ' * (number == now.chosen)}{row.name}", f"{row.parameters:,}"]
        cells.append(percent(row.train_error))
        if validated:
            cells.append(percent(row.validation_error, row.validation_interval))
        if five:
            cells.append(percent(row.validation_error_5))
        rows.append([*cells, epochs(row), now.note(table, number)])
    return [*heads, "epochs", "note"], rows


def epochs(row: AblationRow) -> str:
    """How often the images were gone through, of how often they are to be."""
    if row.training is None:
        return EMPTY
    wanted = row.training.steps_wanted / row.training.steps_per_epoch
    return f"{row.training.epochs:.3g} of {wanted:g}"


def table_text(table: AblationTable, now: Now) -> str:
    """The table as HTML, and below it in full why a training ended early."""
    notes = [small(f"{row.name}: {row.note}") for row in table.rows if row.note]
    return table_html(*cells(table, now)) + "".join(notes)


def reading(table: AblationTable) -> str:
    """How to read the table and the charts."""
    text = (
        "Share of images whose class isn't the most probable one, without dropout; all variants "
        "were trained alike, from one seed."
    )
    images = max((row.validation_images for row in table.rows), default=0)
    if not images:
        return f"{text} Without images to validate on, nothing here says how they do on new ones."
    return (
        f"{text} [low, high]: 95 % interval of the validation error, as {images} images can tell "
        "it. A variant that is chosen has one for its difference from the first: where it holds "
        "zero, chance in the choice of images is enough for it. Another seed moves the errors too, "
        "which no interval here holds: train with some more before you believe a small difference."
    )


def chosen_text(table: AblationTable, chosen: int) -> str:
    """A variant beside the first one, in HTML."""
    if not 0 <= chosen < len(table.rows):
        return small(CHOOSE)
    row, first = table.rows[chosen], table.rows[0]
    parts = [f"{row.name}: {row.parameters:,} parameters"]
    if chosen and first.parameters:
        parts.append(f"{row.parameters / first.parameters:.2f} times those of {first.name!r}")
    for name, called in BARS.items():
        value = getattr(row, name)
        if math.isfinite(value):
            parts.append(f"{called} {percent(value)} %")
    difference, low, high = table.difference(row.name, first.name) if chosen else (math.nan,) * 3
    sentence = ""
    if math.isfinite(low):
        verdict = (
            f"{row.validation_images} images can't tell the two apart"
            if low <= 0 <= high
            else f"{'more' if difference > 0 else 'less'} than chance in the choice of images gives"
        )
        sentence = (
            f" That is {100 * difference:+.1f} points from {first.name!r} (95 % interval "
            f"{100 * low:+.1f} to {100 * high:+.1f}): {verdict}."
        )
    return small(f"{', '.join(parts)}.{sentence}")


# ---------------------------------------------------------------------- the static picture


def draw(table: AblationTable | None, now: Now, status: str) -> Image.Image:
    """The static picture: the table, bars and curves."""
    about = "Ablation study" if table is None else f"Ablation study: {title(table)}"
    page = Page(about, status, 26)
    if table is None or all(row.training is None for row in table.rows):
        page.line("not trained yet", 18, SOFT)
        return page.finish()
    _table(page, *cells(table, Now(now.running)))
    for row in table.rows:
        if row.note:
            page.line(f"{row.name}: {row.note}", 15, SOFT)
    page.y += GAP
    top, half = page.y, (WIDTH - 2 * MARGIN - 2 * GAP) // 2
    series = bars(table)
    page.text(MARGIN, page.y, ", ".join(series), 18, INK, half)
    page.y += 32
    paint_bars(page, MARGIN, half, [row.name for row in table.rows], series, percent)
    bottom, page.y = page.y, top
    _curves(page, table, MARGIN + half + 2 * GAP, half)
    page.y = max(bottom, page.y) + GAP
    for line in reading(table).split(". "):
        page.line(line.rstrip(".") + ".", 15, SOFT)
    return page.finish()


def _table(page: Page, heads: list[str], rows: list[list[str]]) -> None:
    places = [0, 300, 410]
    for head in heads[2:-1]:
        places.append(places[-1] + (230 if "[" in head else 120))
    # The picture's letters have no dash.
    page.table(places, heads, [[text.replace(EMPTY, "-") for text in row] for row in rows])


def _curves(page: Page, table: AblationTable, left: int, width: int) -> None:
    places, errors = curves(table)
    page.text(left, page.y, f"{BARS[measure(table)]} over epochs", 18, INK, width)
    last = max((float(x.max()) for x in places.values() if len(x)), default=1.0)
    known = np.concatenate([y[np.isfinite(y)] for y in errors.values()])
    high = float(known.max(initial=0.0)) or 1.0
    levels = {value: f"{100 * value:.0f} %" for value in (0.0, high / 2, high)}
    lines = [Line(x, errors[name], colour(n)) for n, (name, x) in enumerate(places.items())]
    area = (left + 48, page.y + 40, left + width - GAP, page.y + 280)
    line_chart(page, area, lines, (0.0, last), levels, [f"0 .. {last:g} epochs"], gutter=48)
    page.y += 314
    legend(page, left + 48, width - 54, [(name, colour(n)) for n, name in enumerate(places)])
