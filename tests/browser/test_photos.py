"""The strip of all photos, and photos of the user's own, in a real JupyterLab."""

from __future__ import annotations

import base64
import io
import json

import numpy as np
from PIL import Image
from playwright.sync_api import Locator, expect

from zfwidgets import samples

DROP = """(target, [name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), (c) => c.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    target.dispatchEvent(
      new DragEvent(kind, { dataTransfer: transfer, bubbles: true, cancelable: true })
    );
  }
}"""


def drop(target: Locator, name: str, data: bytes, kind: str = "image/jpeg") -> None:
    """As a person who drags a file from the desktop."""
    target.evaluate(DROP, [name, kind, base64.b64encode(data).decode()])


def jpeg(image: Image.Image, size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    image.resize(size).save(stream, "JPEG", quality=100, subsampling=0)
    return stream.getvalue()


def test_all_photos_are_there_to_choose_from(lab, notebook) -> None:
    page = notebook.page
    photos = notebook.value("len(engine.info.images)")
    expect(page.locator(".zf-photos h3")).to_have_text(f"Photos{photos}")
    page.locator('.zf-thumb[aria-selected="true"]').wait_for()
    strip = page.locator(".zf-thumbs")
    strip.focus()
    page.keyboard.press("Home")
    notebook.expect_value("explorer.photo", 0)
    page.keyboard.press("ArrowRight")
    notebook.expect_value("explorer.photo", 1)
    page.keyboard.press("End")
    notebook.expect_value("explorer.photo", photos - 1)
    last = page.locator(f'.zf-thumb[data-image="{photos - 1}"]')
    expect(last).to_have_attribute("aria-selected", "true")
    expect(last).to_be_in_viewport()
    notebook.expect_settled()
    expect(page.locator(".zf-stage")).to_have_attribute("data-photo", str(photos - 1))

    # What is drawn is the photo.
    tile, canvas = last.bounding_box(), page.locator(".zf-thumb-space canvas")
    box = canvas.bounding_box()
    pixels = notebook.canvas_pixels(canvas)
    scale = pixels.shape[1] / box["width"]
    top, left = round(3 * scale), round((tile["x"] - box["x"] + 3) * scale)
    size = round(56 * scale)
    drawn = pixels[top : top + size, left : left + size].astype(int)
    notebook.execute(
        "from PIL import Image as _I\n"
        f"small = _I.fromarray(engine.photo({photos - 1})).resize(({size}, {size}), _I.BOX)"
    )
    wanted = notebook.kernel_pixels("small").astype(int)
    assert np.abs(drawn - wanted).mean() < 8  # JPEG, and the browser's way to make it smaller

    search = page.get_by_label("Find photos by name or predicted class")
    search.fill("coffee")
    search.press("Enter")
    notebook.expect_value("engine.info.images[explorer.photo]", "coffee")
    assert lab.problems == []


def test_a_dropped_photo_is_classified_occluded_and_projected(lab, notebook) -> None:
    page = notebook.page
    photo = jpeg(samples.photos()["koala"], (613, 431))
    before = page.locator(".zf-class").all_text_contents()
    search = page.get_by_label("Find photos by name or predicted class")
    room = search.bounding_box()["width"]
    drop(page.locator(".zf-thumbs"), "my koala.jpg", photo)
    own = page.locator(".zf-thumb.zf-own")
    expect(own).to_have_attribute("aria-selected", "true")
    number = int(own.get_attribute("data-image"))
    notebook.expect_value("explorer.photo", number)
    expect(page.locator(".zf-photo h3")).to_contain_text("my koala.jpg")
    expect(page.locator(".zf-stage")).to_have_attribute("data-photo", str(number))
    notebook.expect_settled()
    assert page.locator(".zf-class").all_text_contents() != before
    expect(page.get_by_role("button", name="Forget")).to_be_visible()
    assert search.bounding_box()["width"] == room

    # It is what the network says of these very bytes, by the engine's own transform.
    code = base64.b64encode(photo).decode()
    notebook.execute(
        "import base64, io, torch\nfrom PIL import Image\n"
        f"image = Image.open(io.BytesIO(base64.b64decode('{code}'))).convert('RGB')\n"
        "tensor = engine.session.source.transform(image)\n"
        "with torch.no_grad():\n"
        "    plain = engine.session.network.module(tensor[None]).softmax(1)[0]\n"
    )
    wanted = notebook.value("plain.tolist()")
    for bar in page.locator(".zf-class").all():
        shown = bar.locator(".zf-class-numbers").text_content().split("→")[0]
        percent = float(shown.replace("%", "").replace("<", "").replace(">", "").strip())
        assert abs(percent - 100 * wanted[int(bar.get_attribute("data-class"))]) <= 0.51
    assert "koala" in page.locator(".zf-class").first.text_content()
    seen = notebook.canvas_pixels(page.locator(".zf-photo-picture"))
    kernels = notebook.kernel_pixels(f"engine.photo({number})")
    assert np.abs(seen.astype(int) - kernels.astype(int)).max() <= 1

    page.get_by_role("button", name="Compute map").first.click()
    heat = page.locator("canvas.zf-heat").first
    expect(heat).to_be_visible()
    notebook.expect_settled()
    assert len(np.unique(notebook.canvas_pixels(heat).reshape(-1, 3), axis=0)) > 10

    # Nothing of it is in what is saved.
    notebook.save()
    saved = lab.path(notebook.name).read_text("utf-8")
    assert "my koala" not in saved
    assert json.loads(saved)["cells"]

    # Forgotten, and the rest goes on.
    page.locator(".zf-thumbs").focus()
    page.keyboard.press("Delete")
    expect(own).to_have_count(0)
    notebook.expect_value("len(engine.own_photos)", 0)
    notebook.expect_settled()
    assert lab.problems == []


def test_what_is_no_picture_is_said_and_a_large_one_comes_in_parts(lab, notebook) -> None:
    page = notebook.page
    told = page.locator(".zf-photos-told")
    drop(page.locator(".zf-stage"), "notes.txt", b"just words", "text/plain")
    expect(told).to_have_text("notes.txt: not an image that Pillow can read")
    noise = np.random.default_rng(0).integers(0, 256, (2100, 2000, 3), dtype=np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noise).save(stream, "PNG")  # 12.6 MB: more than the server takes in one message
    assert 11e6 < stream.tell() < 14e6
    drop(page.locator(".zf-stage"), "noise.png", stream.getvalue(), "image/png")
    own = page.locator(".zf-thumb.zf-own")
    expect(own).to_have_attribute("aria-selected", "true")
    expect(told).to_have_text("")
    notebook.expect_settled()

    # From a cell, and the strip follows.
    notebook.execute(
        "import numpy as np\n"
        "number = explorer.show(np.full((90, 120, 3), (200, 30, 60), np.uint8), 'plain red')"
    )
    expect(own).to_have_count(2)
    red = page.locator(f'.zf-thumb[data-image="{notebook.value("number")}"]')
    expect(red).to_have_attribute("aria-selected", "true")
    expect(page.locator(".zf-photo h3")).to_contain_text("plain red")
    notebook.expect_settled()
    assert lab.problems == []


def test_for_this_photo_begins_with_the_channel_that_fires_most(notebook) -> None:
    page = notebook.page
    notebook.execute("explorer.photo_follows = False")
    fires = "engine.responses(explorer.photo, 'features.7').strongest"
    strongest, weakest = notebook.value(f"[int({fires}.argmax()), int({fires}.argmin())]")
    notebook.execute(f"explorer.channel = {weakest}")
    expect(page.locator(".zf-patches h3")).to_contain_text(f"features.7 : {weakest}")
    notebook.expect_settled()
    page.get_by_role("button", name="For this photo").click()
    expect(page.locator(".zf-strip.zf-seen")).to_be_visible()
    notebook.expect_settled()
    page.set_viewport_size({"width": 1300, "height": 1200})  # as a page that scrolls gets narrower
    notebook.expect_settled()
    expect(page.locator(f'.zf-strip .zf-tile[data-channel="{strongest}"]')).to_be_in_viewport()
    assert page.locator(".zf-strip").evaluate("strip => strip.scrollTop") == 0
