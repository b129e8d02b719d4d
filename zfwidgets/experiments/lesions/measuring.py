"""Parts of a trained network switched off: no training, a forward pass of each image.

What is off gives zeros: the feature map of a channel is zero everywhere, as if the unit were
silent, and what comes above goes on with that. "skip" lets a whole layer's input through in its
place, which needs input and output of one shape. Nothing is rescaled, and biases and batch norms
above a part stay as they were trained. The engine's copy of the network is changed for the time of
a pass by hooks on its modules, its weights never.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...engine.local import LocalEngine
from ...engine.network.modes import computing
from ...engine.network.network import Change
from ...errors import InputError, UnsupportedModel
from ...records import Floats, Prediction
from ...stepwise import Clock, Growing
from ..shared.labelled import Labelled
from ..shared.looking import check_engine
from ..shared.running import with_bar
from .result import LesionResult, Off

BATCH = 64


def lesion_steps(
    engine: LocalEngine,
    data: Any = None,
    off: Mapping[str, Any] | None = None,
    *,
    transform: Any = None,
) -> Growing[LesionResult]:
    """`lesion` in steps: yields how far it is, and the result so far after each batch.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    data
        Labelled images: a folder of class folders, a map-style Dataset of (image, label), a list
        of (image, label). None: the engine's own images, which must have labels.
    off
        By layer: a channel, several channels, "all" (all its maps are zero) or "skip" (it gives
        what it gets).
    transform
        As in `zfwidgets.Engine`; None: the engine's.

    Returns
    -------
    LesionResult

    Raises
    ------
    InputError
        For a layer or channel that doesn't exist, "skip" where shapes differ, images without
        labels or of one class only.
    """
    bench = LesionRunner(engine, data, transform)
    return (yield from bench.steps(bench.check(off or {})))


lesion = with_bar(
    "lesion",
    lesion_steps,
    "Switching off",
    lambda found: f"{len(found.images)} of {found.total} images done",
    """Switch parts of a trained network off, and see what it says of labelled images.""",
)


@dataclass(frozen=True)
class Look:
    """One image: maps (channels, rows, columns) of a layer with parts off, and what is predicted.

    ``before`` is the prediction with all parts, ``after`` with some off.
    """

    maps: Floats
    before: Prediction
    after: Prediction


class LesionRunner:
    """A network and labelled images, and what it says of them with all its parts.

    Parameters
    ----------
    engine, data, transform
        As in `lesion`.

    Attributes
    ----------
    images : Labelled
        The images.
    """

    def __init__(self, engine: Any, data: Any = None, transform: Any = None) -> None:
        engine = check_engine(
            engine, "Parts are switched off in a copy of the network, so that it must be here"
        )
        if engine.info.no_classes:
            raise UnsupportedModel(engine.info.no_classes)
        self.engine = engine
        self.images = labelled_images(engine, data, transform)
        self._before: dict[int, Floats] = {}

    def check(self, off: Mapping[str, Any]) -> dict[str, Off]:
        """What is to be off, if all of it exists; says what doesn't."""
        checked: dict[str, Off] = {}
        for name, what in off.items():
            layer = self.engine.layer(name)
            if isinstance(what, str):
                if what not in ("all", "skip"):
                    raise InputError(
                        f"{name!r} is to be {what!r}: expected channels, 'all' or 'skip'."
                    )
                if what == "skip":
                    self._check_skip(layer.name)
                checked[layer.name] = what
            else:
                listed = [what] if isinstance(what, (int, np.integer)) else what
                channels = sorted({int(channel) for channel in listed})
                for channel in channels:
                    self.engine.session.channel(layer.name, channel)
                if channels:
                    checked[layer.name] = tuple(channels)
        return checked

    def _check_skip(self, name: str) -> None:
        shapes: list[tuple[Any, Any]] = []

        def look(before: Any, output: Tensor) -> Tensor:
            shapes.append((getattr(before, "shape", None), output.shape))
            return output

        network = self.engine.session.network
        with self.engine.session.lock, computing(network.device):
            example = self.engine.session.source.example()[None].to(network.device)
            network.run_changed(example, {name: look})
        before, after = shapes[0]
        if before != after:
            got = "no tensor" if before is None else f"maps of shape {tuple(before[1:])}"
            raise InputError(
                f"{name!r} can't be skipped: it gets {got} and gives {tuple(after[1:])}. Switch "
                "it off with 'all', or train a variant without it: zf.experiments.ablation."
            )

    def steps(self, off: Mapping[str, Off]) -> Growing[LesionResult]:
        """Run all images, batch by batch; results so far grow."""
        order = self._order()
        changes = {name: self._change(name, what) for name, what in off.items()}
        numbers: list[int] = []
        logits: list[Floats] = []
        clock = Clock(len(order))
        result = self._record(off, numbers, logits)
        yield result
        with closing(self.images.batches(order, BATCH)) as batches:
            for done, (indices, images, _) in enumerate(batches, 1):
                if len(images):
                    logits.append(self._run(images, changes))
                    numbers += indices.tolist()
                    self._know(indices.tolist(), images, logits[-1] if not off else None)
                    result = self._record(off, numbers, logits)
                    yield result
                yield clock.at(min(done * BATCH, len(order)), "switching off")
        return result

    def look(self, image: int, layer: str, off: Mapping[str, Off]) -> Look:
        """One image with parts off: the feature maps of a layer, and the class scores.

        Parameters
        ----------
        image
            Number of the image in the data.
        layer
            Layer whose maps they are.
        off
            As `check` gives it.
        """
        network, name = self.engine.session.network, self.engine.layer(layer).name
        changes = {other: self._change(other, what) for other, what in off.items()}
        own = changes.get(name)
        seen: list[Floats] = []

        def look(before: Any, output: Tensor) -> Tensor:
            changed = output if own is None else own(before, output)
            maps = network.channels_first(name, changed)[0]
            shape = self.engine.layer(name).shape
            seen.append(maps.reshape(shape).cpu().clone().numpy())  # may be rectified in place
            return changed

        pixels = self.images.source.tensor(image)[None]
        after = self._run(pixels, {**changes, name: look})
        before = self._run(pixels, {})
        labels = self.images.classes
        where = self.images.source.names[image]
        return Look(
            seen[0],
            Prediction(image, where, before[0], labels),
            Prediction(image, where, after[0], labels),
        )

    def _order(self) -> list[int]:
        """All images, classes mixed, so that a first part already says something of each."""
        return [int(i) for i in np.random.default_rng(0).permutation(len(self.images))]

    def _know(self, numbers: list[int], images: Tensor, known: Floats | None) -> None:
        missing = [place for place, number in enumerate(numbers) if number not in self._before]
        if missing:
            scores = self._run(images[missing], {}) if known is None else known[missing]
            self._before.update(zip((numbers[place] for place in missing), scores, strict=True))

    def _run(self, images: Tensor, changes: Mapping[str, Change]) -> Floats:
        network = self.engine.session.network
        with self.engine.session.lock, computing(network.device):
            parts = self.engine.session.memory.in_parts(
                "switching off",
                lambda part: network.run_changed(torch.stack([*part]).to(network.device), changes),
                list(images),
            )
            scores: Floats = torch.cat(parts).cpu().numpy()
        return scores

    def _change(self, name: str, what: Off) -> Change:
        axis = self.engine.session.network.channel_axis(name)

        def change(before: Any, output: Tensor) -> Tensor:
            if what == "skip":
                return before.clone()  # type: ignore[no-any-return]
            if isinstance(what, str):
                return torch.zeros_like(output)
            index = torch.tensor(what, device=output.device)
            return output.index_fill(axis, index, 0.0)

        return change

    def _record(
        self, off: Mapping[str, Off], numbers: list[int], logits: Iterable[Floats]
    ) -> LesionResult:
        classes = len(self.images.classes)
        nothing = np.zeros((0, classes), dtype=np.float32)
        images = np.array(numbers, dtype=np.int64)
        return LesionResult(
            dict(off),
            self.images.classes,
            images,
            tuple(self.images.source.names[i] for i in numbers),
            self.images.labels[images],
            np.concatenate([nothing, *logits]),
            np.stack([self._before[i] for i in numbers]) if numbers else nothing,
            len(self.images),
            self.images.skipped,
        )


def labelled_images(engine: LocalEngine, data: Any, transform: Any = None) -> Labelled:
    """Images whose labels are classes of an engine's network.

    Raises
    ------
    InputError
        They have no labels, or others than the network's classes, or one class only.
    """
    names = engine.info.labels
    unnamed = all(name == f"class {number}" for number, name in enumerate(names))
    if data is None:
        source = engine.session.source
        if all(label is None for label in source.labels):
            raise InputError(
                "The engine's images have no labels: pass labelled ones as data, a folder of "
                "class folders or a Dataset of (image, class number)."
            )
        images = Labelled.of_source(source, None if unnamed else names, "engine's images")
    else:
        images = Labelled.of(
            data,
            transform,
            classes=None if unnamed else names,
            like=engine.session.source if transform is None else None,
        )
    if len(images.classes) > len(names):
        raise InputError(
            f"The network has {len(names)} classes, the {images.what} {len(images.classes)}: pass "
            "images of its classes."
        )
    if unnamed:  # an image's class number is the output's; the data may lack the last ones
        images.classes = (*images.classes, *names[len(images.classes) :])
    images.check_classes()
    return images
