"""A worksheet on paper: one HTML file that prints well, with or without the answers."""

from __future__ import annotations

import base64
import html
from pathlib import Path
from typing import TYPE_CHECKING

from ..language.words import Words
from ..stepwise import finish
from ..widgets.wire.encode import encode_pictures
from .exercises.layers import FieldWidth
from .exercises.shared import stages
from .exercises.task import Figure, Option, Task

if TYPE_CHECKING:
    from .question import Question
    from .worksheet import Worksheet

TICK, LONG_TICK = 10, 50
"""Pixels between a ruler's marks, and between those with a number."""
RULER = 30
"""Height of a ruler, in pixels of the picture above it."""
STYLE = """
body { font: 12pt/1.4 system-ui, sans-serif; max-width: 18cm; margin: 1cm auto; padding: 0 1em;
  color: #1b1d21; background: #fff; }
h1 { font-size: 18pt; margin: 0 0 .2em; }
h2 { font-size: 13pt; margin: 0 0 .3em; }
section { break-inside: avoid; margin: 0 0 1.2em; padding-top: .6em;
  border-top: 1px solid #8c959f; }
.who { display: flex; gap: 2em; margin: 0 0 1em; }
.who span { flex: 1; border-bottom: 1px solid; }
.figures { display: flex; flex-wrap: wrap; gap: .6cm; margin: .4em 0; }
/* Four beside each other, or two and two: none alone. */
.options { display: grid; grid-template-columns: repeat(4, 1fr); gap: .4cm; margin: .4em 0;
  padding: 0; list-style: none; }
@media (max-width: 15cm) { .options { grid-template-columns: repeat(2, 1fr); } }
figure { margin: 0; width: 4.6cm; }
figure.ruled { width: 9cm; }
figure svg { width: 100%; height: auto; display: block; }
.example { background: #f3f4f6; padding: .4em .8em .1em; border: 0; }
.options li { display: flex; gap: .3em; min-width: 0; }
.options li > div { flex: 1; min-width: 0; }
.options figure { width: 100%; max-width: 5cm; }
figcaption, .told, .before { font-size: 10pt; color: #4c525b; }
.blank { display: inline-block; min-width: 4cm; border-bottom: 1px solid; }
.why { height: 1.6cm; border-bottom: 1px dotted; }
.answer { padding: .3em .6em; border-left: 3px solid #0072b2; }
dt { font-weight: 600; } dd { margin: 0 0 .3em; }
@page { margin: 1.5cm; }
@media print { body { margin: 0; max-width: none; padding: 0; font-size: 11pt; } }
"""


def handout_page(sheet: Worksheet, path: Path, answers: bool) -> None:
    """Write the page: whole, or not at all."""
    from ..storage.whole import whole

    words = sheet.words
    parts = [f"<h1>{_text(sheet.title)}</h1>"]
    if answers:
        parts.append(f"<p><strong>{_text(words('handout.teacher'))}</strong></p>")
    else:
        lines = (words("handout.name"), words("handout.date"))
        parts.append(f'<p class="who">{"".join(f"<span>{_text(one)}</span>" for one in lines)}</p>')
    if sheet.intro:
        parts.append(f"<p>{_text(sheet.intro)}</p>")
    if example := _example(sheet, words):
        parts.append(example)
    parts += [_question(question, words, answers) for question in sheet]
    parts.append(f"<section><h2>{_text(words('page.glossary'))}</h2><dl>")
    parts += [f"<dt>{_text(a)}</dt><dd>{_text(b)}</dd>" for a, b in words.glossary.items()]
    parts.append("</dl></section>")
    page = (
        f'<!doctype html>\n<html lang="{words.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_text(sheet.title)}</title><style>{STYLE}</style></head>\n"
        f"<body><main>\n{chr(10).join(parts)}\n</main></body></html>\n"
    )
    with whole(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _example(sheet: Worksheet, words: Words) -> str:
    """A question like one of the sheet, of another layer, with how its answer is found."""
    asked = [one.exercise for one in sheet if isinstance(one.exercise, FieldWidth)]
    if not asked:
        return ""
    taken = {one.layer or stages(sheet.engine)[1] for one in asked}
    layer = next((name for name in stages(sheet.engine) if name not in taken), None)
    if layer is None:
        return ""
    task = finish(FieldWidth(layer, asked[0].photo).steps(sheet.engine, words))
    box = task.reveal[0].marks[0].box
    how = words(
        "handout.example.how", left=box.left, right=box.left + box.width, width=round(task.answer)
    )
    figures = "".join(_figure(one, ruled=True) for one in task.reveal)
    return (
        f'<section class="example"><h2>{_text(words("handout.example"))}</h2>'
        f'<p>{_text(task.ask)}</p><div class="figures">{figures}</div>'
        f'<p class="answer">{_text(how)}</p></section>'
    )


def _question(question: Question, words: Words, answers: bool) -> str:
    task = question.task
    parts = [f"<section><h2>{_text(question.place)}</h2>"]
    if question.before:
        parts.append(f'<p class="before">{_text(question.before)}</p>')
    parts.append(f"<p>{_text(task.ask)}</p>")
    shown = (task.reveal or task.figures) if answers else task.figures
    ruled = isinstance(question.exercise, FieldWidth)
    figures = "".join(_figure(one, ruled=ruled) for one in shown)
    parts.append(f'<div class="figures">{figures}</div>')
    if task.options:
        marked = [_option(task, number, answers) for number in range(len(task.options))]
        parts.append(f'<ul class="options">{"".join(marked)}</ul>')
    if answers:
        parts.append(f'<p class="answer">{_answer(question, task, words)}</p>')
    else:
        blank = '<span class="blank"></span>'
        if task.kind != "choice":
            key = "estimate" if task.kind == "estimate" else "channel"
            unit = f" {_text(task.scale.unit)}" if task.scale else ""
            parts.append(f"<p>{_text(words(f'handout.{key}'))} {blank}{unit}</p>")
        if task.kind in ("choice", "estimate"):
            parts.append(
                f'<p class="told">{_text(words("handout.why"))}</p><div class="why"></div>'
            )
    return "\n".join([*parts, "</section>"])


def _answer(question: Question, task: Task, words: Words) -> str:
    says = f"{words('handout.answer')} {question.expected}"
    if task.scale is not None:
        low, high, unit = task.scale
        middle = min(max(task.answer, low), high)
        ends = {
            "low": round(max(low, middle - task.tolerance)),
            "high": round(min(high, middle + task.tolerance)),
        }
        says = f"{says} {unit} {words('handout.within', **ends)}"
    return f"<strong>{_text(says)}</strong><br>{_text(task.truth)}"


def _option(task: Task, number: int, answers: bool) -> str:
    option: Option = task.options[number]
    box = "☒" if answers and number == task.answer else "☐"
    figure = (option.shown or option.figure) if answers else option.figure
    told = f'<br><span class="told">{_text(option.told)}</span>' if answers and option.told else ""
    text = f"<span>{_text(option.text)}{told}</span>"
    return f"<li><span>{box}</span><div>{_figure(figure) if figure else ''}{text}</div></li>"


def _ruler(rows: int, columns: int) -> str:
    """Below a picture: how wide it is, in its pixels."""
    line = f'<path d="M0 {rows + 4}H{columns}" stroke="#1b1d21"/>'
    for at in range(0, columns + 1, TICK):
        far = 10 if at % LONG_TICK == 0 else 5
        line += f'<path d="M{at} {rows + 4}v{far}" stroke="#1b1d21"/>'
        if at % LONG_TICK == 0:
            anchor = "middle" if 0 < at < columns - TICK else "start" if at == 0 else "end"
            line += (
                f'<text x="{at}" y="{rows + 26}" font-size="12" text-anchor="{anchor}" '
                f'fill="#1b1d21">{at}</text>'
            )
    return line


def _figure(figure: Figure, *, ruled: bool = False) -> str:
    rows, columns = figure.pixels.shape[:2]
    mime, (data,) = encode_pictures([figure.pixels], lossless=False)
    link = f"data:{mime};base64,{base64.b64encode(data).decode()}"
    marks = "".join(
        f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" '
        f'fill="none" stroke="#fff" stroke-width="4"/>'
        f'<rect x="{box.left}" y="{box.top}" width="{box.width}" height="{box.height}" '
        f'fill="none" stroke="#0072b2" stroke-width="2"/>'
        f'<text x="{max(box.left, 0) + 4}" y="{max(box.top, 0) + 16}" font-size="15" '
        f'font-weight="700" paint-order="stroke" stroke="#fff" stroke-width="4" fill="#0072b2">'
        f"{_text(text)}</text>"
        for box, text in figure.marks
    )
    caption = f"<figcaption>{_text(figure.caption)}</figcaption>" if figure.caption else ""
    kind, ruler, down = ("", "", rows)
    if ruled:
        kind, ruler, down = ' class="ruled"', _ruler(rows, columns), rows + RULER
    return (
        f'<figure{kind}><svg viewBox="0 0 {columns} {down}" role="img" '
        f'aria-label="{_text(figure.alt)}"><image href="{link}" width="{columns}" '
        f'height="{rows}"/>{marks}{ruler}</svg>{caption}</figure>'
    )


def _text(text: str) -> str:
    return html.escape(text)
