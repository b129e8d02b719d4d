"""What deconvnet pictures depend on: cascading randomisation over many units.

    python -m benchmarks.looks.sanity [--quick] [--units N]

For a few layers of the shipped SqueezeNet and channels drawn at random, each in the sample photo
that excites it most: how alike the trained picture and that of the network are whose parameters
were randomised (1) in the unit's own module, (2) in all modules but the lowest,
(3) in all; beside pictures of unrelated units of the trained network (medians over units, with
the quartiles of the signed rank correlation). The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import torch
from numpy.typing import NDArray

import zfwidgets as zf
from benchmarks import harness
from zfwidgets.experiments.sanity.similarity import MEASURES

LAYERS = ("features.3.expand3x3", "features.7.expand3x3", "features.12.expand3x3")
"""Convolutions before their rectifier, which would stop the other rules at a silenced unit."""


def units(engine: zf.Engine, layer: str, number: int) -> list[tuple[str, int]]:
    """Channels of a layer that fire in at least nine photos, at random."""
    order = np.random.default_rng(0).permutation(engine.layer(layer).channels)
    firing = (int(c) for c in order if len(engine.top(layer, int(c), 9)) == 9)
    return [(layer, c) for _, c in zip(range(number), firing, strict=False)]


def cases(result: zf.experiments.SanityResult, measure: str) -> dict[str, float]:
    """One unit's numbers, NaN where there is nothing to compare."""
    curve = result.curve(measure)

    def median(values: NDArray[np.float32]) -> float:
        return float(np.nanmedian(values)) if np.isfinite(values).any() else float("nan")

    return {
        "own module": float(curve[1]),
        "all but the lowest": float(curve[-2]),
        "all": float(curve[-1]),
        "other units, same photo": median(result.control("same photo", measure)),
        "other units, other photos": median(result.control("other photo", measure)),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="2 units a layer, one rule")
    parser.add_argument("--units", type=int, default=20, help="units a layer")
    arguments = harness.options(parser)
    torch.set_num_threads(1)  # steady on a machine that is shared
    number = 2 if arguments.quick else arguments.units
    rules = ("deconvnet",) if arguments.quick else ("deconvnet", "guided", "gradient")
    engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    answer: dict[str, dict[str, dict[str, float]]] = {}
    began = time.perf_counter()
    for rule in rules:
        print(f"\n{rule}: {number} units a layer   (rank [quartiles], rank of |values|, SSIM)")
        for layer in LAYERS:
            results = [
                zf.experiments.sanity_check(engine, unit, rule=rule, progress=False)
                for unit in units(engine, layer, number)
            ]
            found = {m: [cases(result, m) for result in results] for m in MEASURES}
            print(f"  {layer}, {len(results[0].modules)} modules")
            for case in found["rank"][0]:
                values = {m: np.array([row[case] for row in found[m]]) for m in MEASURES}
                middle = {m: float(np.nanmedian(v)) for m, v in values.items()}
                low, high = np.nanpercentile(values["rank"], [25, 75])
                unknown = int(np.isnan(values["rank"]).sum())
                empty = f"   ({unknown} empty)" if unknown else ""
                print(
                    f"    {case:26s}{middle['rank']:6.2f} [{low:5.2f} {high:5.2f}]"
                    f"{middle['rank_absolute']:7.2f}{middle['ssim']:7.2f}{empty}"
                )
                rounded = {m: round(value, 3) for m, value in middle.items()}
                answer.setdefault(f"{rule}/{layer}", {})[case] = rounded
    print(f"\n{time.perf_counter() - began:.0f} s")
    harness.finish(answer)


if __name__ == "__main__":
    main()
