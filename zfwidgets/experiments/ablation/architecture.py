"""A network as a list of layers, from which variants are made.

As in the paper, a layer is a convolution or a fully connected layer with its rectifier, pool and
norm. What a layer gets is never written down: it follows from the layers below, so that layers can
be left out or be made wider.
"""

from __future__ import annotations

import copy
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches

import torch
from torch import nn

from ...errors import InputError
from ..shared.seeded import own_random

_CHANGES_SHAPE = (nn.Conv2d, nn.Linear)
_FOLLOWS_CHANNELS = (nn.BatchNorm2d, nn.BatchNorm1d)
_CONV = ("kernel_size", "stride", "padding", "dilation", "groups", "padding_mode")


@dataclass(frozen=True)
class Part:
    """A module of a layer: made for so many input channels or features.

    Attributes
    ----------
    name
        The module's name.
    make
        From the number of input channels and the layer's width to the module.
    """

    name: str
    make: Callable[[int, int], nn.Module] = field(compare=False)


@dataclass(frozen=True)
class Layer:
    """A layer: what changes the number of channels or features, and what comes with it.

    Attributes
    ----------
    name
        What `Architecture.without` and `Architecture.widths` call it.
    width
        Channels or units; 0 for what has no width of its own (a pool that stands alone).
    parts
        Modules of the network, in order.
    """

    name: str
    width: int
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Architecture:
    """A description of a network, made with `Architecture.of` or from `conv`, `pool`, `fc`.

    Attributes
    ----------
    layers
        From the pixels up; the last one gives the class scores.
    input_shape
        (channels, rows, columns).
    title
        What makes it another than the one it was made from; "" for that one.

    Examples
    --------
    >>> from zfwidgets.experiments.ablation import Architecture, conv, fc, pool
    >>> base = Architecture(
    ...     [conv("conv1", 16, 5), pool("pool1"), conv("conv2", 32, 3), fc("fc3", 10)],
    ...     (3, 32, 32),
    ... )
    >>> base.without("conv2").widths(conv1=32).parameters
    """

    layers: Sequence[Layer]
    input_shape: tuple[int, int, int]
    title: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "layers", tuple(self.layers))
        if not self.layers:
            raise InputError("An architecture needs at least one layer: conv(...), fc(...).")
        twice = sorted({n for n in self.names if self.names.count(n) > 1})
        if twice:
            raise InputError(f"Two layers are called {twice[0]!r}: give each a name of its own.")

    @classmethod
    def of(cls, model: nn.Sequential, input_shape: tuple[int, int, int]) -> Architecture:
        """Describe a model whose modules follow one another, as those of `zfwidgets.models`.

        Each `Conv2d` or `Linear` begins a layer that has its name; the rectifier, norm and
        dropout behind it belong to it. Pools and what else there is stand alone, so that they
        stay where they are when a convolution goes. Weights aren't taken over.

        Parameters
        ----------
        model
            A `torch.nn.Sequential`; nested ones are gone through.
        input_shape
            (channels, rows, columns).
        """
        if not isinstance(model, nn.Sequential):
            raise InputError(
                f"{type(model).__name__} isn't a torch.nn.Sequential: which module follows which "
                "can't be read from it. Give variants as callables that build a model each."
            )
        layers: list[Layer] = []
        for name, module in _flat(model):
            part = Part(name, _copier(module))
            if isinstance(module, _CHANGES_SHAPE):
                width = module.weight.shape[0]
                layers.append(Layer(name, width, (part,)))
            elif layers and layers[-1].width and _belongs(module):
                layers[-1] = replace(layers[-1], parts=(*layers[-1].parts, part))
            else:
                layers.append(Layer(name, 0, (part,)))
        return cls(layers, input_shape)

    @property
    def names(self) -> list[str]:
        """The layers' names, from the pixels up."""
        return [layer.name for layer in self.layers]

    @property
    def classes(self) -> int:
        """How many class scores it gives."""
        return self.layers[-1].width

    @property
    def parameters(self) -> int:
        """How many numbers are to be learned, biases among them."""
        return sum(p.numel() for p in self.on("meta").parameters())

    def without(self, *names: str) -> Architecture:
        """The same network without some layers; those above get what those below give.

        Raises
        ------
        InputError
            There is no such layer; or it is the last, which gives the class scores.
        """
        for name in names:
            if self._find(name).name == self.names[-1]:
                raise InputError(
                    f"{name!r} is the last layer: without it there are no class scores."
                )
        kept = [layer for layer in self.layers if layer.name not in names]
        return replace(self, layers=kept, title=_joined(self.title, f"without {', '.join(names)}"))

    def widths(self, widths: Mapping[str, int] | None = None, **more: int) -> Architecture:
        """The same network with other numbers of channels or units.

        Parameters
        ----------
        widths, **more
            By the layer's name: ``base.widths(fc6=2048)``, ``base.widths({"block.0": 96})``.

        Raises
        ------
        InputError
            There is no such layer, it has no width of its own, or it is the last.
        """
        wanted = {**(widths or {}), **more}
        for name, width in wanted.items():
            layer = self._find(name)
            if not layer.width:
                raise InputError(f"{name!r} has no width of its own: it gives as much as it gets.")
            if name == self.names[-1]:
                raise InputError(f"{name!r} is the last layer: its width is the number of classes.")
            if width < 1:
                raise InputError(f"{name} is to be {width} wide: expected 1 or more.")
        layers = [replace(la, width=wanted.get(la.name, la.width)) for la in self.layers]
        title = ", ".join(f"{name} {width}" for name, width in wanted.items())
        return replace(self, layers=layers, title=_joined(self.title, title))

    def build(self, seed: int = 0) -> nn.Sequential:
        """The network, untrained; the global random state stays as it is.

        Weights are normal as He et al. (2015) have them, biases zero, and the last layer's
        weights have a standard deviation of 0.01, so that the first loss is that of guessing.

        Parameters
        ----------
        seed
            Seed of the weights.

        Raises
        ------
        InputError
            The maps become too small for a layer, or its groups don't fit; names the layer.
        """
        with own_random(seed, 3):
            model = self.on("cpu")
            weights = [p for p in model.parameters() if p.dim() > 1]
            for parameter in weights:
                nn.init.kaiming_normal_(parameter, nonlinearity="relu")
            nn.init.normal_(weights[-1], std=0.01)
            for module in model.modules():
                if isinstance(module, _CHANGES_SHAPE) and module.bias is not None:
                    nn.init.zeros_(module.bias)
        return model

    def on(self, device: str) -> nn.Sequential:
        """The modules, with each layer's inputs counted on the way up; PyTorch's own weights.

        Parameters
        ----------
        device
            "meta": shapes alone.
        """
        modules: OrderedDict[str, nn.Module] = OrderedDict()
        maps = torch.empty(1, *self.input_shape, device="meta")
        for layer in self.layers:
            for part in layer.parts:
                try:
                    with torch.device(device):  # on "meta" nothing is drawn
                        module = part.make(maps.shape[1], layer.width)
                        if isinstance(module, nn.Linear) and maps.dim() > 2:
                            modules.setdefault("flatten", nn.Flatten())
                            maps = maps.flatten(1)
                            module = part.make(maps.shape[1], layer.width)
                    seen = copy.deepcopy(module).to("meta").eval()
                    maps = seen(maps)
                except (RuntimeError, ValueError) as error:
                    raise InputError(
                        f"{part.name!r} of layer {layer.name!r} can't be built on maps of shape "
                        f"{tuple(maps.shape[1:])} ({error}): leave out fewer layers, or take "
                        "larger pictures."
                    ) from error
                modules[part.name] = module.to(device)
        return nn.Sequential(modules)

    def _find(self, name: str) -> Layer:
        for layer in self.layers:
            if layer.name == name:
                return layer
        near = get_close_matches(str(name), self.names, n=3, cutoff=0.3) or self.names
        raise InputError(
            f"This variant has no layer {name!r}. Nearest names: {', '.join(near)}; its layers "
            f"are {', '.join(self.names)}."
        )


def conv(
    name: str,
    width: int,
    kernel: int | tuple[int, int],
    *,
    stride: int = 1,
    padding: int = 0,
    groups: int = 1,
    norm: Callable[[int], nn.Module] | None = None,
) -> Layer:
    """A convolution and its rectifier.

    Parameters
    ----------
    name
        With the paper's numbers, ``"conv3"``: its rectifier is called ``relu3`` then.
    width
        Channels.
    kernel, stride, padding, groups
        As in `torch.nn.Conv2d`.
    norm
        From the number of channels to a norm that stands before the rectifier, as
        ``torch.nn.BatchNorm2d``.
    """
    convolution = Part(
        name, lambda before, wide: nn.Conv2d(before, wide, kernel, stride, padding, groups=groups)
    )
    norms = () if norm is None else (Part(_beside(name, "norm"), lambda before, _: norm(before)),)
    return Layer(name, width, (convolution, *norms, _relu(name)))


def pool(name: str, kernel: int = 3, *, stride: int = 2, ceil_mode: bool = True) -> Layer:
    """A max-pool, as in `torch.nn.MaxPool2d`; the paper's by default."""
    make = lambda before, wide: nn.MaxPool2d(kernel, stride, ceil_mode=ceil_mode)  # noqa: E731
    return Layer(name, 0, (Part(name, make),))


def fc(name: str, width: int, *, dropout: float = 0.0, rectified: bool | None = None) -> Layer:
    """A fully connected layer.

    Parameters
    ----------
    name
        As in `conv`.
    width
        Units; classes, for the last one.
    dropout
        Share of units that are left out in training; the paper has 0.5 in layers 6 and 7.
    rectified
        Whether a rectifier follows; None: where there is dropout.
    """
    parts = [Part(name, lambda before, wide: nn.Linear(before, wide))]
    if rectified if rectified is not None else dropout > 0:
        parts.append(_relu(name))
    if dropout:
        parts.append(Part(_beside(name, "drop"), lambda before, wide: nn.Dropout(dropout)))
    return Layer(name, width, tuple(parts))


def paper_variants(base: Architecture) -> dict[str, Architecture]:
    """The variants of Table 3, of a network whose layers have the paper's names.

    As it is; without layers 3 and 4, without 7, without 6 and 7, without 3, 4, 6 and 7; layers 6
    and 7 half and twice as wide; layers 3, 4 and 5 wider by 4/3, 8/3 and 2, as 512, 1024 and 512
    are to 384, 384 and 256; and layers 6 and 7 twice as wide beside these.

    Parameters
    ----------
    base
        With layers conv3, conv4, conv5, fc6 and fc7.
    """
    width = {layer.name: layer.width for layer in base.layers}
    missing = [n for n in ("conv3", "conv4", "conv5", "fc6", "fc7") if n not in width]
    if missing:
        raise InputError(
            f"The network has no layer {missing[0]!r}, which Table 3 changes: make variants with "
            "without() and widths()."
        )
    middle = {"conv3": 4 / 3, "conv4": 8 / 3, "conv5": 2}
    wider = {name: round(width[name] * factor) for name, factor in middle.items()}
    variants = [
        base.without("conv3", "conv4"),
        base.without("fc7"),
        base.without("fc6", "fc7"),
        base.without("conv3", "conv4", "fc6", "fc7"),
        base.widths(fc6=width["fc6"] // 2, fc7=width["fc7"] // 2),
        base.widths(fc6=width["fc6"] * 2, fc7=width["fc7"] * 2),
        base.widths(wider),
        base.widths({**wider, "fc6": width["fc6"] * 2, "fc7": width["fc7"] * 2}),
    ]
    return {"as it is": base} | {variant.title: variant for variant in variants}


def _flat(model: nn.Sequential, before: str = "") -> list[tuple[str, nn.Module]]:
    found: list[tuple[str, nn.Module]] = []
    for name, module in model.named_children():
        path = f"{before}{name}"
        if isinstance(module, nn.Sequential):
            found += _flat(module, f"{path}.")
        elif not isinstance(module, nn.Flatten):  # put in where it is needed
            found.append((path.replace(".", "_"), module))
    return found


def _belongs(module: nn.Module) -> bool:
    """Whether a module goes when the convolution or fully connected layer before it goes."""
    activation = type(module).__module__ == "torch.nn.modules.activation"
    return activation or isinstance(module, (nn.Dropout, nn.Dropout2d, *_FOLLOWS_CHANNELS))


def _copier(module: nn.Module) -> Callable[[int, int], nn.Module]:
    """How to make a module like this one, for other numbers of inputs and outputs."""
    if isinstance(module, nn.Conv2d):
        options = {name: getattr(module, name) for name in _CONV}
        bias = module.bias is not None
        return lambda before, wide: nn.Conv2d(before, wide, bias=bias, **options)
    if isinstance(module, nn.Linear):
        bias = module.bias is not None
        return lambda before, wide: nn.Linear(before, wide, bias=bias)
    if isinstance(module, _FOLLOWS_CHANNELS):
        kind, eps, momentum = type(module), module.eps, module.momentum
        return lambda before, _: kind(before, eps, momentum)
    if any(True for _ in module.parameters()):
        raise InputError(
            f"{type(module).__name__} has parameters, and it isn't known how many it needs in "
            "another place: give variants as callables that build a model each."
        )
    return lambda *_: copy.deepcopy(module)


def _relu(name: str) -> Part:
    return Part(_beside(name, "relu"), lambda *_: nn.ReLU())


def _beside(name: str, kind: str) -> str:
    """What stands beside conv3 is called relu3."""
    match = re.fullmatch(r"[A-Za-z]+(\d+)", name)
    return f"{kind}{match[1]}" if match else f"{name}_{kind}"


def _joined(*titles: str) -> str:
    return ", ".join(title for title in titles if title)
