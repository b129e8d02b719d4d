"""The Explorer fills while the index is being built, can be used meanwhile, and can be paused."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
from playwright.sync_api import Locator, expect

from tests.browser import as_shown
from tests.browser.going import go_to_channel
from tests.waiting import SECONDS

BATCH, COUNT = 16, 80

# The network waits and not the photos: these are read one at a time, the page's among them.
GATED = f"""import threading
import zfwidgets as zf

class Gate:
    '''Batches of the pass are computed only as far as the test allows.'''
    def __init__(self):
        self.begun, self.allowed, self.changed = 0, 0, threading.Condition()
    def wait(self):
        with self.changed:
            self.begun += 1
            self.changed.wait_for(lambda number=self.begun: number <= self.allowed)
    def allow(self, batches):
        with self.changed:
            self.allowed = batches
            self.changed.notify_all()

gate, network = Gate(), zf.samples.network()

class Gated(type(network)):
    def forward(self, x):
        if len(x) == {BATCH}:
            gate.wait()
        return super().forward(x)

network.__class__ = Gated
engine = zf.Engine(network, zf.samples.photos()[:{COUNT}], cache=False)
explorer = zf.Explorer(engine, layer="features.7", channel=42, auto=False)"""


def so_far(*counts: int) -> re.Pattern[str]:
    return re.compile(f"so far: ({'|'.join(map(str, counts))}) of {COUNT} images")


def pictures_are(notebook, top: str) -> None:
    """The nine patches and projections on screen are those of a record in the kernel."""
    notebook.execute(
        f"{as_shown.SOURCE}\ntop = {top}; shown = engine.project_all(top.activations)\n"
        "places = [window(a, side_of(shown), engine.photo(0).shape) for a in top]"
    )
    count = notebook.value("len(top)")
    assert count > 0
    cells = notebook.page.locator(".zf-cell")
    expect(notebook.page.locator(".zf-cell[data-state=ready]")).to_have_count(count)
    expect(notebook.page.locator(".zf-cell.zf-waits")).to_have_count(0)
    for rank in range(count):
        image = notebook.value(f"top[{rank}].image")
        expect(cells.nth(rank)).to_have_attribute("data-image", str(image))
        patch, projection = cells.nth(rank).locator("canvas").all()
        np.testing.assert_array_equal(
            notebook.canvas_pixels(patch),
            notebook.kernel_pixels(f"engine.photo(top[{rank}].image)[places[{rank}]]"),
        )
        ours = notebook.kernel_pixels(f"picture(shown[{rank}], shown)[places[{rank}]]")
        assert np.abs(notebook.canvas_pixels(projection).astype(int) - ours).max() <= 3


def choose(notebook, layer: str, channel: int) -> None:
    """As `Notebook.choose`, of an Explorer that isn't settled."""
    row = notebook.page.locator(f'[data-layer="{layer}"]').first
    row.click()
    expect(row).to_have_attribute("aria-selected", "true")
    go_to_channel(notebook.page, channel)
    notebook.expect_value("explorer.selection.unit", [layer, channel])


def photograph(notebook, name: str) -> None:
    folder = os.environ.get("ZFWIDGETS_SHOTS")
    if folder:
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            notebook.page.locator(".zf-explorer").screenshot(
                path=Path(folder) / f"filling-{name}-{theme.lower()}.png"
            )
        notebook.set_theme("JupyterLab Light")


def test_the_grid_fills_while_the_pass_goes_on_and_rests(lab) -> None:
    notebook = lab.show([GATED, "explorer"])
    page = notebook.page
    line, mark = page.locator(".zf-index"), page.locator(".zf-patches .zf-so-far")
    ready = page.locator(".zf-cell[data-state=ready]")
    expect(page.locator('[data-layer="features.7"]').first).to_be_visible()
    expect(ready).to_have_count(0)

    # Patches come long before the end, marked as what they are.
    notebook.execute("gate.allow(2)")
    expect(mark).to_have_text(so_far(BATCH, 2 * BATCH))
    expect(page.locator(".zf-channels .zf-so-far")).to_have_text(so_far(BATCH, 2 * BATCH))
    expect(ready.first).to_be_visible()
    expect(line).to_contain_text(so_far_in_line(2 * BATCH))
    expect(line).to_contain_text(re.compile(r"images?/s · .* left · [\d,]+ of [\d,]+ channels"))
    expect(page.locator(".zf-explorer")).to_have_attribute("data-zf-settled", "false")

    # Another channel is chosen in the middle of a batch: it is answered after that one.
    choose(notebook, "features.4", 3)
    notebook.execute("gate.allow(3)")
    expect(mark).to_have_text(so_far(3 * BATCH))
    expect(page.locator(".zf-patches h3")).to_contain_text("features.4 : 3")
    expect(line).to_contain_text(so_far_in_line(3 * BATCH))
    expect(visible(page.locator(".zf-photo .zf-so-far"))).to_have_count(0)  # a photo is a photo
    photograph(notebook, "going")

    # The pass rests when the batch is done, though nothing keeps the next from going on.
    notebook.expect_value("gate.begun", 4)
    button = line.get_by_role("button")
    expect(button).to_have_text("Pause")
    button.click()
    expect(button).to_have_text("Pausing …")
    notebook.expect_value("explorer.paused", True)
    notebook.execute("gate.allow(4)")
    expect(button).to_have_text("Resume")
    expect(line).to_contain_text(f"Paused · so far: {4 * BATCH} of {COUNT} images")
    notebook.execute("gate.allow(100)")
    assert notebook.value("explorer.settle()") is False

    # Meanwhile all can be used: what is shown is true of the images so far.
    choose(notebook, "features.10", 8)
    expect(mark).to_have_text(so_far(4 * BATCH))
    pictures_are(notebook, "engine.top('features.10', 8, so_far=True)")
    photograph(notebook, "paused")
    patch = page.locator(".zf-cell").nth(2)
    patch.locator(".zf-patch").click()
    image = patch.get_attribute("data-image") or ""
    expect(page.locator(".zf-stage")).to_have_attribute("data-photo", image)
    expect(page.locator(".zf-class").first).to_be_visible()
    assert notebook.value("engine.index_so_far('features.10').images_seen") == 4 * BATCH
    assert notebook.value("engine.indexed") is False

    # Another tab sees the same, and may let the pass go on.
    notebook.save()
    second = lab.open(notebook.name, run=False)
    other = second.page.locator(".zf-index")
    expect(other).to_contain_text(f"Paused · so far: {4 * BATCH} of {COUNT} images")
    other.get_by_role("button", name="Resume").click()
    for tab in (second, notebook):
        tab.expect_settled()
        expect(tab.page.locator(".zf-index")).to_have_count(0)
        expect(visible(tab.page.locator(".zf-so-far"))).to_have_count(0)
        expect(tab.page.locator(".zf-live")).to_contain_text("All images have been looked at")
        pictures_are(tab, "engine.top('features.10', 8)")
    assert notebook.value("top.images_seen") == COUNT
    assert notebook.value(f"explorer.settle({SECONDS})") is True
    choose(notebook, "features.7", 42)
    notebook.expect_settled()
    pictures_are(notebook, "engine.top('features.7', 42)")
    assert lab.problems == []


def so_far_in_line(images: int) -> str:
    return f"So far: {images} of {COUNT} images"


def visible(locator: Locator) -> Locator:
    return locator.and_(locator.page.locator(":visible"))
