"""Small HTML: what a name says is never markup, and has its series' colour."""

from __future__ import annotations

import re

from zfwidgets.drawing.tables import key
from zfwidgets.records import SERIES


def test_a_key_has_each_name_beside_its_colour() -> None:
    names = ["nose", "<i>eye</i>", *(f"part {number}" for number in range(6))]
    text = key(names)
    assert re.findall(r"border-top-color:(#\w{6})", text) == [*SERIES, SERIES[0]]
    assert "<i>" not in text
    said = re.sub(r"<[^>]*>", "", text).split("&ensp; ")
    assert said == ["nose", "&lt;i&gt;eye&lt;/i&gt;", *names[2:]]
