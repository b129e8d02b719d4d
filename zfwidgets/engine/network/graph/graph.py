"""The operations of a forward pass as PyTorch really executes them, recorded once.

A forward pass runs under a `TorchDispatchMode`, which sees every operation, however the model
spells it (module, function, method, in place, scripted). The result is a graph without in-place
operations, whose tensors carry the `Fields` of input pixels that their elements depend on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils._pytree import tree_map

from ....dispatching import DispatchMode
from ....errors import UnsupportedModel
from .dispatched import argument, storage, tensors_in, written
from .geometry import UNBOUNDED, UNFOLLOWED, Fields, Geometry, Window
from .norms import Step, normalisation
from .operations import follow

OVERWRITTEN = "overwritten through a view"


class Ref(NamedTuple):
    """A tensor of the graph: output number ``output`` of node ``node``; node -1 is the image."""

    node: int
    output: int = 0


IMAGE = Ref(-1)


@dataclass(frozen=True)
class Node:
    """One operation on tensors that depend on the image.

    Attributes
    ----------
    name
        Name of the operation, without namespace and in-place underscore.
    func
        The overload that leaves its arguments alone; None where there is none.
    args, kwargs
        As called, `Ref` in the place of tensors that depend on the image.
    inputs
        Those references, in order.
    input_shapes, shapes
        Shapes of the inputs and outputs for one image.
    geometry
        What it does to windows.
    norm
        Which contrast norm the quotient ends, if it ends one; "" for all else.
    """

    index: int
    name: str
    func: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    inputs: tuple[Ref, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    shapes: tuple[tuple[int, ...], ...]
    geometry: Geometry
    norm: str = ""

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the first output."""
        return self.shapes[0] if self.shapes else ()

    def read(self, parameter: str, default: Any = None) -> Any:
        """An argument by the name in the operation's schema."""
        return argument(self.func, self.args, self.kwargs, parameter, default)

    def substitute(self, values: Callable[[Ref], Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with tensors in the place of references."""

        def put(value: Any) -> Any:
            return values(value) if isinstance(value, Ref) else value

        return tuple(_map(put, self.args)), _map(put, self.kwargs)


@dataclass
class Graph:
    """What was recorded of one forward pass of one image.

    Attributes
    ----------
    nodes
        In the order of execution.
    layers
        Each layer's output.
    reordered
        Outputs of layers whose places are read in another order, which `layers` hasn't.
    output
        What the model returned, if that's one tensor which depends on the image.
    obstacle
        Why the graph can't stand for the model, where the model's code looked at values; "" if it
        can.
    """

    image: tuple[int, ...]
    nodes: list[Node] = field(default_factory=list)
    layers: dict[str, Ref] = field(default_factory=dict)
    reordered: dict[str, Ref] = field(default_factory=dict)
    output: Ref | None = None
    obstacle: str = ""

    def shape(self, ref: Ref) -> tuple[int, ...]:
        """Shape of a tensor, for one image."""
        return self.image if ref.node < 0 else self.nodes[ref.node].shapes[ref.output]

    def above(self, ref: Ref, stop: Iterable[Ref] = ()) -> list[Node]:
        """The nodes that a tensor is computed from, in order, not looking behind ``stop``."""
        wanted, queue, ends = set(), [ref], set(stop)
        while queue:
            at = queue.pop()
            if at.node >= 0 and at not in ends and at.node not in wanted:
                wanted.add(at.node)
                queue.extend(self.nodes[at.node].inputs)
        return [self.nodes[i] for i in sorted(wanted)]

    @cached_property
    def last_use(self) -> dict[Ref, int]:
        """The last node that reads each tensor."""
        return {ref: node.index for node in self.nodes for ref in node.inputs}


class Recorder(DispatchMode):
    """Records everything that runs under it and depends on an image.

    Random operations are refused before they run: a model that draws numbers in eval mode can't
    be shown exactly, and the user's random generators stay untouched.
    """

    def __init__(self, image: Tensor) -> None:
        super().__init__()
        self.graph = Graph(tuple(image.shape))
        self.where: Callable[[], str] = lambda: "the model"
        self._refs: dict[int, Ref] = {}
        self._fields: dict[Ref, Fields] = {}
        self._tensors: dict[int, Tensor] = {}  # references keep ids from reuse
        self._sharing: dict[int, set[int]] = {}  # tensors over one storage
        self._set(image, IMAGE, Fields.alike(Window(), self.graph.image))

    def ref(self, tensor: Tensor) -> Ref | None:
        """Where a tensor came from; None for what doesn't depend on the image."""
        return self._refs.get(id(tensor))

    def fields(self, tensor: Tensor) -> Fields:
        """The windows of a tensor that came out of a recorded operation."""
        ref = self.ref(tensor)
        return self._fields[ref] if ref else Fields.alike(UNBOUNDED, tuple(tensor.shape))

    @property
    def windows(self) -> dict[Ref, Window]:
        """Window of each tensor, all channels' together."""
        return {ref: fields.window for ref, fields in self._fields.items()}

    def _set(self, tensor: Tensor, ref: Ref, fields: Fields) -> None:
        self._refs[id(tensor)] = ref
        self._fields[ref] = fields
        self._tensors[id(tensor)] = tensor
        self._sharing.setdefault(storage(tensor), set()).add(id(tensor))

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        func, args, kwargs = _settled(func, args, kwargs or {})
        name = func._schema.name.removeprefix("aten::")
        if _draws(func, args, kwargs):
            raise UnsupportedModel(
                f"{self.where()} draws random numbers in eval mode ({name}): its activations "
                "aren't repeatable. Make the operation depend on `self.training`."
            )
        out = func(*args, **kwargs)
        known = [t for t in tensors_in((args, kwargs)) if id(t) in self._refs]
        if known:
            self._record(func, name, args, kwargs, known, out)
        return out

    def _record(
        self, func: Any, name: str, args: Any, kwargs: Any, known: list[Tensor], out: Any
    ) -> None:
        outputs = tensors_in(out)
        if not outputs:
            self.graph.obstacle = f"{self.where()} looks at values ({name})"
            return
        node = Node(
            len(self.graph.nodes),
            name.rstrip("_"),
            _functional(func),
            _map(self._put, args),
            _map(self._put, kwargs),
            tuple(self._refs[id(t)] for t in known),
            tuple(tuple(t.shape) for t in known),
            tuple(tuple(t.shape) for t in outputs),
            UNFOLLOWED,
        )
        geometry, fields = follow(node, [self._fields[self._refs[id(t)]] for t in known])
        node = replace(node, geometry=geometry, norm=self._norm(node))
        self.graph.nodes.append(node)
        if func._schema.is_mutable:
            followed = {id(tensor) for tensor in outputs}
            for tensor in written(func, args, kwargs):
                self._overwrite(tensor, followed, node)
        for number, tensor in enumerate(outputs):
            self._set(tensor, Ref(node.index, number), fields[number])

    def _norm(self, node: Node) -> str:
        """Which contrast norm a quotient is."""

        def step(node: Node) -> Step[Ref]:
            exponent = node.read("exponent") if node.name == "pow" else None
            return Step(node.name.replace("_", ""), node.inputs, exponent)

        def look(ref: Ref) -> Step[Ref] | None:
            return None if ref.node < 0 else step(self.graph.nodes[ref.node])

        if node.name != "div" or node.func is None or len(set(node.input_shapes)) != 1:
            return ""
        return normalisation(step(node), look)

    def _put(self, value: Any) -> Any:
        return self._refs.get(id(value), value) if isinstance(value, Tensor) else value

    def _overwrite(self, changed: Tensor, followed: set[int], node: Node) -> None:
        """Other tensors over the same storage have new values too, which nobody followed."""
        for other in self._sharing.get(storage(changed), set()) - followed:
            tensor = self._tensors[other]
            shape = tuple(tensor.shape)
            lost = Node(
                len(self.graph.nodes),
                OVERWRITTEN,
                None,
                (),
                {},
                (self._refs[other], *node.inputs),
                (shape, *node.input_shapes),
                (shape,),
                UNFOLLOWED,
            )
            self.graph.nodes.append(lost)
            self._set(tensor, Ref(lost.index), Fields.alike(UNBOUNDED, shape))


def _draws(func: Any, args: Any, kwargs: Any) -> bool:
    """Whether it draws random numbers; attention that drops nothing doesn't."""
    if torch.Tag.nondeterministic_seeded not in func.tags:
        return False
    return bool(argument(func, args, kwargs, "dropout_p") != 0)


def _settled(func: Any, args: Any, kwargs: Any) -> tuple[Any, Any, Any]:
    """The operation itself, but for RReLU: in eval mode it draws nothing and has its mean slope."""
    name = func._schema.name
    if not name.startswith("aten::rrelu_with_noise"):
        return func, args, kwargs
    lower, upper, training = (
        argument(func, args, kwargs, parameter) for parameter in ("lower", "upper", "training")
    )
    if training:
        return func, args, kwargs
    leaky = torch.ops.aten.leaky_relu_ if name.endswith("_") else torch.ops.aten.leaky_relu
    return leaky.default, (args[0], (lower + upper) / 2), {}


def _functional(func: Any) -> Any:
    """The overload without in-place effect."""
    if not func._schema.is_mutable:
        return func
    packet = getattr(torch.ops, func.namespace)
    plain = getattr(packet, func._schema.name.split("::")[1].rstrip("_"), None)
    found = getattr(plain, func._overloadname, None)
    return found if found is not None and not found._schema.is_mutable else None


_LEAVES = (int, float, str, Tensor, Ref, torch.dtype, torch.device, torch.layout)


def _map(put: Callable[[Any], Any], tree: Any) -> Any:
    """As PyTorch's ``tree_map``, which takes longer than a small operation itself."""
    if type(tree) in (tuple, list):
        return type(tree)([_map(put, value) for value in tree])
    if type(tree) is dict:
        return {key: _map(put, value) for key, value in tree.items()}
    return put(tree) if tree is None or isinstance(tree, _LEAVES) else tree_map(put, tree)
