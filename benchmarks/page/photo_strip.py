"""How fluid the strip of photos is over many: in the page, and in the kernel.

Page: the Explorer over made-up answers (`js/test/harness`) in headless Chromium scrolls through all
photos, one frame after the other; how long frames take, how many tiles there are, how many photos
were asked for, and how long a filter takes. Kernel: thumbnails of files that were never read and of
those that are known, 16 in a request as the page asks, and the bytes of an answer. Prints JSON.

    python -m benchmarks.page.photo_strip [--photos 10000] [--files 400]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from playwright.sync_api import sync_playwright

import zfwidgets as zf
from benchmarks import harness
from zfwidgets.demo.browser import CHROMIUM_ARGUMENTS
from zfwidgets.stepwise import finish
from zfwidgets.widgets.wire.source import Source

HARNESS = harness.ROOT / "js" / "test" / "harness"
AT_ONCE = 16
SCROLL = """async (screens) => {
  const strip = document.querySelector(".zf-thumbs");
  const frame = () => new Promise(requestAnimationFrame);
  const took = [];
  let most = 0;
  for (let i = 0; i <= screens; i++) {
    strip.scrollLeft = (i / screens) * strip.scrollWidth;
    const before = performance.now();
    await frame();
    took.push(performance.now() - before);
    most = Math.max(most, document.querySelectorAll(".zf-thumb").length);
  }
  return [took, most];
}"""
FIND = """(text) => {
  const input = document.querySelector(".zf-photos input[type=search]");
  const before = performance.now();
  input.value = text;
  input.dispatchEvent(new Event("input"));
  return performance.now() - before;
}"""


def page(photos: int) -> dict[str, Any]:
    """Frames of a scroll through all photos, and of finding some."""
    out = tempfile.mkdtemp()
    subprocess.run(["node", HARNESS / "build.mjs", out], check=True, stdout=subprocess.DEVNULL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=list(CHROMIUM_ARGUMENTS)
        )
        view = browser.new_page(viewport={"width": 1216, "height": 900})
        view.goto(f"file://{out}/index.html?photos={photos}&photo=0")
        view.wait_for_selector('.zf-root[data-zf-settled="true"]')
        frames, tiles = view.evaluate(SCROLL, 600)
        view.wait_for_selector('.zf-root[data-zf-settled="true"]')
        asked = view.evaluate(
            "harness.source.asked.filter((one) => one.startsWith('thumbnails'))"
            ".flatMap((one) => JSON.parse(one.slice(11)).images).length"
        )
        finding = [view.evaluate(FIND, text) for text in ("h", "he", "heron-99", "")]
        browser.close()
    frames.sort()
    return {
        "photos": photos,
        "frames": len(frames),
        "frame_ms_median": round(statistics.median(frames), 1),
        "frame_ms_95th": round(frames[int(0.95 * len(frames))], 1),
        "tiles_at_most": tiles,
        "photos_asked_for": asked,
        "find_ms": [round(ms, 1) for ms in finding],
    }


def kernel(files: int) -> dict[str, Any]:
    """Thumbnails of photos of 500 x 375 pixels, by SqueezeNet's transform."""
    random = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        for number in range(files):
            coarse = random.integers(0, 256, (24, 32, 3), dtype=np.uint8)
            image = Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC)
            image.save(Path(folder) / f"{number:05}.jpg", quality=90)
        engine = zf.Engine(zf.samples.network(), folder, cache=False)
        source = Source(engine, answers=0)
        took: dict[str, list[float]] = {"read": [], "known": []}
        size = 0
        for name in took:
            for first in range(0, files - AT_ONCE + 1, AT_ONCE):
                key = {"images": [*range(first, first + AT_ONCE)], "size": 112}
                before = time.perf_counter()
                _, buffers = finish(source.answer("thumbnails", key))
                took[name].append((time.perf_counter() - before) / AT_ONCE * 1000)
                size = max(size, len(buffers[0]))
    return {
        "files": files,
        "ms_a_photo_never_read": round(statistics.median(took["read"]), 2),
        "ms_a_photo_known": round(statistics.median(took["known"]), 2),
        "bytes_of_an_answer_at_most": size,
    }


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=10_000)
    parser.add_argument("--files", type=int, default=400)
    arguments = harness.options(parser)
    found = {"page": page(arguments.photos), "kernel": kernel(arguments.files)}
    harness.finish(found)


if __name__ == "__main__":
    main()
