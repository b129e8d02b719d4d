"""Measurements on the package's trained SqueezeNet and on an untrained one of its shape."""

from __future__ import annotations

from typing import Any

import numpy as np

import zfwidgets as zf
from benchmarks.building.recordings.looking import FACES, PARTS
from zfwidgets.experiments.covered_map.result import square_on
from zfwidgets.experiments.shared.looking import features, open_photos
from zfwidgets.experiments.transfer.shapes import main_layers
from zfwidgets.records import Occluder, Unit

from .bench import KINDS, Bench, networks, sure_photos
from .duplicates import find_copies

Numbers = dict[str, Any]

SQUARE = 48
"""Pixels of the occluder's side, of 224."""


def engines() -> dict[str, zf.Engine]:
    """Both networks over the package's photos."""
    found = {k: zf.Engine(n, zf.samples.photos(), cache=False) for k, n in networks().items()}
    assert tuple(found) == KINDS
    return found


def hierarchy(bench: Bench) -> Numbers:
    """How often a channel's nine strongest photos are of one class, in three layers."""
    found: Numbers = {}
    for kind, network in networks().items():
        engine = zf.Engine(network, bench.photos, cache=bench.work / "index")
        labels = np.array(engine.info.image_labels)
        found["chance"] = float(sum((np.mean(labels == c)) ** 2 for c in np.unique(labels)))
        layers = main_layers(engine.layers)
        of_layer: Numbers = {}
        for layer in (layers[0], layers[len(layers) // 2], layers[-1]):
            shares = []
            channels = engine.layer(layer).channels
            for channel in np.random.default_rng(0).permutation(channels)[:256]:
                own = labels[[a.image for a in engine.top(layer, int(channel))]]
                if len(own) == 9:
                    shares.append(float(((own[:, None] == own[None]).sum() - 9) / 72))
            of_layer[layer] = shares
        found[kind] = of_layer
    return found


def invariance(_bench: Bench) -> Numbers:
    """Shifts, scales and turns over the paper's range: distances and what is left of the class."""
    both = engines()
    photos = sure_photos(both["trained"])
    found: Numbers = {"photos": len(photos)}
    for kind, engine in both.items():
        layers = ["features.1", main_layers(engine.layers)[-1]]
        result = zf.experiments.measure_invariance(engine, photos, layers=layers, progress=False)
        tensors = [photo.tensor for photo in open_photos(engine, photos)]
        rows = features(engine, tensors, layers).layers
        # How far another photo is, as a measure of "far" that each network brings itself.
        other = np.stack([_to_others(rows[layer].astype(np.float64)) for layer in layers], 1)
        found[kind] = {"layers": layers} | {
            curves.name: {
                "values": curves.values.tolist(),
                "distance": (curves.distance / other[:, :, None]).tolist(),
                "left": (curves.probability / curves.untransformed[:, None]).tolist(),
            }
            for curves in result.curves
        }
    return found


def _to_others(rows: np.ndarray) -> np.ndarray:
    """Each row's median distance to the others."""
    squares = (rows**2).sum(1)
    distances = np.sqrt(np.maximum(squares[:, None] + squares - 2 * rows @ rows.T, 0))
    off = ~np.eye(len(rows), dtype=bool)
    return np.array([np.median(line[keep]) for line, keep in zip(distances, off, strict=True)])


def occlusion(_bench: Bench) -> Numbers:
    """A grey square over each place: the class, and the strongest map of the last layer."""
    both = engines()
    photos = sure_photos(both["trained"])
    found: Numbers = {"photos": len(photos), "square": SQUARE}
    for kind, engine in both.items():
        layer = main_layers(engine.layers)[-1]
        of_photo: dict[str, list[float]] = {
            name: [] for name in ("lowest", "halved", "on_projection", "anywhere", "least")
        }
        for photo in photos:
            clean = float(engine.predict(photo).probabilities.max())
            covered = engine.occlude(photo, patch=SQUARE, stride=16, layer=layer)
            left = covered.probability() / clean
            of_photo["lowest"].append(float(left.min()))
            of_photo["halved"].append(float((left < 0.5).mean()))
            channel = covered.strongest_channel
            before = float(covered.features.clean_totals[channel])
            totals = covered.feature_map(channel) / before
            of_photo["anywhere"].append(float(totals.mean()))
            of_photo["least"].append(float(totals.min()))
            projection = engine.project(Unit(layer, channel), photo)
            square = Occluder(square_on(projection, (SQUARE, SQUARE)))
            on = engine.respond(photo, square, layer)
            of_photo["on_projection"].append(float(on.totals[0, 0, channel]) / before)
        found[kind] = {"layer": layer, **of_photo}
    return found


DRAWS = 100
MIDDLE, TOP = "features.8", "features.12"


def correspondence(_bench: Bench) -> Numbers:
    """The same parts of five animals' faces masked, beside random masks of the same sizes."""
    found: Numbers = {"layers": [MIDDLE, TOP], "draws": DRAWS}
    for kind, engine in engines().items():
        result = zf.experiments.measure_correspondence(
            engine, PARTS, FACES, layers=[MIDDLE, TOP], draws=DRAWS, within="head", progress=False
        )
        found[kind] = {
            part: {
                "part": result.mean(part).tolist(),
                "changed": result.changed(part).tolist(),
                "opposite": result.opposite(part).tolist(),
                "random": [draw.differing.mean(1).tolist() for draw in result.random[part]],
                "random_changed": result.changed(f"random, size of {part}").tolist(),
            }
            for part in result.part_names
        }
    return found


def copies(bench: Bench) -> Numbers:
    """Pictures that are there twice, among what is learned from and what is tested."""
    small = zf.models.transform(32)
    train, test = bench.arrays("train"), bench.arrays("test")
    clothing = str(bench.photos)
    own = [(photo, 0) for photo in zf.samples.photos()]
    large = zf.samples.transform()
    found = {
        "CIFAR-10's training photos": find_copies(train, transform=small),
        "CIFAR-10's test photos among those": find_copies(train, test, transform=small),
        "photos of clothing": find_copies(clothing, transform=large),
        "the package's photos among those": find_copies(clothing, own, transform=large),
    }
    sizes = len(train), len(test), sum(1 for _ in bench.photos.glob("*/*")), len(own)
    return {
        "images": dict(zip(found, sizes, strict=True)),
        "copies": {what: len(pairs) for what, pairs in found.items()},
        "names": {what: [list(pair) for pair in pairs[:3]] for what, pairs in found.items()},
    }
