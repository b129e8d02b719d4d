"""Projections on the autograd graph (paper, section 2.1).

Going down from a unit, the deconvnet puts values back at the recorded max-pool switches, rectifies
the *signal* at each ReLU and filters with the transposed weights, without biases. That is the
vector-Jacobian product of the forward pass with every rectifier's backward replaced by
``relu(signal)``. So one ordinary forward records everything, and hooks on the rectifiers' nodes of
the autograd graph put the rule in (see `zfwidgets.engine.projection.rules`): whatever the model's
code calls a rectifier, in place or not, is the same node.

Contrast norms have no part in the reconstruction (section 2.1): the paper's rule passes them by.

A gate (a product with one value a channel, as in squeeze-and-excitation) is frozen like a switch:
no signal goes into what computed it, which would smear every picture over the whole image.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from threading import Lock
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...errors import UnsupportedModel
from ...records import Operation
from ...threads import staying_pool
from ..network.graph.geometry import Slide, pair
from ..network.graph.near_ties import Crossing, largest, near_ties
from ..network.modes import computing
from ..network.network import Network
from ..network.one_thread import threads_inside
from .data_dependence import DependenceRecorder
from .node_registry import Kind, classify
from .projected import Projected, select
from .rules import RULES, Attribution, Rule, choose, passes_norms, under
from .saved_tensors import KeepSaved

__all__ = [
    "RULES",
    "Descent",
    "Forward",
    "Projected",
    "certificate",
    "project",
    "record",
]


@dataclass(frozen=True)
class Forward:
    """One forward pass up to a layer, with its graph: the pixels, the layer's output."""

    leaf: Tensor
    output: Tensor
    witness: DependenceRecorder


@dataclass(frozen=True)
class Descent:
    """The graph between a layer's output and the pixels.

    PyTorch frees what the nodes saved once the projection is computed: ask for `switches` before.
    What `apply` and `watch` put on the nodes is taken away at the end of a ``with`` block: it holds
    the nodes that hold it, of which Python's garbage collection frees one after another.
    """

    nodes: tuple[tuple[Any, Kind], ...]
    seen_beside: tuple[Operation, ...] = ()
    hooks: list[Any] = field(default_factory=list, repr=False)

    def __enter__(self) -> Descent:
        return self

    def __exit__(self, *_: object) -> None:
        while self.hooks:
            self.hooks.pop().remove()

    @classmethod
    def below(
        cls, output: Tensor, witness: DependenceRecorder | None = None, *, into_gates: bool = False
    ) -> Descent:
        """Walk down from ``output``, nearest nodes first, but not into gates unless asked to."""
        found: list[tuple[Any, Kind]] = []
        queue: list[Any] = [output.grad_fn]
        seen = {output.grad_fn}
        for node in queue:
            kind = classify(node, witness)
            if kind is not None and into_gates:
                kind = replace(kind, frozen=None)
            if kind is not None:
                found.append((node, kind))
            for number, (parent, _) in enumerate(node.next_functions):
                if kind is not None and number == kind.frozen:
                    continue
                if parent is not None and parent not in seen:
                    seen.add(parent)
                    queue.append(parent)
        return cls(tuple(found), witness.operations if witness else ())

    @property
    def operations(self) -> tuple[Operation, ...]:
        """What was met, counted by kind, nearest the unit first."""
        counts = Counter((kind.name, kind.status, kind.note) for _, kind in self.nodes)
        met = (Operation(name, status, n, note) for (name, status, note), n in counts.items())
        return (*met, *self.seen_beside)

    def switches(self) -> tuple[Tensor, ...]:
        """The recorded max-pool switches: flat indices into each pool's input, (n, c, h, w)."""
        pools = (node for node, kind in self.nodes if kind.name == "max_pool")
        return tuple(node._saved_result1 for node in pools)

    def watch(self) -> Crossing | None:
        """What will cross near ties of max-pools on the way down; None if it can't be told."""
        crossing = Crossing()
        pools = [node for node, kind in self.nodes if kind.name == "max_pool"]
        slides = [_slide(node) for node in pools]
        for node, slide in zip(pools, slides, strict=True):
            if slide is None:
                return None
            self.hooks.append(node.register_hook(_cross(node, slide, crossing)))
        for below, number in {node.next_functions[0] for node in pools}:
            self.hooks.append(below.register_prehook(_arrive((below, number), crossing)))
        return crossing

    def apply(self, rule: Rule) -> None:
        """Put a rule on every rectifier and norm of this graph, and freeze its gates."""
        for node, kind in self.nodes:
            if kind.rectifier is not None:
                hook = _rectify(rule, node, kind)
            elif kind.norm:
                hook = _pass_by if passes_norms(rule) else None
            else:
                hook = None if kind.frozen is None else _freeze(kind.frozen)
            if hook is not None:
                self.hooks.append(node.register_hook(hook))


def _rectify(rule: Rule, node: Any, kind: Kind) -> Any:
    (place,) = (i for i, (parent, _) in enumerate(node.next_functions) if parent is not None)

    def hook(below: tuple[Any, ...], above: tuple[Any, ...]) -> tuple[Any, ...]:
        assert kind.rectifier is not None
        if rule.reads_forward:
            passed = rule.rectify(below[place], above[0], kind.rectifier())
        else:
            passed = rule.rectify(None, above[0], None)
        return (*below[:place], passed, *below[place + 1 :])

    return hook


def _pass_by(below: tuple[Any, ...], above: tuple[Any, ...]) -> tuple[Any, ...]:
    return (above[0], *[None] * (len(below) - 1))


def _slide(node: Any) -> Slide | None:
    """The geometry of a max-pool, where it slides over two axes."""
    if hasattr(node, "_saved_stride"):
        sizes = (node._saved_kernel_size, node._saved_stride, node._saved_padding)
        kernel, stride, padding = (tuple(size) for size in sizes)
        if len(kernel) != 2:
            return None
        return Slide(kernel, stride or kernel, padding, tuple(node._saved_dilation))
    if "Adaptive" not in node.name():
        return None  # fractional: its windows are drawn
    before, after = node._saved_self.shape[-2:], node._saved_result1.shape[-2:]
    if len(node._saved_result1.shape) != 4 or any(
        b % a for b, a in zip(before, after, strict=True)
    ):
        return None
    ratio = pair(b // a for b, a in zip(before, after, strict=True))
    return Slide(ratio, ratio)


def _cross(node: Any, slide: Slide, crossing: Crossing) -> Any:
    def hook(below: tuple[Any, ...], above: tuple[Any, ...]) -> None:
        x, flat = node._saved_self, node._saved_result1
        out = x.flatten(2).gather(2, flat.flatten(2)).view(flat.shape)
        wanted = slide.reads(pair(flat.shape[-2:]))
        after = [
            n - size - pad for n, size, pad in zip(wanted, x.shape[-2:], slide.padding, strict=True)
        ]
        top, left = slide.padding
        padded = F.pad(x, (left, after[1], top, after[0]), value=-torch.inf)
        tied = near_ties(padded, out, slide, largest(x))
        crossing.pool(node.next_functions[0], above[0], tied)

    return hook


def _arrive(at: Any, crossing: Crossing) -> Any:
    def hook(signals: tuple[Any, ...]) -> None:
        crossing.arrive(at, signals[at[1]])

    return hook


def _freeze(place: int) -> Any:
    def hook(below: tuple[Any, ...], above: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*below[:place], None, *below[place + 1 :])

    return hook


def record(network: Network, images: Tensor, layer: str) -> Forward:
    """Run a batch up to a layer with the graph recorded."""
    leaf = images.detach().clone().requires_grad_()
    captured: list[Tensor] = []
    witness = DependenceRecorder()
    with KeepSaved(), witness:
        # The clones keep in-place operations away from the leaf and from the captured output.
        network.run(leaf.clone(), lambda _, output: captured.append(output.clone()), only=layer)
    output = captured[0]
    if output.grad_fn is None:
        raise UnsupportedModel(
            f"Layer {layer!r} isn't connected to the pixels: the model's forward cuts its graph "
            "before it (torch.no_grad(), .detach() or .data). Remove that from the forward."
        )
    return Forward(leaf, output, witness)


def certificate(network: Network, image: Tensor, layer: str) -> tuple[Operation, ...]:
    """What lies between a layer and the pixels, by one forward pass of one image.

    As the paper's deconvnet has it; `zfwidgets.engine.projection.rules.under` says how another
    rule does.
    """
    forward = record(network, image, layer)
    return Descent.below(forward.output, forward.witness).operations


def project(
    network: Network,
    images: Tensor,
    layer: str,
    units: list[tuple[int, int, int]],
    rule: str | Rule | Attribution,
    *,
    keep_switches: bool = False,
) -> Projected:
    """Project one unit of a layer per image to pixel space.

    Parameters
    ----------
    images
        (n, channels, rows, columns) float32 on the network's device.
    units
        Per image (channel, row, col).
    rule
        The name of one of `RULES`, or an object.
    """
    rule = choose(rule, RULES)
    if isinstance(rule, Attribution):
        return _undisturbed(lambda: rule.attribute(network, images, layer, units), images.device)
    forward = record(network, images, layer)
    leaf, output = forward.leaf, forward.output
    with Descent.below(output, forward.witness) as descent:
        switches = descent.switches() if keep_switches else ()
        descent.apply(rule)
        crossing = descent.watch()
        places = select(units, output)
        values = output[places].detach()
        signal = torch.zeros_like(output).index_put_(places, values)
        (pixels,) = torch.autograd.grad(output, leaf, signal)
    if not (torch.isfinite(values).all() and torch.isfinite(pixels).all()):
        raise UnsupportedModel(_not_finite(network, images, layer))
    near_ties = None if crossing is None else crossing.share(values)
    return Projected(pixels.detach(), values, under(rule, descent.operations), switches, near_ties)


AT_ONCE = 32
"""Attributions that are computed at the same time at most, each for an engine of its own."""


def _undisturbed(compute: Callable[[], Projected], device: torch.device) -> Projected:
    """Compute on a thread of its own, where no interrupt strikes.

    Other packages hook into the copy's modules, and change their weights, for as long as they
    compute: half of that must not stay. However often Ctrl-C is pressed, it is waited for.
    """
    threads, ended = torch.get_num_threads(), Lock()
    found: list[Projected] = []
    failed: list[BaseException] = []

    def call() -> None:
        try:
            with threads_inside(threads), computing(device, grad=True):
                found.append(compute())
        except BaseException as error:  # noqa: BLE001 -- raised below, where it was asked for
            failed.append(error)
        finally:
            ended.release()

    # A bare lock: inside a future's or an event's an interrupt could leave it held for ever.
    ended.acquire()
    struck: KeyboardInterrupt | None = None
    staying_pool("attribution", AT_ONCE).submit(call)
    while not (found or failed):
        try:
            ended.acquire()
        except KeyboardInterrupt as interrupt:  # noqa: PERF203 -- the waiting is struck
            struck = interrupt
    if struck is not None:
        raise struck
    if failed:
        raise failed.pop()
    return found[0]


def _not_finite(network: Network, images: Tensor, layer: str) -> str:
    culprit = network.first_not_finite(images)
    if culprit is None:
        return (
            f"The way down from layer {layer!r} gives NaN or infinite values: an operation's "
            "derivative isn't finite at this image. engine.explain() lists the operations."
        )
    return (
        f"Layer {culprit!r} gives NaN or infinite values for this image: there is nothing to "
        "project. Check the weights and the transform."
    )
