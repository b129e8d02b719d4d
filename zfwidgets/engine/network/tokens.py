"""Where the tokens of a vision transformer lie in the image.

Transformers lay a map's places out in one axis, row by row, and put a class token before them. A
tensor (images, tokens, channels) is a map all the same, if one knows which tokens are which
places: so they are followed through the recorded operations from where the map was flattened.
Operations that keep tokens apart are listed here; behind any other nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import prod

from .graph import vocabulary
from .graph.geometry import GLOBAL, Pair, Window
from .graph.graph import Graph, Node, Ref

_EACH = (
    vocabulary.SUMS
    | vocabulary.PRODUCTS
    | vocabulary.BOUNDS
    | vocabulary.CURVES
    | (vocabulary.COPIES - {"copy"})
    | {"contiguous"}
)
"""Element by element, however constants are spread."""


@dataclass(frozen=True)
class Tokens:
    """A map's places in one axis of a tensor.

    Attributes
    ----------
    axis
        Axis of the places.
    grid
        Rows and columns of places.
    before
        How many other tokens (class tokens) come first.
    window
        What a place sees of the image.
    """

    axis: int
    grid: Pair
    window: Window
    before: int = 0

    def here(self, shape: tuple[int, ...]) -> bool:
        """Whether a tensor of that shape has room for them."""
        return self.axis < len(shape) and self.before + prod(self.grid) <= shape[self.axis]


def follow_tokens(
    graph: Graph, channels: Mapping[Ref, int | None], windows: Mapping[Ref, Window]
) -> dict[Ref, Tokens]:
    """The tensors of a graph whose tokens are places.

    Parameters
    ----------
    channels
        The axis of the channels in each tensor, as `channel_axes` finds it.
    windows
        What the elements of each tensor see of the image.
    """
    found: dict[Ref, Tokens] = {}
    for node in graph.nodes:
        ref = Ref(node.index)
        known = [found.get(one) for one in node.inputs]
        tokens = _kept(node, known)
        if tokens is None and node.name in vocabulary.RESHAPES:
            tokens = _flattened(node, channels.get(node.inputs[0]), windows[node.inputs[0]])
        if tokens is not None and tokens.here(node.shape):
            found[ref] = tokens
    return found


def _flattened(node: Node, channels: int | None, window: Window) -> Tokens | None:
    """A map (1, channels, rows, columns) or (1, rows, columns, channels) with places in a row."""
    shape, out = node.input_shapes[0], node.shape
    if len(shape) != 4 or channels not in (1, 3):
        return None
    first = 2 if channels == 1 else 1
    rows, columns = shape[first : first + 2]
    for axis, length in enumerate(out):
        if length == rows * columns and prod(out[:axis]) == prod(shape[:first]):
            return Tokens(axis, (rows, columns), window)
    return None


def _kept(node: Node, known: list[Tokens | None]) -> Tokens | None:
    """What an operation makes of tokens; None where it may mix them, or nobody knows."""
    shape, out = node.input_shapes[0], node.shape
    tokens = known[0]
    if node.name in _EACH:
        return _joined(node, known)
    if tokens is None or len(known) > 1:
        return None
    if node.name in vocabulary.RESHAPES:
        return _reshaped(tokens, shape, out)
    if node.name in ("transpose", "permute"):
        return _turned(node, tokens)
    if node.name == "native_layer_norm":
        normalised = len(shape) - len(node.read("normalized_shape"))
        return tokens if tokens.axis < normalised else None
    if node.name in vocabulary.MATRICES:
        matrix = node.read({"mm": "self", "addmm": "mat1", "linear": "input"}[node.name])
        return tokens if isinstance(matrix, Ref) and tokens.axis < len(shape) - 1 else None
    if node.name == "cat":
        return _appended(node, tokens)
    if node.name == "slice" and node.read("step") == 1:
        return _sliced(node, tokens)
    return None


def _joined(node: Node, known: list[Tokens | None]) -> Tokens | None:
    """Tokens of a sum: they are where either part's are; each sees what it sees in either."""
    out = node.shape
    some = [one for one in known if one is not None]
    if not some or any(replace(one, window=some[0].window) != some[0] for one in some):
        return None
    window = some[0].window
    for one, shape in zip(known, node.input_shapes, strict=True):
        if one is not None and len(shape) != len(out):
            return None
        window = window.union(GLOBAL if one is None else one.window)
    return replace(some[0], window=window)


def _reshaped(tokens: Tokens, shape: tuple[int, ...], out: tuple[int, ...]) -> Tokens | None:
    for axis, length in enumerate(out):
        if length == shape[tokens.axis] and prod(out[:axis]) == prod(shape[: tokens.axis]):
            return replace(tokens, axis=axis)
    return None


def _turned(node: Node, tokens: Tokens) -> Tokens:
    rank = len(node.shape)
    if node.name == "permute":
        return replace(tokens, axis=[d % rank for d in node.read("dims")].index(tokens.axis))
    one, other = node.read("dim0") % rank, node.read("dim1") % rank
    return replace(tokens, axis={one: other, other: one}.get(tokens.axis, tokens.axis))


def _appended(node: Node, tokens: Tokens) -> Tokens | None:
    """Class tokens, which are the same for every image, beside the places."""
    if node.read("dim") % len(node.shape) != tokens.axis:
        return None
    before = 0
    for part in node.read("tensors"):
        if isinstance(part, Ref):
            break
        before += part.shape[tokens.axis] if part.dim() == len(node.shape) else 0
    return replace(tokens, before=tokens.before + before)


def _sliced(node: Node, tokens: Tokens) -> Tokens | None:
    length = node.input_shapes[0][tokens.axis]
    if node.read("dim") % len(node.shape) != tokens.axis:
        return tokens
    start = node.read("start") or 0
    start = max(start + length, 0) if start < 0 else start
    before = tokens.before - start
    return replace(tokens, before=before) if before >= 0 else None
