"""The sanity check in a real JupyterLab, over the real network."""

from __future__ import annotations

import json

import numpy as np
from playwright.sync_api import expect

SETUP = "import zfwidgets as zf\nengine = zf.Engine(zf.samples.network(), zf.samples.photos())"
SHOW = "check = zf.SanityCheck(engine, ('features.3', 10))\ncheck"

# A picture's pixels as the page shows them, row by row, RGB.
PIXELS = """(image) => {
  const canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  const context = canvas.getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.height, canvas.width, Array.from(data).filter((_, i) => i % 4 !== 3)];
}"""


def test_curve_slider_and_click_show_the_records_pictures(lab) -> None:
    notebook = lab.open(lab.write_notebook([SETUP, SHOW]))
    page = notebook.page
    root = page.locator(".zf-sanity")
    expect(root).to_contain_text("done: 3 modules", timeout=60_000)
    expect(root).to_contain_text("features.3, channel 10")
    points = root.locator(".bqplot .dot")
    expect(points).to_have_count(5)  # the ring around the chosen one comes first
    modules = json.loads(
        notebook.execute("import json; print(json.dumps([s.module for s in check.result.steps]))")
    )
    assert modules == ["", "features.3.expand1x1", "features.3.squeeze", "features.0"]

    def shows(step: int) -> None:
        expect(root).to_contain_text(f"{step}: {modules[step]}" if step else "0: trained")
        answer = notebook.execute(
            "import numpy as np\n"
            f"pixels = np.asarray(check.result.steps[{step}].to_pil())\n"
            "print(json.dumps(pixels.tolist()))"
        )
        expected = np.array(json.loads(answer))
        rows, columns, data = root.locator("img").nth(1).evaluate(PIXELS)
        picture = np.array(data).reshape(rows, columns, 3)
        factor = rows // expected.shape[0]
        np.testing.assert_array_equal(picture[::factor, ::factor], expected)

    shows(3)
    points.nth(2).click()
    shows(1)
    handle = root.locator(".noUi-handle")
    handle.focus()
    handle.press("ArrowLeft")
    shows(0)
    assert lab.problems == []


def test_stop_keeps_what_is_there(lab) -> None:
    # The worker waits at the last module until the page has pressed Stop.
    hold = (
        "import threading\n"
        "from zfwidgets.experiments.randomise import Stage\n"
        "go_on, randomise_ = threading.Event(), Stage.randomise_\n"
        "def slow(self, generator):\n"
        "    if self.name == 'features.0': go_on.wait(60)\n"
        "    randomise_(self, generator)\n"
        "Stage.randomise_ = slow"
    )
    notebook = lab.open(lab.write_notebook([SETUP, hold, SHOW]))
    root = notebook.page.locator(".zf-sanity")
    expect(root).to_contain_text("2: features.3.squeeze", timeout=60_000)
    root.get_by_role("button", name="Stop").click()
    expect(root).to_contain_text("stopped after 2 modules")
    notebook.execute("go_on.set()")
    root.get_by_role("button", name="Start again").click()
    expect(root).to_contain_text("done: 3 modules", timeout=60_000)
    assert lab.problems == []
