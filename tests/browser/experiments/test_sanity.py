"""The sanity check in a real JupyterLab, over the real network."""

from __future__ import annotations

import base64
import io
import json
import re

import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

SETUP = "import zfwidgets as zf\nengine = zf.Engine(zf.samples.network(), zf.samples.photos())"
SHOW = "check = zf.SanityCheck(engine, ('features.3', 10))\ncheck"


def test_curve_slider_and_click_show_the_records_pictures(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-sanity")
    expect(root).to_contain_text("done: 3 modules")
    expect(root).to_contain_text("features.3, channel 10")
    points = root.locator(".zf-chart-line .zf-chart-spot")
    expect(points).to_have_count(4)
    modules = json.loads(
        notebook.execute("import json; print(json.dumps([s.module for s in check.result.steps]))")
    )
    assert modules == ["", "features.3.expand1x1", "features.3.squeeze", "features.0"]

    pictures = root.locator(".zf-check")

    def shows(step: int) -> None:
        """The page shows a step's pixels, and says whose they are."""
        name = modules[step] or "trained"
        expect(pictures.locator(".zf-step h3")).to_have_text(f"{step}: {name}")
        expect(pictures.locator(".zf-trained h3")).to_have_text("0: trained")
        expect(pictures).to_have_attribute("data-zf-settled", "true")
        for number, canvas in ((0, ".zf-trained canvas"), (step, ".zf-step canvas")):
            expected = notebook.kernel_pixels(
                f"check.result.steps[{number}].to_pil(values=check.result.values)"
            )
            shown = notebook.canvas_pixels(pictures.locator(canvas))
            np.testing.assert_array_equal(shown, expected)
        rank = notebook.value(f"float(check.result.steps[{step}].similarity.rank)")
        expect(pictures.locator(".zf-step .zf-note")).to_contain_text(f"{rank:.3g}")

    shows(3)
    points.nth(1).click()
    shows(1)
    handle = root.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowLeft")
    shows(0)
    root.get_by_role("combobox").select_option("structural similarity")
    expect(pictures.locator(".zf-step .zf-note")).to_contain_text("structural similarity")
    assert lab.problems == []


def test_stop_keeps_what_is_there(lab) -> None:
    # The worker waits at the last module until the page has pressed Stop.
    hold = (
        "import threading\n"
        "from zfwidgets.engine.projection.sanity.randomise import Stage\n"
        "go_on, randomise_ = threading.Event(), Stage.randomise_\n"
        "def slow(self, generator):\n"
        "    if self.name == 'features.0': go_on.wait()\n"
        "    randomise_(self, generator)\n"
        "Stage.randomise_ = slow"
    )
    notebook = lab.show([SETUP, hold, SHOW])
    root = notebook.page.locator(".zf-sanity")
    expect(root).to_contain_text("2: features.3.squeeze")
    root.get_by_role("button", name="Stop").click()
    expect(root).to_contain_text("stopped after 2 modules")
    notebook.execute("go_on.set()")
    root.get_by_role("button", name="Go on").click()
    expect(root).to_contain_text("done: 3 modules")
    assert lab.problems == []


def closed_notebook(lab, edit=lambda path: None):
    """A notebook with a check that was done, saved and opened again; its kernel is gone."""
    notebook = lab.show([SETUP, SHOW])
    page = notebook.page
    expect(page.locator(".zf-sanity")).to_contain_text("done: 3 modules")
    picture = page.locator(".jp-OutputArea-child:has(.zf-root) + .jp-OutputArea-child img")
    notebook.execute("check.snapshot()")
    expect(picture).to_be_attached()
    expect(picture).to_be_hidden()
    notebook.save()
    for session in lab.server.request("GET", "api/sessions"):
        lab.server.request("DELETE", f"api/sessions/{session['id']}")
    page.close()
    edit(lab.path(notebook.name))
    return lab.open(notebook.name, run=False)


def edited(path) -> None:
    """What somebody else has written carries no signature of ours."""
    content = nbformat.read(path, as_version=4)
    content.cells[0].source += "\n# edited elsewhere"
    nbformat.write(content, path)


@pytest.mark.parametrize("edit", [lambda path: None, edited], ids=["reopened", "untrusted"])
def test_a_notebook_without_kernel_shows_the_static_picture(lab, edit) -> None:
    notebook = closed_notebook(lab, edit)
    picture = notebook.page.locator(".jp-OutputArea-output img")
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.naturalWidth") == 1200
    # all that the picture shows, in words, for those who don't see it
    stored = nbformat.read(lab.path(notebook.name), as_version=4).cells[1].outputs[-1]
    assert stored["data"]["text/plain"].startswith("zfwidgets SanityCheck: features.3, channel 10")
    jpeg = Image.open(io.BytesIO(base64.b64decode(stored["data"]["image/jpeg"])))
    assert jpeg.width == 1200
    assert notebook.page.locator(".zf-root").count() == 0
    assert lab.path(notebook.name).stat().st_size < 400_000


def test_after_a_restart_the_pictures_say_what_to_do(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-sanity")
    expect(root).to_contain_text("done: 3 modules")
    notebook.restart_kernel()
    expect(root.locator(".zf-banner")).to_contain_text("run this cell again")
    notebook.run_all()
    expect(root).to_contain_text("done: 3 modules")
    expect(root).to_have_count(1)
    expect(root.locator(".zf-banner")).to_have_count(0)
    assert lab.problems == []


def test_a_channels_card_says_whether_its_picture_was_learned(lab, notebook) -> None:
    page = notebook.page
    notebook.choose("features.10", 3)
    asked = page.get_by_role("button", name="Does the picture depend on what was learned?")
    said = page.locator(".zf-learned-result")
    expect(said).to_be_empty()
    asked.click()
    expect(said.locator("strong")).to_have_text(re.compile(r"Hardly|Partly|Yes"))
    notebook.execute("n = engine.sanity_number('features.10', 3)")
    number, rest, depends = notebook.value("[n.rank, n.rank_all, n.depends]")
    words = {"hardly": "Hardly.", "partly": "Partly.", "clearly": "Yes."}
    expect(said.locator("strong")).to_have_text(words[depends])
    expect(said).to_contain_text(f"alike by {number:.2f}")
    said.locator("summary").click()
    expect(said.get_by_text(f"drawn anew: {rest:.2f}.")).to_be_visible()
    page.get_by_label("Rule of the projections").select_option("guided")
    expect(said).to_be_empty()  # it was of another picture
    assert lab.problems == []
