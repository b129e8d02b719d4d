"""Scores of one image under an occluder: class scores, and what happens to a layer.

Each position is computed incrementally where the recorded operations allow it
(`zfwidgets.engine.occlusion.incremental`), else by a full forward pass over the covered image.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...records import Box, LayerInfo
from ..network.costs import costs_on
from ..network.graph.graph import Graph, Node, Ref
from ..network.graph.windows import NoWindow
from ..network.memory import OutOfMemory
from ..network.modes import computing
from ..network.network import Network
from ..network.one_thread import Quicker
from ..projection.cone import multiply_adds
from .baselines import Paint, cover_all
from .incremental import Incremental, work
from .layer_response import Measured, Response
from .places import Places
from .route import Route
from .winograd import WinogradFilters

WORTHWHILE = 1.2
"""How much less work windows must be than full passes."""
CLEARLY = 2.1
"""The same from which they are the quicker ones on a CPU; below, a clock says which are."""
LARGE = 100 << 20
"""Bytes of all maps of one image from which a network is large."""
MOST_OF_LARGE = 16
"""Positions that are scored at once in a large network, so that freed memory can be kept."""
FULL_AT_ONCE = 16
"""Images in a full pass, at most, where a clock says that it is the quicker way."""
WAYS = SIDE_BY_SIDE, TOGETHER, IN_FULL = range(3)
"""Windows on several threads, with one inside each operation; with all inside; full passes."""

MOST = 128
"""Positions that are scored at once, at most."""

COUNTED = 128
"""Positions, about, whose work is counted."""

TOO_LARGE = "the device's memory doesn't hold all maps at once"


@dataclass(frozen=True)
class Scores:
    """What a batch of n positions gave.

    Attributes
    ----------
    logits
        (n, classes); None where the network has no class scores.
    measured
        Response of the layer; None where none is asked for.
    """

    logits: NDArray[Any] | None
    measured: Measured | None

    def arrays(self) -> list[NDArray[Any]]:
        """All arrays."""
        parts = self.measured.parts() if self.measured is not None else ()
        return [*([] if self.logits is None else [self.logits]), *parts]

    @classmethod
    def joined(cls, several: Sequence[Scores]) -> Scores:
        """Scores of several batches, one after the other."""
        if len(several) == 1:
            return several[0]
        logits = [one.logits for one in several if one.logits is not None]
        measured = [one.measured for one in several if one.measured is not None]
        count = sum(len(one.arrays()[0]) for one in several)
        return cls(
            np.concatenate(logits) if logits else None,
            Measured.joined(measured, np.arange(count)) if measured else None,
        )


class Scorer:
    """Scores one image under an occluder: only what changes, where the network allows it.

    Parameters
    ----------
    image
        (channels, rows, columns), with nothing over it.
    paint
        What the occluder lays on it.
    layer
        Layer whose feature maps are measured; None for none.
    extra_boxes
        Rectangles that are covered at every position.
    classes
        Whether class scores are wanted.
    quicker
        Knows which of `WAYS` is the quickest now; shared by scorers of one network.
    transformed
        Filters as some convolutions take them; shared in the same way.

    Attributes
    ----------
    logits
        (classes,) of the image with nothing over it; None where they aren't wanted.
    response
        Response of the layer; None where none is asked for.
    note
        Why every position is a full forward pass; "" where it isn't.
    work
        Multiply-adds for each position.
    most
        Positions, at most, to score at once, so that no tensor takes more than the device's
        `Costs.at_once`.
    """

    def __init__(
        self,
        network: Network,
        image: Tensor,
        paint: Paint,
        layer: LayerInfo | None = None,
        extra_boxes: Sequence[Box] = (),
        *,
        classes: bool = True,
        quicker: Quicker | None = None,
        transformed: WinogradFilters | None = None,
    ) -> None:
        self._network, self._layer, self._classes = network, layer, classes
        self._quicker = quicker or Quicker(len(WAYS))
        self._transformed = transformed or WinogradFilters()
        image = image.to(network.device)
        self._paint = paint.to(image)
        self._image = cover_all(image, extra_boxes, self._paint.baseline)
        self._covered = bool(extra_boxes)
        self._incremental: Incremental | None = None
        self._checked = self._close = self._begun = False
        self.note, self.work = network.graph.obstacle, 0.0
        self.most = self._fitting(_elements(network.graph.nodes))
        self.response: Response | None = None
        output = self._run(image[None])
        self.logits = None if output is None else output[0].cpu().numpy()

    def prepare(self, boxes: Sequence[Box], *, check: bool = True) -> None:
        """Choose the way by counted work.

        With ``check`` the first positions that are scored are also computed by full passes.
        """
        graph = self._network.graph
        wanted = _wanted(self._network, self._layer, self._classes)
        inside = [self._clip(box) for box in boxes]
        self.work, self.note = _counted(self._network, wanted, inside)
        if self.note:
            return
        self._close = _full(graph, wanted) < CLEARLY * self.work
        self._checked = not check
        try:
            with computing(self._network.device):
                refs = [ref for ref in wanted if ref]
                self._incremental = Incremental(graph, self._image, refs, self._transformed)
            route, middle = self._incremental.route, self._clip(boxes[len(boxes) // 2])
            self.most = self._fitting(_windows(route, middle), _elements(route.head))
            if self._large and not self._incremental.heavy:  # whose weights are read once for all
                self.most = min(self.most, MOST_OF_LARGE)
        except OutOfMemory:
            self._give_up(TOO_LARGE)
        except (NoWindow, RuntimeError) as error:
            self._give_up(_unrepeatable(error))

    @property
    def keeps_memory(self) -> bool:
        """Whether what is freed may be kept for the next positions.

        Not of many positions of a large network: what windows of many sizes leave are gaps that
        nothing else fits.
        """
        return not self._large or self.most <= MOST_OF_LARGE

    @property
    def _large(self) -> bool:
        graph = self._network.graph
        elements = sum(prod(shape) for node in graph.nodes for shape in node.shapes)
        return elements * self._image.element_size() >= LARGE

    def _give_up(self, note: str) -> None:
        """Take full passes from now on."""
        self.note, self._incremental = note, None
        self.most = self._fitting(_elements(self._network.graph.nodes))
        self.work = _full(self._network.graph, _wanted(self._network, self._layer, self._classes))

    def __call__(self, boxes: Sequence[Box]) -> Scores:
        """Scores with the occluder on each box; boxes may reach over the image's border."""
        if self._incremental is not None:
            try:
                found = self._windowed(boxes)
                if self._checked or self._holds(boxes, found):
                    return found
                self._give_up("the recorded operations give other values for other images")
            except OutOfMemory:
                if len(boxes) > 1:
                    raise
                self._give_up(TOO_LARGE)
            except (NoWindow, RuntimeError) as error:
                self._give_up(_unrepeatable(error))
        return self._in_full(boxes)

    def _holds(self, boxes: Sequence[Box], found: Scores) -> bool:
        """Whether full passes give the same at some of the boxes."""
        some = sorted({0, len(boxes) // 2})
        expected = self._in_full([boxes[i] for i in some])
        self._checked = all(
            _near(mine[some], theirs)
            for mine, theirs in zip(found.arrays(), expected.arrays(), strict=True)
        )
        return self._checked

    def _fitting(self, *elements: int) -> int:
        """How many positions' tensors of so many elements may stand side by side."""
        size = max(1, *elements) * self._image.element_size()
        return min(MOST, max(1, costs_on(self._network.device).at_once // size))

    def _clip(self, box: Box) -> Box:
        return box.clip(*self._image.shape[1:])

    def _in_full(self, boxes: Sequence[Box]) -> Scores:
        covered = torch.stack([self._paint.over(self._image, box) for box in boxes])
        if covered.device.type == "cpu":  # where it is the quicker layout
            covered = covered.contiguous(memory_format=torch.channels_last)
        found: list[Measured] = []
        output = self._run(covered, found)
        return Scores(None if output is None else output.cpu().numpy(), found[0] if found else None)

    def _run(self, images: Tensor, found: list[Measured] | None = None) -> Tensor | None:
        """Logits of whole images; the layer is measured, first of all the clean one."""
        name = None if self._layer is None else self._layer.name

        def visit(which: str, output: Tensor) -> None:
            if which != name or self._layer is None:
                return
            if self.response is None:
                ref = self._network.graph.layers.get(which)
                clean = output.clone()
                self.response = Response(self._layer, ref, clean, covered=self._covered)
            if found is not None:
                found.append(self.response.of_maps(output))

        with computing(self._network.device):
            output = self._network.run(
                images, visit if name else None, only=None if self._classes else name
            )
        return output if self._classes else None

    @property
    def _ways(self) -> list[int]:
        """Those that there are."""
        if self._image.device.type != "cpu":
            return [TOGETHER]
        several = [SIDE_BY_SIDE] if torch.get_num_threads() > 1 else []
        return [*several, TOGETHER, *([IN_FULL] if self._close and self._checked else [])]

    def _windowed(self, boxes: Sequence[Box]) -> Scores:
        """Scores by the way that is the quickest now, of a few positions also by another."""
        most = min(FULL_AT_ONCE, self._fitting(_elements(self._network.graph.nodes)))
        found: list[Scores] = []
        start = 0
        while start < len(boxes):
            way, began = self._quicker.choose(self._ways), time.perf_counter()
            some = boxes[start : start + most] if way == IN_FULL else boxes[start:]
            found.append(self._by(way, some))
            if self._begun:  # what is made once, in the first batch, is no part of a way's time
                self._quicker.took(way, time.perf_counter() - began, len(some))
            start += len(some)
        self._begun = True
        return Scores.joined(found)

    def _by(self, way: int, boxes: Sequence[Box]) -> Scores:
        """Scores by one of `WAYS`."""
        if way == IN_FULL:
            return self._in_full(boxes)
        assert self._incremental is not None
        graph = self._network.graph
        with computing(self._network.device):
            patches = [self._paint.patch(self._image, box) for box in boxes]
            inside = [self._clip(box) for box in boxes]
            if way == SIDE_BY_SIDE:
                found, measured = self._incremental.side_by_side(inside, patches, self.response)
            else:
                found, measured = self._incremental.measure(inside, patches, self.response)
        logits = None
        if self._classes:
            assert graph.output is not None
            logits = found[graph.output].cpu().numpy()
        return Scores(logits, measured)


def work_of(
    network: Network, layer: LayerInfo | None, boxes: Sequence[Box], *, classes: bool
) -> float:
    """Multiply-adds for each of these positions, the way that a `Scorer` is going to choose."""
    inside = [box.clip(*network.input_shape[1:]) for box in boxes]
    return _counted(network, _wanted(network, layer, classes), inside)[0]


def _unrepeatable(error: Exception) -> str:
    """Why recorded operations can't be repeated; PyTorch's own message would tell nobody."""
    known = f" ({error})" if isinstance(error, NoWindow) else ""
    return f"the recorded operations can't be repeated{known}"


def _elements(nodes: Sequence[Node]) -> int:
    """Elements of the largest tensor that these operations read or make of one image."""
    shapes = [shape for node in nodes for shape in (*node.input_shapes, *node.shapes)]
    return max((prod(shape) for shape in shapes), default=1)


def _windows(route: Route, box: Box) -> int:
    """Elements of the largest window that a box reaches."""
    places = Places.of(route, [box])
    sizes = {node.index: places.size(Ref(node.index), 0) for node in route.local}
    return max((prod(sizes[node.index]) * node.shape[1] for node in route.local), default=1)


def _wanted(network: Network, layer: LayerInfo | None, classes: bool) -> list[Ref | None]:
    """The recorded tensors that are wanted; None for one that wasn't recorded."""
    wanted = [network.graph.output] if classes else []
    ref = None if layer is None else network.graph.layers.get(layer.name)
    return wanted if layer is None or ref in wanted else [*wanted, ref]


def _counted(
    network: Network, wanted: Sequence[Ref | None], boxes: Sequence[Box]
) -> tuple[float, str]:
    """Multiply-adds for each position, and why they are those of full passes."""
    graph, starting = network.graph, costs_on(network.device).per_window
    note = graph.obstacle
    if not note and None in wanted:
        note = "what is wanted isn't one of the recorded tensors"
    if not note and boxes:
        some = boxes[:: max(1, len(boxes) // COUNTED)]
        route = Route.to(graph, [ref for ref in wanted if ref])
        part, full = work(route, some)
        if full < WORTHWHILE * part:
            note = "the occluder reaches nearly everything in this network"
        elif full < WORTHWHILE * (part + starting * len(route.local) * len(some)):
            note = f"they are the quicker ones on {network.device}"
        else:
            return part / len(some), ""
    return _full(graph, wanted), note


def _full(graph: Graph, wanted: Sequence[Ref | None]) -> float:
    known = [ref for ref in wanted if ref]
    nodes = {node.index: node for ref in known for node in graph.above(ref)}
    whole = nodes.values() if len(known) == len(wanted) else graph.nodes
    return sum(multiply_adds(node, prod(node.shape[-2:])) for node in whole)


def _near(found: NDArray[Any], expected: NDArray[Any]) -> bool:
    if found.shape != expected.shape:
        return False
    scale = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    return np.allclose(found, expected, 0.0, 1e-4 * scale + 1e-6, equal_nan=True)
