"""A small but real engine in NumPy: convolutions, max-pool and ReLU on generated images.

It implements `EngineProtocol` without torch, so that widgets can be tested where torch is absent.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Generator, Sequence
from dataclasses import replace

import numpy as np

from zfwidgets.engine.protocol import EngineProtocol
from zfwidgets.errors import InactiveUnit, InputError, UnsupportedModel
from zfwidgets.records import (
    Activation,
    ActivationSample,
    Box,
    ChannelSummary,
    CoveredPatch,
    CoveredPatches,
    EngineInfo,
    Estimate,
    LayerInfo,
    LayerResponse,
    Occluder,
    OcclusionMap,
    Operation,
    PhotoResponses,
    Prediction,
    Progress,
    Projection,
    QuantileRow,
    QuantileRows,
    ReceptiveField,
    RuleInfo,
    SanityNumber,
    TopActivations,
    Unit,
    mask_pixels,
    occluder_box,
)

ROWS, COLUMNS = 24, 32
KEEP = 25
BASELINES = {"grey": 0.0, "mean": 0.0, "blur": 0.1, "noise": -0.2, "border": 0.2, "sand": 0.35}
"""Colours, plain ones: what is blurred or noise is torch's matter."""


def conv(x, weight, bias):
    """3 x 3, stride 1, padding 1: (channels, rows, columns) -> (filters, rows, columns)."""
    windows = np.lib.stride_tricks.sliding_window_view(
        np.pad(x, ((0, 0), (1, 1), (1, 1))), (3, 3), (1, 2)
    )
    return np.einsum("crsij,fcij->frs", windows, weight) + bias[:, None, None]


def conv_transposed(y, weight):
    """The adjoint of `conv` without its bias, written out."""
    out = np.zeros((weight.shape[1], y.shape[1] + 2, y.shape[2] + 2), np.float32)
    for i in range(3):
        for j in range(3):
            spread = np.einsum("frs,fc->crs", y, weight[:, :, i, j])
            out[:, i : i + y.shape[1], j : j + y.shape[2]] += spread
    return out[:, 1:-1, 1:-1]


def pool(x):
    """2 x 2 max-pool: values and the switches, 0..3 within each window."""
    channels, rows, columns = x.shape
    windows = x.reshape(channels, rows // 2, 2, columns // 2, 2).transpose(0, 1, 3, 2, 4)
    windows = windows.reshape(channels, rows // 2, columns // 2, 4)
    return windows.max(-1), windows.argmax(-1)


def unpool(y, switches):
    """Put values back at the switches."""
    channels, rows, columns = y.shape
    windows = np.where(np.arange(4) == switches[..., None], y[..., None], 0)
    windows = windows.reshape(channels, rows, columns, 2, 2).transpose(0, 1, 3, 2, 4)
    return windows.reshape(channels, rows * 2, columns * 2).astype(np.float32)


def _field(size, stride, offset):
    pair = lambda n: (n, n)  # noqa: E731
    return ReceptiveField(pair(size), pair(stride), pair(offset), (ROWS, COLUMNS))


NARROW = 2
"""As many of the first channels are a branch of their own, whose filters have one row."""


def _branches(narrow, wide):
    """As `LayerInfo` has them: what holds all channels, and each range's own."""
    all_of = replace(wide, reach="upper bound")
    return {"receptive_field": all_of, "fields": ((0, narrow), (NARROW, wide))}


class NumpyEngine:
    """conv1 of two branches - relu1 - pool1 - conv2 - relu2 - mean over space - linear."""

    def __init__(self, images: int = 14, seed: int = 0, channels: int = 6, classes: int = 5):
        random = np.random.default_rng(seed)
        draw = lambda *shape: random.normal(0, 0.4, shape).astype(np.float32)  # noqa: E731
        self.w1, self.b1 = draw(channels, 3, 3, 3), draw(channels) * 0.1
        self.w1[:NARROW, :, [0, 2]] = 0
        self.w2, self.b2 = draw(8, channels, 3, 3), draw(8) * 0.1
        self.b2[7] = -1e3  # a dead channel
        self.w3, self.b3 = draw(classes, 8) * 4, draw(classes)
        self.pictures = random.integers(0, 256, (images, ROWS, COLUMNS, 3), dtype=np.uint8)
        for i, picture in enumerate(self.pictures):  # something to find, elsewhere in each image
            picture[i % 16 : i % 16 + 8, 2 * i % 24 : 2 * i % 24 + 6] = (255, 40 * i % 256, 0)
        self.lock = threading.RLock()
        self.threads: set[str] = set()
        self.rows_computed = 0
        self._index: dict | None = None
        self.looked = 0
        whole = ReceptiveField((ROWS, COLUMNS), (1, 1), (0, 0), (ROWS, COLUMNS), "global")
        shape = (ROWS, COLUMNS)
        half = (ROWS // 2, COLUMNS // 2)
        one = _branches(ReceptiveField((1, 3), (1, 1), (0, -1), shape), _field(3, 1, -1))
        pooled = _branches(ReceptiveField((2, 4), (2, 2), (0, -1), shape), _field(4, 2, -1))
        self.layers = (
            LayerInfo("conv1", "Conv2d", "conv", (channels, *shape), **one),
            LayerInfo("relu1", "ReLU", "rectifier", (channels, *shape), **one, rectified=True),
            LayerInfo("pool1", "MaxPool2d", "pool", (channels, *half), **pooled, rectified=True),
            LayerInfo("conv2", "Conv2d", "conv", (8, *half), _field(8, 2, -3)),
            LayerInfo("relu2", "ReLU", "rectifier", (8, *half), _field(8, 2, -3), True),
            LayerInfo("classes", "Linear", "linear", (classes, 1, 1), whole),
        )
        self.maps: dict[str, list] = {layer.name: [] for layer in self.layers}
        self.info = EngineInfo(
            model="NumpyNet",
            device="cpu",
            input_shape=(3, ROWS, COLUMNS),
            images=tuple(f"picture {i}" for i in range(images)),
            image_labels=tuple("odd" if i % 2 else None for i in range(images)),
            labels=tuple(f"class {i}" for i in range(classes)),
            transform="pixels / 255 - 0.5",
            fingerprint=f"numpy-{seed}-{images}-{channels}",
            skipped=(("broken.jpg", "truncated"),),
            notes=("generated images",),
            no_classes="" if classes else "NumpyNet has no classes.",
        )
        if not classes:
            self.layers = self.layers[:-1]

    # the network

    def forward(self, x) -> dict[str, np.ndarray]:
        self.threads.add(threading.current_thread().name)
        with self.lock:
            conv1 = conv(x, self.w1, self.b1)
            relu1 = np.maximum(conv1, 0)
            pool1, switches = pool(relu1)
            conv2 = conv(pool1, self.w2, self.b2)
            relu2 = np.maximum(conv2, 0)
            classes = self.w3 @ relu2.mean((1, 2)) + self.b3
        return {
            "conv1": conv1,
            "relu1": relu1,
            "pool1": pool1,
            "conv2": conv2,
            "relu2": relu2,
            "classes": classes[:, None, None],
            "switches": switches,
        }

    def input(self, image: int, occluder: Occluder | None = None):
        x = self.pictures[image].astype(np.float32).transpose(2, 0, 1) / 255 - 0.5
        if occluder is None:
            return x
        baseline = (
            BASELINES[occluder.baseline]
            if isinstance(occluder.baseline, str)
            else occluder.baseline
        )
        for box in occluder.extra_boxes:
            box = box.clip(ROWS, COLUMNS)
            x[:, box.top : box.bottom, box.left : box.right] = baseline
        box = occluder.box
        pixels = np.ones((box.height, box.width), bool)
        if occluder.mask is not None:
            pixels = mask_pixels(occluder.mask, box.height, box.width)
        covered = np.pad(pixels, [(ROWS, ROWS), (COLUMNS, COLUMNS)])
        top, left = ROWS - box.top, COLUMNS - box.left
        x[:, covered[top : top + ROWS, left : left + COLUMNS]] = baseline
        return x

    # the protocol

    layer = EngineProtocol.layer

    @property
    def indexed(self) -> bool:
        return self._index is not None

    def index_steps(self) -> Generator[Progress, None, None]:
        images = len(self.pictures)
        while self.looked < images:
            for name, values in self.forward(self.input(self.looked)).items():
                if name in self.maps:
                    self.maps[name].append(values)
            self.looked += 1
            yield Progress(self.looked, images, None, "indexing", 8.0, (self.looked, 20))
        self._index = {name: np.stack(values) for name, values in self.maps.items()}

    def built(self) -> NumpyEngine:
        """This engine, with its index."""
        for _ in self.index_steps():
            pass
        return self

    def _maps(self, layer: str, so_far: bool = False) -> np.ndarray:
        self.layer(layer)
        if so_far:
            return np.stack(self.maps[layer])
        self.built()
        assert self._index is not None
        return self._index[layer]

    def channels(self, layer: str, *, so_far: bool = False) -> ChannelSummary:
        maps = self._maps(layer, so_far)
        strongest = [self._strongest(maps[:, c])[0] for c in range(maps.shape[1])]
        image, row, col, value = (np.array(column) for column in zip(*strongest, strict=True))
        return ChannelSummary(
            layer,
            maps.mean((0, 2, 3)).astype(np.float32),
            (maps.max((2, 3)) <= 0).mean(0).astype(np.float32),
            value.astype(np.float32),
            image,
            row,
            col,
            len(maps),
        )

    def _strongest(self, planes: np.ndarray) -> list[tuple[int, int, int, float]]:
        best = []
        for image, plane in enumerate(planes):
            row, col = np.unravel_index(plane.argmax(), plane.shape)
            best.append((image, int(row), int(col), float(plane[row, col])))
        return sorted(best, key=lambda one: (-one[3], one[0]))

    def _activation(self, info, channel, image, row, col, value) -> Activation:
        box = info.field_of(channel).box(row, col)
        unit = Unit(info.name, channel, row, col)
        return Activation(unit, image, self.info.images[image], value, box)

    def sample(self, layer: str, channel: int) -> ActivationSample:
        values = self._maps(layer)[:, channel].max((1, 2)).astype(np.float32)
        return ActivationSample(layer, channel, np.arange(len(values)), values, True)

    def top(self, layer: str, channel: int, k: int = 9, *, so_far: bool = False) -> TopActivations:
        info = self.layer(layer)
        if not 0 <= channel < info.channels:
            raise InputError(f"Layer {layer!r} has channels 0 .. {info.channels - 1}.")
        maps = self._maps(layer, so_far)
        found = tuple(
            self._activation(info, channel, image, row, col, value)
            for image, row, col, value in self._strongest(maps[:, channel])[: min(k, KEEP)]
            if value > 0
        )
        return TopActivations(layer, channel, found, len(maps))

    def quantile_steps(self, layer, channel, each=3, parts=10):
        maps, info = self._maps(layer)[:, channel], self.layer(layer)
        weakest_first = self._strongest(maps)[::-1]
        least, more = divmod(len(weakest_first), parts)
        sizes = [least + (i < more) for i in range(parts)]
        found, start = [], 0
        for size in filter(None, sizes):
            part = weakest_first[start : start + size][::-1]
            start += size
            places = sorted({round(i * (size - 1) / max(each - 1, 1)) for i in range(each)})
            shown = [part[place] for place in (places if each < size else range(size))]
            found.append(
                QuantileRow(
                    part[-1][3],
                    part[0][3],
                    size,
                    sum(value <= 0 for *_, value in part),
                    tuple(
                        self._activation(info, channel, image, row, col, value)
                        for image, row, col, value in shown
                        if value > 0
                    ),
                )
            )
            rows = tuple(found)
            n = len(self.pictures)
            yield QuantileRows(layer, channel, rows, n, True, n, complete=False)
        return QuantileRows(layer, channel, rows, n, True, n)

    def photo(self, image: int):
        return self.pictures[image]

    def responses(self, image: int, layer: str) -> PhotoResponses:
        maps = self.forward(self.input(image))[self.layer(layer).name].astype(np.float32)
        return PhotoResponses(layer, image, self.info.images[image], maps)

    def sanity_steps(self, layer: str, channel: int, rule: str = "deconvnet"):
        """Not computed: a number to be shown."""
        (unit,) = self.top(layer, channel, 1)
        yield Progress(1, 3, None, "drawing filters anew")
        return SanityNumber(unit, rule, (layer,), 0.75, (layer, "conv1"), float("nan"), (0.5, 0.7))

    def patch(self, activation: Activation):
        return activation.box.cut(self.photo(activation.image), 128)

    @property
    def rules(self) -> tuple[str, ...]:
        return ("deconvnet", "guided", "gradient", "my own")

    def rule(self, name: str) -> RuleInfo:
        return RuleInfo(name, f"the rule {name}", f"What {name} answers.", name != "deconvnet")

    def project_all(self, activations: Sequence[Activation], rule: str = "deconvnet"):
        return tuple(self._project(a, rule) for a in activations)

    def _project(self, a: Activation, rule: str) -> Projection:
        if a.value <= 0:
            raise InactiveUnit(f"Unit {a.unit} is {a.value}.")
        depth = ("conv1", "relu1", "pool1", "conv2", "relu2").index(a.unit.layer)
        maps = self.forward(self.input(a.image))
        y = np.zeros_like(maps[a.unit.layer])
        y[a.unit.channel, a.unit.row, a.unit.col] = a.value

        def rectify(signal, forward):
            """What the rule lets through a rectifier that got `forward`."""
            signal = signal if rule == "gradient" else np.maximum(signal, 0)
            return signal if rule == "deconvnet" else signal * (forward > 0)

        if depth >= 3:
            y = conv_transposed(rectify(y, maps["conv2"]), self.w2)
        if depth >= 2:
            y = unpool(y, maps["switches"])
        y = conv_transposed(rectify(y, maps["conv1"]), self.w1)
        operations = (Operation("conv2d", "paper", 1 + (depth >= 3)),)
        if depth >= 2:
            operations += (Operation("max_pool2d", "paper", 1, "switches of this image"),)
        return Projection(a, rule, y.transpose(1, 2, 0).astype(np.float32), operations)

    def predict(self, image: int, occluder: Occluder | None = None) -> Prediction:
        if self.info.no_classes:
            raise UnsupportedModel(self.info.no_classes)
        logits = self.forward(self.input(image, occluder))["classes"][:, 0, 0]
        name = self.info.images[image]
        return Prediction(image, name, logits.astype(np.float32), self.info.labels, occluder)

    @property
    def baselines(self) -> tuple[str, ...]:
        return tuple(BASELINES)

    def respond(self, image, occluder, layer):
        now = self.forward(self.input(image, occluder))[layer]
        then = self.forward(self.input(image))[layer]
        channels, _, columns = then.shape
        at = then.reshape(channels, -1).argmax(1)
        places = np.stack([at // columns, at % columns], 1)
        cos = now.ravel() @ then.ravel() / np.linalg.norm(now) / np.linalg.norm(then)
        return LayerResponse(
            layer,
            now.sum((1, 2))[None, None],
            now[(range(channels), *places.T)][None, None],
            ((now > 0) != (then > 0)).mean()[None, None],
            np.array([[1 - cos]]),
            then.sum((1, 2)),
            then[(range(channels), *places.T)],
            places,
        )

    def occlude_steps(self, request):
        image, patch, stride, baseline = (
            request.image,
            request.patch,
            request.stride,
            request.baseline,
        )
        target, layer, mask, extra_boxes = (
            request.target,
            request.layer,
            request.mask,
            request.extra_boxes,
        )
        resume = request.resume
        size = (patch, patch) if isinstance(patch, int) else tuple(patch)
        stride = (stride, stride) if isinstance(stride, int) else tuple(stride)
        clean = self.forward(self.input(image))
        clean_logits = clean["classes"][:, 0, 0].astype(np.float32)
        if layer is None and self.info.no_classes:
            raise UnsupportedModel(f"{self.info.no_classes} Choose a layer.")
        grid = -(-ROWS // stride[0]), -(-COLUMNS // stride[1])
        empty = lambda *more: np.full((*grid, *more), np.nan, np.float32)  # noqa: E731
        logits, done, features = empty(len(clean_logits)), np.zeros(grid, bool), None
        if layer is not None:
            maps = clean[layer]
            channels, _, columns = maps.shape
            at = maps.reshape(channels, -1).argmax(1)
            places = np.stack([at // columns, at % columns], 1)
            features = LayerResponse(
                layer,
                empty(channels),
                empty(channels),
                empty(),
                empty(),
                maps.sum((1, 2)).astype(np.float32),
                maps[(range(channels), *places.T)].astype(np.float32),
                places,
            )
        classes = not self.info.no_classes
        if resume is not None:
            done, features = resume.done.copy(), resume.features
            logits = resume.logits.copy() if classes else logits

        def so_far():
            return OcclusionMap(
                image=image,
                image_name=self.info.images[image],
                size=size,
                stride=stride,
                baseline=baseline,
                input_shape=(ROWS, COLUMNS),
                done=done.copy(),
                logits=logits.copy() if classes else None,
                clean=clean_logits if classes else None,
                target=target if target is not None or not classes else int(clean_logits.argmax()),
                labels=self.info.labels,
                features=copy.deepcopy(features),
                mask=mask,
                extra_boxes=extra_boxes,
                no_classes=self.info.no_classes,
            )

        for row in range(grid[0]):
            if done[row].all():
                continue
            self.rows_computed += 1
            for col in range(grid[1]):
                box = occluder_box(row, col, size, stride)
                maps = self.forward(self.input(image, Occluder(box, baseline, mask, extra_boxes)))
                logits[row, col] = maps["classes"][:, 0, 0]
                if features is not None:
                    now, then = maps[layer].ravel(), clean[layer].ravel()
                    features.totals[row, col] = maps[layer].sum((1, 2))
                    features.units[row, col] = maps[layer][(range(channels), *places.T)]
                    features.hamming[row, col] = ((now > 0) != (then > 0)).mean()
                    cos = now @ then / np.linalg.norm(now) / np.linalg.norm(then)
                    features.cosine[row, col] = 1 - cos
                done[row, col] = True
            yield so_far()
        return so_far()

    def estimate_steps(self, request):
        yield Progress(0, 1, None, "looking how long it takes")
        return Estimate(-(-ROWS // request.stride) * -(-COLUMNS // request.stride), 0.5, "probe")

    def cover_steps(self, request):
        layer, channel, k = request.layer, request.channel, request.k
        baseline, controls, seed = request.baseline, request.controls, request.seed
        random, info, found = np.random.default_rng(seed), self.layer(layer), []
        for a in self.top(layer, channel, k):
            box = a.box.clip(ROWS, COLUMNS)
            places = tuple(
                Box(top, left, box.height, box.width)
                for top, left in zip(
                    random.integers(0, ROWS - box.height + 1, controls).tolist(),
                    random.integers(0, COLUMNS - box.width + 1, controls).tolist(),
                    strict=True,
                )
            )
            plane, *others = (
                self.forward(self.input(a.image, Occluder(b, baseline)))[layer][channel]
                for b in (box, *places)
            )
            row, col = (int(i) for i in np.unravel_index(plane.argmax(), plane.shape))
            moved = Activation(
                Unit(layer, channel, row, col),
                a.image,
                a.image_name,
                float(plane[row, col]),
                info.field_of(channel).box(row, col),
            )
            at = a.unit.row, a.unit.col
            values = np.array([other[at] for other in others], np.float32)
            found.append(CoveredPatch(a, box, a.value, float(plane[at]), moved, places, values))
            yield CoveredPatches(layer, channel, baseline, tuple(found), seed, complete=False)
        return CoveredPatches(layer, channel, baseline, tuple(found), seed)


def rename(engine, **changes):
    """Give an engine's images or classes other names; what it computes stays."""
    changes.setdefault("image_labels", (None,) * len(changes.get("images", engine.info.images)))
    engine.info = replace(engine.info, **changes, fingerprint=f"{engine.info.fingerprint}-renamed")
