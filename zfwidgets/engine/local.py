"""The engine on this machine's torch: answers with records, and leaves the user's model alone."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import InactiveUnit, InputError, UnsupportedModel
from ..images.source import ImageSource
from ..records import (
    Activation,
    ActivationSample,
    ChannelSummary,
    EngineInfo,
    Explanation,
    LayerInfo,
    Occluder,
    OcclusionMap,
    Pixels,
    Prediction,
    Progress,
    Projection,
    TopActivations,
    Unit,
)
from . import deconv
from .index import LayerIndex, TopKIndex
from .indexing import Indexing, cache_folder
from .memory import Memory
from .network import Forward, Network, computing
from .occlusion import Grid, cover, score, slide
from .progress import watch
from .projecting import SWITCHES, Projecting
from .rules import Attribution, Rule, available, choose
from .topk import KEEP

IN_VIEW = 64 * 2**20
"""Bytes of images as the network gets them that are kept, so that none in view is decoded twice."""

OUTSIDE = 128
"""Grey level of a patch where its receptive field reaches over the image's border."""


class LocalEngine:
    """Answers about a trained network and a set of images; `zfwidgets.Engine`.

    The engine computes on a frozen copy of the model (eval mode, no hooks, no gradients): later
    changes to the model don't show, and nothing of the user's model is touched. Methods are safe
    to call from any thread; one computation runs at a time.

    Parameters
    ----------
    model
        A trained `torch.nn.Module` in float32.
    images
        A folder (class folders give labels), a map-style Dataset, a list of PIL images, paths or
        arrays, or `zfwidgets.samples.photos()`.
    transform
        What the network expects: a callable from a PIL image to a (channels, rows, columns)
        float32 tensor, or a torchvision weights enum member, whose transform and class names are
        taken. None means torchvision's ImageNet evaluation transform for pictures (and is noted
        in ``info.notes``), and no transform for tensors.
    labels
        Class names in the order of the network's outputs. None takes those of the weights enum,
        or the model's own attribute ``categories``, or numbers the classes.
    device
        Where to compute: None means the model's own device, or a GPU when there is one.
    denormalize
        How to show tensors that a transform gave: (mean, std) or a callable from tensor to
        (rows, columns, 3) uint8. Needed only where no Normalize can be found in the transform.
    cache
        Folder that keeps top-k indexes under their fingerprints; None means the user's cache
        folder, False keeps them in memory only.
    switches
        Bytes of max-pool switches that may be kept, so that more projections of an image in view
        need no forward pass.
    forward
        How to call the model on a batch (n, channels, rows, columns), for models that need
        keyword arguments or give more than logits:
        ``lambda model, batch: model(pixel_values=batch).logits``. None means ``model(batch)``.
    rules
        Rules of your own, beside those of `zfwidgets.rules`.

    Raises
    ------
    InputError
        For images, transforms or labels that don't fit, naming what and why.
    UnsupportedModel
        For a model that can't run on the images or can't be handled exactly, naming the layer.

    Examples
    --------
    >>> import zfwidgets as zf
    >>> engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    >>> engine.top("features.7", channel=42)[0].image_name
    """

    def __init__(
        self,
        model: nn.Module,
        images: Any,
        transform: Any = None,
        labels: Sequence[str] | None = None,
        device: str | torch.device | None = None,
        *,
        denormalize: Any = None,
        cache: str | Path | bool | None = None,
        switches: int = SWITCHES,
        forward: Forward | None = None,
        rules: Sequence[Rule | Attribution] = (),
    ) -> None:
        self._rules = available(rules)
        self._source = ImageSource.of(images, transform, denormalize)
        self._network = Network(model, self._source.example(), device, forward)
        size = self._source.example().nbytes
        self._tensor = lru_cache(max(9, IN_VIEW // size))(self._source.tensor)
        self._projecting = Projecting(self._network, switches)
        self._lock = threading.RLock()
        self._memory = Memory(self._network.device)
        self._labels = _labels(
            labels or self._source.categories or getattr(model, "categories", None), self._network
        )
        self._indexing = Indexing(
            self._network, self._source, cache_folder(cache), self._lock, self._memory
        )

    def __repr__(self) -> str:
        info = self.info
        return (
            f"<zfwidgets.Engine {info.model} on {info.device}, {len(self.layers)} layers, "
            f"{len(info.images)} images, input {info.input_shape}>"
        )

    @property
    def info(self) -> EngineInfo:
        """Names, shapes, labels, notes and the fingerprint."""
        source, fingerprint = self._source, self._indexing.fingerprint
        notes = (
            source.transform_note,
            source.display_note,
            self._indexing.note,
            self._network.note,
            self._memory.note,
            *self._precision(),
        )
        return EngineInfo(
            model=self._network.name,
            device=str(self._network.device),
            input_shape=self._network.input_shape,
            images=tuple(source.names),
            image_labels=tuple(source.labels),
            labels=self._labels,
            transform=source.transform_name,
            fingerprint="-".join(fingerprint[key] for key in sorted(fingerprint)),
            skipped=tuple((s.name, s.reason) for s in source.skipped),
            notes=tuple(note for note in notes if note),
        )

    def _precision(self) -> tuple[str, ...]:
        if self._network.device.type == "cuda" and torch.backends.cudnn.allow_tf32:
            return (
                "This process lets the GPU's convolutions round to TF32 (about three digits). For "
                "full float32 set torch.backends.cudnn.allow_tf32 = False.",
            )
        return ()

    # Layers

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers in the order of the forward pass."""
        return self._network.layers

    def layer(self, name: str) -> LayerInfo:
        """The layer of that name; raises `UnknownLayer` naming the nearest."""
        return self._network.layer(name)

    def _channel(self, layer: str, channel: int) -> LayerInfo:
        info = self.layer(layer)
        if not 0 <= channel < info.channels:
            raise InputError(
                f"Layer {info.name!r} has channels 0 to {info.channels - 1}, got {channel}."
            )
        return info

    # Images

    def _check_image(self, image: int) -> int:
        if not 0 <= image < len(self._source):
            raise InputError(f"There are images 0 to {len(self._source) - 1}, got {image}.")
        return int(image)

    def _image(self, image: Any) -> tuple[int | None, str, Tensor]:
        """An image of the engine's by index, or one of the caller's own: (index, name, tensor)."""
        if isinstance(image, (int, np.integer)):
            index = self._check_image(int(image))
            return index, self._source.names[index], self._tensor(index)
        own = self._source.alike([image])
        tensor = own.tensor(0)
        if tuple(tensor.shape) != self._network.input_shape:
            raise InputError(
                f"The image becomes a tensor of shape {tuple(tensor.shape)}, the network was set "
                f"up for {self._network.input_shape}."
            )
        return None, own.names[0], tensor

    def photo(self, image: int) -> Pixels:
        """An image as the network sees it, for the eye: (rows, columns, 3) uint8."""
        return self._source.display(self._check_image(image))

    def patch(self, activation: Activation) -> Pixels:
        """The receptive field cut from the photo at full size; grey outside of the image."""
        if activation.image is None:
            raise InputError("The activation is of an image of your own: cut its box from that.")
        return activation.box.cut(self.photo(activation.image), OUTSIDE)

    # Index

    @property
    def indexed(self) -> bool:
        """Whether the top-k index is there, so that ``top`` and ``channels`` answer at once."""
        return self._indexing.ready

    def index_steps(self) -> Generator[Progress, None, None]:
        """Build the top-k index in steps, if it isn't there; keep it on disk."""
        return self._indexing.steps()

    def index(self, progress: bool = True) -> TopKIndex:
        """The top-k index of all layers, built now if it isn't there, with a progress bar."""
        return self._indexing.get(progress)

    def channels(self, layer: str) -> ChannelSummary:
        """Statistics of all channels of a layer."""
        name = self.layer(layer).name
        part = self.index().layers[name]
        return ChannelSummary(
            name,
            part.mean,
            part.silent,
            part.values[:, 0],
            part.images[:, 0],
            part.rows[:, 0],
            part.cols[:, 0],
        )

    def sample(self, layer: str, channel: int) -> ActivationSample:
        """Each image's largest activation of a channel, to 1/2048 of the channel's largest."""
        name = self._channel(layer, channel).name
        index = self.index()
        part = index.layers[name]
        values = part.sample[:, channel].astype(np.float32) * part.scale[channel]
        complete = len(index.sampled) == index.images_seen
        return ActivationSample(name, channel, index.sampled, values, complete)

    def top(self, layer: str, channel: int, k: int = 9) -> TopActivations:
        """A channel's k strongest activations above zero, one per image, strongest first.

        Equal values are ordered by image, row and column. Builds the index on first use.
        """
        info = self._channel(layer, channel)
        if not 1 <= k <= KEEP:
            raise InputError(f"The index keeps {KEEP} activations a channel: k = 1 to {KEEP}.")
        index = self.index()
        found = self._entries(info, index.layers[info.name], channel, k)
        return TopActivations(info.name, channel, tuple(found), index.images_seen)

    def _entries(self, info: LayerInfo, part: LayerIndex, channel: int, k: int) -> list[Activation]:
        rows = (getattr(part, name)[channel, :k] for name in ("values", "images", "rows", "cols"))
        return [
            Activation(
                Unit(info.name, channel, int(row), int(col)),
                int(image),
                self._source.names[int(image)],
                float(value),
                info.receptive_field.box(int(row), int(col)),
            )
            for value, image, row, col in zip(*rows, strict=True)
            if value > 0 and image >= 0
        ]

    # Projections

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules, the paper's first."""
        return tuple(self._rules)

    def explain(self, layer: str, rule: str | Rule = "deconvnet") -> Explanation:
        """What lies between a layer and the pixels, and what a rule makes of it."""
        info = self.layer(layer)
        chosen = choose(rule, self._rules)
        if isinstance(chosen, Attribution):
            raise InputError(
                f"{chosen.name!r} goes its own way to the pixels: see the operations of its "
                "projections."
            )
        with self._lock:
            example = self._source.example()[None].to(self._network.device)
            met = self._projecting.certificate(info.name, example)
        return Explanation.of(info, chosen.name, chosen.answers, chosen.reads_forward, met)

    def project(
        self,
        unit: Unit,
        image: Any,
        rule: str | Rule | Attribution = "deconvnet",
        *,
        keep_switches: bool = False,
    ) -> Projection:
        """Project a unit's activation down to pixel space (paper, section 2.1).

        Parameters
        ----------
        unit
            Without row and col: the channel's strongest unit in this image.
        image
            An index, or an image of your own (PIL image, path, array).
        rule
            One of `rules`: "deconvnet" (the paper), "guided" (guided backpropagation),
            "gradient"; or an object, see `zfwidgets.rules`.
        keep_switches
            Whether the record carries the max-pool switches.

        Raises
        ------
        InactiveUnit
            The unit isn't above zero in this image: the deconvnet has nothing to project.
        """
        index, name, tensor = self._image(image)
        info = self._channel(unit.layer, unit.channel)
        chosen = choose(rule, self._rules)
        with self._lock:
            row, col = self._place(info, unit, tensor)
            found = self._project(
                info,
                [(unit.channel, row, col)],
                [(index, tensor)],
                chosen,
                keep_switches=keep_switches,
            )
        return self._projection(
            found, 0, info, Unit(info.name, unit.channel, row, col), index, name, chosen.name
        )

    def project_all(
        self, activations: Sequence[Activation], rule: str | Rule | Attribution = "deconvnet"
    ) -> tuple[Projection, ...]:
        """Projections of several units of one channel, each in its own image, in one batch."""
        if not activations:
            return ()
        if len({(a.unit.layer, a.unit.channel) for a in activations}) > 1:
            raise InputError("project_all takes activations of one channel of one layer.")
        first = activations[0].unit
        info = self._channel(first.layer, first.channel)
        chosen = choose(rule, self._rules)
        tensors = [self._image(a.image)[2] for a in activations]
        with self._lock:
            units = [
                (first.channel, *self._place(info, a.unit, tensor))
                for a, tensor in zip(activations, tensors, strict=True)
            ]
            images = [(a.image, tensor) for a, tensor in zip(activations, tensors, strict=True)]
            found = self._project(info, units, images, chosen, [a.value for a in activations])
        return tuple(
            self._projection(found, i, info, a.unit, a.image, a.image_name, chosen.name)
            for i, a in enumerate(activations)
        )

    def keep_switches(
        self, images: Sequence[int], layer: str, rule: str | Rule = "deconvnet"
    ) -> None:
        """Keep what later projections of these images need of a forward pass.

        Projections from this layer and those below it then only go down. What was used longest
        ago goes first when there is more than ``Engine(switches=...)`` allows.
        """
        info = self.layer(layer)
        chosen = choose(rule, self._rules)
        tensors = [self._image(image)[2] for image in images]
        if tensors and isinstance(chosen, Rule):
            with self._lock:
                batch = torch.stack(tensors).to(self._network.device)
                self._projecting.keep(batch, list(images), info.name, chosen)

    def _place(self, info: LayerInfo, unit: Unit, tensor: Tensor) -> tuple[int, int]:
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

    def _project(
        self,
        info: LayerInfo,
        units: list[tuple[int, int, int]],
        images: Sequence[tuple[int | None, Tensor]],
        rule: Rule | Attribution,
        values: Sequence[float] | None = None,
        keep_switches: bool = False,
    ) -> deconv.Projected:
        def compute(part: Sequence[int]) -> deconv.Projected:
            batch = torch.stack([images[i][1] for i in part]).to(self._network.device)
            return self._projecting.project(
                batch,
                [images[i][0] for i in part],
                info.name,
                [units[i] for i in part],
                rule,
                values=None if values is None else [values[i] for i in part],
                keep_switches=keep_switches,
            )

        parts = self._memory.in_parts("projections", compute, range(len(units)))
        return deconv.Projected.join(parts)

    def _projection(
        self,
        found: deconv.Projected,
        number: int,
        info: LayerInfo,
        unit: Unit,
        image: int | None,
        name: str,
        rule: str,
    ) -> Projection:
        value = float(found.values[number])
        if value <= 0:
            raise InactiveUnit(
                f"Unit {unit.row}, {unit.col} of channel {unit.channel} in layer {info.name!r} "
                f"isn't active in {name!r} ({value:.3g}): it has no projection. Choose a unit "
                "above zero, as engine.top() lists them."
            )
        assert unit.row is not None
        assert unit.col is not None
        box = info.receptive_field.box(unit.row, unit.col)
        pixels = found.pixels[number].permute(1, 2, 0).cpu().contiguous().numpy()
        switches = tuple(s[number].cpu().numpy() for s in found.switches) or None
        activation = Activation(unit, image, name, value, box)
        return Projection(activation, rule, pixels, found.operations, switches)

    # Predictions and occlusion

    def predict(self, image: Any, occluder: Occluder | None = None) -> Prediction:
        """Class scores of an image (an index or one of your own), maybe occluded."""
        index, name, tensor = self._image(image)
        self._check_classifier()
        if occluder is not None:
            tensor = cover(tensor, occluder.box, self._source.fill_value(occluder.fill))
        with self._lock:
            logits, _ = score(self._network, tensor[None], None)
        return Prediction(index, name, logits[0], self._labels, occluder)

    def _check_classifier(self) -> None:
        shape = self._network.outputs
        if shape is None or len(shape) != 2:
            got = "no tensor" if shape is None else f"a tensor of shape {shape}"
            raise UnsupportedModel(
                f"{self._network.name} gives {got} for one image; class probabilities need (1, "
                "classes). Say how to get them: zf.Engine(..., forward=lambda model, batch: "
                "model(batch)[...])."
            )

    def occlude(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        fill: str | float = "grey",
        target: int | str | None = None,
        layer: str | None = None,
        *,
        progress: bool = True,
    ) -> OcclusionMap:
        """Slide an occluder over an image (paper, section 4.2).

        Parameters
        ----------
        image
            An index, or an image of your own.
        patch, stride
            Occluder and step in input pixels, (rows, columns) or one number for both.
        fill
            "grey" (the paper's), "mean" (the normalisation's mean), or a number in input units.
        target
            Class whose probability is shown: index, name, or None for the predicted class.
        layer
            Layer whose feature maps' total activations are recorded too (Fig. 7b).
        """
        steps = self.occlude_steps(image, patch, stride, fill, target, layer)
        found: OcclusionMap = watch(steps, "Sliding the occluder", progress)
        return found

    def occlude_steps(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        fill: str | float = "grey",
        target: int | str | None = None,
        layer: str | None = None,
    ) -> Generator[OcclusionMap, None, OcclusionMap]:
        """As `occlude`, in steps: yields the map so far, coarse positions first."""
        index, name, tensor = self._image(image)
        self._check_classifier()
        shape = self._network.input_shape[1:]
        grid = Grid(_pair("patch", patch, shape), _pair("stride", stride, shape), shape)
        info = self.layer(layer) if layer is not None else None
        value = self._source.fill_value(fill)
        with self._lock:
            clean, totals = score(self._network, tensor[None], info.name if info else None)
        wanted = self._target(target, clean[0])
        result = OcclusionMap(
            image=index,
            image_name=name,
            size=grid.size,
            stride=grid.stride,
            fill=fill,
            input_shape=shape,
            logits=np.full((*grid.shape, clean.shape[1]), np.nan, dtype=np.float32),
            clean=clean[0],
            target=wanted,
            labels=self._labels,
            done=np.zeros(grid.shape, dtype=bool),
            layer=info.name if info else None,
            totals=(
                np.full((*grid.shape, totals.shape[1]), np.nan, dtype=np.float32)
                if totals is not None
                else None
            ),
            clean_totals=totals[0] if totals is not None else None,
        )
        steps = slide(self._network, tensor, grid, value, result.layer, self._memory)
        while True:
            with self._lock:
                scores = next(steps, None)
            if scores is None:
                return result
            rows, cols = scores.cells.T
            result.logits[rows, cols] = scores.logits
            if result.totals is not None:
                result.totals[rows, cols] = scores.totals
            result.done[rows, cols] = True
            result = replace(result, note=scores.note)
            yield replace(
                result,
                logits=result.logits.copy(),
                totals=None if result.totals is None else result.totals.copy(),
                done=result.done.copy(),
            )

    def _target(self, target: int | str | None, logits: np.ndarray[Any, Any]) -> int:
        if target is None:
            return int(logits.argmax())
        if isinstance(target, str):
            found = [i for i, label in enumerate(self._labels) if label == target]
            if len(found) != 1:
                problem = f"is the name of classes {found}" if found else "is no class name"
                raise InputError(f"{target!r} {problem}: give the class's index.")
            return found[0]
        if not 0 <= target < len(logits):
            raise InputError(f"There are classes 0 to {len(logits) - 1}, got {target}.")
        return int(target)


def _labels(labels: Sequence[str] | None, network: Network) -> tuple[str, ...]:
    shape = network.outputs
    classes = shape[1] if shape is not None and len(shape) == 2 else None
    if labels is None:
        return tuple(f"class {i}" for i in range(classes or 0))
    if classes is not None and len(labels) != classes:
        raise InputError(
            f"{network.name} has {classes} classes, got {len(labels)} labels: give one name per "
            "class, in the order of the outputs."
        )
    return tuple(map(str, labels))


def _pair(what: str, value: int | tuple[int, int], image: tuple[int, int]) -> tuple[int, int]:
    rows, columns = (value, value) if isinstance(value, (int, np.integer)) else value
    if not (1 <= rows <= image[0] and 1 <= columns <= image[1]):
        raise InputError(
            f"{what} is {value}: expected one or two numbers of pixels from 1 to the image's size, "
            f"{image[0]} x {image[1]}."
        )
    return int(rows), int(columns)
