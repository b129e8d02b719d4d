"""What an Explorer starts with is written in Python and, for "Copy as code", in the page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import zfwidgets as zf

CODE = Path(__file__).parents[2] / "js" / "src" / "views" / "shared" / "code.ts"


def test_the_page_knows_what_an_explorer_starts_with() -> None:
    text = re.search(r"FIRST: ViewOptions = (\{.*?\});", CODE.read_text("utf-8"), re.S)
    assert text
    page = json.loads(re.sub(r"(\w+):", r'"\1":', text[1]).replace(",\n}", "\n}"))
    traits = zf.Explorer.class_traits(option=True)
    ours = {name: traits[name].metadata["first"] for name in page}
    # By default the probability, where there are classes.
    assert page == {**ours, "overlay": "probability"}
    # An option that "Copy as code" left out would be lost; these two have rules of their own.
    assert traits.keys() - page.keys() == {"stride", "gallery"}
