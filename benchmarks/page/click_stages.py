"""Where the time goes between a click on a channel never seen and its nine projections painted.

One JupyterLab with `zfwidgets.server`, Chromium, the sample SqueezeNet over the sample photos, as
in `benchmarks.page.click_to_paint`. The page and the kernel note by one clock when a message
leaves and comes, and when a stage begins and ends. All in milliseconds, medians over clicks, of
layers whose patches are small and of those where they are nearly the whole photo.

Prints a table and, as its last line, one JSON object.

    python -m benchmarks.page.click_stages [--clicks 8]
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.page._clicking import Channels, Explorer
from benchmarks.page._lab_page import chromium, execute
from zfwidgets.demo.lab import LabServer

LAYERS = {"small patches": ("features.3", "features.6"), "large": ("features.11", "features.12")}
FIRST = f"""import sys
sys.path.insert(0, {str(harness.ROOT)!r})
from benchmarks.page import _kernel_stages
_kernel_stages.begin()"""

# Notes when messages of ours leave the page and come, and from when to when pictures are decoded.
SCRIPT = """(() => {
  window.zfNoted = [];
  const now = () => performance.timeOrigin + performance.now();
  const content = (data) => {
    if (!(data instanceof ArrayBuffer)) return null;
    const view = new DataView(data);
    const at = (i) => Number(view.getBigUint64(8 * (i + 1), true));
    if (Number(view.getBigUint64(0, true)) < 6) return null;
    const text = new TextDecoder().decode(new Uint8Array(data, at(4), at(5) - at(4)));
    const found = JSON.parse(text)?.data?.content;
    return found?.zf === 1 ? found : null;
  };
  const note = (stage, data) => {
    const at = now(), message = content(data);
    if (!message) return;
    for (const { op, kind, slot, turn } of message.of ?? [message]) {
      window.zfNoted.push({ stage, op, kind, slot, turn, at, bytes: data.byteLength });
    }
  };
  const Plain = window.WebSocket;
  window.WebSocket = class extends Plain {
    constructor(...args) {
      super(...args);
      this.addEventListener("message", ({ data }) => note("came", data));
    }
    send(data) {
      note("asked", data);
      super.send(data);
    }
  };
  const decode = window.createImageBitmap;
  window.createImageBitmap = async (...args) => {
    const from = now();
    const bitmap = await decode(...args);
    window.zfNoted.push({ stage: "decoded", from, at: now() });
    return bitmap;
  };
})();"""

TAKEN = """() => {
  const noted = window.zfNoted;
  window.zfNoted = [];
  return { noted, clicked: window.zfClicked, drawn: window.zfDrawn };
}"""

Mark = dict[str, Any]


def first(marks: Sequence[Mark], **about: Any) -> Mark | None:
    """The first mark that says all this, of what was asked for by the click or the press before."""
    ours = (one for one in marks if not str(one.get("slot")).startswith("prefetch"))
    return next((one for one in ours if about.items() <= one.items()), None)


def within(spans: Sequence[Mark], steps: Sequence[Mark], stage: str) -> float:
    """How long a stage took within some steps, in sum."""
    return sum(
        span["to"] - span["from"]
        for span in spans
        if span["stage"] == stage
        for step in steps
        if step["from"] <= span["from"] and span["to"] <= step["to"]
    )


def stages(
    noted: Sequence[Mark], spans: Sequence[Mark], clicked: float, drawn: Mark, painted: Mark
) -> dict[str, float]:
    """Milliseconds of each stage of a click; empty where one is missing, as where it was known."""
    found: dict[str, float] = {}
    for kind, what in (("top", "patches"), ("projections", "projections")):
        about = {"kind": kind}
        asked = first(noted, stage="asked", op="get", **about)
        heard = first(spans, stage="heard", op="get", **about)
        sent = first(spans, stage="sent", op="reply", **about)
        came = first(noted, stage="came", op="reply", **about)
        steps = [span for span in spans if span["stage"] == "step" and span["kind"] == kind]
        steps = [one for one in steps if sent and one["from"] < sent["from"]]
        if not (asked and heard and sent and came and steps):
            return {}
        own = sum(step["to"] - step["from"] for step in steps)
        told = [s for s in spans if s["stage"] == "sent" and s.get("kind") == kind]
        sending = within(told, steps, "sent")
        encoding = within(spans, steps, "encoded")
        inner = {"photos": within(spans, steps, "photos")} if kind == "top" else {}
        if kind == "projections":
            inner = {name: within(spans, steps, name) for name in ("projected", "scaled")}
        decoded = [one["at"] for one in noted if one["stage"] == "decoded"]
        decoded = [at for at in decoded if came["at"] < at <= clicked + drawn[what] + 1]
        ready = max(decoded, default=came["at"])
        found |= {
            f"{what}: asked": asked["at"] - clicked,
            f"{what}: heard": heard["from"] - asked["at"],
            f"{what}: begun": steps[0]["from"] - heard["from"],
            **{f"{what}: {name}": value for name, value in inner.items()},
            f"{what}: encoded": encoding,
            f"{what}: rest": own - sum(inner.values()) - encoding - sending,
            f"{what}: others between": sent["from"] - steps[0]["from"] - (own - sending),
            f"{what}: came": came["at"] - sent["from"],
            f"{what}: decoded": ready - came["at"],
            f"{what}: drawn": clicked + drawn[what] - ready,
            f"{what}: painted": painted[what] - drawn[what],
            f"{what}: in all": painted[what],
            f"{what}: kB": came["bytes"] / 1e3,
        }
    return found


def measure(clicks: int) -> dict[str, Any]:
    """Click through the layers, on as many channels of each."""
    found: dict[str, list[dict[str, float]]] = {name: [] for name in LAYERS}
    channels = Channels(random.Random(0))
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(LabServer(root, port=0, expose_app=True))
        explorer = Explorer(chromium(stack), server, False, FIRST, SCRIPT)
        explorer.run()
        explorer.wait()
        for name, layers in LAYERS.items():
            for layer in layers:
                explorer.rest()
                explorer.click(f'[data-layer="{layer}"]', "unit")
                for number in range(clicks + 1):
                    explorer.rest()
                    channel = channels.fresh(layer, [explorer])
                    explorer.page.evaluate(TAKEN)
                    execute(explorer.page, "_kernel_stages.taken()")
                    painted = explorer.click(f'[data-channel="{channel}"]', "unit")
                    page = explorer.page.evaluate(TAKEN)
                    spans = json.loads(execute(explorer.page, "print(_kernel_stages.taken())"))
                    took = stages(page["noted"], spans, page["clicked"], page["drawn"], painted)
                    if number and took:  # the first one makes the layer's cones
                        found[name].append(took)
    return {
        name: {stage: statistics.median(one[stage] for one in took) for stage in took[0]}
        | {"clicks": len(took)}
        for name, took in found.items()
    }


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=8, help="channels of each layer")
    result = measure(harness.options(parser).clicks)
    print(f"{'ms':30}" + "".join(f"{name:>16}" for name in result))
    for stage in next(iter(result.values())):
        print(f"{stage:30}" + "".join(f"{took[stage]:16.1f}" for took in result.values()))
    harness.finish(result)


if __name__ == "__main__":
    main()
