"""A report with its network inside, opened from disk without a connection, and what it says."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import BrowserContext, Page

from benchmarks.page._report_worker import tap

LAYER, CHANNEL = "features.4.expand1x1", 3
SETTLED = ".zf-root[data-zf-settled='true']"
CLOSE = 1e-5
REPLIES = """task => said
  .filter(one => one.op === "reply" && tapped.asked.get(one.id)?.task.task === task)
  .map(one => ({
    task: { ...tapped.asked.get(one.id).task, photo: tapped.asked.get(one.id).task.photo?.image },
    data: one.data,
    buffers: one.buffers.map(b => btoa(Array.from(new Uint8Array(b),
                                                  x => String.fromCharCode(x)).join(""))),
  }))"""
PIXELS = """number => {
  const { pixels } = [...tapped.asked.values()].find(
    one => one.task.photo?.image === number).task.photo;
  return btoa(Array.from(pixels, x => String.fromCharCode(x)).join(""));
}"""


class Alive:
    """A report's page without a connection."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.context.set_offline(True)
        self.context.add_init_script("globalThis.said = [];" + tap("data => said.push(data)"))
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "console",
            lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None,
        )

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(SETTLED)
        return self.page

    def bring(self, photo: Path, number: int) -> None:
        self.page.locator(".zf-photos input[type=file]").set_input_files(photo)
        self.shows(number)

    def shows(self, number: int) -> None:
        """Wait until a photo and all that is said of it is shown."""
        self.page.wait_for_selector(f".zf-stage[data-photo='{number}']")
        self.page.wait_for_selector(SETTLED)

    def predicted(self, number: int) -> Any:
        """What the page's network said of a photo."""
        found = [
            one["buffers"][0]
            for one in self.replies("predict")
            if one["task"]["photo"] == number and one["task"]["occluder"] is None
        ]
        return numbers(found[0])

    def pixels(self, number: int) -> Any:
        """A photo as the page's network looks at it, (pixels, 3)."""
        found = self.page.evaluate(PIXELS, number)
        return np.frombuffer(base64.b64decode(found), np.uint8).reshape(-1, 3)

    def replies(self, task: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(REPLIES, task)
        for one in found:
            one["buffers"] = [base64.b64decode(buffer) for buffer in one["buffers"]]
        return found


def numbers(buffer: bytes, kind: str = "<f4") -> Any:
    return np.frombuffer(buffer, kind)


def close(found: Any, expected: Any) -> None:
    scale = np.abs(expected).max(initial=0) or 1.0
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE * scale)
