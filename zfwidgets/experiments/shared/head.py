"""The first line of an experiment's box: what it is, of what, and what one should know of it.

It brings the style sheet of the whole box (``js/src/styles/experiments/experiment.css``), which
ipywidgets give no place of its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import traitlets

from ...errors import InputError
from ...widgets.answering import Answering
from ...widgets.wire.encode import Answer


class Head(Answering):
    """Name, facts and a card with explanations, as an Explorer's first line has them."""

    name = traitlets.Unicode().tag(sync=True)
    """What the experiment is called."""
    facts = traitlets.Unicode().tag(sync=True)
    """What it is done with."""
    about = traitlets.List(traitlets.Unicode()).tag(sync=True)
    """What it shows and how it is read, a paragraph each."""
    recorded = traitlets.Unicode().tag(sync=True)
    """How a result came to be that isn't computed here; empty: it is live."""
    language = traitlets.Unicode("en").tag(sync=True)
    """Language of the page's words."""

    page_module = "experiment_head"

    def _find(self, message: Mapping[str, Any]) -> Answer:
        raise InputError(
            f"An experiment's first line answers nothing, not {message.get('kind')!r}."
        )
