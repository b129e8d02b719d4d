"""How long the index pass takes beside plain forward passes over the same batches.

    python -m benchmarks.engine.index [--quick] [--device DEVICE] [--images N] [--batch N]
        [--processor] [NET ...]

Random weights (seeded), images of random pixels at 224 px that are in memory already: only the
network and the index are timed. Batch by batch in turns, first the one, then the other, so that
whatever else the machine does meets both; a round's ratio is that of the sums. What comes out is
compared, bit for bit, with what a plain pass over the same batches gives when all maxima are kept
and sorted. Fewer images than 512 would tell something else: in the first batches nearly all maxima
enter the top. What every pass does beside, counting each unit of 64 images for means and shares of
zeros, is timed apart (an eighth of 512 images, next to nothing of many). *reading*: forward passes
in which each map that the index looks at is read for its maximum and nothing is done with it, which
is the least that an index can take. ``--processor`` counts the processor's seconds in one thread,
for machines whose cores others use.

*crp*: zennit-crp's reference images on the same layers and batches, over the same forward pass,
where it is installed (``pip install --no-deps zennit-crp``: it asks for a zennit of years ago). It
keeps 40 images a channel, of values and places too; which of equal values comes first is chance,
and it has neither checkpoints, histograms, samples nor classes in the same pass. ReLUs are layers
to it as others. Full float32: no TF32. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import math
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import torch
import torchvision
from torch import Tensor

from benchmarks import harness
from benchmarks.clock import seconds
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.ranking.index_pass import IndexPass
from zfwidgets.engine.ranking.ranking_spec import KEEP, RankingSpec
from zfwidgets.index.plan import Plan

NETS = ("alexnet", "resnet18", "squeezenet1_1", "vgg16")
IMAGES, BATCH, ROUNDS = 512, 16, 3

Clock = Callable[[Callable[[], object], torch.device | str], float]
"""Seconds that a call takes, on a device."""


def images(batch: np.ndarray) -> list[Tensor]:
    """A batch, made of its images' numbers."""
    generator = torch.Generator().manual_seed(int(batch[0]))
    return list(torch.randn(len(batch), 3, 224, 224, generator=generator))


def timed_round(
    network: Network,
    plan: Plan,
    spec: RankingSpec,
    peer: Peer | None = None,
    clock: Clock = seconds,
) -> tuple[dict[str, float], IndexPass]:
    """Seconds of plain passes, of the index and of the peer over all batches; and the index."""
    running = IndexPass(network, plan, spec)
    took = dict.fromkeys(("forward", "reading", "index", *(["crp"] if peer else [])), 0.0)

    def forward() -> None:
        with computing(network.device):
            network(torch.stack(batch).to(network.device))

    def read(name: str, output: Tensor) -> None:
        if name in running.twins.own_span:
            output.reshape(*output.shape[:2], -1).amax(-1)

    def reading() -> None:
        with computing(network.device):
            network.run(torch.stack(batch).to(network.device), read, rectified=lambda *_: None)

    for number in range(len(plan)):
        numbers = plan.batch(number)
        batch = images(numbers)
        calls: dict[str, Callable[[], object]] = {
            "forward": forward,
            "reading": reading,
            "index": lambda number=number, batch=batch: running.take(number, batch),
        }
        if peer:
            calls["crp"] = lambda batch=batch, numbers=numbers: peer.take(batch, numbers)
        order = list(calls)
        for name in order[number % len(order) :] + order[: number % len(order)]:
            took[name] += clock(calls[name], network.device)
    return took, running


def of_processor(call: Callable[[], object], device: torch.device | str) -> float:
    """Seconds of the processor that a call takes."""
    began = time.process_time()
    call()
    return time.process_time() - began


class Peer:
    """zennit-crp's maximally activating images, layer by layer in the same forward pass."""

    def __init__(self, network: Network) -> None:
        from crp.concepts import ChannelConcept
        from crp.maximization import Maximization

        self._network, self._concept = network, ChannelConcept()
        with tempfile.TemporaryDirectory() as folder:  # it makes one at once
            self._found = Maximization("activation", "max", abs_norm=False, path=folder)

    def take(self, batch: list[Tensor], numbers: np.ndarray) -> None:
        """Look at a batch."""
        targets = np.zeros(len(numbers))

        def visit(name: str, output: Tensor) -> None:
            self._found.analyze_layer(output, self._concept, name, numbers, targets)

        with computing(self._network.device):
            self._network.run(torch.stack(batch).to(self._network.device), visit)

    def agrees(self, index: IndexPass) -> bool:
        """Whether its strongest values are those of the index, wherever there is an activation."""
        values, start = index.partial().top.values, 0
        for layer in self._network.layers:
            mine = values[start : start + layer.channels]
            theirs = self._found.rel_c_sorted[layer.name][: mine.shape[1]].T.cpu().numpy()
            start += layer.channels
            if not (mine == theirs)[mine > 0].all():
                return False
        return True


def naive(network: Network, plan: Plan) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
    """Of each layer the strongest, (channels, `KEEP`): values, images and places."""
    seen: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}

    def visit(name: str, output: Tensor) -> None:
        flat = output.reshape(*output.shape[:2], -1).cpu().numpy()
        seen.setdefault(name, []).append((flat.max(2), flat.argmax(2)))

    for number in range(len(plan)):
        with computing(network.device):
            network.run(torch.stack(images(plan.batch(number))).to(network.device), visit)
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
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--images", type=int, default=IMAGES, help="how many")
    parser.add_argument("--batch", type=int, default=BATCH, help="images in a batch")
    parser.add_argument(
        "--processor", action="store_true", help="seconds of the processor, in one thread"
    )
    options = harness.options(parser)
    clock: Clock = seconds
    if options.processor:
        torch.set_num_threads(1)
        clock = of_processor
    torch.backends.cudnn.allow_tf32 = False
    rounds = 1 if options.quick else ROUNDS
    nets = options.nets or (["alexnet", "squeezenet1_1"] if options.quick else NETS)
    names = [f"{i}" for i in range(options.images)]
    plan, counting, found = Plan.of(len(names), options.batch), RankingSpec.of(names), {}
    spec = replace(counting, measured=frozenset())
    print(
        f"{len(names)} images, batches of {options.batch}, "
        f"on {options.device}, {torch.get_num_threads()} threads"
    )
    print(f"{'':16}{'forward, s':>12}{'index, s':>12}{'ratio':>8}", end="")
    print(f"{'reading':>9}{'counting':>10}{'crp':>8}  bit-equal")
    for net in nets:
        torch.manual_seed(0)
        model = torchvision.models.get_model(net, weights=None).eval()
        network = Network(model, images(plan.batch(0))[0], options.device)
        rows = []
        for turn in range(rounds + 1):  # the first warms up
            try:
                peer = Peer(network)
            except ImportError:
                peer = None
            of = Plan.of(2 * options.batch, options.batch) if turn == 0 else plan
            rows.append(timed_round(network, of, spec, peer, clock))
        took = {name: statistics.median(row[name] for row, _ in rows[1:]) for name in rows[0][0]}
        last = rows[-1][1]
        same = equal(network, plan, last)
        if peer and not peer.agrees(last):
            print(f"{net}: zennit-crp found other values")
        counted, _ = timed_round(network, plan, counting, clock=clock)
        over = {
            "over_forward": statistics.median(r["index"] / r["forward"] for r, _ in rows[1:]),
            "reading": statistics.median(r["reading"] / r["forward"] for r, _ in rows[1:]),
            "equal": same,
            "counting": counted["index"] / counted["forward"],
        }
        if peer:
            over["crp"] = statistics.median(r["crp"] / r["forward"] for r, _ in rows[1:])
        print(
            f"{net:16}{took['forward']:12.3f}{took['index']:12.3f}{over['over_forward']:8.3f}"
            f"{over['reading']:9.3f}{over['counting']:10.3f}{over.get('crp', math.nan):8.3f}"
            f"  {same}",
            flush=True,
        )
        found[net] = {k: v if v is same else round(v, 3) for k, v in over.items()}
    harness.finish(found)


if __name__ == "__main__":
    main()
