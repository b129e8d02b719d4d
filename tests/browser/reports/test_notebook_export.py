"""An exported notebook: its widgets live on, without kernel and network."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from playwright.sync_api import Browser, expect

from tests.waiting import PROGRAM

SETTLED = ".zf-root[data-zf-settled='true']"
CELLS = (
    "import zfwidgets as zf\n"
    "engine = zf.Engine(zf.samples.network(), zf.samples.photos()[:12], cache=False)\n"
    "explorer = zf.Explorer(engine, layer='features.3.squeeze', channel=5, stride=112)\n"
    "explorer",
    "print('between')",
    "grid = zf.PatchGrid(engine)\nzf.link(explorer, grid)\ngrid",
    "from ipywidgets import HBox, Label, VBox\n"
    "picker, occlusion = zf.LayerPicker(engine), zf.OcclusionMap(engine, stride=112)\n"
    "zf.link(explorer, picker, occlusion)\n"
    "figures = [zf.plots.class_bars(picker), zf.plots.activation_histogram(picker)]\n"
    "display(VBox([HBox([picker, Label('label')])]))\n"
    "display(VBox([occlusion, HBox(figures)]))",
    "zf.OcclusionMap(zf.Engine(zf.samples.network(), zf.samples.photos()[20:24], cache=False),"
    " image=2, stride=112)",
)


def write(path: Path, cells: tuple[str, ...]) -> Path:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title\n\nA formula: $x^2$."),
            *(nbformat.v4.new_code_cell(cell) for cell in cells),
        ],
        metadata={"kernelspec": kernel},
    )
    nbformat.write(notebook, path)
    return path


def export(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "nbconvert", str(path), "--to"]
    command += ["zfwidgets.reports.notebooks.exporter.ReportExporter", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM, cwd=path.parent)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    notebook = write(folder / "lecture.ipynb", CELLS)
    before = notebook.read_bytes()
    done = export(notebook, "--ReportExporter.budget=1 MB")
    assert done.returncode == 0, done.stderr
    assert notebook.read_bytes() == before
    return folder / "lecture.html"


def test_widgets_live_in_an_exported_notebook(browser: Browser, exported: Path) -> None:
    context = browser.new_context(offline=True, viewport={"width": 1500, "height": 1200})
    page = context.new_page()
    requests, faults = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
    page.goto(exported.as_uri())
    expect(page.locator(SETTLED)).to_have_count(5)
    beside, below = page.locator(".zf-figure[data-zf-settled='true']").all()
    expect(beside).to_have_text("label")
    bars, histogram = (one.bounding_box() for one in below.locator(".bqplot").all())
    assert (bars["y"], bars["height"]) == (histogram["y"], histogram["height"]) > (0, 100)
    assert bars["x"] + bars["width"] <= histogram["x"], "as in their HBox"
    assert below.locator(".bqplot").first.locator("rect.bar").count() == 10
    picker = page.locator(".zf-root.zf-picker").bounding_box()
    assert picker["x"] + picker["width"] <= beside.bounding_box()["x"]
    said = "As they were when the notebook ran, since a kernel changes them: Figure, Figure."
    expect(page.get_by_text(said)).to_be_visible()
    expect(page.locator("h1").first).to_contain_text("Title")
    expect(page.get_by_text("between", exact=True)).to_be_visible()
    # What is linked there is linked here; what belongs to another engine is its own.
    strip = page.locator(".zf-explorer .zf-strip")
    strip.focus()
    page.keyboard.press("ArrowRight")
    for grid in (".zf-explorer", ".zf-root.zf-grid"):
        about = page.locator(f"{grid} .zf-patches .zf-about")
        expect(about).to_have_text("features.3.squeeze : 6")
        expect(page.locator(f"{grid} .zf-cell[data-state='ready']")).to_have_count(9)
    other = page.locator(".zf-root.zf-occlusion").last
    expect(other.locator(".zf-title")).to_contain_text("4 photos")
    other.locator(".zf-occluder").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(SETTLED)).to_have_count(5)
    expect(page.locator("img[alt^='zfwidgets']")).to_have_count(0)  # the views are there instead
    assert (
        page.url.endswith("#layer=features.3.squeeze&channel=6&image=0") or "channel=6" in page.url
    )
    own = ("data:", "blob:")
    assert [url for url in requests if not url.startswith(own)] == [exported.as_uri()]
    assert faults == []
    context.close()


def test_without_scripts_the_static_picture_stands_there(browser: Browser, exported: Path) -> None:
    context = browser.new_context(offline=True, java_script_enabled=False)
    page = context.new_page()
    page.goto(exported.as_uri())
    pictures = page.locator("img[alt^='zfwidgets']")
    expect(pictures).to_have_count(5)
    assert pictures.first.evaluate("e => e.naturalWidth") > 600
    named = [picture.get_attribute("alt").split(":")[0].split()[1] for picture in pictures.all()]
    # Of two boxes in one cell each has its own, though the cell shows both pictures at its end.
    assert named == ["Explorer", "PatchGrid", "LayerPicker", "OcclusionMap", "OcclusionMap"]
    note = page.get_by_text("a kernel changes them: Label.").bounding_box()["y"]
    first, second = (pictures.nth(n).bounding_box()["y"] for n in (2, 3))
    assert first < note < second
    context.close()


def test_a_notebook_that_fails_is_named(tmp_path: Path) -> None:
    notebook = write(tmp_path / "broken.ipynb", ("1 / 0",))
    done: Any = export(notebook)
    assert done.returncode != 0
    assert "ZeroDivisionError" in done.stderr
    assert "isn't exported" in done.stderr
    assert not (tmp_path / "broken.html").exists()
