"""The engine on this machine's torch: answers with records, and leaves the user's model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..bars import waiting
from ..errors import InputError
from ..images.sets.iterables import SPILL
from ..images.source import ImageSource
from ..records import (
    Activation,
    EngineInfo,
    Explanation,
    LayerInfo,
    Pixels,
    Projection,
    RuleInfo,
    Unit,
)
from ..threads import OneOnly, ProcessLock
from .network.memory import Memory
from .network.modes import methods_in_usual_modes, precision_note
from .network.network import Forward, Network
from .occlusion.baselines import Fills
from .occlusion.covering import Covering
from .occlusion.predicting import Predicting
from .occlusion.requests import Occluding
from .occlusion.runner import Sliding
from .projection.projector import SWITCHES, Projecting, record
from .projection.rules import Attribution, Rule, available, choose, words
from .ranking.indexed import Indexed
from .ranking.indexing import Indexing, cache_folder
from .ranking.quantiles import Quantiles
from .ranking.verifying import Verifying

IN_VIEW = 64 * 2**20
"""Bytes of images as the network gets them that are kept, so that none in view is decoded twice."""

OUTSIDE = 128
"""Grey level of a patch where its receptive field reaches over the image's border."""


@methods_in_usual_modes
class LocalEngine(OneOnly, Indexed, Occluding, Verifying):
    """Answers about a trained network and a set of images; `zfwidgets.Engine`.

    The engine computes on a frozen copy of the model (eval mode, no hooks, no gradients): later
    changes to the model don't show, and nothing of the user's model is touched. Methods are safe
    to call from any thread; one computation runs at a time.

    Parameters
    ----------
    model
        A trained `torch.nn.Module` in float32.
    images
        A folder (class folders give labels), tar shards as WebDataset has them, a map-style
        Dataset (torch's or Hugging Face's), a list of PIL images, paths or arrays,
        `zfwidgets.samples.photos()`, or an iterable Dataset, of which one pass is copied to a
        temporary file (see ``spill``).
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
    spill
        Bytes of disk that the images of an iterable Dataset may take; more is an error.
    fills
        What else an occluder may be filled with, by name, in the network's units: an array
        (channels,) or (channels, rows, columns), or a callable that makes such a tensor of an
        image's.
    hash_files
        Whether an index knows files by their bytes, all of which are read for it, instead of by
        size and time of change: it then stays good where files were copied, moved or touched.

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

    @waiting("Looking at the network and its images")
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
        fills: Mapping[str, Any] | None = None,
        spill: int = SPILL,
        hash_files: bool = False,
    ) -> None:
        self._rules = available(rules)
        self._source = ImageSource.of(
            images, transform, denormalize, spill=spill, hash_files=hash_files
        )
        self._network = Network(model, self._source.example(), device, forward)
        size = self._source.example().nbytes
        source = self._source  # not of the engine: it goes, with its memory and locks, when let go
        self._read = lru_cache(max(9, IN_VIEW // size))(lambda image, _: source.tensor(image))
        self._stamps: dict[int, str] = {}
        self._changes = 0
        self._lock = ProcessLock()
        self._memory = Memory(self._network.device)
        self._projecting = Projecting(self._network, self._memory, switches)
        labels = labels or self._source.categories or getattr(model, "categories", None)
        self._fills = Fills(self._source, fills)
        self._predicting = Predicting(self._network, self._fills, labels, self._lock, self._memory)
        self._sliding = Sliding(
            self._network, self._fills, self._predicting, self._lock, self._memory
        )
        self._covering = Covering(self._network, self._fills, self._lock, self._memory)
        self._quantiles = Quantiles(self._network, self._source, self._memory, self._lock)
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
            source.images_note,
            source.transform_note,
            source.display_note,
            self._indexing.note,
            self._indexing.stale_note,
            self._network.note,
            self._memory.note,
            precision_note(self._network.device),
        )
        return EngineInfo(
            model=self._network.name,
            device=str(self._network.device),
            input_shape=self._network.input_shape,
            images=tuple(source.names),
            image_labels=tuple(source.labels),
            labels=self._predicting.labels,
            transform=source.transform_name,
            fingerprint="-".join(fingerprint[key] for key in sorted(fingerprint)),
            skipped=tuple((s.name, s.reason) for s in source.skipped),
            notes=tuple(note for note in notes if note),
            no_classes=self._predicting.no_classes,
        )

    @property
    def generation(self) -> int:
        """Another number whenever images turn out to be others than before."""
        return self._indexing.generation + self._changes

    @property
    def cache(self) -> Path | None:
        """Folder that keeps what is computed, under fingerprints; None: in memory only."""
        return self._indexing.cache

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of this machine that names and notes may hold: nobody else needs them."""
        kept = () if self.cache is None else (str(self.cache.absolute()),)
        return (*self._source.folders, *kept)

    @property
    def licences(self) -> tuple[tuple[str, str], ...]:
        """Name, author and licence of the package's own photos; images of yours have none."""
        return self._source.licences

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

    def _tensor(self, image: int) -> Tensor:
        """An image as the network gets it, read once; what was kept of another one is let go."""
        stamp = self._source.stamp(image)
        if self._stamps.setdefault(image, stamp) != stamp:
            with self._lock:
                self._stamps[image] = stamp
                self._changes += 1
                self._projecting.renew()
                self._fills.renew()
                self._sliding.renew()
        return self._read(image, stamp)

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
        """An image as the network sees it, for the eye: (rows, columns, 3) uint8.

        Raises
        ------
        UnreadableImage
            It can't be read any more; `StaleImage` if it isn't the one that the index is of.
        """
        self._lock.check()  # what is in view is known without reading it
        return self._source.show(self._tensor(self._check_image(image)))

    def patch(self, activation: Activation) -> Pixels:
        """The receptive field cut from the photo at full size; grey outside of the image."""
        if activation.image is None:
            raise InputError("The activation is of an image of your own: cut its box from that.")
        return activation.box.cut(self.photo(activation.image), OUTSIDE)

    # Projections

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules, the paper's first."""
        return tuple(self._rules)

    def rule(self, name: str) -> RuleInfo:
        """What the rule of that name is, in words."""
        return words(choose(name, self._rules))

    def explain(self, layer: str, rule: str | Rule = "deconvnet") -> Explanation:
        """What lies between a layer and the pixels, and what a rule makes of it."""
        info = self.layer(layer)
        chosen = choose(rule, self._rules)
        with self._lock:
            return self._projecting.explain(info, chosen, self._source.example())

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
            row, col = self._projecting.place(info, unit, tensor)
            found = self._projecting.in_parts(
                info.name,
                [(unit.channel, row, col)],
                [(index, tensor)],
                chosen,
                keep_switches=keep_switches,
            )
        unit = Unit(info.name, unit.channel, row, col)
        return record(found, 0, info, unit, index, name, chosen.name)

    def project_all(
        self, activations: Sequence[Activation], rule: str | Rule | Attribution = "deconvnet"
    ) -> tuple[Projection, ...]:
        """Projections of several units of one channel, each in its own image, as `project`'s.

        Together they take less time.

        Raises
        ------
        UnreadableImage
            Naming the first image that can't be read any more: leave its activation out.
            `StaleImage` if it isn't the one that the index is of.
        InactiveUnit
            A unit isn't above zero in its image.
        """
        if not activations:
            return ()
        if len({(a.unit.layer, a.unit.channel) for a in activations}) > 1:
            raise InputError("project_all takes activations of one channel of one layer.")
        first = activations[0].unit
        info = self._channel(first.layer, first.channel)
        chosen = choose(rule, self._rules)
        images = [(a.image, self._image(a.image)[2]) for a in activations]
        with self._lock:
            units = [
                (first.channel, *self._projecting.place(info, a.unit, tensor))
                for a, (_, tensor) in zip(activations, images, strict=True)
            ]
            found = self._projecting.in_parts(info.name, units, images, chosen)
        return tuple(
            record(found, i, info, a.unit, a.image, a.image_name, chosen.name)
            for i, a in enumerate(activations)
        )

    def keep_switches(
        self, images: Sequence[int], layer: str, rule: str | Rule = "deconvnet"
    ) -> None:
        """Keep what later projections from this layer need of whole images.

        Only for layers whose units see so much of an image that all of it is computed on the way
        up: their projections then only go down. Units of other layers have too little in common;
        what each needs is kept when it is first projected. What was used longest ago goes first
        when there is more than ``Engine(switches=...)`` allows. Pictures are the same, to the
        last bit, whether anything is kept or not.
        """
        info = self.layer(layer)
        chosen = choose(rule, self._rules)
        tensors = [self._image(image)[2] for image in images]
        if tensors and isinstance(chosen, Rule):
            with self._lock:
                batch = torch.stack(tensors).to(self._network.device)
                self._projecting.keep(batch, list(images), info.name, chosen)
