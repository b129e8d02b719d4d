"""What may stand in a report: widgets of one engine, worksheets, texts, other packages' widgets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...lessons.worksheet import Worksheet
from ...widgets.base import EngineWidget
from ...widgets.comparing.compare import Compare
from ...widgets.selection import Selection
from ...widgets.setting.choosing import first_selection
from . import figures
from .collecting import RULE

VIEWS = {
    "explorer": "explorer",
    "picker": "picker",
    "patch_grid": "grid",
    "occlusion_map": "occlusion",
}
"""A widget's module, and the view that the page has for it."""


def is_figure(item: Any) -> bool:
    """Whether it is another package's widget."""
    return not isinstance(item, EngineProtocol) and figures.is_figure(item)


def engine_of(items: Sequence[Any]) -> EngineProtocol:
    """The one engine of all widgets."""
    engines = []
    for item in items:
        if isinstance(item, EngineWidget | Worksheet):
            engines.append(item.engine)
        elif isinstance(item, Compare):
            engines += _one_network_of(item)
        elif isinstance(item, EngineProtocol):
            engines.append(item)
        elif not isinstance(item, str) and not figures.is_figure(item):
            raise InputError(
                f"A report shows widgets of zfwidgets and texts, not {type(item).__name__}."
            )
    if not engines:
        raise InputError("A report needs a widget: pass zf.Explorer(engine).")
    fingerprints = {engine.info.fingerprint for engine in engines}
    if len(fingerprints) > 1:
        raise InputError(
            f"A report is of one engine, and these widgets have {len(fingerprints)}: write a "
            "report for each."
        )
    return engines[0]


def _one_network_of(compare: Compare) -> list[EngineProtocol]:
    """A comparison's engine, on both sides."""
    names = " and ".join(repr(name) for name in compare.names)
    engines = [side.engine for side in (compare.left, compare.right)]
    if len({engine.info.fingerprint for engine in engines}) > 1:
        raise InputError(
            f"A report is of one network, and {names} are two: write a report of each "
            "(zf.save_report(compare.left, ...), zf.save_report(compare.right, ...)), or compare "
            "two channels of one network (zf.Compare(engine, engine, channel=(3, 7)))."
        )
    rules = [side.rule for side in (compare.left, compare.right)]
    if any(rule != RULE for rule in rules):
        raise InputError(
            f"A report holds projections by the rule {RULE!r} alone, and {names} have "
            f"{rules[0]!r} and {rules[1]!r}: choose {RULE!r} on both sides, "
            f"compare.left.rule = compare.right.rule = {RULE!r}, or keep both as a picture, "
            "compare.snapshot().save(...)."
        )
    return engines


def view_of(item: Any, engine: EngineProtocol) -> tuple[str, Any, dict[str, Any]]:
    """A widget's view, selection and options."""
    if isinstance(item, EngineProtocol):
        return "explorer", first(engine), {}
    view = VIEWS.get(item.page_module)
    if view is None:
        raise InputError(f"A report can't show a {type(item).__name__} yet.")
    return view, item.selection, item.view_options


def first(engine: EngineProtocol) -> Selection:
    """What is chosen where nothing was."""
    return Selection(engine, **first_selection(engine, {}))


def state_of(selection: Any, engine: EngineProtocol) -> dict[str, Any]:
    """What is chosen; in the place of a photo of the user's own, which no report holds, another."""
    state = {name: value for name, value in selection.state.items() if name != "schema"}
    if state["photo"] >= len(engine.info.images):
        layer, channel = state["unit"] or (None, None)
        asked = {"layer": layer, "channel": channel}
        state["photo"] = first_selection(engine, asked)["photo"]
    return state
