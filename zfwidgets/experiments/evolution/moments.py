"""What was seen of a training: frozen dataclasses of NumPy arrays, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...records import CLIPPED_AT, Box, Floats, Ints, Pixels, Unit, signed_to_uint8, table
from ...storage import dataclasses_npz

if TYPE_CHECKING:
    import pandas
    from PIL import Image

KIND, SCHEMA = "a zfwidgets evolution", 2

SETTLED = 0.9
"""How alike a layer's features and the last ones must stay for the layer to count as settled."""

STEPS = 127
"""Levels on each side of zero that a kept projection has."""


@dataclass(frozen=True)
class Strongest:
    """The strongest activation of one feature map over all images, at one moment.

    Attributes
    ----------
    unit
        Layer, channel, row and column.
    value
        Value of the activation. Among equal ones the first image, row and column count.
    image, image_name
        Where it is.
    box
        Receptive field of the unit, which may reach over the image's border.
    levels
        (rows, columns, channels) int8: the projection inside the box, -127..127, zero outside of
        the image; None if the unit isn't above zero, and so has none.
    scale
        What level 127 means, in input units: the projection's largest magnitude.
    patch
        (rows, columns, 3) uint8: the box as the network saw it, grey outside of the image.
    """

    unit: Unit
    value: float
    image: int
    image_name: str
    box: Box
    levels: NDArray[np.int8] | None = field(repr=False)
    scale: float
    patch: Pixels = field(repr=False)

    @property
    def pixels(self) -> Floats | None:
        """The projection inside the box, signed, in input units; exact to ``scale`` / 254."""
        return (
            None if self.levels is None else self.levels.astype(np.float32) * (self.scale / STEPS)
        )

    @property
    def blank(self) -> bool:
        """Whether there is a projection, and it is zero everywhere."""
        return self.levels is not None and not self.levels.any()

    def to_pil(self) -> Image.Image | None:
        """Signed pixels around mid-grey on the picture's own scale; None without projection."""
        from PIL import Image

        shown = self.shown()
        return None if shown is None else Image.fromarray(shown)

    def shown(self) -> Pixels | None:
        """As `to_pil`, (rows, columns, 3) uint8."""
        pixels = self.pixels
        if pixels is None:
            return None
        sizes = np.abs(pixels)
        sizes = sizes[sizes > 0]
        return signed_to_uint8(pixels, float(np.percentile(sizes, CLIPPED_AT)) if sizes.size else 1)


@dataclass(frozen=True)
class Moment:
    """What the network was like after a step of its training.

    Attributes
    ----------
    step
        Steps done; 0 is before the first.
    epoch
        Epochs done, maybe not a whole number; None if nobody counts them.
    strongest
        Strongest activation of each chosen map.
    features
        By layer (channels, samples) float16: what all channels of the layer do at places in the
        images that are the same at each moment, less each channel's mean and divided by its
        standard deviation. Zero for channels that are constant.
    seconds
        Spent on looking.
    """

    step: int
    epoch: float | None
    strongest: tuple[Strongest, ...]
    features: Mapping[str, NDArray[np.float16]] = field(repr=False)
    seconds: float = 0.0

    @property
    def when(self) -> str:
        """In words."""
        if self.step == 0:
            return "before training"
        return f"step {self.step}" + ("" if self.epoch is None else f", epoch {self.epoch:g}")


@dataclass(frozen=True)
class EvolutionRecord:
    """How a network's feature maps came to be (paper, Fig. 4).

    Attributes
    ----------
    model, rule, images
        The model's class, the rule of its projections, and how many images were looked at.
    units
        (layer, channel) of each chosen map.
    fingerprint
        Fingerprint of the network as it was when watching began, and of the images.
    moments
        Oldest first.
    losses
        (steps,) float32: the loss of each step, NaN where none was told.
    missed
        Steps at which a moment was due that nobody had time to look at.
    ended
        Why watching ended early; "" if it didn't.
    """

    model: str
    units: tuple[tuple[str, int], ...]
    rule: str
    images: int
    fingerprint: str
    moments: tuple[Moment, ...] = ()
    losses: Floats = field(default_factory=lambda: np.zeros(0, np.float32), repr=False)
    missed: tuple[int, ...] = ()
    ended: str = ""

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers of the chosen maps, in the order of the network."""
        return tuple(dict.fromkeys(layer for layer, _ in self.units))

    @property
    def steps(self) -> Ints:
        """(moments,) int64: step of each moment."""
        return np.array([moment.step for moment in self.moments], dtype=np.int64)

    def number(self, layer: str, channel: int) -> int:
        """Place of a map in `units`; raises `InputError` if it wasn't watched."""
        try:
            return self.units.index((layer, channel))
        except ValueError:
            known = ", ".join(f"{name} {c}" for name, c in self.units[:8])
            raise InputError(
                f"Channel {channel} of layer {layer!r} wasn't watched. Watched are {known}"
                f"{', ...' if len(self.units) > 8 else ''}."
            ) from None

    def values(self, number: int) -> Floats:
        """(moments,) float32: strongest activation of a map over time."""
        return np.array([m.strongest[number].value for m in self.moments], dtype=np.float32)

    def jumps(self, number: int) -> NDArray[np.bool_]:
        """(moments,) bool: whether a map's strongest activation came from another photo before.

        "Sudden jumps in appearance result from a change in the image from which the strongest
        activation originates" (Fig. 4).
        """
        images = np.array([m.strongest[number].image for m in self.moments])
        return np.append(np.zeros(min(1, len(images)), bool), images[1:] != images[:-1])

    def likeness(self, layer: str) -> Floats:
        """(moments,) float32, -1..1: how alike a layer's features and its last ones are.

        For each channel, Pearson's correlation between its activations at this moment and at the
        last moment of the record, over the same places in the same images (`Moment.features`);
        then the mean over channels. It doesn't change if a channel's activations are all scaled
        or shifted. A channel that is constant at one of the two moments counts as 0, one that is
        at both isn't counted. 1 at the last moment; NaN if all channels are constant.
        """
        self._check_layer(layer)
        if not self.moments:
            return np.zeros(0, np.float32)
        last = self.moments[-1].features[layer].astype(np.float32)
        return np.array([_likeness(m.features[layer], last) for m in self.moments], np.float32)

    def settled(self, layer: str, threshold: float = SETTLED) -> int | None:
        """The step from which on a layer's features stay as they are at the end.

        That of the first moment from which on `likeness` is never below ``threshold``. None if
        there is no such moment before the last one, which is always like itself: then the layer
        hasn't settled as far as one can see.
        """
        alike = self.likeness(layer) >= threshold
        if len(alike) < 2 or not alike[-1]:
            return None
        late = np.flatnonzero(~alike)
        first = int(late[-1]) + 1 if len(late) else 0
        return None if first == len(alike) - 1 else self.moments[first].step

    def _check_layer(self, layer: str) -> None:
        if layer not in self.layers:
            raise InputError(f"Layer {layer!r} wasn't watched: expected {', '.join(self.layers)}.")

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row a map and moment."""
        jumps = [self.jumps(number) for number in range(len(self.units))]
        return table(
            {
                "step": moment.step,
                "epoch": moment.epoch,
                "layer": found.unit.layer,
                "channel": found.unit.channel,
                "value": found.value,
                "image": found.image,
                "name": found.image_name,
                "jumped": bool(jumps[number][at]),
                "row": found.unit.row,
                "col": found.unit.col,
                **found.box.to_json(),
            }
            for at, moment in enumerate(self.moments)
            for number, found in enumerate(moment.strongest)
        )

    def convergence(self, threshold: float = SETTLED) -> pandas.DataFrame:
        """A pandas table: one row a layer, when it has settled and how it was before.

        ``settled_step`` and ``settled_epoch``: see `settled`. ``likeness_at_start``: `likeness` at
        the first moment. ``picture_changes``: how often, on average over the layer's watched maps,
        the strongest activation came from another picture than at the moment before; see `jumps`.
        """
        rows = []
        epochs = {moment.step: moment.epoch for moment in self.moments}
        for layer in self.layers:
            maps = [n for n, (name, _) in enumerate(self.units) if name == layer]
            alike, step = self.likeness(layer), self.settled(layer, threshold)
            rows.append(
                {
                    "layer": layer,
                    "settled_step": step,
                    "settled_epoch": None if step is None else epochs[step],
                    "likeness_at_start": float(alike[0]) if len(alike) else float("nan"),
                    "picture_changes": float(np.mean([self.jumps(n).sum() for n in maps])),
                }
            )
        return table(rows)

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, in sentences: when layers settle, in which order, what is silent.

        Settled as in `settled`.
        """
        from .settling import findings

        return findings(self)

    def to_pil(self, layer: str | None = None, size: int = 64) -> Image.Image:
        """Draw Fig. 4: one row a map, one column a moment, RGB.

        Parameters
        ----------
        layer
            Layer whose maps are drawn; None: all.
        size
            Pixels of the side of a picture's place.
        """
        from .drawing import figure

        if layer is not None:
            self._check_layer(layer)
        return figure(self, layer, size)

    def save(self, path: str | Path) -> None:
        """Write it to a file, whole or not at all; NumPy's ``npz``, without pickle."""
        dataclasses_npz.write(Path(path), KIND, SCHEMA, self)

    @classmethod
    def load(cls, path: str | Path) -> EvolutionRecord:
        """Read what `save` has written.

        Raises
        ------
        InputError
            The file isn't there, isn't whole, or isn't such a record.
        """
        found = dataclasses_npz.read(Path(path), KIND, SCHEMA, _KNOWN.__getitem__)
        if not isinstance(found, cls):
            raise InputError(f"{path} holds a {type(found).__name__}: expected {KIND}.")
        return found


def standardised(samples: NDArray[Any]) -> NDArray[np.float16]:
    """Each channel's samples less their mean, over their standard deviation.

    Parameters
    ----------
    samples
        (channels, samples).
    """
    values = samples.astype(np.float64)
    centred = values - values.mean(1, keepdims=True)
    spread = centred.std(1, keepdims=True)
    flat = spread <= 1e-6 * np.abs(values).max(1, keepdims=True)
    return np.where(flat, 0, centred / np.where(flat, 1, spread)).astype(np.float16)


def _likeness(features: NDArray[np.float16], last: Floats) -> float:
    now = features.astype(np.float32)
    counted = now.any(1) | last.any(1)
    if not counted.any():
        return float("nan")
    now, last = now[counted], last[counted]
    sizes = np.linalg.norm(now, axis=1) * np.linalg.norm(last, axis=1)
    return float(((now * last).sum(1) / np.where(sizes > 0, sizes, 1)).mean())


_KNOWN = {kind.__name__: kind for kind in (EvolutionRecord, Moment, Strongest, Unit, Box)}
"""What a file of a record is made of."""
