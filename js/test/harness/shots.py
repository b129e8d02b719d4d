"""Screenshots of the harness: ``python js/test/harness/shots.py [name ...]``.

Builds the page, opens it from disk in headless Chromium, waits until the widget has settled,
checks it with axe-core, and writes ``<temporary folder>/zfwidgets-harness/<name>.png``. With
names only those pictures are taken.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Page, sync_playwright

HERE = Path(__file__).resolve().parent
OUT = Path(tempfile.gettempdir()) / "zfwidgets-harness"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]

LEADS = {
    "role": "leads",
    "room": "lesson-k7m2-qd9x",
    "state": "on",
    "text": "",
    "followers": 27,
    "wander": 3,
    "looking": [["features.7", 24], ["features.10", 2], ["features.3", 1]],
}
FOLLOWS = {"role": "follows", "room": "lesson-k7m2-qd9x", "state": "on", "text": ""}
FOLLOWS |= {"wanders": False, "own_photo": False}


def room(part: dict[str, object]) -> str:
    """The query of a part in a class."""
    return f"room={quote(json.dumps(part))}"


# name: (query, viewport width); "-dark": in the dark theme; "@2": on a screen of small pixels
SHOTS = {
    "explorer-light-1200": ("theme=light", 1216),
    "explorer-dark-1200": ("", 1216),
    "explorer-light-900@2": ("theme=light", 916),
    "explorer-dark-400": ("", 416),
    "explorer-light-400@2": ("theme=light", 416),
    "explorer-light-360": ("theme=light", 376),
    "explorer-own-dark": ("own=3&photo=61", 1216),
    "explorer-own-360@2": ("own=3&photo=62", 376),
    "picker-light": ("widget=picker", 816),
    "explorer-readable-dark": ("sort=readable", 1216),
    "picker-suspicious": ("widget=picker&sort=suspicious", 376),
    "grid-dark": ("widget=grid", 816),
    "grid-revealed": ("widget=grid&patches=revealed", 816),
    "grid-few": ("widget=grid&channel=3&patches=projections", 816),
    "grid-positive-own": ("widget=grid&values=positive&scale=own&rule=guided", 816),
    "grid-card-dark": ("widget=grid&card=4", 816),
    "grid-card-narrow": ("widget=grid&card=6", 376),
    "occlusion-light": ("widget=occlusion", 816),
    "occlusion-label-dark": ("widget=occlusion&overlay=predicted&photo=5", 816),
    "occlusion-open": ("widget=occlusion&open=occluder,row", 816),
    "occlusion-change": ("widget=occlusion&colours=diverging&open=pins,row", 816),
    "occlusion-change-dark": ("widget=occlusion&colours=diverging&overlay=hamming&open=row", 376),
    "occlusion-draw": ("widget=occlusion&draw=1&open=occluder", 816),
    "occlusion-draw-dark-380": ("widget=occlusion&draw=1", 396),
    "occlusion-compare": ("widget=occlusion&right=hamming&open=compare", 816),
    "occlusion-compare-dark-320": ("widget=occlusion&right=cosine&open=compare,pins", 336),
    "explorer-cover-dark": ("cover=1", 1216),
    "explorer-cover-320": ("cover=1", 336),
    "explorer-learned-dark": ("learned=1", 1216),
    "explorer-pinned": ("pin=features.4:3:guided", 1216),
    "explorer-pinned-dark-900": ("pin=features.4:3:guided", 916),
    "explorer-pinned-380": ("pin=features.4:3:guided", 396),
    "grid-pinned-dark": ("widget=grid&pin=features.7:15:guided", 816),
    "compare-wide": ("widget=compare", 1216),
    "compare-dark": ("widget=compare", 1216),
    "compare-380": ("widget=compare", 396),
    "occlusion-half": ("widget=occlusion&freeze=1", 816),
    "explorer-silent": ("silent=1", 916),
    "explorer-failing": ("failing=top,photo", 916),
    "explorer-indexing": ("indexing=1", 916),
    "explorer-leads": (room(LEADS), 1216),
    "explorer-leads-dark-400": (room(LEADS), 416),
    "explorer-follows": (room(FOLLOWS), 916),
    "explorer-wanders-dark": (room(FOLLOWS | {"wanders": True}), 916),
    "explorer-own-photo-of-teacher-360": (room(FOLLOWS | {"own_photo": True}), 376),
    "explorer-left-by-teacher": (room(FOLLOWS | {"state": "ended"}), 916),
}
UNSETTLED = {"occlusion-half", "explorer-indexing"}


def axe(page: Page) -> list[str]:
    """What axe-core finds wrong in our own elements."""
    page.add_script_tag(path=HERE.parents[1] / "node_modules" / "axe-core" / "axe.min.js")
    found = page.evaluate("axe.run('.zf-root').then(({violations}) => violations)")
    return [
        f"{violation['id']}: {node['html'][:120]} {node['failureSummary']}"
        for violation in found
        for node in violation["nodes"][:2]
    ]


def main(names: list[str]) -> int:
    """Take the pictures of these names, or all."""
    problems: list[str] = []
    subprocess.run(["node", HERE / "build.mjs", OUT], check=True, stdout=subprocess.DEVNULL)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        for name in names or SHOTS:
            query, width = SHOTS[name]
            dark = "-dark" in name
            query += "&theme=dark&jp=1" if dark else ""
            page = browser.new_page(
                viewport={"width": width, "height": 900},
                device_scale_factor=2 if name.endswith("@2") else 1,
                color_scheme="dark" if dark else "light",
            )
            page.on("console", lambda message: print(message.text))
            page.on("pageerror", lambda error: print("ERROR", error))
            page.goto(f"file://{OUT}/index.html?{query}")
            if name in UNSETTLED:
                page.wait_for_timeout(1500)
            else:
                page.wait_for_selector('.zf-root[data-zf-settled="true"]', timeout=20000)
            if "card=" in query:
                page.wait_for_selector(".zf-popover")
            problems += [f"{name}: {text}" for text in axe(page)]
            page.screenshot(path=OUT / f"{name}.png", full_page=True)
            page.close()
        browser.close()
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
