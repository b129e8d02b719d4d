"""What a notebook's page and its kernel hold."""

from __future__ import annotations

import json

from playwright.sync_api import CDPSession, Page

from benchmarks.page._lab_page import execute

KERNEL = """import gc as _gc, json as _json, psutil as _psutil, ipywidgets as _widgets
from zfwidgets.threads import give_back_memory as _give_back
explorer.settle()
_gc.collect()
_used = _psutil.Process().memory_info().rss
_give_back()  # as the worker does that has rested for three seconds
_names = ("Cache", "Switches", "Passes")
_caches = [one for one in _gc.get_objects() if type(one).__name__ in _names]
print(_json.dumps([
    _used,
    _psutil.Process().memory_info().rss,
    sum(one.bytes for one in _caches),
    len(_widgets.widget._instances),
]), end="")
del _names, _caches, _used, _give_back, _gc, _json, _psutil, _widgets"""


class Gauge:
    """Counts what a page of JupyterLab and its kernel hold, which has an `explorer`."""

    def __init__(self, page: Page, session: CDPSession) -> None:
        self._page, self._session = page, session

    def read(self) -> dict[str, float]:
        """Collect garbage on both sides, and count.

        Returns
        -------
        dict
            `used_mb`: the kernel's resident memory, with what threads have freed and glibc keeps
            while they work; `kernel_mb`: the same once they rest; `kept_mb`: what our caches hold
            of it, which fill up to their limits and then stay; `page_mb`: the page's JavaScript
            heap; `nodes` and `listeners`: those of the page's documents; `widgets`: what ipywidgets
            keeps in the kernel.
        """
        used, rss, kept, widgets = json.loads(execute(self._page, KERNEL))
        for _ in range(2):  # what a finaliser lets go of is found by the next
            self._session.send("HeapProfiler.collectGarbage")
        heap = self._session.send("Runtime.getHeapUsage")["usedSize"]
        counters = self._session.send("Memory.getDOMCounters")
        return {
            "used_mb": round(used / 1e6, 1),
            "kernel_mb": round(rss / 1e6, 1),
            "kept_mb": round(kept / 1e6, 1),
            "page_mb": round(heap / 1e6, 1),
            "nodes": counters["nodes"],
            "listeners": counters["jsEventListeners"],
            "widgets": widgets,
        }
