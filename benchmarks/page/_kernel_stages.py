"""When a kernel does what for its page's questions; runs in the kernel, before its first widget.

Wraps the functions at which stages begin and end, and notes their times by the system's clock,
which the page has too.
"""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from typing import Any

from zfwidgets.engine.local import LocalEngine
from zfwidgets.widgets.base import EngineWidget
from zfwidgets.widgets.wire import answers, source, telling
from zfwidgets.widgets.wire.jobs.worker import Jobs
from zfwidgets.widgets.wire.pictures import Pictures

ASKED = ("op", "kind", "slot", "turn")
"""What tells a message apart from others."""

_spans: list[dict[str, Any]] = []


def begin() -> None:
    """Note from now on what is done."""
    _wrap(EngineWidget, "_on_message", "heard", lambda _self, _widget, content, _buffers: content)
    _wrap(telling.Teller, "_send", "sent", lambda self, op, _value: {**self.address, "op": op})
    _wrap(Jobs, "_advance", "step", lambda _self, job: {"kind": str(job.identity).split("{")[0]})
    _wrap(Pictures, "photo", "photos")
    _wrap(LocalEngine, "project_all", "projected")
    for module in (source, answers):
        _wrap(module, "encode_pictures", "encoded")
    _wrap(answers, "projected_levels", "scaled")


def taken() -> str:
    """All that was noted since the last call, as JSON."""
    found = json.dumps(_spans)
    _spans.clear()
    return found


def _wrap(
    place: Any, name: str, stage: str, about: Callable[..., Any] = lambda *_, **__: {}
) -> None:
    plain = getattr(place, name)

    @functools.wraps(plain)
    def timed(*args: Any, **kwargs: Any) -> Any:
        start = time.time()
        try:
            return plain(*args, **kwargs)
        finally:
            asked = about(*args, **kwargs)
            span = {key: asked[key] for key in ASKED if key in asked}
            span |= {"stage": stage, "from": 1e3 * start, "to": 1e3 * time.time()}
            _spans.append({**span, "thread": threading.current_thread().name})

    setattr(place, name, timed)
