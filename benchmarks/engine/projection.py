"""Nine projections against captum's, side by side in one process.

    python -m benchmarks.engine.projection [--quick] [--threads N] [--device DEVICE] [case ...]

Seeded random weights at 224 pixels, the nine sample photos in which a channel is strongest, one
unit each. `cold` has nothing kept, `cached` has the switches of the nine units. Ratios are to the
faster of captum's two modes (one call per unit; one call for the batch). `limit` is the ratio of
counted multiply-adds: whole images up and down, over the cone up and down. Full float32: no TF32.
Medians; the last line is JSON.
"""

from __future__ import annotations

import argparse
import statistics
import warnings
from collections.abc import Callable

import torch
import torchvision

import zfwidgets as zf
from benchmarks import clock, harness
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.projection import deconv
from zfwidgets.engine.projection.rules import RULES

CASES = {
    "vgg16/conv3_3": "features.14",
    "alexnet/conv3": "features.6",
    "alexnet/conv5": "features.10",
    "vgg16/conv5_3": "features.28",
    "resnet18/layer2": "layer2.1.conv2",
    "resnet18/layer4": "layer4.1.conv2",
    "squeezenet1_1/fire5": "features.7.expand3x3",
    "squeezenet1_1/fire9": "features.12.expand3x3",
    "densenet121/block2": "features.denseblock2.denselayer12.conv2",
}
COLUMNS = (
    "{captum_ms:11.1f}{cold_ms:9.1f}{cached_ms:11.1f}{cold:7.1f}{cached:8.1f}{limit:7.1f}"
    "{switches_mb:13.2f}{max_rel_diff:14.1e}"
)
QUICK = ["vgg16/conv3_3", "alexnet/conv3", "alexnet/conv5"]
CHANNEL = 5
UNITS = 9
RULE = RULES["deconvnet"]


def median(
    calls: dict[str, tuple[Callable[[], object], int]], device: torch.device
) -> dict[str, float]:
    """Seconds of each call, interleaved round by round."""
    for call, _ in calls.values():
        call()
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(max(n for _, n in calls.values())):
        for name, (call, n) in calls.items():
            if number < n:
                times[name].append(clock.seconds(call, device))
    return {name: statistics.median(found) for name, found in times.items()}


def measure(
    name: str, layer: str, images: torch.Tensor, quick: bool, device: str
) -> dict[str, float]:
    from captum.attr import NeuronDeconvolution

    torch.manual_seed(0)
    model = getattr(torchvision.models, name)(weights=None).eval()
    engine = zf.Engine(model, list(images), transform=None, cache=False, device=device)
    projector, network = engine._projector, engine.session.network
    images = images.to(device)
    outputs: list[torch.Tensor] = []
    with computing(network.device):
        network.run(images, lambda _, out: outputs.append(out.clone()), only=layer)
    maps = outputs[0][:, CHANNEL]
    best = maps.flatten(1).max(1)
    chosen = best.values.argsort(descending=True)[:UNITS]
    batch = images[chosen].contiguous()
    places = [divmod(int(best.indices[i]), maps.shape[-1]) for i in chosen]
    units = [(CHANNEL, row, col) for row, col in places]
    keys = list(range(UNITS))

    def cold() -> deconv.Projected:
        return projector.project(batch, [None] * UNITS, layer, units, RULE)

    def cached() -> deconv.Projected:
        return projector.project(batch, keys, layer, units, RULE)

    with computing(network.device, grad=True):
        whole = deconv.project(network, batch, layer, units, RULE).pixels
    scale = whole.abs().amax((1, 2, 3), keepdim=True)
    apart = max(float(((way().pixels - whole).abs() / scale).max()) for way in (cold, cached))

    model.to(device)
    captum = NeuronDeconvolution(model, model.get_submodule(layer))
    rows, cols = (torch.tensor(axis) for axis in zip(*places, strict=True))

    def one_by_one() -> None:
        for image, unit in zip(batch, units, strict=True):
            captum.attribute(image[None], unit)

    def together() -> None:
        captum.attribute(batch, lambda out: out[torch.arange(UNITS), CHANNEL, rows, cols])

    repeats = 3 if quick else 7
    found = median(
        {
            "cold": (cold, 4 * repeats),
            "cached": (cached, 4 * repeats),
            "loop": (one_by_one, repeats // 2),
            "batch": (together, repeats // 2),
        },
        network.device,
    )
    by_graph = projector.graph_projector
    top = network.graph.layers[layer]
    cone = sum(by_graph.way(top, place).cone.work for place in places)
    peer = min(found["loop"], found["batch"])
    return {
        "cached": peer / found["cached"],
        "cold": peer / found["cold"],
        "max_rel_diff": apart,
        "limit": UNITS * by_graph.whole_work(top) / cone,
        "cold_ms": 1e3 * found["cold"],
        "cached_ms": 1e3 * found["cached"],
        "captum_ms": 1e3 * peer,
        "switches_mb": by_graph.kept.bytes / UNITS / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="case")
    clock.add_options(parser, "fewer cases and rounds")
    arguments = harness.options(parser)
    clock.prepare(arguments)
    warnings.simplefilter("ignore")  # captum's, about its own hooks
    photos = zf.samples.photos()
    count = 24 if arguments.quick else 48
    source = zf.Engine(zf.samples.network(), photos, device="cpu").session.source
    images = torch.stack([source.tensor(i) for i in range(count)])
    table = {}
    names = arguments.cases or (QUICK if arguments.quick else list(CASES))
    lines = harness.Columns("nine units", 22, COLUMNS)
    for name in names:
        table[name] = measure(
            name.partition("/")[0], CASES[name], images, arguments.quick, arguments.device
        )
        lines.line(name, table[name])
    harness.finish(table)


if __name__ == "__main__":
    main()
