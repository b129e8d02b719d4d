"""Whether two trees compute the same, to the bit: indexes, projections, maps and reports.

Writes digests of what the engine answers for SqueezeNet (with its real weights), ResNet-18, AlexNet
and a small network of uneven shapes; with another tree's digests it names what differs. Both trees
are to run on one machine, with as many threads:

    cd before; python -m benchmarks.engine.same_bits /tmp/before.json
    cd after; python -m benchmarks.engine.same_bits /tmp/after.json --against /tmp/before.json

A tree from before this script takes a copy of it.
"""

from __future__ import annotations

import argparse
import base64
import dataclasses
import gzip
import hashlib
import json
import re
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torchvision
from torch import nn

import zfwidgets as zf
from benchmarks import harness

PHOTOS = 10
CHANNELS, STRONGEST = 3, 4
LAYERS = {
    "squeezenet": ("features.0", "features.4.expand1x1", "features.12"),
    "resnet18": ("conv1", "layer2.0", "layer4.1.conv1"),
    "alexnet": ("features.0", "features.7", "features.12"),
    "small": ("first", "third"),
}
RULES = ("deconvnet", "guided", "gradient")


class Small(nn.Module):
    """Overlapping pools, a sum of two branches, kernels and strides that aren't square."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 7, (5, 3), (2, 1), (1, 2))
        self.pool = nn.MaxPool2d(3, 2, ceil_mode=True)
        self.second = nn.Conv2d(7, 7, 3, padding=1)
        self.third = nn.Conv2d(7, 5, (3, 4))
        self.classes = nn.Linear(5, 6)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Class scores."""
        low = self.pool(torch.relu(self.first(images)))
        high = torch.relu(self.third(low + torch.relu(self.second(low))))
        scores: torch.Tensor = self.classes(high.amax((2, 3)))
        return scores


def engine_of(name: str) -> zf.Engine:
    """An engine that keeps nothing on disk."""
    photos = zf.samples.photos()[:PHOTOS]
    if name == "squeezenet":
        return zf.Engine(zf.samples.network(), photos, cache=False)
    torch.manual_seed(0)
    model = Small() if name == "small" else torchvision.models.get_model(name, weights=None)
    with torch.no_grad():  # batch norms that aren't the identity
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.2, 0.2)
                module.running_var.uniform_(0.5, 1.5)
    transform = zf.models.transform(61) if name == "small" else zf.samples.transform()
    return zf.Engine(model.eval(), photos, transform, cache=False)


def digest(value: Any) -> str:
    """Of records, however deep: their fields, and their arrays' bits."""
    found = hashlib.sha256()
    _add(found, value)
    return found.hexdigest()


def _add(found: Any, value: Any) -> None:
    if dataclasses.is_dataclass(value):
        for field in dataclasses.fields(value):
            found.update(field.name.encode())
            _add(found, getattr(value, field.name))
    elif isinstance(value, np.ndarray):
        found.update(f"{value.dtype}{value.shape}".encode())
        found.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            found.update(str(key).encode())
            _add(found, value[key])
    elif isinstance(value, (list, tuple)):
        found.update(f"{len(value)}(".encode())
        for one in value:
            _add(found, one)
    else:
        found.update(repr(value).encode())


def bits(name: str) -> Iterator[tuple[str, str]]:
    """What one network's engine answers, piece by piece."""
    engine = engine_of(name)
    index = engine.index(progress=False)
    yield "layers", digest(engine.layers)
    yield "index", digest(index.partial)
    yield "photos", digest([engine.photo(image) for image in range(PHOTOS)])
    yield "predictions", digest([engine.predict(image) for image in range(PHOTOS)])
    for layer in LAYERS[name]:
        yield f"{layer} summary", digest(engine.channels(layer))
        for channel in range(CHANNELS):
            top = engine.top(layer, channel, STRONGEST)
            yield f"{layer} {channel} top", digest(top)
            for rule in RULES:
                found = engine.project_all(top, rule)
                yield f"{layer} {channel} {rule}", digest(found)
    size = engine.info.input_shape[1]
    square = {"patch": (size // 4, size // 5), "stride": size // 6}
    for target in ({"layer": None}, {"layer": LAYERS[name][-1]}):
        for baseline in ("grey", "blur"):
            found = engine.occlude(1, baseline=baseline, progress=False, **square, **target)
            yield f"map {target['layer']} {baseline}", digest(found)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        shown = zf.OcclusionMap(engine, stride=size // 4)
        zf.save_report(shown, path, layers=LAYERS[name][:1], images=[0], progress=False)
        for what, value in report(path.read_text("utf-8")):
            yield f"report's {what}", value


def report(page: str) -> Iterator[tuple[str, str]]:
    """What a report holds, without the scripts that show it."""
    for part, content in re.findall(r'id="zf-part-([^"]+)">([^<]*)</script>', page):
        unpacked = gzip.decompress(base64.b64decode(content))
        if part != "manifest":
            yield part, hashlib.sha256(unpacked).hexdigest()
            continue
        size = int.from_bytes(unpacked[:4], "little")
        ((manifest, _),) = json.loads(unpacked[4 : 4 + size])
        for key, value in manifest.items():
            yield f"manifest: {key}", digest(value)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("file", type=Path, help="where digests are written, as JSON")
    parser.add_argument("--against", type=Path, help="those of another tree")
    parser.add_argument("--networks", nargs="*", default=list(LAYERS), choices=list(LAYERS))
    options = harness.options(parser)
    torch.set_num_threads(1)
    # An occluder's positions go in batches as large, and ways as quick, as a clock says; sums in
    # another order have other last bits. So the clock stands still.
    time.perf_counter = lambda: 0.0
    found: dict[str, str] = {}
    for name in options.networks:
        found |= {f"{name}: {what}": value for what, value in bits(name)}
        print(f"{name}: {len(found)} digests so far", flush=True)
    options.file.write_text(json.dumps(found, indent=1))
    differ: list[str] = []
    if options.against:
        known = json.loads(options.against.read_text())
        known = {
            what: value for what, value in known.items() if what.split(":")[0] in options.networks
        }
        differ = sorted(w for w in known.keys() | found.keys() if known.get(w) != found.get(w))
        for what in differ:
            print(f"differs: {what}")
    harness.finish(
        {"tree": str(Path(zf.__file__).parents[1]), "digests": len(found), "differ": differ}
    )


if __name__ == "__main__":
    main()
