"""What threads inside PyTorch's operations cost or save, beside threads of our own.

    python -m benchmarks.engine.threads [--rounds 3] [--beside 1]

Of the sample SqueezeNet and its photos: a photo read, its class scores, the nine projections of a
channel of some layers, nothing kept, and positions of an occluder. Each with all of PyTorch's
threads inside each operation, and as the engine has it: one inside, what is independent side by
side where it is large. In turns, in one process: medians, and the slowest. The last line is JSON.
"""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from contextlib import ExitStack, nullcontext
from typing import Any
from unittest.mock import patch

import torch

import zfwidgets as zf
from benchmarks import harness
from benchmarks.clock import seconds
from zfwidgets.engine import session
from zfwidgets.engine.local import LocalEngine
from zfwidgets.engine.occlusion import predicting
from zfwidgets.engine.occlusion.baselines import Paint
from zfwidgets.engine.occlusion.positions import Grid, coarse_to_fine
from zfwidgets.engine.occlusion.scoring import Scorer
from zfwidgets.engine.projection import units

LAYERS = ("features.3.expand3x3", "features.7.expand3x3", "features.11.expand3x3", "classifier.1")
CHANNEL, POSITIONS = 41, 64


def all_inside() -> Any:
    """What makes the engine compute as it would without threads of our own."""

    def one_by_one(run: Callable[[Any], Any], items: Any) -> list[Any]:
        return [run(item) for item in items]

    return (
        patch.object(units, "one_thread", nullcontext),
        patch.object(units, "side_by_side", one_by_one),
        patch.object(predicting, "one_thread", nullcontext),
        patch.object(session, "one_thread", nullcontext),
    )


def inside(call: Callable[[], object]) -> Callable[[], object]:
    """A call with all threads inside."""

    def run() -> None:
        with ExitStack() as stack:
            for patched in all_inside():
                stack.enter_context(patched)
            call()

    return run


def projecting(engine: LocalEngine, layer: str) -> Callable[[], object]:
    """The nine projections of a channel."""
    top = engine.top(layer, CHANNEL, 9).activations
    return lambda: engine.project_all(top)


def occluding(engine: LocalEngine) -> tuple[Callable[[], object], Callable[[], object]]:
    """Positions of the occluder: side by side, and together with all threads inside."""
    image = engine.session.tensor(0)
    grid = Grid.of(32, 8, image.shape[1:])
    boxes = grid.occluders(coarse_to_fine(*grid.shape)[:POSITIONS])
    scorer = Scorer(engine.session.network, image, Paint(torch.zeros(3, 1, 1)))
    scorer.prepare(boxes, check=False)

    def way(number: int) -> Callable[[], object]:
        def run() -> None:
            with patch.object(scorer._quicker, "choose", lambda among: number):
                scorer(boxes)

        return run

    return way(0), way(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = harness.options(parser)
    engine = zf.Engine(zf.samples.network(), zf.samples.photos(), device="cpu", switches=0)

    def scores() -> object:
        return engine.predict(0)

    def read() -> object:
        engine.session._read.cache_clear()
        return engine.photo(0)

    calls: dict[str, Any] = {"a photo read": (read, inside(read))}
    calls["its class scores"] = (scores, inside(scores))
    for layer in LAYERS:
        nine = projecting(engine, layer)
        calls[f"nine projections, {layer}"] = (nine, inside(nine))
    calls[f"{POSITIONS} positions"] = occluding(engine)
    found: dict[str, Any] = {}
    print(f"{'ms: median (slowest)':40}{'all inside':>16}{'as it is':>16}{'times':>7}")
    for name, (ours, theirs) in calls.items():
        ours()  # decodes, compiles nothing
        took = [(1e3 * seconds(theirs), 1e3 * seconds(ours)) for _ in range(options.rounds)]
        before, now = ([one[i] for one in took] for i in (0, 1))
        ratio = statistics.median(before) / statistics.median(now)
        cells = (f"{statistics.median(of):.0f} ({max(of):.0f})" for of in (before, now))
        print(f"{name:40}" + "".join(f"{cell:>16}" for cell in cells) + f"{ratio:7.1f}", flush=True)
        found[name] = {
            "all_inside_ms": statistics.median(before),
            "as_it_is_ms": statistics.median(now),
            "times": ratio,
        }
    harness.finish({"rounds": options.rounds, **found})


if __name__ == "__main__":
    main()
