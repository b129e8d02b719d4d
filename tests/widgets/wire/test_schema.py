"""What is really sent, against the one schema of messages, keys and answers."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import zfwidgets as zf
from tests.waiting import SECONDS
from tests.widgets.wire.asking import SLIDE
from zfwidgets.experiments.quiz.board import QuizBoard
from zfwidgets.experiments.quiz.making import quiz_questions
from zfwidgets.experiments.quiz.pictures import question_answer
from zfwidgets.experiments.sanity.widget_pictures import StepPictures
from zfwidgets.experiments.shared.picture_wall import PictureWall, Wall
from zfwidgets.stepwise import finish
from zfwidgets.widgets.wire.schema import ALIASES, KINDS, MESSAGES, OBJECTS

BOX = {"top": 2, "left": -1, "height": 6, "width": 9}
OCCLUDER = {**BOX, "baseline": 0.5, "mask": "0f" * 32, "extra_boxes": [BOX]}
UNIT = {"layer": "relu2", "channel": 3}
KEYS = {
    "catalogue": {},
    "index": {},
    "channels": {"layer": "conv1"},
    "sheet": {"layer": "conv1", "first": 2, "count": 4, "size": 48},
    "top": {**UNIT, "k": 9},
    "projections": {**UNIT, "k": 9, "rule": "guided"},
    "photo": {"image": 3},
    "predict": {"image": 3, "occluder": OCCLUDER},
    "respond": {"image": 3, "occluder": OCCLUDER, "layer": "relu2"},
    "sample": UNIT,
    "quantiles": UNIT,
    "occlusion": {**SLIDE, "layer": "relu2", "target": 1, "channel": None},
    "estimate": {**SLIDE, "layer": "conv1"},
    "cover": {**UNIT, "k": 3, "baseline": "blur"},
    "about": UNIT,
    "sanity": {**UNIT, "rule": "guided"},
    "orders": {"layer": "conv1"},
    "photos": {},
    "thumbnails": {"images": [3, 0], "size": 20},
    "predicted": {},
    "responses": {"image": 3, "layer": "relu2"},
    "look": {"image": 3, **UNIT, "rule": "guided"},
}
PLAIN = {"string": str, "int": int, "number": (int, float), "boolean": bool, "object": dict}


def split(text: str, mark: str) -> list[str]:
    """Parts of a type between marks that are in no brackets."""
    parts, depth = [""], 0
    for word in re.split(r"([\[\](){}<>]|" + re.escape(mark) + ")", text):
        depth += (word in tuple("[({<")) - (word in tuple("])}>"))
        if word == mark and not depth:
            parts.append("")
        else:
            parts[-1] += word
    return parts


def fits(value: object, what: str) -> bool:
    """Whether a JSON value is of a type in the schema's notation."""
    if what in ALIASES:
        return fits(value, ALIASES[what][0])
    if what in OBJECTS | MESSAGES:
        return suits(value, (OBJECTS | MESSAGES)[what][1])
    if len(ways := split(what, " | ")) > 1:
        return any(fits(value, way) for way in ways)
    if what.endswith("[]"):
        return isinstance(value, list) and all(fits(one, what[:-2].strip("()")) for one in value)
    if what.startswith("["):
        members = [member.split(": ", 1)[1] for member in split(what[1:-1], ", ")]
        same = isinstance(value, list) and len(value) == len(members)
        return same and all(map(fits, value, members))
    if found := re.fullmatch(r"Record<string, (\w+)>", what):
        return isinstance(value, dict) and all(fits(one, found[1]) for one in value.values())
    if found := re.fullmatch(r"int (\d+)\.\.(\d+)", what):
        return fits(value, "int") and int(found[1]) <= value <= int(found[2])
    if what in PLAIN:
        return isinstance(value, PLAIN[what]) and (what == "boolean") == isinstance(value, bool)
    if what == "Kind":
        return value in KINDS
    return what == "unknown" or repr(value).replace("'", '"') == {"null": "None"}.get(what, what)


def suits(value: object, fields: dict[str, str] | str) -> bool:
    """Whether an object has the fields that it must have, none but those, all of their types."""
    if isinstance(fields, str):
        return fits(value, fields)
    types = {name.rstrip("?"): field.split(" # ")[0] for name, field in fields.items()}
    needed = {name for name in fields if not name.endswith("?")}
    if not isinstance(value, dict):
        return False
    assert needed <= value.keys() <= types.keys(), (value, fields)
    for name, one in value.items():
        assert fits(one, types[name]), (name, one, types[name])
    return True


def check(content: dict[str, object]) -> str:
    """Check a message of the kernel's; what its op is."""
    json.dumps(content, allow_nan=False)
    assert suits(content, MESSAGES["Message"][1])
    kind, key, op, data = (content[name] for name in ("kind", "key", "op", "data"))
    assert suits(key, {"fingerprint": "string", **KINDS[kind].key})
    if op in ("reply", "partial"):
        assert suits(data, KINDS[kind].data)
    elif op == "progress":
        assert suits(data, OBJECTS["IndexProgress" if "paused" in data else "Progress"][1])
    else:
        assert suits(data, OBJECTS["Problem"][1] if op == "error" else {})
    return op


def test_every_answer_has_the_fields_that_the_schema_says(front_end, engine):
    explorer = zf.Explorer(engine)
    for kind, fields in KEYS.items():
        front_end.ask(explorer, kind, **fields)
    front_end.ask(explorer, "photo", image=99)
    heard = front_end.custom(explorer)
    ops = {(check(content), content["kind"]) for content, _ in heard}
    assert {kind for op, kind in ops if op == "reply"} == KEYS.keys()
    assert {"partial", "error"} <= {op for op, _ in ops}


def test_so_do_those_of_widgets_that_hold_their_answers(front_end, engine):
    pixels = np.zeros((8, 9, 3), np.uint8)
    wall = PictureWall("finger", "pictures")
    wall.show(Wall([pixels, None], heads=["one", "two"], sides=["here"], columns=2), "name")
    similarity = {"rank": 0.5, "rank_absolute": None, "ssim": float("nan")}
    similarity["rank_absolute"] = 1.0
    step = SimpleNamespace(
        similarity=SimpleNamespace(to_json=lambda: similarity),
        to_pil=lambda values: Image.fromarray(pixels),
        module="features.0",
        note="",
    )
    steps = StepPictures("finger")
    steps.keep("run", SimpleNamespace(steps=[step], values="brightness"))
    (asked,) = quiz_questions(engine, "relu2", 1, progress=False)
    board = QuizBoard("finger", "revealed", False)
    board.begin("round", 1)
    board.keep("round", 0, finish(question_answer(engine, asked, "revealed"))[0])
    guess = zf.Question(engine, zf.lessons.StrongestPhoto("relu2", photos=2))
    assert guess.settle(SECONDS)
    sheet = zf.Worksheet(engine, [zf.lessons.FieldWidth("conv2")])
    foot = sheet.children[-1]
    for widget, kind, key in (
        (guess, "exercise", {"question": guess.question, "revealed": False}),
        (foot, "worksheet", {"worksheet": foot.worksheet}),
        (board, "question", {"quiz": "round", "number": 0}),
        (wall, "wall", {"wall": "name", "first": 0}),
        (steps, "check", {"check": "run", "step": 0}),
    ):
        front_end.ask(widget, kind, **key)
        assert [check(content) for content, _ in front_end.custom(widget)] == ["reply"]


def test_all_kinds_are_asked_for_here():
    assert {name for name, kind in KINDS.items() if not kind.asked_of} == KEYS.keys()


@pytest.mark.parametrize(
    ("value", "what"),
    [
        (1.5, "int"),
        (True, "int"),
        (0, "int 1..9"),
        (None, "string"),
        ("gone", '"exact" | "global"'),
        ([1], "Pair"),
        ([1, 2, 3], "[a: int, b: int]"),
        ([1, "a"], "int[]"),
    ],
)
def test_what_does_not_fit_is_noticed(value, what):
    assert not fits(value, what)
