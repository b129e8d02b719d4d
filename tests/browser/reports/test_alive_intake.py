"""Photos dropped on, pasted into and taken with a camera in a report that has its network inside,
without a connection: what the network says of them, and how far a browser's JPEG is from the
engine's."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, Playwright, expect

from tests import portable_networks
from tests.browser.reports.alive_page import Alive, close
from zfwidgets.demo.browser import CHROMIUM_ARGUMENTS, require_browser

DROP = """(target, [name, type, data]) => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type }));
  for (const kind of ["dragenter", "dragover", "drop"]) {
    const init = { bubbles: true, cancelable: true, composed: true, dataTransfer: carried };
    target.dispatchEvent(new DragEvent(kind, init));
  }
}"""
COPY = """async data => {
  const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
  const item = new ClipboardItem({ "image/png": new Blob([bytes], { type: "image/png" }) });
  await navigator.clipboard.write([item]);
}"""


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def said(engine: Any, pixels: Any) -> Any:
    """What the network says of pixels of its size."""
    session = engine.session
    image = session.source.as_input(pixels.reshape(*session.network.input_shape[1:], 3))
    with torch.no_grad():
        return session.network(image[None]).softmax(1)[0].numpy()


def test_a_dropped_photo(
    alive: Alive, alive_report: Path, own_photo: Path, alive_engine: Any
) -> None:
    page = alive.open(alive_report)
    own = len(alive_engine.info.images)
    stage = page.locator(".zf-stage")
    stage.evaluate(DROP, ["mine.png", "image/png", text(own_photo.read_bytes())])
    alive.shows(own)
    expect(page.locator(".zf-photo h3")).to_contain_text("mine.png")
    number = alive_engine.add_photo(own_photo)
    close(alive.predicted(own), alive_engine.predict(number).probabilities)
    stage.evaluate(DROP, ["notes.txt", "text/plain", text(b"just words")])
    expect(page.locator(".zf-photos-told")).to_contain_text("notes.txt: not a picture")
    assert alive.faults == []


def test_a_pasted_photo(
    alive: Alive, alive_report: Path, own_photo: Path, alive_engine: Any
) -> None:
    page = alive.open(alive_report)
    alive.context.grant_permissions(["clipboard-read", "clipboard-write"])
    own = len(alive_engine.info.images)
    page.evaluate(COPY, text(own_photo.read_bytes()))
    page.locator(".zf-strip").focus()
    page.keyboard.press("ControlOrMeta+v")
    alive.shows(own)
    number = alive_engine.add_photo(own_photo)
    close(alive.predicted(own), alive_engine.predict(number).probabilities)
    page.evaluate("() => navigator.clipboard.writeText('just words')")
    page.keyboard.press("ControlOrMeta+v")
    expect(page.locator(".zf-photos-told")).to_contain_text("The clipboard holds no picture")
    assert alive.faults == []


@pytest.fixture(scope="module")
def with_camera(playwright: Playwright) -> Iterator[Browser]:
    devices = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")
    arguments = [*CHROMIUM_ARGUMENTS, *devices]
    browser = playwright.chromium.launch(executable_path=require_browser(), args=arguments)
    yield browser
    browser.close()


def test_a_photo_of_the_camera(with_camera: Browser, alive_report: Path, alive_engine: Any) -> None:
    alive = Alive(with_camera.new_context(viewport={"width": 1500, "height": 1200}))
    page = alive.open(alive_report)
    own = len(alive_engine.info.images)
    page.get_by_role("button", name="Camera", exact=True).click()
    video = page.locator(".zf-camera video")
    expect(video).to_be_visible()
    page.wait_for_function("video => video.videoWidth > 0", arg=video.element_handle())
    page.get_by_role("button", name="Take the photo").click()
    alive.shows(own)
    expect(page.locator(".zf-photo h3")).to_contain_text("camera")
    expect(video).to_be_hidden()
    pixels = alive.pixels(own)
    assert len(np.unique(pixels, axis=0)) > 10  # the fake camera's drawing, not black
    # The network's answer is that of these very pixels.
    close(alive.predicted(own), said(alive_engine, pixels))
    assert alive.faults == []
    alive.context.close()


ROTATED = Image.Exif()
ROTATED[0x0112] = 6  # lies on its side
FILES = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "progressive": {"progressive": True},
    "rotated": {"exif": ROTATED.tobytes()},
}


@pytest.mark.parametrize("kind", [*FILES, "grey"])
def test_a_jpeg_is_what_the_engine_decodes(
    alive: Alive, alive_report: Path, alive_engine: Any, kind: str, tmp_path: Path
) -> None:
    """Two decoders may round differently: by one level, where they do at all."""
    picture = Image.fromarray(portable_networks.photos()[2]).resize((331, 257))
    file = tmp_path / "mine.jpg"
    if kind == "grey":
        picture.convert("L").save(file, quality=87)
    else:
        picture.save(file, quality=87, **FILES[kind])
    alive.open(alive_report)
    own = len(alive_engine.info.images)
    alive.bring(file, own)
    number = alive_engine.add_photo(file)
    levels = alive.pixels(own)
    engines = alive_engine.photo(number).reshape(-1, 3)
    assert np.abs(levels.astype(int) - engines.astype(int)).max() <= 1
    close(alive.predicted(own), said(alive_engine, levels))
    if np.array_equal(levels, engines):  # as with the libjpeg-turbo of both
        close(alive.predicted(own), alive_engine.predict(number).probabilities)
