"""Widgets through a notebook's life: tabs, restarts, saved files that nobody trusts, themes."""

from __future__ import annotations

import base64
import os
from pathlib import Path

import nbformat
import numpy as np
import pytest
from playwright.sync_api import expect

from benchmarks.page._page_memory import Gauge
from tests.browser import as_shown
from tests.browser.conftest import SETUP
from tests.waiting import eventually

EXPERIMENTS = ("Ablation", "Correspondence", "Diagnosis", "Evolution", "Invariance", "Transfer")


def patches_equal_the_engines(notebook, layer: str, channel: int, rank: int) -> None:
    notebook.expect_settled()
    canvas = notebook.page.locator(".zf-cell").nth(rank).locator("canvas").first
    notebook.execute(
        f"{as_shown.SOURCE}\ntop = engine.top({layer!r}, {channel}); a = top[{rank}]\n"
        "place = window(a, side_of(engine.project_all(top.activations)), engine.photo(0).shape)"
    )
    expected = notebook.kernel_pixels("engine.photo(a.image)[place]")
    np.testing.assert_array_equal(notebook.canvas_pixels(canvas), expected)


def test_two_tabs_work_on_one_notebook(lab, notebook) -> None:
    notebook.save()
    second = lab.open(notebook.name, run=False)
    second.expect_settled()
    patches_equal_the_engines(second, "features.7", 42, 0)

    second.choose("features.4", 3)
    patches_equal_the_engines(second, "features.4", 3, 1)
    # They show one selection of the kernel's, so that the first follows, and can lead again.
    heading = notebook.page.locator(".zf-patches h3")
    expect(heading).to_contain_text("features.4 : 3")
    patches_equal_the_engines(notebook, "features.4", 3, 1)
    notebook.choose("features.10", 8)
    expect(second.page.locator(".zf-patches h3")).to_contain_text("features.10 : 8")
    patches_equal_the_engines(notebook, "features.10", 8, 2)
    patches_equal_the_engines(second, "features.10", 8, 2)
    assert lab.problems == []


def test_two_tabs_that_ask_at_once_each_get_their_own_answers(lab, notebook) -> None:
    """The photo is a view's own matter of asking: each tab's answers are what it asked for."""
    notebook.save()
    second = lab.open(notebook.name, run=False)
    second.expect_settled()
    for step in range(3):
        for tab in (notebook, second):
            tab.page.locator(".zf-strip").press("ArrowRight" if step % 2 == 0 else "ArrowDown")

    def both_show_the_kernels_choice() -> None:
        layer, channel = notebook.value("explorer.selection.unit")
        for tab in (notebook, second):
            assert f"{layer} : {channel}" in tab.page.locator(".zf-patches h3").inner_text()
            patches_equal_the_engines(tab, layer, channel, 0)

    # One tab's last key may reach the kernel, and then the other tab, after both have painted.
    eventually(both_show_the_kernels_choice)
    assert lab.problems == []


def test_after_a_restart_of_the_kernel_the_view_says_what_to_do(lab, notebook) -> None:
    page = notebook.page
    notebook.restart_kernel()
    banner = page.locator(".zf-banner")
    expect(banner).to_contain_text("run this cell again")
    pictures = page.locator(".zf-patch-grid .zf-picture")
    expect(pictures.first).to_have_css("opacity", "1")
    page.locator('[data-layer="features.4"]').first.click()
    expect(page.locator(".zf-loading")).to_have_count(0)
    notebook.expect_settled()
    expect(banner).to_contain_text("run this cell again")
    # Title, picker and patches are of one channel: of this one nobody knows any patches.
    expect(page.locator(".zf-patches h3")).to_contain_text("features.4 : 0")
    expect(page.locator('.zf-tile[aria-selected="true"]')).to_have_attribute("data-channel", "0")
    for number in range(pictures.count()):
        expect(pictures.nth(number)).to_have_css("opacity", "0")

    notebook.run_all()
    expect(page.locator(".zf-root")).to_have_count(1)
    expect(banner).to_have_count(0)
    expect(page.locator(".zf-patches h3")).to_contain_text("features.7 : 42")
    expect(page.locator('.zf-tile[aria-selected="true"]')).to_have_attribute("data-channel", "42")
    patches_equal_the_engines(notebook, "features.7", 42, 0)


def test_a_busy_kernel_is_said_to_be_busy_and_answers_when_its_cell_is_done(
    lab, notebook, tmp_path
) -> None:
    """As of ipykernel 6, which handles what widgets ask between cells alone."""
    page = notebook.page
    page.evaluate(
        """() => {
          const { session } = window.jupyterapp.shell.currentWidget.sessionContext;
          session.kernel.commsOverSubshells = "disabled";
        }"""
    )
    with notebook.busy(tmp_path / "end"):
        page.locator('[data-layer="features.4"]').first.click()
        expect(page.locator(".zf-patches .zf-message")).to_contain_text("Kernel busy")
        banner = page.locator(".zf-banner")
        expect(banner).to_contain_text("shown when the running cell is done")
        if folder := os.environ.get("ZFWIDGETS_SHOTS"):
            page.screenshot(path=Path(folder) / "busy.png")
    expect(banner).to_have_count(0)
    notebook.expect_value("explorer.layer", "features.4")
    images = notebook.value("[int(a.image) for a in engine.top(*explorer.selection.unit)]")
    for cell, image in enumerate(images):
        shown = page.locator(".zf-cell").nth(cell)
        expect(shown).to_have_attribute("data-image", str(image))
        expect(shown).to_have_attribute("data-state", "ready")
    assert lab.problems == []


def test_fifty_runs_of_a_cell_leave_nothing_behind(lab) -> None:
    """Each makes an Explorer; ipywidgets, IPython and the page keep the models of all of them."""
    making = "explorer = zf.Explorer(engine, layer='features.7', channel=42, auto=False)\nexplorer"
    notebook = lab.show([SETUP, making], fresh_page=True)
    gauge = Gauge(notebook.page, notebook.page.context.new_cdp_session(notebook.page))
    counted = []
    for run in range(50):
        notebook.run_cell(1)
        if run in (9, 49):
            notebook.expect_settled()
            counted.append(gauge.read())
    expect(notebook.page.locator(".zf-explorer")).to_have_count(1)
    first, last = counted
    assert last["widgets"] - first["widgets"] == 160  # of each Explorer and Selection, its layout
    per_run = {name: (last[name] - first[name]) / 40 for name in first}
    assert per_run["kernel_mb"] < 1, counted  # a static picture alone has six
    assert per_run["page_mb"] < 0.3, counted  # the code of all widgets alone has half a MB
    assert per_run["listeners"] < 10, counted  # an Explorer that stayed would have hundreds
    assert per_run["nodes"] < 10, counted
    patches_equal_the_engines(notebook, "features.7", 42, 0)
    assert lab.problems == []


def test_a_page_gets_its_code_once_for_all_widgets_and_runs(lab) -> None:
    """It crosses the wire once a kernel, and is evaluated once a page."""
    shown = [f"zf.{name}(zf.experiments.recorded({name.lower()!r}))" for name in EXPERIMENTS]
    quiz = "zf.Quiz(engine, layer='features.7', questions=1)"
    name = lab.write_notebook([SETUP, "explorer", quiz, *shown])
    notebook = lab.open(name, run=False, fresh_page=True)
    page = notebook.page
    sent: list[int] = []

    def take(event: dict) -> None:
        text, binary = event["response"]["payloadData"], event["response"]["opcode"] == 2
        frame = base64.b64decode(text) if binary else text.encode()
        if b'"comm_open"' in frame and b'["packed"]' in frame:
            sent.append(len(frame))

    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", take)
    page.evaluate(
        """() => {
          const Plain = globalThis.DecompressionStream;
          globalThis.unpacked = 0;
          globalThis.DecompressionStream = function (format) {
            if (format === "gzip") globalThis.unpacked += 1;  // pictures are unpacked, too
            return new Plain(format);
          };
        }"""
    )
    for kernels in (1, 2):
        notebook.run_all()
        notebook.expect_settled()
        expect(page.locator(".zf-experiment-head")).to_have_count(1 + len(EXPERIMENTS))
        notebook.run_cell(1)
        notebook.run_cell(2)
        notebook.expect_settled()
        expect(page.locator(".zf-experiment-head")).to_have_count(1 + len(EXPERIMENTS))
        assert len(sent) == kernels
        assert max(sent) < 200_000  # packed
        assert page.evaluate("unpacked") == 1
        if kernels == 1:
            notebook.restart_kernel()
    assert lab.problems == []


def test_each_view_speaks_its_widgets_language(lab) -> None:
    """They share their code, and not what it keeps."""
    making = "grids = [zf.PatchGrid(engine, layer='features.7', channel=42, language=one)"
    making += " for one in ('de', 'en')]\nfrom IPython.display import display\n"
    notebook = lab.show([SETUP, f"{making}for grid in grids:\n    display(grid)"])
    german, english = (notebook.page.locator(f".zf-grid[lang={one}]") for one in ("de", "en"))
    said = []
    for _ in range(2):
        for number, grid in enumerate((german, english)):
            for channel in (7, 42):
                notebook.execute(f"grids[{number}].channel = {channel}")
                expect(grid.locator(".zf-patches h3")).to_contain_text(f": {channel}")
            expect(grid).to_have_attribute("data-zf-settled", "true")
            said.append(grid.inner_text())
    assert said[:2] == said[2:]
    assert said[0] != said[1]
    assert "Die neun" in said[0] or "stärksten" in said[0], said[0]


def test_a_reopened_notebook_shows_the_picture(lab, notebook) -> None:
    reopened = reopen_without_kernel(lab, notebook)
    expect(reopened.page.locator(".jp-OutputArea-output img").first).to_be_visible()


def test_an_untrusted_notebook_shows_the_picture(lab, notebook) -> None:
    def edit(path) -> None:
        # What somebody else has written carries no signature of ours.
        content = nbformat.read(path, as_version=4)
        content.cells[0].source += "\n# edited elsewhere"
        nbformat.write(content, path)

    reopened = reopen_without_kernel(lab, notebook, edit)
    page = reopened.page
    trusted = page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.model.cells.get(1).trusted"
    )
    assert trusted is False
    picture = page.locator(".jp-OutputArea-output img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") > 1000
    assert page.locator(".zf-root").count() == 0


def reopen_without_kernel(lab, notebook, edit=lambda path: None):
    notebook.execute("explorer.snapshot()")
    picture = notebook.page.locator('img[alt^="zfwidgets"], .jp-OutputArea-output img').first
    expect(picture).to_be_attached()
    expect(picture).to_be_hidden()
    notebook.save()
    for session in lab.server.request("GET", "api/sessions"):
        lab.server.request("DELETE", f"api/sessions/{session['id']}")
    notebook.page.close()
    edit(lab.path(notebook.name))
    return lab.open(notebook.name, run=False)


@pytest.mark.parametrize("theme", ["JupyterLab Dark", "JupyterLab Light"])
def test_nothing_is_cut_in_a_narrow_cell(lab, notebook, theme, tmp_path) -> None:
    page = notebook.page
    notebook.set_theme(theme)
    for width in (1500, 760, 560):
        page.set_viewport_size({"width": width, "height": 1400})
        notebook.expect_settled()
        explorer = page.locator(".zf-explorer")
        explorer.scroll_into_view_if_needed()
        explorer.screenshot(path=tmp_path / f"{theme}-{width}.png")
        cut = page.evaluate(
            """() => [...document.querySelectorAll(".zf-explorer *")]
              .filter((e) => e.scrollWidth > e.clientWidth + 1 && e.clientWidth > 0)
              .filter((e) => !["ellipsis"].includes(getComputedStyle(e).textOverflow))
              .filter((e) => getComputedStyle(e).overflowX !== "visible")
              .filter((e) => !e.matches(".zf-hidden, .zf-list, .zf-thumbs"))  // they scroll
              .filter((e) => !e.matches(".zf-layout"))  // as the widget's own edge does
              .map((e) => e.className)"""
        )
        assert cut == [], f"at {width} px"
    assert lab.problems == []


def test_round_corners_cut_no_panels(lab, notebook) -> None:
    # All that is within round corners which cut is drawn once more in each frame.
    notebook.expect_settled()
    cutting = notebook.page.evaluate(
        """() => [...document.querySelectorAll(".zf-explorer, .zf-explorer *")]
          .filter((e) => e.querySelector(".zf-panel"))
          .map((e) => [e.className, getComputedStyle(e)])
          .filter(([, { overflowX, overflowY }]) => ![overflowX, overflowY].includes("visible"))
          .filter(([, { borderRadius }]) => borderRadius !== "0px")
          .map(([name]) => name)"""
    )
    assert cutting == []
    assert lab.problems == []


def test_an_explorer_scrolls_where_it_has_less_room_than_it_needs(lab, notebook) -> None:
    page = notebook.page
    notebook.expect_settled()
    explorer, panels = page.locator(".zf-explorer"), page.locator(".zf-explorer > .zf-layout")
    whole = explorer.bounding_box()["height"]
    explorer.evaluate("(e) => { e.parentElement.style.height = '400px'; }")
    assert whole > 500
    assert explorer.bounding_box()["height"] <= 402  # its border is outside
    seen, all_of_it = panels.evaluate("(e) => [e.clientHeight, e.scrollHeight]")
    assert seen < all_of_it
    last = page.locator(".zf-explorer .zf-map")
    last.evaluate("(e) => e.scrollIntoView({ block: 'end' })")
    bottom = explorer.bounding_box()
    assert last.bounding_box()["y"] + last.bounding_box()["height"] <= (
        bottom["y"] + bottom["height"] + 1
    )
    assert lab.problems == []
