"""What crosses every boundary: frozen dataclasses of NumPy arrays.

Records carry the results of an engine to users, widgets and reports. This module needs NumPy;
Pillow and pandas are imported by the conversions that return their types.

Pixels: ``uint8`` arrays of shape (rows, columns, 3) are RGB for the eye. Coordinates are
(row, column) with the origin at the top left of the network's input.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from .errors import InputError, MissingDependency

if TYPE_CHECKING:
    import pandas
    from PIL import Image

Pixels = NDArray[np.uint8]
Floats = NDArray[np.float32]
Ints = NDArray[np.int64]

Reach = Literal["exact", "upper bound", "gated", "global"]
"""How far a receptive field is known: its exact box, a box that contains it, its exact box but for
squeeze-excite gates, which see the whole image, or the whole image."""

Status = Literal["paper", "adjoint", "linearised", "unknown"]
"""How an operation is inverted on the way down (see :mod:`zfwidgets.engine.deconv`)."""


def table(rows: Iterable[Mapping[str, Any]]) -> pandas.DataFrame:
    """Rows as a pandas table; raises `MissingDependency` without pandas."""
    try:
        import pandas
    except ImportError as error:
        raise MissingDependency(
            "to_frame() needs pandas: pip install 'zfwidgets[frames]'"
        ) from error
    frame: pandas.DataFrame = pandas.DataFrame(list(rows))
    return frame


@dataclass(frozen=True)
class Box:
    """A rectangle of input pixels: ``rows top .. top+height-1``, columns alike.

    May reach over the image's border (a receptive field at the border does, by its padding).
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def bottom(self) -> int:
        """First row below the box."""
        return self.top + self.height

    @property
    def right(self) -> int:
        """First column right of the box."""
        return self.left + self.width

    def clip(self, rows: int, columns: int) -> Box:
        """The part inside an image of ``rows`` x ``columns`` pixels (maybe empty)."""
        top, left = min(max(self.top, 0), rows), min(max(self.left, 0), columns)
        bottom, right = min(max(self.bottom, top), rows), min(max(self.right, left), columns)
        return Box(top, left, bottom - top, right - left)

    def cut(self, pixels: NDArray[Any], pad: float = 0) -> NDArray[Any]:
        """Cut the box out of ``pixels`` (rows, columns, ...), at full size; outside is ``pad``."""
        rows, columns = pixels.shape[:2]
        inner = self.clip(rows, columns)
        out = np.full((self.height, self.width, *pixels.shape[2:]), pad, dtype=pixels.dtype)
        out[
            inner.top - self.top : inner.bottom - self.top,
            inner.left - self.left : inner.right - self.left,
        ] = pixels[inner.top : inner.bottom, inner.left : inner.right]
        return out

    def to_json(self) -> dict[str, int]:
        """``{"top", "left", "height", "width"}``."""
        return asdict(self)


@dataclass(frozen=True)
class ReceptiveField:
    """The input pixels that a unit of a layer depends on.

    Unit (row, col) sees rows ``row*stride[0]+offset[0]`` onward, ``size[0]`` of them; columns
    alike. With reach "global" every unit may see the whole image of ``image`` rows x columns.
    """

    size: tuple[int, int]
    stride: tuple[int, int]
    offset: tuple[int, int]
    image: tuple[int, int]
    reach: Reach = "exact"

    def box(self, row: int, col: int) -> Box:
        """The receptive field of unit (row, col) in input pixels, unclipped.

        Along an axis where the field is larger than the image, the box is the whole axis.
        """
        (top, height), (left, width) = (
            (0, image) if size >= image else (place * stride + offset, size)
            for place, size, stride, offset, image in zip(
                (row, col), self.size, self.stride, self.offset, self.image, strict=True
            )
        )
        return Box(top, left, height, width)


Role = Literal["conv", "rectifier", "pool", "norm", "linear", "block", "other"]


@dataclass(frozen=True)
class LayerInfo:
    """One call of one module, as the network's forward pass runs it.

    Attributes
    ----------
    name
        The module's path, with ``@1``, ``@2``, ... for its second, third, ... call.
    kind
        The module's class name.
    role
        What it is for a reader of the network.
    shape
        (channels, rows, columns) of its output for one image; a vector has 1 x 1.
    receptive_field
        In pixels of the network's input.
    rectified
        Whether its output is that of a rectifier (so that no unit is below zero).
    """

    name: str
    kind: str
    role: Role
    shape: tuple[int, int, int]
    receptive_field: ReceptiveField
    rectified: bool = False

    @property
    def channels(self) -> int:
        """Number of channels (feature maps)."""
        return self.shape[0]


@dataclass(frozen=True)
class Unit:
    """One unit: a channel of a layer at a place of its feature map.

    Without ``row`` and ``col`` the channel's strongest place in the image at hand is meant.
    """

    layer: str
    channel: int
    row: int | None = None
    col: int | None = None


@dataclass(frozen=True)
class Activation:
    """A unit's value in one image: its place, value and receptive field.

    ``image`` is the index among the engine's images, None for an image of the caller's own.
    """

    unit: Unit
    image: int | None
    image_name: str
    value: float
    box: Box


@dataclass(frozen=True)
class TopActivations(Sequence[Activation]):
    """A channel's strongest activations over the images, one per image, strongest first.

    Only units above zero count: a channel that fires in fewer than k images has fewer entries.
    """

    layer: str
    channel: int
    activations: tuple[Activation, ...]
    images_seen: int

    def __len__(self) -> int:
        return len(self.activations)

    def __getitem__(self, item: Any) -> Any:
        return self.activations[item]

    def __iter__(self) -> Iterator[Activation]:
        return iter(self.activations)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row an activation."""
        return table(
            {
                "layer": self.layer,
                "channel": self.channel,
                "rank": rank,
                "image": a.image,
                "name": a.image_name,
                "value": a.value,
                "row": a.unit.row,
                "col": a.unit.col,
                **a.box.to_json(),
            }
            for rank, a in enumerate(self.activations, 1)
        )


@dataclass(frozen=True)
class ChannelSummary:
    """What the index knows of all channels of one layer, over all images.

    Attributes
    ----------
    mean
        (channels,) float32: mean activation over all units and images.
    silent
        (channels,) float32 in 0..1: share of images in which no unit of the channel is above
        zero. A channel with 1 is dead on these images.
    strongest
        (channels,) float32: largest activation over all images.
    image, row, col
        (channels,) int64: where it is.
    """

    layer: str
    mean: Floats
    silent: Floats
    strongest: Floats
    image: Ints
    row: Ints
    col: Ints

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row a channel."""
        columns = ("mean", "silent", "strongest", "image", "row", "col")
        return table(
            {"channel": c, **{name: getattr(self, name)[c].item() for name in columns}}
            for c in range(len(self.mean))
        )


@dataclass(frozen=True)
class ActivationSample:
    """A channel's largest activation in each of a sample of images.

    ``complete`` says whether the sample holds every image.
    """

    layer: str
    channel: int
    images: Ints
    values: Floats
    complete: bool


@dataclass(frozen=True)
class Operation:
    """One operation between a unit and the pixels, and how the rule inverts it."""

    name: str
    status: Status
    count: int
    note: str = ""


RECTIFIER, MAX_POOL = "relu", "max_pool"
"""Names of the operations that a rule acts on, and that have switches."""

STATUSES: dict[Status, str] = {
    "paper": "as in Zeiler & Fergus (2013)",
    "adjoint": "linear, inverted by its transpose",
    "linearised": "not linear, replaced by its derivative at this image",
    "unknown": "not known to zfwidgets: do not trust the picture without a look at it",
}
"""What each status means, strongest first."""


def weakest(operations: Iterable[Operation]) -> Status:
    """The weakest status among operations; "paper" where there are none."""
    order = list(STATUSES)
    return max((o.status for o in operations), key=order.index, default="paper")


@dataclass(frozen=True)
class Explanation:
    """What lies between a layer and the pixels, and what a rule makes of it.

    Attributes
    ----------
    layer, rule
        Whose projections it is about.
    answers
        The question that the rule's pictures answer, in one line.
    operations
        What was met on the way, nearest the layer first, with the status of each.
    reach
        How far the receptive field is known.
    same_for_every_image
        Whether the picture depends on the image through nothing but its strength and, at the
        border, the part that is cut off.
    """

    layer: str
    rule: str
    answers: str
    operations: tuple[Operation, ...]
    reach: Reach
    same_for_every_image: bool = False

    @classmethod
    def of(
        cls,
        layer: LayerInfo,
        rule: str,
        answers: str,
        reads_forward: bool,
        operations: tuple[Operation, ...],
    ) -> Explanation:
        """From what was met; ``reads_forward``: whether the rule depends on the image itself."""
        linear = weakest(operations) in ("paper", "adjoint")
        pools = any(operation.name == MAX_POOL for operation in operations)
        reach = layer.receptive_field.reach
        same = linear and not pools and not reads_forward
        return cls(layer.name, rule, answers, operations, reach, same)

    @property
    def status(self) -> Status:
        """The weakest status among the operations."""
        return weakest(self.operations)

    @property
    def rectifiers(self) -> tuple[Operation, ...]:
        """The rectifiers on the way: the rule acts there and nowhere else."""
        return self._named(RECTIFIER)

    @property
    def pools(self) -> tuple[Operation, ...]:
        """The max-pools with switches."""
        return self._named(MAX_POOL)

    @property
    def linearised(self) -> tuple[Operation, ...]:
        """What isn't linear and was replaced by its derivative, or held fixed."""
        return tuple(o for o in self.operations if o.status == "linearised")

    @property
    def unknown(self) -> tuple[Operation, ...]:
        """What zfwidgets doesn't know."""
        return tuple(o for o in self.operations if o.status == "unknown")

    def _named(self, name: str) -> tuple[Operation, ...]:
        return tuple(o for o in self.operations if o.name == name)

    @property
    def sentences(self) -> tuple[str, ...]:
        """The same in plain words."""
        rectifiers, pools = (sum(o.count for o in ops) for ops in (self.rectifiers, self.pools))
        found = [self.answers]
        if rectifiers:
            found.append(f"The rule {self.rule!r} acts at {_count(rectifiers, 'rectifier')}.")
        else:
            found.append("There is no rectifier on the way: all rules give the same picture.")
        if self.same_for_every_image:
            found.append(
                "There is no max-pool on the way: apart from its strength, every image gives the "
                "same picture."
            )
        elif pools:
            found.append(f"It depends on the image through {_count(pools, 'max-pool')}.")
        found += [_sentence(o) for o in self.linearised]
        found += [f"Not known: {o.name}{_times(o)}. {o.note}." for o in self.unknown]
        found.append(_REACHES[self.reach])
        return tuple(found)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row a kind of operation."""
        return table(asdict(o) for o in self.operations)


_REACHES: dict[Reach, str] = {
    "exact": "The receptive field is exact.",
    "upper bound": "The receptive field is an upper bound: the unit sees no more than that.",
    "gated": "The receptive field is exact but for gates, which see the whole image.",
    "global": "The unit sees the whole image.",
}


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _times(operation: Operation) -> str:
    return f" ({operation.count} times)" if operation.count > 1 else ""


def _sentence(operation: Operation) -> str:
    note = f": {operation.note}" if operation.note else " by its derivative at this image"
    return f"Linearised: {operation.name}{_times(operation)}{note}."


@dataclass(frozen=True)
class Projection:
    """A unit's projection to pixel space (paper, section 2.1).

    Attributes
    ----------
    activation
        The unit, image, value and receptive field.
    rule
        "deconvnet", "guided" or "gradient".
    pixels
        (rows, columns, channels) float32 of the network's input, signed, in input units.
    operations
        What was met on the way, with the status of each.
    switches
        One int64 array per max-pool on the way, as recorded (flat index into its input), nearest
        the unit first; None unless asked for.
    """

    activation: Activation
    rule: str
    pixels: Floats
    operations: tuple[Operation, ...] = ()
    switches: tuple[Ints, ...] | None = field(default=None, repr=False)

    @property
    def status(self) -> Status:
        """The weakest status among the operations."""
        return weakest(self.operations)

    @property
    def pools(self) -> int:
        """Number of max-pools whose switches make the picture depend on this image."""
        return sum(o.count for o in self.operations if MAX_POOL in o.name)

    def numpy(self) -> Floats:
        """The signed pixels, (rows, columns, channels) float32."""
        return self.pixels

    def crop(self) -> Floats:
        """The receptive field's part, at full size (zero outside of the image)."""
        return self.activation.box.cut(self.pixels)

    def to_pil(self, *, crop: bool = True, scale: float | None = None) -> Image.Image:
        """Signed pixels around mid-grey; ``scale`` is the value shown as black or white."""
        from PIL import Image

        pixels = self.crop() if crop else self.pixels
        return Image.fromarray(signed_to_uint8(pixels, scale or display_scale([self])))


CLIPPED_AT = 99.5
"""Percentile of a projection's non-zero magnitudes that is shown as full black or white."""


def display_scale(projections: Iterable[Projection], percentile: float = CLIPPED_AT) -> float:
    """The value that is shown as full black or white, one for all of ``projections``.

    A percentile of the absolute values that aren't zero, over the receptive-field crops. Zeros
    say nothing of how large the others are: a third to four fifths of a crop is zero where
    rectifiers let nothing through, and counted in they would pull the scale down and saturate
    the rest. 1.0 if all is zero.
    """
    crops = [np.abs(p.crop()).ravel() for p in projections]
    values = np.concatenate([crop[crop > 0] for crop in crops]) if crops else np.empty(0)
    return float(np.percentile(values, percentile)) if values.size else 1.0


def signed_to_uint8(pixels: Floats, scale: float) -> Pixels:
    """Signed values as uint8 RGB around mid-grey (128): ``-scale`` -> 1, ``scale`` -> 255."""
    out = np.clip(np.rint(pixels / scale * 127), -127, 127).astype(np.int16) + 128
    if out.shape[-1] == 1:
        out = np.repeat(out, 3, axis=-1)
    return np.asarray(out[..., :3], dtype=np.uint8)


@dataclass(frozen=True)
class Occluder:
    """A rectangle that covers a part of the network's input.

    ``fill`` is "grey" (the paper's: mid-grey of the picture), "mean" (the normalisation's mean
    colour), or a number in the network's input units.
    """

    box: Box
    fill: str | float = "grey"


@dataclass(frozen=True)
class Prediction:
    """Class scores of one image, maybe with an occluder over it.

    ``probabilities`` (classes,) float32 is the softmax of ``logits`` (classes,) float32, as
    the network gave them.
    """

    image: int | None
    image_name: str
    logits: Floats
    labels: tuple[str, ...]
    occluder: Occluder | None = None

    @property
    def probabilities(self) -> Floats:
        """Softmax of the logits, (classes,) float32, sums to 1."""
        return softmax(self.logits)

    def top(self, k: int = 5) -> list[tuple[int, str, float]]:
        """The k most probable classes as (index, label, probability)."""
        probabilities = self.probabilities
        order = np.argsort(-probabilities, kind="stable")[:k]
        return [(int(i), self.labels[i], float(probabilities[i])) for i in order]

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table of all classes, most probable first."""
        rows = self.top(len(self.logits))
        return table({"class": i, "label": name, "probability": p} for i, name, p in rows)


def softmax(logits: Floats) -> Floats:
    """Softmax over the last axis, computed in float64, as float32."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True), dtype=np.float32)


@dataclass(frozen=True)
class OcclusionMap:
    """What an occluder at each of a grid of positions does (paper, section 4.2, Fig. 7).

    Cell (i, j) stands for the ``stride`` block of input pixels from (i*stride, j*stride); the
    occluder lies centred on that block, cut by the image's border. Cells not ``done`` hold NaN.

    Attributes
    ----------
    size, stride
        (rows, columns) of the occluder and of the cells, in input pixels.
    logits
        (grid rows, grid columns, classes) float32.
    clean
        (classes,) float32: the logits without occluder.
    target
        The class whose probability is shown.
    layer, totals, clean_totals
        The layer whose feature maps were summed: (grid rows, grid columns, channels) float32 and
        (channels,) float32; None when no layer was asked for.
    done
        (grid rows, grid columns) bool: the cells that are computed.
    note
        Why each position took a full forward pass; "" where only what changed was computed.
    """

    image: int | None
    image_name: str
    size: tuple[int, int]
    stride: tuple[int, int]
    fill: str | float
    input_shape: tuple[int, int]
    logits: Floats
    clean: Floats
    target: int
    labels: tuple[str, ...]
    done: NDArray[np.bool_]
    layer: str | None = None
    totals: Floats | None = None
    clean_totals: Floats | None = None
    note: str = ""

    @property
    def complete(self) -> bool:
        """Whether every position is computed."""
        return bool(self.done.all())

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of positions."""
        return self.done.shape[0], self.done.shape[1]

    def box(self, row: int, col: int) -> Box:
        """Where the occluder lies for a cell, cut by the image's border."""
        return occluder_box(row, col, self.size, self.stride).clip(*self.input_shape)

    def probability(self, target: int | None = None) -> Floats:
        """Probability of a class at each position (Fig. 7d), (grid rows, grid columns)."""
        return softmax(self.logits)[..., self.target if target is None else target]

    def predicted(self) -> Ints:
        """Most probable class at each position (Fig. 7e); -1 where not done."""
        filled = np.where(self.done[..., None], self.logits, -np.inf)
        return np.where(self.done, filled.argmax(axis=-1), -1)

    @property
    def strongest_channel(self) -> int:
        """The channel of `layer` with the largest total activation without occluder."""
        if self.clean_totals is None:
            raise InputError("This map has no feature maps: pass layer=... to occlude().")
        return int(self.clean_totals.argmax())

    def feature_map(self, channel: int | None = None) -> Floats:
        """Total activation of a feature map at each position (Fig. 7b)."""
        strongest = self.strongest_channel
        assert self.totals is not None
        return self.totals[..., strongest if channel is None else channel]

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table, one row a position."""
        probability, predicted = self.probability(), self.predicted()
        return table(
            {
                "row": i,
                "col": j,
                **self.box(i, j).to_json(),
                "probability": float(probability[i, j]),
                "predicted": self.labels[predicted[i, j]] if self.done[i, j] else None,
            }
            for i in range(self.grid[0])
            for j in range(self.grid[1])
        )

    def to_pil(self) -> Image.Image:
        """The target's probability as grey levels, black 0 to white 1, one pixel a position."""
        from PIL import Image

        values = np.nan_to_num(self.probability())
        return Image.fromarray(np.rint(values * 255).astype(np.uint8))


def occluder_box(row: int, col: int, size: tuple[int, int], stride: tuple[int, int]) -> Box:
    """The occluder centred on cell (row, col), unclipped."""
    top = row * stride[0] + stride[0] // 2 - size[0] // 2
    left = col * stride[1] + stride[1] // 2 - size[1] // 2
    return Box(top, left, *size)


@dataclass(frozen=True)
class EngineInfo:
    """What a user may want to know of an engine.

    ``notes`` are sentences that belong on screen: a default that was assumed, a limit of
    exactness, skipped images.
    """

    model: str
    device: str
    input_shape: tuple[int, int, int]
    images: tuple[str, ...]
    image_labels: tuple[str | None, ...]
    labels: tuple[str, ...]
    transform: str
    fingerprint: str
    skipped: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Progress:
    """How far a long computation is: units of work done and in all, seconds left if known."""

    done: int
    total: int
    seconds_left: float | None
    what: str
