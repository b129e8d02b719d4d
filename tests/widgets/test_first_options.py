"""What an Explorer starts with: its options, and what "Copy as code" in the page leaves out."""

from __future__ import annotations

import zfwidgets as zf
from zfwidgets.records import DEFAULT_COLOURS
from zfwidgets.widgets.wire.schema import FIRST


def test_the_page_knows_what_an_explorer_starts_with() -> None:
    page = {**FIRST, "colours": DEFAULT_COLOURS}  # as js/made.py writes it
    traits = zf.Explorer.class_traits(option=True)
    ours = {name: traits[name].metadata["first"] for name in page}
    # By default the probability, where there are classes.
    assert page == {**ours, "overlay": "probability"}
    # An option that "Copy as code" left out would be lost; these have rules of their own.
    assert traits.keys() - page.keys() == {"stride", "gallery", "language"}
