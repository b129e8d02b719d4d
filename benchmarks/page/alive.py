"""A report with its network inside: how large it is, and how quick it answers from disk, offline.

Writes a report of the sample network plain and alive, opens it in headless Chromium without a
connection, brings photos as a reader does, and takes the times of the page's worker: of a photo of
the reader's own to its predictions, of nine projections of a channel, of a map of 196 positions to
its first and its last; then brings many photos and watches memory. Prints JSON. Where other work
takes the cores, read what the worker computed (Linux): that hardly depends on it.

    python -m benchmarks.page.alive [--photos 40] [--rounds 5] [--precision int8] [--plain]

``--plain`` forbids WebAssembly in the page's policy.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Page, sync_playwright

import zfwidgets as zf
from benchmarks import harness
from benchmarks.page._report_worker import tap
from zfwidgets.demo.browser import CHROMIUM_ARGUMENTS, require_browser
from zfwidgets.engine.portable.record import PRECISIONS
from zfwidgets.models.squeezenet import LICENCE
from zfwidgets.reports.files import Parts
from zfwidgets.reports.parts import unpack
from zfwidgets.widgets.bundle import STATIC

LAYERS = ("features.3.expand3x3", "features.7.expand1x1", "features.12.expand3x3")
CHANNELS = ((LAYERS[0], 5), (LAYERS[1], 42), (LAYERS[2], 17))
SETTLED = ".zf-root[data-zf-settled='true']"
TAP = tap("""(data, asked) => {
  if (asked && (data.op === "reply" || data.op === "partial")) {
    asked[data.op] ??= performance.now() - asked.began;
  }
}""")
TAP += "globalThis.told = () => [...tapped.asked.values()];"
ASK = """task => new Promise(resolve => {
  const id = 1e6 + told().length;
  const began = performance.now();
  let partial = null;
  const hear = ({ data }) => {
    if (data.id !== id) return;
    if (data.op === "partial") partial ??= performance.now() - began;
    if (data.op !== "reply") return;
    tapped.removeEventListener("message", hear);
    resolve([partial, performance.now() - began]);
  };
  tapped.addEventListener("message", hear);
  const last = told().findLast(one => one.task.photo)?.task.photo;
  tapped.postMessage({ op: "ask", id, priority: 0, task: { ...task, photo: last } });
})"""


def written(folder: Path, precision: str = "float16") -> dict[str, Any]:
    """Both reports; their sizes, what the weights' precision costs, and sizes of the scripts."""
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    engine.index(progress=False)
    explorer = zf.Explorer(engine, layer=CHANNELS[1][0], channel=CHANNELS[1][1], stride=16)
    alive_choices = {"alive": True, "licence": LICENCE, "precision": precision}
    plain, alive = (
        zf.save_report(
            explorer,
            folder / f"{name}.html",
            layers=LAYERS,
            images=[0],
            budget=None,
            progress=False,
            **choices,
        )
        for name, choices in (("plain", {}), ("alive", alive_choices))
    )
    script = {
        name: len(gzip.compress((STATIC / f"{name}.js").read_bytes(), 9))
        for name in ("report", "report_alive")
    }
    return {
        "plain_mb": round(plain.size / 1e6, 2),
        "alive_mb": round(alive.size / 1e6, 2),
        "more_mb": round((alive.size - plain.size) / 1e6, 2),
        "weights": cost(Path(alive.path)),
        "runtime_kb_gzipped": round((script["report_alive"] - script["report"]) / 1e3, 1),
    }


def cost(report: Path) -> dict[str, Any]:
    """What the report itself says of its weights' precision."""
    ((manifest, _),) = unpack("manifest", Parts(report)["manifest"])
    found: dict[str, Any] = manifest["network"]["cost"]
    return found


def photos(folder: Path, count: int) -> list[Path]:
    """Files as readers have them: JPEG, a side of 500 pixels or so."""
    found = []
    for number, (_, picture) in zip(range(count), _pictures(), strict=False):
        path = folder / f"own{number}.jpg"
        picture.convert("RGB").rotate(number % 7).save(path, quality=90)
        found.append(path)
    return found


def _pictures() -> Any:
    samples = zf.samples.photos()
    engine = zf.Engine(zf.samples.network(), samples)
    while True:
        for number in range(len(engine.info.images)):
            yield number, engine.session.source.images.read(number)


def bring(page: Page, path: Path, *, settled: bool = True) -> None:
    """Bring a photo, and wait until it, or all that is shown of it, is there.

    Its map begins by itself; where nobody waits for it the next photo stops it.
    """
    before = page.locator(".zf-stage").get_attribute("data-photo")
    page.locator(".zf-photos input[type=file]").set_input_files(path)
    page.wait_for_selector(f".zf-stage:not([data-photo='{before}'])")
    if settled:
        page.wait_for_selector(SETTLED)
    else:
        page.wait_for_timeout(400)


def looked(page: Page, files: list[Path], rounds: int) -> dict[str, Any]:
    """Milliseconds."""
    predicted, mapped, coarse, cpu = [], [], [], {"own photo": [], "map": [], "nine": []}
    worker: dict[str, list[float]] = {"predictions": [], "map_of_196": []}
    for path in files[:rounds]:
        before = computed()
        bring(page, path)
        cpu["own photo"].append(computed() - before)
        times = page.evaluate("""() => {
          const last = name => told().findLast(({ task }) => task.task === name && !task.occluder);
          const [fit, predict] = [last("fit"), last("predict")];
          return predict.began + predict.reply - fit.began;
        }""")
        predicted.append(times)
        slide = {"height": 32, "width": 32, "stride": 16, "baseline": "grey", "mask": None,
                 "extra_boxes": [], "layer": None, "target": None, "channel": None}  # fmt: skip
        before, own = computed(), computed_in_worker()
        first, last = page.evaluate(ASK, {"task": "occlusion", "slide": slide})
        cpu["map"].append(computed() - before)
        worker["map_of_196"].append(computed_in_worker() - own)
        occluder = {**slide, "top": 9, "left": 11}
        own = computed_in_worker()
        page.evaluate(ASK, {"task": "predict", "occluder": occluder})
        worker["predictions"].append(computed_in_worker() - own)
        coarse.append(first)
        mapped.append(last)
    nine: dict[str, list[float]] = {}
    for layer, channel in CHANNELS:
        for number in range(rounds):
            address = page.url.split("#")[0] + f"#layer={layer}&channel={channel + number + 1}"
            before, own = computed(), computed_in_worker()
            page.evaluate("address => { location.hash = address.split('#')[1]; }", address)
            page.wait_for_timeout(50)
            page.wait_for_selector(SETTLED)
            took = page.evaluate("""() => told().findLast(({ task, reply }) =>
              task.task === "project" && task.units.length > 1 && reply)?.reply ?? null""")
            if took is not None:
                nine.setdefault(layer, []).append(took)
                worker.setdefault(f"nine_of_{layer}", []).append(computed_in_worker() - own)
                if layer == LAYERS[-1]:
                    cpu["nine"].append(computed() - before)
    middle = statistics.median
    return {
        "own_photo_to_predictions_ms": both(predicted),
        "nine_projections_ms": {layer: both(times) for layer, times in nine.items()},
        "map_of_196_first_ms": both(coarse),
        "map_of_196_ms": both(mapped),
        "worker_cpu_ms": {name: both(times) for name, times in worker.items()},
        "cpu_ms_with_all_that_the_page_paints": {
            "own_photo_its_map_and_all_else": round(middle(cpu["own photo"])),
            "map_of_196": round(middle(cpu["map"])),
            f"nine_of_{LAYERS[-1]}": round(middle(cpu["nine"])),
        },
    }


def both(times: list[float]) -> dict[str, int]:
    """The median, and the least: what it takes where nothing else runs."""
    return {"median": round(statistics.median(times)), "least": round(min(times))}


def computed() -> float:
    """CPU time of all of the browser's processes so far, in milliseconds."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        times = child.cpu_times()
        total += times.user + times.system
    return 1000 * total


def computed_in_worker() -> float:
    """CPU time of the page's worker so far, in milliseconds; 0 where no kernel tells it."""
    total = 0.0
    for child in psutil.Process().children(recursive=True):
        for thread in Path(f"/proc/{child.pid}/task").glob("*"):
            with suppress(OSError):  # it may have ended
                if (thread / "comm").read_text().startswith("DedicatedWorker"):
                    total += int((thread / "schedstat").read_text().split()[0]) / 1e6
    return total


def resident(session: Any) -> float:
    """Megabytes of the browser's largest process, a page's, after garbage was collected."""
    session.send("HeapProfiler.collectGarbage")
    own = psutil.Process()
    sizes = [child.memory_info().rss for child in own.children(recursive=True)]
    return round(max(sizes) / 1e6, 1)


def main() -> None:
    """Write, open, measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=40, help="brought one after the other")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--plain", action="store_true", help="without WebAssembly")
    parser.add_argument("--precision", default="float16", choices=PRECISIONS)
    options = harness.options(parser)
    folder = Path(tempfile.mkdtemp())
    found = written(folder, options.precision)
    print(json.dumps(found), flush=True)
    report = folder / "alive.html"
    if options.plain:
        text = report.read_text("utf-8").replace(" &#x27;wasm-unsafe-eval&#x27;", "")
        report.write_text(text, "utf-8")
    files = photos(folder, max(options.photos, options.rounds))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=require_browser(), args=list(CHROMIUM_ARGUMENTS)
        )
        context = browser.new_context(viewport={"width": 1500, "height": 1200})
        context.set_offline(True)
        context.add_init_script(TAP)
        page = context.new_page()
        page.goto(report.as_uri())
        page.wait_for_selector(".zf-alive:has-text('Weights as')")
        page.wait_for_selector(SETTLED)
        found |= looked(page, files, options.rounds)
        session = context.new_cdp_session(page)
        memory = []
        for number, path in enumerate(files[: options.photos]):
            bring(page, path, settled=False)
            page.evaluate("() => { tapped.asked.clear(); }")
            if number % max(1, options.photos // 4) == 0:
                memory.append(resident(session))
        found["resident_mb_over_photos"] = [*memory, resident(session)]
        browser.close()
    harness.finish(found)


if __name__ == "__main__":
    main()
