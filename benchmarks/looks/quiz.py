"""Which display tells most of a channel: a quiz on paper, and its score.

    python -m benchmarks.looks.quiz make FOLDER [--questions 20]
    python -m benchmarks.looks.quiz score ANSWERS.csv [ANSWERS.csv ...]

``make`` draws questions for channels of five layers of the sample network: which of two photos
fires the channel more? (`zfwidgets.Quiz` asks the same on screen.) Each question is shown to as
many readers as there are displays, to each in another display, and each reader sees every question
once and every display equally often: differences between readers and between questions fall
out of the comparison. A reader's sheets are in ``FOLDER/reader-N``; ``FOLDER/key.csv`` says which
photo is right and in which display each reader saw the question.

A reader writes one line a question, ``number,A`` or ``number,B``. ``score --folder FOLDER`` joins
such files, named ``reader-N.csv``, with the key, writes ``answers.csv``, and prints how many of
each display were right with Wilson's interval, and each display beside no hint with Newcombe's;
without a folder it takes files that were joined before.
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

import zfwidgets as zf
from benchmarks import harness
from benchmarks.looks._networks import LAYERS
from benchmarks.looks.displays import in_displays
from zfwidgets.experiments.ablation.intervals import newcombe
from zfwidgets.experiments.quiz.answers import QuizScore
from zfwidgets.experiments.quiz.questions import QuizQuestion

DISPLAYS: Mapping[str, tuple[str, ...]] = {
    "none": (),
    "patches": ("patch",),
    "projections": ("colour, one",),
    "brightness": ("brightness",),
    "revealed": ("revealed",),
    "both": ("square", "clearest"),
}
"""Each with the pictures that stand for a unit, one above the other; "both" is the Explorer's."""
CELL, PHOTO, GAP = 112, 224, 6
SHEET = 3
"""Questions on one."""
FIELDS = ("reader", "number", "layer", "channel", "display", "right", "answer")


def drawn(engine: zf.Engine, layer: str, count: int) -> list[QuizQuestion]:
    """A layer's questions."""
    made = zf.experiments.quiz_questions(engine, layer, count, seed=1, progress=False)
    return list(made)


def hint(engine: zf.Engine, question: QuizQuestion, display: str) -> Image.Image:
    """The strongest units of a question's channel in a display."""
    wanted = DISPLAYS[display]
    shown = in_displays(engine, question.layer, list(question.hint)) if wanted else []
    size = (9 * (CELL + GAP), max(1, len(wanted)) * (CELL + GAP))
    strip = Image.new("RGB", size, "white")
    for column, pictures in enumerate(shown):
        for row, name in enumerate(wanted):
            picture = Image.fromarray(pictures[name]).convert("RGB")
            picture = picture.resize((CELL, CELL), Image.Resampling.BICUBIC)
            strip.paste(picture, (column * (CELL + GAP), row * (CELL + GAP)))
    return strip


def asked(engine: zf.Engine, question: QuizQuestion, display: str, number: int) -> Image.Image:
    """A question as it stands on a sheet."""
    strip = hint(engine, question, display)
    page = Image.new("RGB", (strip.width + 60, strip.height + PHOTO + 50), "white")
    pen, font = ImageDraw.Draw(page), ImageFont.load_default(18)
    says = "The channel's strongest places:" if DISPLAYS[display] else "No hint:"
    pen.text((GAP, GAP), f"{number}   {says} which photo fires it more?", "black", font)
    if DISPLAYS[display]:
        page.paste(strip, (50, 32))
    else:
        page = page.crop((0, 0, page.width, PHOTO + 50))
        pen = ImageDraw.Draw(page)
    top = page.height - PHOTO - GAP
    for at, choice in enumerate(question.choices):
        photo = Image.fromarray(engine.photo(choice.image)).resize((PHOTO, PHOTO))
        left = 80 + at * (PHOTO + 80)
        page.paste(photo, (left, top))
        pen.text((left - 22, top + PHOTO // 2), "AB"[at], "black", font)
    return page


def make(folder: Path, count: int) -> None:
    """Write all sheets and the key."""
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    questions = [
        question for layer in LAYERS["squeezenet"] for question in drawn(engine, layer, count)
    ]
    order = np.random.default_rng(2).permutation(len(questions))
    displays, rows = list(DISPLAYS), []
    for reader in range(1, len(displays) + 1):
        sheets = folder / f"reader-{reader}"
        sheets.mkdir(parents=True)
        for first in range(0, len(order), SHEET):
            pages = []
            for number in range(first + 1, min(first + SHEET, len(order)) + 1):
                question = questions[order[number - 1]]
                display = displays[(number + reader) % len(displays)]
                pages.append(asked(engine, question, display, number))
                right = "AB"[question.correct == "right"]
                rows.append((reader, number, question.layer, question.channel, display, right))
            stacked(pages).save(sheets / f"sheet-{first // SHEET + 1:02}.png")
    write(folder / "key.csv", FIELDS[:-1], rows)
    harness.finish({"questions": len(questions), "readers": len(displays)})


def stacked(pages: Sequence[Image.Image]) -> Image.Image:
    """Pictures below each other."""
    size = (max(page.width for page in pages), sum(page.height + 20 for page in pages))
    sheet, top = Image.new("RGB", size, "white"), 0
    for page in pages:
        sheet.paste(page, (0, top))
        top += page.height + 20
    return sheet


def write(path: Path, head: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([head, *rows])


def joined(folder: Path, answers: Sequence[Path]) -> list[dict[str, str]]:
    """Readers' answers with the key; kept in the folder, too."""
    given = {}
    for path in answers:
        reader = path.stem.rpartition("-")[2]
        for line in path.read_text().split():
            number, answer = line.split(",")
            if answer not in ("A", "B"):
                raise SystemExit(f"{path}: {line!r} isn't number,A or number,B.")
            given[reader, number] = answer
    with (folder / "key.csv").open() as file:
        rows = [
            {**row, "answer": given[row["reader"], row["number"]]}
            for row in csv.DictReader(file)
            if (row["reader"], row["number"]) in given
        ]
    write(folder / "answers.csv", FIELDS, [list(row.values()) for row in rows])
    return rows


def read(paths: Sequence[Path]) -> list[dict[str, str]]:
    """Answers that were joined with their keys before."""
    rows = []
    for path in paths:
        with path.open() as file:
            rows += list(csv.DictReader(file))
    return rows


def score(rows: Sequence[Mapping[str, str]]) -> None:
    """Print how many were right, by display, and by display and layer."""

    def scored(display: str, layer: str | None = None) -> QuizScore:
        found = [
            row["answer"] == row["right"]
            for row in rows
            if row["display"] == display and layer in (None, row["layer"])
        ]
        return QuizScore(sum(found), len(found))

    print(f"{'display':12} {'right':>9}  {'share':>6}  95 %          more than with no hint, 95 %")
    told, none = {}, scored("none")
    for display in DISPLAYS:
        got = scored(display)
        (low, high), (less, more) = got.interval, newcombe(*_pair(got), *_pair(none))
        layers = {layer: scored(display, layer) for layer in LAYERS["squeezenet"]}
        told[display] = {
            "right": got.right,
            "of": got.answered,
            "interval": [low, high],
            "more_than_none": [less, more],
            "by_layer": {layer: [one.right, one.answered] for layer, one in layers.items()},
        }
        print(
            f"{display:12} {got.right:3} / {got.answered:3}  {got.share:6.0%}  "
            f"{low:.0%} to {high:.0%}    {less:+.0%} to {more:+.0%}    "
            + "  ".join(f"{one.right}/{one.answered}" for one in layers.values())
        )
    harness.finish({"displays": told})


def _pair(score: QuizScore) -> tuple[float, int]:
    return score.share, score.answered


def main() -> None:
    """Make the sheets, or score what readers answered."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "score"))
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH")
    parser.add_argument("--folder", type=Path, help="that of the sheets, with the key")
    parser.add_argument("--questions", type=int, default=20, help="of each layer")
    arguments = harness.options(parser)
    if arguments.what == "make":
        make(arguments.paths[0], arguments.questions)
    elif arguments.folder:
        score(joined(arguments.folder, arguments.paths))
    else:
        score(read(arguments.paths))


if __name__ == "__main__":
    main()
