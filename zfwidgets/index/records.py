"""The top-k index: what one pass over the images leaves, in memory and on disk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingDependency
from ..records import (
    Activation,
    ActivationSample,
    ChannelSummary,
    Floats,
    Ints,
    LayerInfo,
    Unit,
    table,
)
from .exact import edges, mean_of
from .manifest import Manifest
from .partial import Partial, Top
from .plan import Plan

if TYPE_CHECKING:
    import pandas


@dataclass(frozen=True)
class LayerIndex:
    """One layer's part.

    Attributes
    ----------
    values, images, rows, cols
        (channels, k): each channel's strongest activations, one per image, strongest first;
        ties go to the smaller image index, then row, then column. Image -1 is an empty place.
    mean, zeros
        (channels,) float32: mean activation, and share of units that aren't above zero, over all
        units of `TopKIndex.measured` images; NaN where none was measured.
    silent
        (channels,) float32: share of images without a unit above zero.
    maxima
        (channels, BINS): how many images have their largest activation in which bin.
    sample, scale
        (sampled images, channels) float16 in -1..1 and (channels,) float32: each sampled image's
        largest activation is ``sample * scale``, rounded to 1/2048 of the channel's largest.
    class_values, class_images, class_rows, class_cols
        (channels, classes, k): the same among each class's images; no classes if none were asked
        for.
    """

    values: Floats
    images: Ints
    rows: Ints
    cols: Ints
    mean: Floats
    zeros: Floats
    silent: Floats
    maxima: Ints
    sample: NDArray[np.float16]
    scale: Floats
    class_values: Floats
    class_images: Ints
    class_rows: Ints
    class_cols: Ints

    def summary(self, layer: str, images_seen: int | None = None) -> ChannelSummary:
        """Statistics of all channels, as those of ``layer``, over so many images."""
        return ChannelSummary(
            layer,
            self.mean,
            self.silent,
            self.values[:, 0],
            self.images[:, 0],
            self.rows[:, 0],
            self.cols[:, 0],
            images_seen,
        )

    def strongest(
        self, layer: LayerInfo, channel: int, k: int, names: Sequence[str]
    ) -> tuple[Activation, ...]:
        """A channel's at most k strongest activations above zero, in images of these names."""
        places = (part[channel][:k] for part in (self.values, self.images, self.rows, self.cols))
        return tuple(
            Activation(
                Unit(layer.name, channel, int(row), int(col)),
                int(image),
                names[int(image)],
                float(value),
                layer.field_of(channel).box(int(row), int(col)),
            )
            for value, image, row, col in zip(*places, strict=True)
            if value > 0 and image >= 0
        )


@dataclass(frozen=True)
class LayerShape:
    """A layer's name and the size of its maps."""

    name: str
    channels: int
    rows: int
    columns: int


@dataclass(frozen=True)
class TopKIndex:
    """Top k of every channel of every layer, with statistics.

    Attributes
    ----------
    partial
        What the pass found.
    shapes
        Shape of each layer's output, in the order of the forward pass.
    fingerprint
        Digests of the weights, transform and data that it belongs to.
    manifest
        The images.
    plan
        Which of the images shared a batch.
    rejected
        (name, reason) of files that are no images by their headers; they have no number.
    made_with
        Versions, device, threads, settings.
    probe
        Means and standard deviations of a few images as the network got them (see
        `zfwidgets.images.source.ImageSource`), which tell apart transforms that have one name.
    classes
        Names of the classes, where tops by class were asked for.
    since_removed
        How many images are counted in the statistics (not in the tops) that were removed since.
    on_white
        Numbers of the images whose transparent parts were laid on white.
    """

    partial: Partial
    shapes: tuple[LayerShape, ...]
    fingerprint: Mapping[str, str]
    manifest: Manifest
    plan: Plan
    rejected: tuple[tuple[str, str], ...] = ()
    made_with: Mapping[str, str] = field(default_factory=dict)
    probe: tuple[float, ...] = ()
    classes: tuple[str, ...] = ()
    since_removed: int = 0
    on_white: tuple[int, ...] = ()

    @cached_property
    def layers(self) -> Mapping[str, LayerIndex]:
        """What was found, by layer."""
        return _layers(self.partial, self.shapes, len(self.classes))

    @property
    def complete(self) -> bool:
        """Whether the pass has been through all batches."""
        return len(self.partial.batches) == len(self.plan)

    @property
    def images_seen(self) -> int:
        """How many images it covers."""
        return self.partial.images - self.since_removed

    @property
    def sampled(self) -> Ints:
        """Numbers of the images whose largest activations are kept for every channel.

        Those with the smallest hashes of their names: spread evenly over whatever there is.
        """
        return self.partial.sampled

    @property
    def measured(self) -> int:
        """How many images `LayerIndex.mean` and `LayerIndex.zeros` are over."""
        return self.partial.measured

    @property
    def skipped(self) -> tuple[tuple[str, str], ...]:
        """(name, reason) of images that can't be used."""
        bad = sorted(self.partial.bad.items())
        return (*self.rejected, *((self.manifest.names[number], why) for number, why in bad))

    def sample(self, layer: str, channel: int) -> ActivationSample:
        """Each sampled image's largest activation of a channel."""
        part = self.layers[layer]
        values = part.sample[:, channel].astype(np.float32) * part.scale[channel]
        return self._sample(layer, channel, values)

    def samples(self, layer: str) -> tuple[ActivationSample, ...]:
        """The same of all channels, read at once."""
        part = self.layers[layer]
        values = part.sample.astype(np.float32) * part.scale
        return tuple(self._sample(layer, channel, own) for channel, own in enumerate(values.T))

    def _sample(self, layer: str, channel: int, values: Floats) -> ActivationSample:
        complete = len(self.sampled) == self.images_seen
        return ActivationSample(layer, channel, self.sampled, values, complete)

    def quantiles(self, layer: str, channel: int, each: int = 3, parts: int = 10) -> list[Ints]:
        """A few images from every tenth of a channel's values, weakest tenth first.

        Approximate where `sample` isn't complete: tenths of the sample, not of all images.

        Parameters
        ----------
        layer, channel
            Layer and channel whose activations are shown.
        each
            At most how many images from each part.
        parts
            Into how many equal parts the values are cut.

        Returns
        -------
        list of (at most each,) int64 image numbers, strongest first within a part
        """
        sample = self.sample(layer, channel)
        return [part.spread(each).images for part in sample.parts(parts)]

    def histogram(self, layer: str, channel: int) -> tuple[Ints, Floats]:
        """How images' largest activations of a channel are distributed.

        Returns
        -------
        counts
            (BINS,) images in each bin, all together `images_seen` and those `since_removed`.
        edges
            (BINS,) lower edges, see `zfwidgets.index.exact.edges`.
        """
        return self.layers[layer].maxima[channel], edges()

    def rows(self) -> Iterator[dict[str, Any]]:
        """One row for each place in each channel's top."""
        names = self.manifest.names
        for layer, part in self.layers.items():
            for channel, rank in zip(*np.nonzero(part.images >= 0), strict=True):
                image = int(part.images[channel, rank])
                yield {
                    "layer": layer,
                    "channel": int(channel),
                    "rank": int(rank),
                    "image": image,
                    "name": names[image] if names else None,
                    "row": int(part.rows[channel, rank]),
                    "col": int(part.cols[channel, rank]),
                    "value": float(part.values[channel, rank]),
                }

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row for each place in each channel's top (`rows`)."""
        return table(self.rows())

    def to_parquet(self, path: str | Path) -> None:
        """Write `to_frame` as a Parquet file: whole, or not at all.

        Raises
        ------
        MissingDependency
            pandas or pyarrow isn't there.
        OSError
            It can't be written there; what was there stays.
        """
        from ..storage.whole import whole

        frame = self.to_frame()
        if find_spec("pyarrow") is None:
            raise MissingDependency("to_parquet() needs pyarrow: pip install 'zfwidgets[frames]'")
        with whole(Path(path)) as temporary:
            frame.to_parquet(temporary, engine="pyarrow", index=False)


def _layers(partial: Partial, shapes: Sequence[LayerShape], classes: int) -> dict[str, LayerIndex]:
    images = max(partial.images, 1)
    scale = scale_of(partial.sample)
    mean = mean_of(partial.sums, partial.measured)
    found, start = {}, 0
    for layer in shapes:
        mine = slice(start, start + layer.channels)
        of_class = slice(mine.start * classes, mine.stop * classes)
        start = mine.stop
        units = partial.measured * layer.rows * layer.columns or np.nan
        in_class = (layer.channels, classes, partial.by_class.values.shape[1])
        by_class: list[Any] = [
            part.reshape(in_class) for part in _places(partial.by_class, of_class, layer)
        ]
        found[layer.name] = LayerIndex(
            *_places(partial.top, mine, layer),
            mean[mine],
            (partial.zeros[mine] / units).astype(np.float32),
            (partial.silent[mine] / images).astype(np.float32),
            partial.maxima[mine],
            (partial.sample[:, mine] / scale[mine]).astype(np.float16),
            scale[mine],
            *by_class,
        )
    return found


def scale_of(sample: Floats) -> Floats:
    """(channels,) float32: the power of two that brings a channel's sample into -1..1."""
    largest = np.abs(sample).max(0, initial=0)
    exponent = np.frexp(np.maximum(largest, np.finfo(np.float32).tiny))[1]
    return np.asarray(np.ldexp(np.float32(1), np.minimum(exponent, 127)), np.float32)


def _places(top: Top, rows: slice, layer: LayerShape) -> tuple[Floats, Ints, Ints, Ints]:
    places = top.places[rows].astype(np.int64)
    images = top.images[rows].astype(np.int64)
    return top.values[rows], images, places // layer.columns, places % layer.columns
