"""The top-k index: what one pass over the images leaves, in memory and on disk.

One safetensors file holds the arrays and, in its header, a JSON description with a schema version
and fingerprints. Reading it needs NumPy and safetensors, not torch.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from ..errors import IndexMismatch, InputError
from ..records import (
    Activation,
    ActivationSample,
    ChannelSummary,
    Floats,
    Ints,
    LayerInfo,
    Unit,
)

SCHEMA = 2
PROBE_TOLERANCE = 5e-3
"""How far the same transform may be from itself in another version of Pillow or torchvision."""
_STORED_AS = {"values": np.float32, "images": np.int32, "rows": np.int16, "cols": np.int16}


@dataclass(frozen=True)
class LayerIndex:
    """One layer's part.

    Attributes
    ----------
    values, images, rows, cols
        (channels, k): each channel's strongest activations, one per image, strongest first;
        ties go to the smaller image index, then row, then column. Image -1 is an empty place.
    mean, silent
        (channels,) float32: mean activation; share of images without a unit above zero.
    sample, scale
        (sampled images, channels) float16 in -1..1 and (channels,) float32: each sampled image's
        largest activation is ``sample * scale``, rounded to 1/2048 of the channel's largest.
    """

    values: Floats
    images: Ints
    rows: Ints
    cols: Ints
    mean: Floats
    silent: Floats
    sample: NDArray[np.float16]
    scale: Floats

    def summary(self, layer: str) -> ChannelSummary:
        """Statistics of all channels, as those of ``layer``."""
        return ChannelSummary(
            layer,
            self.mean,
            self.silent,
            self.values[:, 0],
            self.images[:, 0],
            self.rows[:, 0],
            self.cols[:, 0],
        )

    def strongest(
        self, layer: LayerInfo, channel: int, k: int, names: Sequence[str]
    ) -> tuple[Activation, ...]:
        """A channel's at most k strongest activations above zero, in images of these names."""
        places = (part[channel, :k] for part in (self.values, self.images, self.rows, self.cols))
        return tuple(
            Activation(
                Unit(layer.name, channel, int(row), int(col)),
                int(image),
                names[int(image)],
                float(value),
                layer.receptive_field.box(int(row), int(col)),
            )
            for value, image, row, col in zip(*places, strict=True)
            if value > 0 and image >= 0
        )


@dataclass(frozen=True)
class TopKIndex:
    """Top k of every channel of every layer, with statistics.

    ``fingerprint`` names the weights, transform and data that it belongs to; ``sampled`` are the
    images whose activations are sampled; ``skipped`` are (name, reason) of unreadable images;
    ``probe`` are means and standard deviations of a few images as the network got them (see
    `zfwidgets.images.source.ImageSource`), which tell apart transforms that have one name.
    """

    layers: Mapping[str, LayerIndex]
    fingerprint: Mapping[str, str]
    images_seen: int
    sampled: Ints
    skipped: tuple[tuple[str, str], ...] = ()
    made_with: Mapping[str, str] = field(default_factory=dict)
    probe: tuple[float, ...] = ()

    def sample(self, layer: str, channel: int) -> ActivationSample:
        """Each sampled image's largest activation of a channel."""
        part = self.layers[layer]
        values = part.sample[:, channel].astype(np.float32) * part.scale[channel]
        complete = len(self.sampled) == self.images_seen
        return ActivationSample(layer, channel, self.sampled, values, complete)

    def save(self, path: Path) -> None:
        """Write atomically: a reader sees the old file or the whole new one."""
        arrays: dict[str, NDArray[np.generic]] = {"sampled": self.sampled}
        for number, layer in enumerate(self.layers.values()):
            for name, array in vars(layer).items():
                kept = array.astype(_STORED_AS.get(name, array.dtype))
                arrays[f"{number}.{name}"] = np.ascontiguousarray(kept)
        about = {
            "schema": SCHEMA,
            "layers": list(self.layers),
            "fingerprint": dict(self.fingerprint),
            "images_seen": self.images_seen,
            "skipped": self.skipped,
            "made_with": dict(self.made_with),
            "probe": self.probe,
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{uuid4().hex}.part")
        try:
            save_file(arrays, temporary, {"zfwidgets": json.dumps(about)})
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise

    @classmethod
    def load(
        cls,
        path: Path,
        expected: Mapping[str, str] | None = None,
        probe: tuple[float, ...] | None = None,
    ) -> TopKIndex:
        """Read an index, which must have the ``expected`` fingerprints and ``probe``, if given.

        Raises
        ------
        InputError
            The file isn't a zfwidgets index, or is damaged, or has another schema.
        IndexMismatch
            It belongs to another model, other images or another transform.
        """
        try:
            with safe_open(path, "numpy") as file:
                about = json.loads((file.metadata() or {})["zfwidgets"])
                arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, KeyError, OSError, ValueError) as error:
            raise InputError(
                f"{path} isn't a readable zfwidgets index ({error}): delete it, and it's rebuilt."
            ) from error
        if about["schema"] != SCHEMA:
            raise InputError(
                f"{path} has index schema {about['schema']}, this version reads {SCHEMA}: delete "
                "it, and it's rebuilt."
            )
        if expected is not None and about["fingerprint"] != dict(expected):
            found = about["fingerprint"]
            differs = [
                f"{key} is {found.get(key)!r} there, {expected.get(key)!r} here"
                for key in sorted({*found, *expected})
                if found.get(key) != expected.get(key)
            ]
            raise IndexMismatch(f"{path} belongs to something else: {'; '.join(differs)}.")
        if probe is not None and not _alike(about["probe"], probe):
            raise IndexMismatch(
                f"{path} belongs to another transform of the same name: it gave images with mean "
                f"and standard deviation {_listed(about['probe'])} there, {_listed(probe)} here."
            )
        layers = {
            name: LayerIndex(
                *(
                    _widen(part, arrays[f"{number}.{part}"])
                    for part in LayerIndex.__dataclass_fields__
                )
            )
            for number, name in enumerate(about["layers"])
        }
        return cls(
            layers,
            about["fingerprint"],
            about["images_seen"],
            arrays["sampled"].astype(np.int64),
            tuple((name, reason) for name, reason in about["skipped"]),
            about["made_with"],
            tuple(about["probe"]),
        )


def _alike(found: Sequence[float], probe: Sequence[float]) -> bool:
    """Whether two probes are one transform's, to `PROBE_TOLERANCE` of the largest value."""
    one, other = np.asarray(found), np.asarray(probe)
    if one.shape != other.shape:
        return False
    tolerance = PROBE_TOLERANCE * np.nanmax(np.abs(other), initial=0)
    return bool(np.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True))


def _listed(probe: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in probe)


def _widen(part: str, array: NDArray[Any]) -> NDArray[Any]:
    return array.astype(np.int64) if part in ("images", "rows", "cols") else array
