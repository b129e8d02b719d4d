"""Names that bite, in a live widget and in a report: they are shown, and nothing runs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import zfwidgets as zf
from tests.hostile import CANARY, NAMES, for_files

SETTLED = ".zf-root[data-zf-settled='true']"

# The same names in JupyterLab's kernel and here: module names, files, classes.
ENGINE = """
import collections, pathlib
import torch
import zfwidgets as zf
from tests.hostile import NAMES, for_modules

torch.manual_seed(0)
names = for_modules()
layers = [torch.nn.Conv2d(3, 4, 5, 2)] + [torch.nn.Conv2d(4, 4, 3, padding=1) for _ in names[2:]]
layers.append(torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
                                  torch.nn.Linear(4, len(NAMES))))
model = torch.nn.Sequential(collections.OrderedDict(zip(names, layers)))
engine = zf.Engine(model, photos, labels=NAMES, cache=False)
explorer = zf.Explorer(engine, layer=engine.layers[1].name, stride=112)
"""


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos in folders and files with hostile names."""
    sample = zf.samples.photos()
    for i, name in enumerate(for_files()):
        folder = tmp_path / "photos" / for_files()[(i // 4) * 4]
        folder.mkdir(parents=True, exist_ok=True)
        sample[i].resize((256, 256), Image.Resampling.BOX).save(folder / f"{name}.png")
    odd = os.fsdecode(b"bytes \xff\xfe that are no text.png")
    sample[0].resize((256, 256)).save(tmp_path / "photos" / for_files()[0] / odd)
    return tmp_path / "photos"


def quiet(page: Page) -> list[str]:
    """What a page says that it shouldn't."""
    faults: list[str] = []
    page.on("dialog", lambda dialog: faults.append(f"dialog {dialog.message}"))
    page.on("pageerror", lambda error: faults.append(str(error)))
    return faults


def walk(page: Page) -> None:
    """Look at whatever shows names: layers, patches, photo, classes, cards."""
    explorer = page.locator(".zf-root").first
    expect(explorer).to_have_attribute("data-zf-settled", "true")
    cards = explorer.locator(".zf-info:visible, .zf-exact:visible")
    expect(cards).to_have_count(3)  # of the engine, of the projections, of the map
    for card in cards.all():
        card.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
    explorer.locator(".zf-layers [tabindex='0']").first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(explorer).to_have_attribute("data-zf-settled", "true")
    explorer.locator(".zf-patch[tabindex='0']").focus()
    for _ in range(3):
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Enter")
        expect(explorer).to_have_attribute("data-zf-settled", "true")
    explorer.locator(".zf-class").nth(1).click()
    expect(explorer).to_have_attribute("data-zf-settled", "true")
    assert page.evaluate(f"window.{CANARY}") is None
    inside = ".zf-root :is(script, style, iframe, object, embed, link, svg[onload], [onerror])"
    assert page.locator(inside).count() == 0
    assert page.evaluate(
        """() => [...document.querySelectorAll(".zf-root *, main *, footer *, section *")]
          .flatMap(e => [...e.attributes]).filter(a => /^on/i.test(a.name)).length"""
    ) == 0  # fmt: skip


def test_hostile_names_in_a_live_widget(lab: Any, photos: Path, root: Path) -> None:
    setup = f"import sys\nsys.path.insert(0, {str(root)!r})\nphotos = {str(photos)!r}\n{ENGINE}"
    notebook = lab.show([setup, "explorer"])
    faults = quiet(notebook.page)
    walk(notebook.page)
    assert faults == []
    assert notebook.value("explorer.selection.photo") in range(len(NAMES))


def test_hostile_names_in_a_report(browser: Browser, photos: Path, tmp_path: Path) -> None:
    names: dict[str, Any] = {"photos": photos}
    exec(compile(ENGINE, "engine", "exec"), names)
    engine, explorer = names["engine"], names["explorer"]
    path = tmp_path / "report.html"
    zf.save_report(
        explorer,
        path,
        images=range(4),
        title="".join(NAMES),
        text="\n\n".join(NAMES),
        progress=False,
    )
    context = browser.new_context(offline=True)
    page = context.new_page()
    faults, requests = quiet(page), []
    page.on("request", lambda request: requests.append(request.url))
    page.goto(path.as_uri())
    page.wait_for_selector(SETTLED)
    walk(page)
    # What a layer is called is what stands there, and a link to it leads to it.
    layer = next(one.name for one in engine.layers if "img src=x" in one.name)
    page.evaluate(
        "layer => { location.hash = '#' + new URLSearchParams({layer, channel: 2}) }", layer
    )
    expect(page.locator(".zf-patches .zf-about")).to_have_attribute("title", f"{layer} : 2")
    expect(page.locator("h1")).to_contain_text(NAMES[0])
    expect(page.locator(".zf-prose").first).to_contain_text("img src=x onerror")
    assert page.evaluate(f"window.{CANARY}") is None
    assert requests == [path.as_uri()]
    assert faults == []
    context.close()
