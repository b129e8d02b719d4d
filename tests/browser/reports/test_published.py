"""Executed and published notebooks: what somebody sees who has no kernel."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert.exporters.html import HTMLExporter
from playwright.sync_api import Browser, Page, Route, expect

from tests.waiting import PROGRAM

CELLS = (
    "import zfwidgets as zf\n"
    "engine = zf.Engine(zf.samples.network(), zf.samples.photos()[:12], cache=False)\n"
    "explorer = zf.Explorer(engine, layer='features.3.squeeze', channel=5, auto=False)\n"
    "explorer",
    "explorer.channel = 6",
)
PICTURE = ".jp-RenderedImage img"  # nbconvert leaves a JPEG's description out


@pytest.fixture(scope="module")
def executed() -> nbformat.NotebookNode:
    """A notebook as nbconvert, papermill, Quarto and Jupyter Book run it, with widget state."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    NotebookClient(notebook, timeout=PROGRAM).execute()
    described = str([out.get("metadata") for out in notebook.cells[0].outputs])
    assert "zfwidgets Explorer: layer features.3.squeeze, channel 6" in described
    return notebook


@pytest.fixture
def served(root: Path, executed: nbformat.NotebookNode, browser: Browser, tmp_path: Path) -> Page:
    """The page that nbconvert makes by default; what it loads from a CDN comes from here."""
    html, _ = HTMLExporter(embed_images=True).from_notebook_node(executed)
    (tmp_path / "page.html").write_text(html, "utf-8")
    modules = root / "js" / "node_modules"
    extensions = Path(sys.prefix) / "share" / "jupyter" / "nbextensions"
    files = {
        "require.min.js": modules / "requirejs" / "require.js",
        "embed-amd.js": modules / "@jupyter-widgets" / "html-manager" / "dist" / "embed-amd.js",
        "anywidget": extensions / "anywidget" / "index.js",
    }

    def answer(route: Route) -> None:
        url = route.request.url
        path = next((file for part, file in files.items() if part in url), None)
        if path is None:
            route.abort()
        else:
            route.fulfill(path=path, content_type="text/javascript")

    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.route(re.compile("^https?://"), answer)
    page.goto((tmp_path / "page.html").as_uri())
    yield page
    page.close()


def test_a_dead_view_makes_way_for_the_picture_of_the_last_view(served: Page) -> None:
    root = served.locator(".zf-root.zf-explorer")
    expect(root).to_have_attribute("data-zf-kernel", "unknown")  # an HTML manager shows the widget
    expect(root).to_be_hidden()
    picture = served.locator(PICTURE)
    expect(picture).to_be_visible()
    colours = picture.evaluate(
        """async (image) => {
          await image.decode();
          const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
          return new Set(new Uint32Array(pixels.buffer)).size;
        }"""
    )
    assert colours > 10_000  # photos, not empty places


def test_where_scripts_are_taken_away_the_picture_stays(
    executed: nbformat.NotebookNode, browser: Browser
) -> None:
    """GitHub and mail show outputs' pictures and texts alone."""
    html, _ = HTMLExporter().from_notebook_node(executed)
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.set_content(re.sub(r"(?s)<script.*?</script>", "", html))
    expect(page.locator(PICTURE)).to_be_visible()
    context.close()


def output(kind: str, content: str) -> str:
    return f'<div class="{kind}">{content}</div>'


LAB = ("jp-OutputArea-child", '<div class="jp-RenderedImage"><img alt="{alt}"></div>')
CLASSIC = ("output_area", '<div class="output_subarea output_jpeg"><img></div>')
COLAB = ("display_data", '<div class="output_subarea output_image"><img alt="{alt}"></div>')
CODE = ("output_container", '<div class="output"><img alt="{alt}"></div>')


@pytest.mark.parametrize(("kind", "image"), [LAB, CLASSIC, COLAB, CODE])
@pytest.mark.parametrize("state", ["answers", "unknown", "silent"])
def test_one_of_the_two_is_shown(
    kind: str, image: str, state: str, root: Path, browser: Browser
) -> None:
    """As JupyterLab, nbclassic, Colab and VS Code nest outputs (by their sources)."""
    view = f'<div class="zf-root" data-zf-kernel="{state}"><p>view</p></div>'
    picture = output(kind, image.replace("{alt}", "zfwidgets Explorer: layer a"))
    other = output(kind, image.replace("{alt}", "a chart").replace("<img", '<img id="other"'))
    page = browser.new_page()
    styles = (root / "js" / "src" / "styles" / "common" / "base.css").read_text("utf-8")
    cells = output("cell", output(kind, view) + picture) + output("cell", other)
    page.set_content(f"<style>{styles} img {{ width: 9px; height: 9px }}</style>{cells}")
    shown = {name: page.locator(name).is_visible() for name in ("p", "img:not(#other)", "#other")}
    expected = {
        "answers": {"p": True, "img:not(#other)": False},
        "unknown": {"p": False, "img:not(#other)": True},
        "silent": {"p": True, "img:not(#other)": True},
    }
    assert shown == {**expected[state], "#other": True}, json.dumps(shown)
    page.close()
