"""Pixels of a patch, in the page and as the engine has them."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import Locator

import zfwidgets as zf
from tests.browser import as_shown
from tests.browser.conftest import Notebook


def shown(root: Locator, rank: int) -> np.ndarray:
    """The pixels of a patch's canvas, in what is settled."""
    return Notebook.canvas_pixels(root.locator(".zf-cell").nth(rank).locator("canvas").first)


def patch(engine: zf.Engine, layer: str, channel: int, rank: int) -> np.ndarray:
    """A patch of the engine's, cut out the slow way."""
    top = engine.top(layer, channel)
    side = as_shown.side_of(engine.project_all(top.activations))
    photo = engine.photo(top[rank].image)
    return photo[as_shown.window(top[rank], side, photo.shape)]
