"""What an occluder does at each of a grid of positions (paper, section 4.2, Fig. 7)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..storage import checksums
from .arrays import Floats, Ints, table
from .colour_maps import CHANGES
from .colours import categories, change_reach, coloured, value_ends
from .layers import Box
from .occluders import occluder_box
from .predictions import from_log_odds, log_odds, no_numbers

if TYPE_CHECKING:
    import pandas
    from PIL import Image

VERSION = 1
"""Version of the files that `OcclusionMap.save` writes."""


@dataclass(frozen=True)
class LayerResponse:
    """What an occluder at each of a grid of positions does to a layer's feature maps.

    "Clean" is the image with nothing over it. Positions that aren't done hold NaN.

    Attributes
    ----------
    layer
        Name of the layer.
    totals, clean_totals
        (grid rows, grid columns, channels) and (channels,) float32: sum of each feature map.
    units, clean_units
        Arrays of the same shapes, float32: activation of each channel's unit that is strongest in
        the clean image.
    places
        (channels, 2) int64: row and column of that unit.
    hamming
        (grid rows, grid columns) float32 in 0..1: share of the layer's units that are above zero
        in one of the two images, occluded and clean, and not in the other.
    cosine
        (grid rows, grid columns) float32 in 0..2: 1 - cos of the angle between all of the layer's
        activations as a vector, occluded and clean; 0 where both are zero, 1 where one is.
    """

    layer: str
    totals: Floats
    units: Floats
    hamming: Floats
    cosine: Floats
    clean_totals: Floats
    clean_units: Floats
    places: Ints

    @property
    def strongest_channel(self) -> int:
        """The channel with the largest total activation in the clean image."""
        return int(self.clean_totals.argmax())


@dataclass(frozen=True)
class OcclusionMap:
    """What an occluder at each of a grid of positions does (paper, section 4.2, Fig. 7).

    Cell (i, j) stands for the ``stride`` block of input pixels from (i*stride, j*stride); the
    occluder lies centred on that block, cut by the image's border. Cells not ``done`` hold NaN.

    Attributes
    ----------
    size, stride
        (rows, columns) of the occluder and of the cells, in input pixels.
    baseline, mask, extra_boxes
        See `zfwidgets.records.Occluder`; the boxes in ``extra_boxes`` stay covered at every
        position.
    done
        (grid rows, grid columns) bool: the cells that are computed.
    logits
        (grid rows, grid columns, classes) float32; None where the network has no class scores.
    clean
        (classes,) float32: the logits without occluder; None likewise.
    target
        The class whose probability is shown; None likewise.
    no_classes
        Why there are no class scores; "" where there are.
    features
        What happened to the layer that was asked for; None when none was.
    note
        Why each position took a full forward pass; "" where only what changed was computed.
    """

    image: int | None
    image_name: str
    size: tuple[int, int]
    stride: tuple[int, int]
    baseline: str | float
    input_shape: tuple[int, int]
    done: NDArray[np.bool_]
    logits: Floats | None
    clean: Floats | None
    target: int | None
    labels: tuple[str, ...]
    features: LayerResponse | None = None
    mask: str | None = None
    extra_boxes: tuple[Box, ...] = ()
    no_classes: str = ""
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

    # Class scores

    def probability(self, target: int | None = None) -> Floats:
        """Probability of a class at each position (Fig. 7d), (grid rows, grid columns)."""
        return from_log_odds(self._odds(target)).astype(np.float32)

    def logit(self, target: int | None = None) -> Floats:
        """Logit of a class at each position."""
        found: Floats = self._scores()[..., self._class(target)]
        return found

    def log_odds(self, target: int | None = None) -> Floats:
        """Log-odds of a class at each position, ``log(p / (1 - p))``, from the logits.

        Unlike the probability it tells positions apart where the network is all but certain.
        """
        return self._odds(target).astype(np.float32)

    def clean_scores(self, target: int | None = None) -> dict[str, float]:
        """Probability, logit and log-odds of a class without occluder, by name."""
        self._scores()
        assert self.clean is not None
        chosen = self._class(target)
        odds = log_odds(self.clean[None], chosen)
        probability, logit = from_log_odds(odds), self.clean[chosen]
        return {
            "probability": float(probability[0]),
            "logit": float(logit),
            "log_odds": float(odds[0]),
        }

    def predicted(self) -> Ints:
        """Most probable class at each position (Fig. 7e); -1 where not done, or NaN is scored."""
        return self._predicted

    @cached_property
    def _predicted(self) -> Ints:
        found = np.full(self.grid, -1, dtype=np.int64)
        scores = self._scores()[self.done]
        found[self.done] = np.where(no_numbers(scores), -1, scores.argmax(axis=-1))
        return found

    def _scores(self) -> Floats:
        if self.logits is None:
            raise InputError(f"This map has no class scores: {self.no_classes}")
        return self.logits

    def _class(self, target: int | None) -> int:
        chosen = self.target if target is None else target
        count = self._scores().shape[-1]
        assert chosen is not None
        if not 0 <= chosen < count:
            raise InputError(f"There are classes 0 to {count - 1}, got {chosen}.")
        return int(chosen)

    def _odds(self, target: int | None) -> NDArray[np.float64]:
        found = np.full(self.grid, np.nan)
        found[self.done] = log_odds(self._scores()[self.done], self._class(target))
        return found

    # Features

    def _features(self) -> LayerResponse:
        if self.features is None:
            raise InputError("This map has no feature maps: pass layer=... to occlude().")
        return self.features

    @property
    def strongest_channel(self) -> int:
        """The channel of the layer with the largest total activation without occluder."""
        return self._features().strongest_channel

    def feature_map(self, channel: int | None = None) -> Floats:
        """Total activation of a feature map at each position (Fig. 7b)."""
        found: Floats = self._features().totals[..., self._channel(channel)]
        return found

    def unit(self, channel: int | None = None) -> Floats:
        """Activation, at each position, of the channel's unit that is strongest without."""
        found: Floats = self._features().units[..., self._channel(channel)]
        return found

    def hamming(self) -> Floats:
        """Share of the layer's units whose sign differs from the pass without occluder."""
        return self._features().hamming

    def cosine(self) -> Floats:
        """Cosine distance of the layer's activations to those without occluder."""
        return self._features().cosine

    def _channel(self, channel: int | None) -> int:
        features = self._features()
        if channel is None:
            return features.strongest_channel
        count = len(features.clean_totals)
        if not 0 <= channel < count:
            raise InputError(
                f"Layer {features.layer!r} has channels 0 to {count - 1}, got {channel}."
            )
        return int(channel)

    # Export

    def maps(self, target: int | None = None, channel: int | None = None) -> dict[str, Any]:
        """All maps of this pass by name, (grid rows, grid columns) each.

        "probability", "logit", "log_odds", "predicted" where there are class scores; "total",
        "unit", "hamming", "cosine" where a layer was asked for.
        """
        found: dict[str, Any] = {}
        if self.logits is not None:
            odds = self._odds(target)
            found["probability"] = from_log_odds(odds).astype(np.float32)
            found["logit"], found["log_odds"] = self.logit(target), odds.astype(np.float32)
            found["predicted"] = self.predicted()
        if self.features is not None:
            found["total"] = self.feature_map(channel)
            found["unit"] = self.unit(channel)
            found["hamming"] = self.hamming()
            found["cosine"] = self.cosine()
        return found

    def to_frame(self, target: int | None = None, channel: int | None = None) -> pandas.DataFrame:
        """A pandas table, one row a position, with all of `maps` and the predicted label."""
        maps = self.maps(target, channel)
        predicted = maps.get("predicted")

        def row(i: int, j: int) -> Mapping[str, Any]:
            values = {name: values[i, j].item() for name, values in maps.items()}
            if predicted is not None:
                values["label"] = self.labels[predicted[i, j]] if predicted[i, j] >= 0 else None
            return {"row": i, "col": j, **self.box(i, j).to_json(), **values}

        return table(row(i, j) for i in range(self.grid[0]) for j in range(self.grid[1]))

    def to_pil(
        self,
        map: str = "probability",  # noqa: A002
        colours: str = "viridis",
        *,
        target: int | None = None,
        channel: int | None = None,
        low: float | None = None,
        high: float | None = None,
    ) -> Image.Image:
        """One of `maps` as a picture, one pixel a position; what isn't done is white.

        Parameters
        ----------
        map
            Name of the map. The classes of "predicted" have a colour each, the most frequent ones.
        colours
            One of `zfwidgets.records.COLOURS`. "diverging" is blue below the value without
            occluder, red above it, equal differences equally strong; "tint" is transparent where
            nothing changes, magenta below that value and green above it.
        low, high
            Values of the first and the last colour; None: the map's smallest and largest, of
            "diverging" and "tint" the furthest from the value without occluder on both sides of it.
            Where values differ by rounding alone, further: that isn't painted in strong colours.
        """
        from PIL import Image

        maps = self.maps(target, channel)
        if map not in maps:
            raise InputError(f"This pass has the maps {', '.join(maps)}, not {map!r}.")
        values = maps[map]
        if map == "predicted":
            return Image.fromarray(categories(values))
        known = values[np.isfinite(values) & self.done]
        if colours in CHANGES and low is None and high is None:
            clean = self._clean_value(map, target, channel)
            reach = change_reach(map, known - clean, clean)
            low, high = clean - reach, clean + reach
        first, last = value_ends(known)
        low, high = first if low is None else low, last if high is None else high
        return Image.fromarray(coloured(values, colours, low, high))

    def _clean_value(self, name: str, target: int | None, channel: int | None) -> float:
        """What one of `maps` says without occluder."""
        if name in ("hamming", "cosine"):
            return 0.0
        if name in ("total", "unit"):
            features = self._features()
            values = features.clean_totals if name == "total" else features.clean_units
            return float(values[self._channel(channel)])
        found = self.clean_scores(target)[name]
        if not np.isfinite(found):
            raise InputError(
                f"{name} is {found} without occluder, so that there is no change to show: choose "
                "other colours, or pass low= and high=."
            )
        return found

    def save(self, path: str | Path) -> Path:
        """Write the whole pass to a NumPy ``.npz`` file, all classes and channels; no pickle.

        Returns the file's path, with ``.npz`` at its end. `load` reads it.
        """
        from ..storage.files import write_npz

        path = Path(path)
        path = path if path.suffix == ".npz" else path.with_name(path.name + ".npz")
        arrays = {name: getattr(self, name) for name in ("done", "logits", "clean")}
        if self.features is not None:
            arrays |= {f"features.{name}": getattr(self.features, name) for name in _FEATURES}
        known = {name: values for name, values in arrays.items() if values is not None}
        header = {name: getattr(self, name) for name in _HEADER} | {
            "version": VERSION,
            "extra_boxes": [box.to_json() for box in self.extra_boxes],
            "layer": None if self.features is None else self.features.layer,
            "arrays": list(known),
        }
        write_npz(path, {"header": np.array(json.dumps(header)), **known})
        return path

    @classmethod
    def load(cls, path: str | Path) -> OcclusionMap:
        """Read what `save` wrote; raises `InputError` for another file."""
        try:
            checksums.check(Path(path))
            with np.load(path, allow_pickle=False) as file:
                header: dict[str, Any] = json.loads(str(file["header"]))
                arrays = {name: file[name] for name in header.pop("arrays")}
            version, layer = header.pop("version"), header.pop("layer")
            if version != VERSION:
                raise InputError(f"{path} has version {version}; this zfwidgets reads {VERSION}.")
            features = None
            if layer is not None:
                found = {name: arrays[f"features.{name}"] for name in _FEATURES}
                features = LayerResponse(layer, **found)
            header["extra_boxes"] = tuple(Box(**box) for box in header["extra_boxes"])
            header |= {name: tuple(header[name]) for name in _PAIRS}
            header |= {name: arrays.get(name) for name in ("logits", "clean")}
            return cls(done=arrays["done"], features=features, **header)
        except InputError:
            raise
        except (AttributeError, BadZipFile, KeyError, TypeError, ValueError) as error:
            raise InputError(f"{path} isn't a file that OcclusionMap.save wrote: {error}") from None


_PAIRS = ("size", "stride", "input_shape", "labels")
_HEADER = ("image", "image_name", "baseline", "mask", "target", "no_classes", "note", *_PAIRS)
_FEATURES = ("totals", "units", "hamming", "cosine", "clean_totals", "clean_units", "places")
