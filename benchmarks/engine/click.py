"""What the kernel does for a click on a channel never seen, by stage.

    python -m benchmarks.engine.click [--channels 5] [--beside 1]

Of the sample SqueezeNet and photos, nothing kept: nine photos decoded and resized, patches cut
from them, patches encoded, projections computed, what is told of them, and their pictures encoded;
and the same photos once they are kept. In milliseconds, medians over channels;
`benchmarks.page.click_to_paint` has the way to the page and back. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import zfwidgets as zf
from benchmarks import harness
from zfwidgets.engine.local import LocalEngine
from zfwidgets.widgets.wire.answers import projected_levels
from zfwidgets.widgets.wire.encode import encode_pictures
from zfwidgets.widgets.wire.pictures import Pictures

LAYERS = ("features.3", "features.6", "features.9", "features.11", "features.12")


def stages(engine: LocalEngine, layer: str, channel: int) -> dict[str, float]:
    """Milliseconds of each stage of one click."""
    times = [time.perf_counter()]
    names = []

    def done(name: str) -> None:
        names.append(name)
        times.append(time.perf_counter())

    top = engine.top(layer, channel, 9)
    pictures = Pictures(engine, 48 << 20)
    done("activations")
    for activation in top:
        engine.photo(activation.image)
    done("photos decoded")
    for activation in top:
        engine.photo(activation.image)
    done("the same, kept")
    patches = [pictures.patch(activation.image, activation.box) for activation in top]
    done("patches cut")
    encode_pictures(patches)
    done("patches encoded")
    found = engine.project_all(top.activations)
    done("projections")
    field = engine.layer(layer).field_of(channel)
    _, levels = projected_levels(found, len(top), field)
    done("what is told of them")
    encode_pictures(levels, lossless=True)
    done("projections encoded")
    return {name: 1e3 * (b - a) for name, a, b in zip(names, times[:-1], times[1:], strict=True)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--channels", type=int, default=5)
    options = harness.options(parser)
    engine = zf.Engine(zf.samples.network(), zf.samples.photos(), device="cpu", switches=0)
    found: dict[str, Any] = {}
    for layer in LAYERS:
        took: list[dict[str, float]] = []
        count = engine.layer(layer).channels
        stages(engine, layer, count // 3)  # its cones, and PyTorch's first steps
        for number in range(options.channels):
            engine.session._read.cache_clear()
            took.append(stages(engine, layer, (5 + 17 * number) % count))
        found[layer] = {name: statistics.median(one[name] for one in took) for name in took[0]}
    print(f"{'ms':24}" + "".join(f"{layer:>13}" for layer in LAYERS))
    for name in found[LAYERS[0]]:
        print(f"{name:24}" + "".join(f"{found[layer][name]:13.1f}" for layer in LAYERS))
    harness.finish(found)


if __name__ == "__main__":
    main()
