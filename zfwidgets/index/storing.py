"""An index as a file: what is in it, whether it is whole, and whose it is.

A finished index and a pass that isn't finished are the same kind of file; the latter keeps its
sample in full precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import IndexMismatch, InputError
from ..storage import files
from .exact import BINS
from .manifest import Manifest
from .partial import Partial
from .plan import Plan
from .records import LayerShape, TopKIndex, scale_of

SCHEMA = 5
WHAT = "a top-k index"
FILE, UNFINISHED = files.OURS
PROBE_TOLERANCE = 5e-3
"""How far the same transform may be from itself in another version of Pillow or torchvision."""

_ABOUT: dict[str, type] = {
    "fingerprint": dict,
    "rejected": list,
    "made_with": dict,
    "probe": list,
    "classes": list,
    "since_removed": int,
}
_KINDS = (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.int64)
_DAMAGE = (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError)


def save(index: TopKIndex, path: Path) -> None:
    """Write an index whole or not at all: a reader sees the old file or the new one."""
    arrays, about = index.partial.to_arrays()
    first_bin = 0
    if index.complete:
        scale = scale_of(arrays["sample"])
        arrays["sample"] = (arrays["sample"] / scale).astype(np.float16)
        arrays["scale"] = scale
    used = np.flatnonzero(arrays["maxima"].any(0))
    if len(used):
        first_bin = int(used[0])
        arrays["maxima"] = arrays["maxima"][:, first_bin : int(used[-1]) + 1]
    arrays = narrowed(arrays)
    arrays["manifest"] = index.manifest.packed()
    arrays["slots"], arrays["starts"] = map(_fewest_bytes, (index.plan.slots, index.plan.starts))
    more = {name: kind(getattr(index, name)) for name, kind in _ABOUT.items()}
    shapes = [list(vars(shape).values()) for shape in index.shapes]
    if index.on_white:
        more["on_white"] = list(index.on_white)
    files.write(
        path, arrays, {"schema": SCHEMA, **about, "first_bin": first_bin, "layers": shapes, **more}
    )


def narrowed(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A partial's arrays in the fewest bytes; `widened` takes it back."""
    return {name: _fewest_bytes(array) for name, array in arrays.items()}


def widened(arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """A partial's arrays as `Partial` has them."""
    return {name: _widened(name, array) for name, array in arrays.items()}


def _fewest_bytes(array: NDArray[Any]) -> NDArray[Any]:
    """Integers in the fewest bytes; others as they are."""
    if array.dtype.kind not in "iu" or not array.size:
        return array
    low, high = int(array.min()), int(array.max())
    fits = (kind for kind in _KINDS if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max)
    return array.astype(next(fits))


def load(
    path: str | Path,
    expected: Mapping[str, str] | None = None,
    probe: tuple[float, ...] | None = None,
    manifest: Manifest | None = None,
    shapes: Sequence[LayerShape] | None = None,
) -> TopKIndex:
    """Read an index, which must have the ``expected`` fingerprints and ``probe``, if given.

    Parameters
    ----------
    path
        The file.
    expected
        Digests of the model, the transform and the images.
    probe
        See `TopKIndex`.
    manifest
        The images as they are now, to say which differ.
    shapes
        The network's layers, which must be those of the index.

    Raises
    ------
    InputError
        The file isn't a zfwidgets index, or is damaged, or has another schema.
    IndexMismatch
        It belongs to another model, other images or another transform, or has other layers;
        lists what differs.
    """
    about, arrays = files.read(Path(path), WHAT, SCHEMA)
    try:
        index = _parsed(about, arrays)
    except _DAMAGE as error:
        said = f"it has no {error}" if isinstance(error, KeyError) else str(error)
        raise InputError(files.unreadable(Path(path), WHAT, said)) from error
    check(index, Path(path), expected, probe, manifest, shapes)
    return index


def read(path: str | Path) -> TopKIndex:
    """Read an index without torch.

    Parameters
    ----------
    path
        Folder of the index, or the file in it.

    Raises
    ------
    InputError
        It isn't a zfwidgets index, or is damaged, or has another schema.

    Examples
    --------
    >>> index = zf.index.read("my-index")  # doctest: +SKIP
    >>> index.layers["features.7"].values[42]  # doctest: +SKIP
    """
    path = Path(path)
    if path.is_dir():
        if not (path / FILE).exists() and (path / UNFINISHED).exists():
            index = load(path / UNFINISHED)
            raise InputError(
                f"The index in {path} isn't finished: {len(index.partial.batches)} of "
                f"{len(index.plan)} batches. Go on with engine.index(folder={str(path)!r}); "
                f"zf.index.read({str(path / UNFINISHED)!r}) reads what is there."
            )
        path = path / FILE
    return load(path)


def _parsed(about: Mapping[str, Any], arrays: dict[str, NDArray[Any]]) -> TopKIndex:
    for name, kind in _ABOUT.items():
        if type(about[name]) is not kind:
            raise ValueError(f"{name} is {about[name]!r:.60}, expected {kind.__name__}")
    shapes = tuple(LayerShape(str(name), *map(int, sizes)) for name, *sizes in about["layers"])
    _whole_layers(shapes)
    manifest = Manifest.unpacked(arrays.pop("manifest"))
    plan = Plan(*(arrays.pop(name).astype(np.int64) for name in ("slots", "starts")))
    stored, first = arrays["maxima"], int(about["first_bin"])
    if not 0 <= first <= BINS - stored.shape[1]:
        raise ValueError("its histograms have other bins")
    arrays["maxima"] = np.zeros((len(stored), BINS), np.int64)
    arrays["maxima"][:, first : first + stored.shape[1]] = stored
    if "scale" in arrays:
        arrays["sample"] = arrays["sample"].astype(np.float32) * arrays.pop("scale")
    classes = tuple(map(str, about["classes"]))
    partial = Partial.of_arrays(widened(arrays), about)
    _whole_partial(partial, sum(shape.channels for shape in shapes), len(classes))
    _whole_numbers(partial, plan, len(manifest))
    _whole_places(partial, shapes, len(classes))
    return TopKIndex(
        partial,
        shapes,
        about["fingerprint"],
        manifest,
        plan,
        tuple((str(name), str(reason)) for name, reason in about["rejected"]),
        about["made_with"],
        tuple(float(value) for value in about["probe"]),
        classes,
        about["since_removed"],
        tuple(map(int, about.get("on_white", ()))),
    )


def _widened(name: str, array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind not in "iu":
        return array
    return array.astype(np.int32 if name.endswith((".images", ".places")) else np.int64)


def _whole_layers(shapes: Sequence[LayerShape]) -> None:
    if len({shape.name for shape in shapes}) != len(shapes):
        raise ValueError("a layer is listed twice")
    for shape in shapes:
        if min(shape.channels, shape.rows, shape.columns) < 1:
            raise ValueError(f"layer {shape.name!r} has no units")


def _whole_partial(partial: Partial, channels: int, classes: int) -> None:
    """Refuse arrays that don't belong together."""
    keep = partial.top.values.shape[-1]
    by_class = partial.by_class.values.shape[-1]
    tops = [
        (partial.top, (channels, keep)),
        (partial.by_class, (channels * classes, by_class)),
    ]
    for top, shape in tops:
        for name, array in vars(top).items():
            _expect(name, array, shape, "f" if name == "values" else "i")
        if not (top.values >= 0).all():
            raise ValueError("it ranks what isn't above zero")
    wanted = {
        "silent": (channels,),
        "maxima": (channels, BINS),
        "sums": (channels, 2),
        "zeros": (channels,),
        "sampled": partial.sampled.shape[:1],
    }
    for name, shape in wanted.items():
        _expect(name, getattr(partial, name), shape, "i")
    _expect("sample", partial.sample, (len(partial.sampled), channels), "f")
    if not keep or not np.isfinite(partial.sample).all():
        raise ValueError("its sample isn't finite, or it keeps nothing")


def _expect(name: str, array: NDArray[Any], shape: tuple[int, ...], kind: str) -> None:
    if array.shape != shape or array.dtype.kind != kind:
        raise ValueError(f"{name} is {array.dtype} of shape {array.shape}, expected {shape}")


def _whole_numbers(partial: Partial, plan: Plan, images: int) -> None:
    """Refuse numbers of images or batches that can't be."""
    if plan.starts.ndim != 1 or not len(plan.starts) or (np.diff(plan.starts) < 0).any():
        raise ValueError("its batches don't fit together")
    if plan.starts[0] or plan.starts[-1] != len(plan.slots):
        raise ValueError("its batches don't fit together")
    numbers: dict[str, NDArray[Any]] = {
        "slots": plan.slots,
        "sampled": partial.sampled,
        "top": partial.top.images,
        "by_class": partial.by_class.images,
        "bad": np.array(list(partial.bad), np.int64),
    }
    for name, array in numbers.items():
        if array.size and not -1 <= array.min() <= array.max() < images:
            raise ValueError(f"{name} names images that aren't listed")
    done = partial.batches
    if done.size and not 0 <= done.min() <= done.max() < len(plan):
        raise ValueError("it has batches that aren't planned")
    if len(np.unique(done)) != len(done):
        raise ValueError("it has a batch twice")


def _whole_places(partial: Partial, shapes: Sequence[LayerShape], classes: int) -> None:
    sizes = np.repeat([s.rows * s.columns for s in shapes], [s.channels for s in shapes])
    for top, limit in ((partial.top, sizes), (partial.by_class, np.repeat(sizes, classes))):
        if np.isnan(top.values).any():
            raise ValueError("values hold NaN")
        if top.places.size and ((top.places < 0) | (top.places >= limit[:, None])).any():
            raise ValueError("places lie outside of the maps")


def check(
    index: TopKIndex,
    path: Path,
    expected: Mapping[str, str] | None = None,
    probe: tuple[float, ...] | None = None,
    manifest: Manifest | None = None,
    shapes: Sequence[LayerShape] | None = None,
) -> None:
    """Refuse an index of something else; see `load`."""
    found = index.fingerprint
    if expected is not None and found != dict(expected):
        differs = "; ".join(differing(found, expected))
        images = f" Images: {manifest.since(index.manifest)[0]}." if manifest else ""
        raise IndexMismatch(f"{path} belongs to something else: {differs}.{images}")
    if probe is not None and not alike(index.probe, probe):
        raise IndexMismatch(
            f"{path} belongs to another transform of the same name: it gave images with mean "
            f"and standard deviation {_listed(index.probe)} there, {_listed(probe)} here."
        )
    if shapes is not None and (differs := _layers_differing(index.shapes, shapes)):
        raise IndexMismatch(
            f"{path} has other layers than the network: {differs}. Another version of zfwidgets "
            "may have made it: delete it, and it's rebuilt, or take another folder."
        )


def _layers_differing(there: Sequence[LayerShape], here: Sequence[LayerShape]) -> str:
    """In which layers two networks differ, in words; empty if in none."""
    found = [
        f"{shape.name!r} ({shape.channels} channels, {shape.rows} x {shape.columns}) is {where}"
        for shapes, others, where in ((there, here, "only there"), (here, there, "only here"))
        for shape in shapes
        if shape not in others
    ]
    if not found and list(there) != list(here):
        found = ["they come in another order"]
    return "; ".join(found[:4]) + "; ..." * (len(found) > 4)


def differing(there: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """In which fingerprints two indexes differ, each in words."""
    return [
        f"{key} is {there.get(key)!r} there, {here.get(key)!r} here"
        for key in sorted({*there, *here})
        if there.get(key) != here.get(key)
    ]


def alike(found: Sequence[float], probe: Sequence[float]) -> bool:
    """Whether two probes are one transform's, to `PROBE_TOLERANCE` of the largest value."""
    one, other = np.asarray(found), np.asarray(probe)
    if one.shape != other.shape:
        return False
    tolerance = PROBE_TOLERANCE * np.nanmax(np.abs(other), initial=0)
    return bool(np.allclose(one, other, rtol=0, atol=tolerance, equal_nan=True))


def _listed(probe: Sequence[float]) -> str:
    return ", ".join(f"{value:.4g}" for value in probe)
