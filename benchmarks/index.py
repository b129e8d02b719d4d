"""How long the index pass takes beside plain forward passes over the same batches.

    python benchmarks/index.py [--quick] [NET ...]

Random weights (seeded), images of random pixels at 224 px that are in memory already: only the
network and the index are timed. Batch by batch in turns, first the one, then the other, so that
whatever else the machine does meets both; a round's ratio is that of the sums. What comes out is
compared, bit for bit, with what a plain pass over the same batches gives when all maxima are kept
and sorted. Fewer images than 512 would tell something else: in the first batches nearly all maxima
enter the top. What every pass does beside, counting each unit of 64 images for means and shares of
zeros, is timed apart (an eighth of 512 images, next to nothing of many). The last line is one JSON
object.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
import torchvision
from torch import Tensor

from zfwidgets.engine.modes import computing
from zfwidgets.engine.network import Network
from zfwidgets.engine.topk import IndexPass
from zfwidgets.engine.wanted import KEEP, Wanted
from zfwidgets.index.plan import Plan

NETS = ("alexnet", "resnet18", "squeezenet1_1", "vgg16")
IMAGES, BATCH, ROUNDS = 512, 16, 3


def images(number: int) -> list[Tensor]:
    """A batch, made of its number."""
    generator = torch.Generator().manual_seed(number)
    return list(torch.randn(BATCH, 3, 224, 224, generator=generator))


def timed_round(network: Network, plan: Plan, wanted: Wanted) -> tuple[float, float, IndexPass]:
    """Seconds of plain passes and of the index over all batches, and the index."""
    running, plain, index = IndexPass(network, plan, wanted), 0.0, 0.0
    for number in range(len(plan)):
        batch = images(number)
        for turn in (number % 2, 1 - number % 2):
            started = time.perf_counter()
            if turn:
                running.take(number, batch)
                index += time.perf_counter() - started
            else:
                with computing(network.device):
                    network(torch.stack(batch).to(network.device))
                plain += time.perf_counter() - started
    return plain, index, running


def naive(network: Network, plan: Plan) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each layer the strongest, (channels, `KEEP`): values, images and places."""
    seen: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def visit(name: str, output: Tensor) -> None:
        flat = output.reshape(*output.shape[:2], -1).cpu().numpy()
        seen.setdefault(name, []).append((flat.max(2), flat.argmax(2)))

    for number in range(len(plan)):
        with computing(network.device):
            network.run(torch.stack(images(number)).to(network.device), visit)
    for name, parts in seen.items():
        values, places = (np.concatenate(part).T for part in zip(*parts, strict=True))
        order = np.argsort(-values, axis=1, kind="stable")[:, :KEEP]
        yield name, *(np.take_along_axis(a, order, 1) for a in (values, places)), order


def equal(network: Network, plan: Plan, index: IndexPass) -> bool:
    """Whether value, image and place are the naive ones, wherever there is an activation."""
    top, start = index.partial().top, 0
    places_of = {layer.name: layer.channels for layer in network.layers}
    for name, values, places, order in naive(network, plan):
        mine = slice(start, start + places_of[name])
        start = mine.stop
        same = (top.values[mine] == values) & (top.places[mine] == places)
        if not (same & (top.images[mine] == order))[values > 0].all():
            return False
    return start == len(top.values)


def main() -> None:
    """Print a table, then one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("nets", nargs="*")
    parser.add_argument("--quick", action="store_true", help="one round, two networks")
    options = parser.parse_args()
    rounds = 1 if options.quick else ROUNDS
    nets = options.nets or (["alexnet", "squeezenet1_1"] if options.quick else NETS)
    names = [f"{i}" for i in range(IMAGES)]
    plan, counting, found = Plan.of(IMAGES, BATCH), Wanted.of(names), {}
    wanted = replace(counting, measured=frozenset())
    print(f"{IMAGES} images, batches of {BATCH}, {torch.get_num_threads()} threads")
    print(f"{'':16}{'forward, s':>12}{'index, s':>12}{'ratio':>8}{'counting':>10}  bit-equal")
    for net in nets:
        torch.manual_seed(0)
        model = torchvision.models.get_model(net, weights=None).eval()
        network = Network(model, images(0)[0])
        timed_round(network, Plan.of(2 * BATCH, BATCH), wanted)
        times = [timed_round(network, plan, wanted) for _ in range(rounds)]
        same = equal(network, plan, times[-1][2])
        ratio = statistics.median(index / plain for plain, index, _ in times)
        plain, index = (statistics.median(t[i] for t in times) for i in (0, 1))
        forward, all_of_it, _ = timed_round(network, plan, counting)
        more = all_of_it / forward
        print(f"{net:16}{plain:12.2f}{index:12.2f}{ratio:8.3f}{more:10.3f}  {same}", flush=True)
        found[net] = {"over_forward": round(ratio, 3), "equal": same, "counting": round(more, 3)}
    print(json.dumps(found))


if __name__ == "__main__":
    main()
