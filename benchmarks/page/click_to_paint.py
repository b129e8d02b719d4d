"""From a click in the Explorer to painted pixels, in Chromium against a real JupyterLab.

Two labs run side by side, one with `zfwidgets.server` and one without; the same clicks go to each
in turn, while the other rests, so that whatever else the machine does meets both. The network is
the sample SqueezeNet over the sample photos, its index there. Times are the page's own, from the
click event until after the frame in which the pixels stand: the nine patches of the chosen
channel, all nine projections, and the photo of a clicked patch. A channel is clicked for the first
time, with nothing of it cached or fetched ahead; then one beside it, which has been fetched ahead
while nothing else happened. With `--map` an occlusion map is computed meanwhile, and nothing is
waited for, nor clicked that was fetched ahead.

Prints a table and, as its last line, one JSON object.

    python -m benchmarks.page.click_to_paint [--clicks 50] [--map] [--quick]
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks import harness
from benchmarks.page._clicking import FIRST_LAYER, LAYERS, Channels, Explorer
from benchmarks.page._lab_page import chromium
from zfwidgets.demo.lab import LabServer

VARIANTS = {"without": (), "with zfwidgets.server": ("zfwidgets.server",)}
CLICKS_A_LAYER = 9
THINGS = ("patches", "projections", "photo", "patches ahead", "projections ahead")


def measure(clicks: int, auto: bool) -> dict[str, Any]:
    """Click through both in turn."""
    times: dict[str, dict[str, list[float]]] = {name: {} for name in VARIANTS}
    chance = random.Random(0)
    channels = Channels(chance)
    with ExitStack() as stack:
        browser = chromium(stack)
        explorers: dict[str, Explorer] = {}
        for name, extensions in VARIANTS.items():
            root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            server = LabServer(root, port=0, expose_app=True, extensions=extensions)
            explorers[name] = Explorer(browser, stack.enter_context(server), auto)
            explorers[name].run()
        every = list(explorers.values())
        for explorer in every:
            explorer.wait()

        def click(selector: str, what: str, more: str = "") -> None:
            for name, explorer in chance.sample(sorted(explorers.items()), len(explorers)):
                for one in every if not auto else ():
                    one.rest()
                for thing, value in explorer.click(selector, what).items():
                    times[name].setdefault(thing + more, []).append(value)

        layer = FIRST_LAYER
        for turn in range(clicks):
            if turn % CLICKS_A_LAYER == 0:
                layer = LAYERS[turn // CLICKS_A_LAYER % len(LAYERS)]
                click(f'[data-layer="{layer}"]', "unit")
            elif turn % 3 == 2:
                # A photo that isn't shown yet.
                click('.zf-cell[data-state="ready"]:not(.zf-chosen) .zf-patch', "photo")
            else:
                channel = channels.fresh(layer, every)
                click(f'[data-channel="{channel}"]', "unit")
                beside = None if auto else channels.beside(channel, every)
                if beside is not None:
                    click(f'[data-channel="{beside}"]', "unit", " ahead")
    return {
        name: {
            thing: {
                "median_ms": round(statistics.median(values), 1),
                "p95_ms": round(statistics.quantiles(values, n=20)[-1], 1),
                "n": len(values),
            }
            for thing, values in kinds.items()
        }
        for name, kinds in times.items()
    }


def main() -> None:
    """Measure, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clicks", type=int, default=50)
    parser.add_argument("--map", action="store_true", help="while an occlusion map is computed")
    parser.add_argument("--quick", action="store_true", help="fewer clicks: ends within 60 s")
    options = harness.options(parser)
    result = measure(9 if options.quick else options.clicks, options.map)
    things = [thing for thing in THINGS if all(thing in found for found in result.values())]
    print(f"{'median / p95, ms':24}" + "".join(f"{thing:>19}" for thing in things))
    for name, found in result.items():
        cells = (f"{found[t]['median_ms']:.0f} / {found[t]['p95_ms']:.0f}" for t in things)
        print(f"{name:24}" + "".join(f"{cell:>19}" for cell in cells))
    harness.finish(result)


if __name__ == "__main__":
    main()
