"""Projections the cheapest exact way: from the units' cones where there are any, else whole.

A unit of an image has one picture, to the last bit on one machine with one number of threads: how
it is computed follows from its layer and place alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...errors import InactiveUnit, InputError
from ...records import (
    NORMS,
    Activation,
    Explanation,
    LayerInfo,
    Operation,
    Projection,
    Unit,
    weakest,
)
from ..network.costs import costs_on
from ..network.graph.graph import IMAGE, Node, Ref
from ..network.graph.windows import Kept, NoWindow, Signals, Tape, one, replay, vjp
from ..network.memory import Memory
from ..network.modes import computing
from ..network.network import Network
from ..network.one_thread import one_thread
from . import deconv
from .cone import Invert, multiply_adds
from .rules import RULES, Attribution, Rule, passes_norms, under
from .units import GraphProjector, Switches

SWITCHES = 256 * 2**20
"""Bytes of switches kept by default."""

SAME = 1e-5
"""Largest relative difference between the model's layers and the recorded graph's."""


class Projector:
    """Projects units of a network's layers; thread-safe under the engine's lock.

    Parameters
    ----------
    network
        The frozen copy.
    memory
        Memory of the device: how many images it holds at once.
    limit
        Bytes of max-pool switches to keep for images in view.

    Attributes
    ----------
    note
        Why whole images are computed each time; "" where cones are.
    """

    def __init__(self, network: Network, memory: Memory, limit: int = SWITCHES) -> None:
        self._network, self._memory = network, memory
        self.graph_projector = GraphProjector(network.graph, limit, costs_on(network.device))
        self._checked = False
        self._operations: dict[str, tuple[Operation, ...]] = {}
        self.note = ""

    def renew(self) -> None:
        """Forget what belongs to the weights that the network had: it has others now."""
        self.graph_projector.kept = Switches(self.graph_projector.kept.limit)
        self._checked = False

    def place(self, info: LayerInfo, unit: Unit, tensor: Tensor) -> tuple[int, int]:
        """A unit's (row, col) in its layer: its own, or the channel's strongest in this image."""
        _, rows, cols = info.shape
        if unit.row is not None and unit.col is not None:
            if not (0 <= unit.row < rows and 0 <= unit.col < cols):
                raise InputError(
                    f"Layer {info.name!r} has {rows} x {cols} units a channel, got row "
                    f"{unit.row}, col {unit.col}."
                )
            return unit.row, unit.col
        if (unit.row, unit.col) != (None, None):
            raise InputError(f"{unit} names a row or a column only: give both or neither.")
        found: list[Tensor] = []

        def visit(_: str, output: Tensor) -> None:
            found.append(output[0, unit.channel].argmax().cpu())

        with computing(self._network.device):
            batch = tensor[None].to(self._network.device)
            self._network.run(batch, visit, only=info.name)
        return divmod(int(found[0]), cols)

    def records(
        self,
        info: LayerInfo,
        units: Sequence[Unit],
        images: Sequence[tuple[int | None, str, Tensor]],
        rule: Rule | Attribution,
        *,
        keep_switches: bool = False,
    ) -> tuple[Projection, ...]:
        """Projections of units of a layer, each in its own image (index, name, tensor)."""
        places = [
            (unit.channel, *self.place(info, unit, tensor))
            for unit, (_, _, tensor) in zip(units, images, strict=True)
        ]
        seen = [(index, tensor) for index, _, tensor in images]
        found = self.in_parts(info.name, places, seen, rule, keep_switches)
        with one_thread():
            return tuple(
                record(found, i, info, replace(unit, row=row, col=col), index, name, rule.name)
                for i, (unit, (_, row, col), (index, name, _)) in enumerate(
                    zip(units, places, images, strict=True)
                )
            )

    def in_parts(
        self,
        layer: str,
        units: list[tuple[int, int, int]],
        images: Sequence[tuple[Hashable, Tensor]],
        rule: Rule | Attribution,
        keep_switches: bool = False,
    ) -> deconv.Projected:
        """As `project`, for (key, image) that needn't fit into the device's memory together."""

        def compute(part: Sequence[int]) -> deconv.Projected:
            with one_thread():
                batch = torch.stack([images[i][1] for i in part]).to(self._network.device)
            return self.project(
                batch,
                [images[i][0] for i in part],
                layer,
                [units[i] for i in part],
                rule,
                keep_switches=keep_switches,
            )

        parts = self._memory.in_parts("projections", compute, range(len(units)))
        return deconv.Projected.join(parts)

    def project(
        self,
        images: Tensor,
        keys: Sequence[Hashable],
        layer: str,
        units: list[tuple[int, int, int]],
        rule: Rule | Attribution,
        *,
        keep_switches: bool = False,
    ) -> deconv.Projected:
        """Project one unit of a layer per image.

        Parameters
        ----------
        images
            (n, channels, rows, columns) float32 on the network's device.
        keys
            What tells the images apart; None for one whose switches aren't to be kept.
        units
            Per image (channel, row, col).
        keep_switches
            Whether the answer carries the switches of the whole images.
        """
        images = images.contiguous()
        by_graph, finite = None, torch.zeros(len(units), dtype=torch.bool)
        if (
            not isinstance(rule, Attribution)
            and (top := self._top(layer, images, rule)) is not None
        ):
            with suppress(NoWindow), computing(self._network.device):
                found = self.graph_projector.project(images, keys, top, units, *inversion(rule))
                switches = [
                    self.graph_projector.switches(image, key, top, unit)
                    for image, key, unit in zip(images, keys, units, strict=True)
                    if keep_switches
                ]
                by_graph = deconv.Projected(
                    found.pixels,
                    found.values,
                    under(rule, self.certificate(layer, images[:1])),
                    tuple(torch.cat(pool) for pool in zip(*switches, strict=True)),
                    found.near_ties,
                )
                finite = found.finite
        if by_graph is not None and bool(finite.all()):
            return by_graph

        def whole(number: int) -> deconv.Projected:
            alone = images[number : number + 1].clone()
            with computing(self._network.device, grad=True):
                return deconv.project(
                    self._network, alone, layer, [units[number]], rule, keep_switches=keep_switches
                )

        return deconv.Projected.join(
            [
                by_graph.one(number) if by_graph is not None and good else whole(number)
                for number, good in enumerate(finite.tolist())
            ]
        )

    def keep(self, images: Tensor, keys: Sequence[Hashable], layer: str, rule: Rule) -> None:
        """Keep what projections from this layer need of whole images, where they need them."""
        top = self._top(layer, images, rule)
        if top is not None:
            with suppress(NoWindow), computing(self._network.device):
                self.graph_projector.keep(images, keys, top, inversion(rule)[1])

    def _top(self, layer: str, images: Tensor, rule: Rule) -> Ref | None:
        """Where a layer is in the recorded graph; None where cones wouldn't say the same."""
        top = self._network.graph.layers.get(layer)
        known = top is not None and self._known(layer, images[:1], rule)
        return top if known and self._faithful(images[0]) else None

    def _known(self, layer: str, image: Tensor, rule: Any) -> bool:
        """Whether every operation on the way is: what is cut off isn't in the recorded graph.

        Cones pass all contrast norms by that the graph has, so those must be the certificate's.
        """
        met = self.certificate(layer, image)
        graph = self._network.graph
        norms = sum(bool(node.norm) for node in graph.above(graph.layers[layer]))
        passed = sum(o.count for o in met if o.name in NORMS) if passes_norms(rule) else 0
        return weakest(met) != "unknown" and norms == passed

    def certificate(self, layer: str, image: Tensor) -> tuple[Operation, ...]:
        """What lies on the way from a layer to the pixels: the same for every image.

        As the paper's deconvnet has it; see `zfwidgets.engine.projection.rules.under`.
        """
        if layer not in self._operations:
            with computing(self._network.device, grad=True), self._threads():
                self._operations[layer] = deconv.certificate(self._network, image, layer)
        return self._operations[layer]

    def explain(self, info: LayerInfo, rule: Rule | Attribution, image: Tensor) -> Explanation:
        """What lies between a layer and the pixels, and what a rule makes of it; of any image."""
        if isinstance(rule, Attribution):
            raise InputError(
                f"{rule.name!r} goes its own way to the pixels: see the operations of its "
                "projections."
            )
        met = under(rule, self.certificate(info.name, image[None].to(self._network.device)))
        return Explanation.of(info, rule.name, rule.answers, rule.reads_forward, met)

    def _threads(self) -> AbstractContextManager[None]:
        """How many threads operations have inside where nothing depends on how they round.

        What is computed so is a layer's once, when it is first clicked and a page paints on the
        same cores.
        """
        nodes = self._network.graph.nodes
        work = sum(multiply_adds(node, prod(node.shape[-2:])) for node in nodes)
        return one_thread() if work <= self.graph_projector.costs.one_thread else nullcontext()

    def _faithful(self, image: Tensor) -> bool:
        """Whether the recorded graph gives what the model gives, for another image too."""
        if not self._checked:
            graph = self._network.graph
            with self._threads():
                self.note = graph.obstacle or difference(self._network, image)
            self._checked = True
        return not self.note


def record(
    found: deconv.Projected,
    number: int,
    info: LayerInfo,
    unit: Unit,
    image: int | None,
    name: str,
    rule: str,
) -> Projection:
    """One of a batch's projections as a record; raises `InactiveUnit` if there is none."""
    value = float(found.values[number])
    if value <= 0:
        raise InactiveUnit(
            f"Unit {unit.row}, {unit.col} of channel {unit.channel} in layer {info.name!r} "
            f"isn't active in {name!r} ({value:.3g}): it has no projection. Choose a unit "
            "above zero, as engine.top() lists them."
        )
    assert unit.row is not None
    assert unit.col is not None
    box = info.field_of(unit.channel).box(unit.row, unit.col)
    batch = found.pixels[number].permute(1, 2, 0).cpu().numpy()
    pixels = np.array(batch, order="C")  # without the rest of it
    switches = tuple(s[number].cpu().numpy() for s in found.switches) or None
    near_ties = None if found.near_ties is None else float(found.near_ties[number])
    activation = Activation(unit, image, name, value, box)
    return Projection(activation, rule, pixels, found.operations, switches, near_ties)


def inversion(rule: Rule) -> tuple[Invert, Kept]:
    """A rule as what happens to a signal at a rectifier, and what that needs of the way up."""

    def rectify(gradient: Tensor | None, signal: Tensor, activation: Tensor | None) -> Tensor:
        if len(signal) == 1 or type(rule) in _BY_VALUE:
            return rule.rectify(gradient, signal, activation)
        every = (
            [None if t is None else one(t, number) for t in (gradient, signal, activation)]
            for number in range(len(signal))
        )
        return torch.cat([rule.rectify(g, s, a) for g, s, a in every if s is not None])

    def invert(node: Node, signal: Tensor, tape: Tape) -> Tensor:
        if not rule.reads_forward:
            return rectify(None, signal, None)
        before = tape[node.index]
        (gradient,) = vjp(node, [before], [signal])
        return rectify(gradient, signal, replay(node, {node.inputs[0]: before})[0])

    return invert, Kept(rectifiers=rule.reads_forward)


_BY_VALUE = {type(rule) for rule in RULES.values()}
"""Rules that take each value by itself; others get one unit at a time."""


def difference(network: Network, image: Tensor) -> str:
    """Replay the graph beside the model; where they first differ, or ""."""
    graph = network.graph
    values: Signals = {IMAGE: image[None]}
    wanted = set(graph.layers.values())
    done = 0
    where: list[str] = []

    def compare(name: str, output: Tensor) -> None:
        nonlocal done
        ref = graph.layers.get(name)
        if ref is None or where:
            return
        while done <= ref.node:
            node = graph.nodes[done]
            outputs = replay(node, values)
            values.update((Ref(done, i), out) for i, out in enumerate(outputs))
            for used in node.inputs:
                if graph.last_use[used] == done and used not in wanted:
                    values.pop(used, None)
            done += 1
        found = values[ref]
        wanted.discard(ref)
        if graph.last_use.get(ref, -1) < done:
            del values[ref]
        scale = output.abs().amax()
        if found.shape != output.shape or not bool((found - output).abs().amax() <= SAME * scale):
            where.append(name)

    try:
        with computing(network.device):
            network.run(image[None], compare)
    except (NoWindow, RuntimeError) as error:
        return f"the recorded operations can't be repeated ({error})"
    return f"layer {where[0]!r} runs other operations for other images" if where else ""
