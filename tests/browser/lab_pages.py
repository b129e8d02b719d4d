"""Pages with JupyterLab in them, kept from test to test: to load one takes longer than most tests.

A page that a test gives back has no notebook any more, no answers that widgets of a page share
(js/src/lib/wire/exchange.ts), the first theme and the first size, and nobody takes down what it
says. After `USES` tests it makes room for a new one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import BrowserContext, Page, ViewportSize

from tests.waiting import MILLISECONDS

USES = 20
THEME = "JupyterLab Light"

# The notebook and nothing beside it: where there was none JupyterLab has its launcher.
OPEN = """async (path) => {
  const { commands, shell } = window.jupyterapp;
  const opened = await commands.execute("docmanager:open", { path });
  for (const widget of [...shell.widgets("main")]) if (widget !== opened) widget.close();
}"""

# Unsaved changes would be asked about.
CLEAR = """async (theme) => {
  const { commands, shell } = window.jupyterapp;
  for (const widget of [...shell.widgets("main")]) {
    if (widget.context) widget.context.model.dirty = false;
    widget.close();
  }
  for (const key of Object.getOwnPropertySymbols(globalThis))
    if (key.description?.startsWith("zfwidgets.")) delete globalThis[key];
  if (document.body.dataset.jpThemeName !== theme)
    await commands.execute("apputils:change-theme", { theme });
}"""

CLEARED = """(theme) => document.body.dataset.jpThemeName === theme
  && document.querySelectorAll(".jp-NotebookPanel, .jp-Dialog, .zf-root").length === 0
  && !globalThis[Symbol.for("zfwidgets.exchange.1")]"""


@dataclass
class LabPage:
    """A page, and what listens to it for one test."""

    page: Page
    uses: int = 1
    heard: list[tuple[Any, Callable[..., None]]] = field(default_factory=list)

    def on(self, event: Any, handler: Callable[..., None]) -> None:
        """Call a handler at each event until the page is given back."""
        self.page.on(event, handler)
        self.heard.append((event, handler))

    def clear(self, size: ViewportSize) -> None:
        """Leave nothing of a test in the page."""
        while self.heard:
            self.page.remove_listener(*self.heard.pop())
        self.page.evaluate(CLEAR, THEME)
        self.page.wait_for_function(CLEARED, arg=THEME, timeout=MILLISECONDS)
        self.page.set_viewport_size(size)


class LabPages:
    """Where tests take pages from, and give them back: one of them is kept."""

    def __init__(self, context: BrowserContext, size: ViewportSize) -> None:
        self._context = context
        self._size = size
        self._kept: LabPage | None = None

    def take(self, *, fresh: bool = False) -> tuple[LabPage, bool]:
        """A page, and whether JupyterLab is in it; with `fresh` it never is."""
        kept = self._kept
        if kept is None or fresh:
            return LabPage(self._context.new_page()), False
        self._kept = None
        kept.uses += 1
        kept.page.bring_to_front()
        return kept, True

    def give_back(self, pages: list[LabPage], *, keep: bool) -> None:
        """Take a test's pages; close all but one, and that too unless it may be kept."""
        for one in pages:
            if one.page.is_closed():
                continue
            if keep and self._kept is None and one.uses < USES:
                one.clear(self._size)
                self._kept = one
            else:
                one.page.close()
