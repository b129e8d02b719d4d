"""How far a network's features carry on other pictures, as a widget (paper, section 5.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import ipywidgets
import numpy as np
from PIL import Image

from ...drawing.tables import problem, small
from ...engine.protocol import EngineProtocol
from ...errors import InputError, needs_torch
from ...language.words import Words
from ...records import Progress
from ...stepwise import Growing
from ...widgets.wire.jobs import Op
from ...widgets.wire.jobs.steps import Steps
from ..shared.boxes import Experiment
from ..shared.charts import BarChart, LineChart, PointChart
from ..shared.layout import beside, controls, heading
from ..shared.picture_wall import PictureWall, Wall
from ..shared.recording import Recording, stored
from . import widget_parts as parts
from .records.accuracies import BiasRecord, TransferRecord


class Transfer(Experiment["TransferRecord"]):
    """Shows what a network's features are worth on other pictures (paper, Table 7 and Fig. 9).

    Accuracy of linear classifiers on each layer's features; accuracy against images per class,
    pretrained and from scratch; and each class by its accuracy and its distance from what the
    network was trained on: click a class, or choose it, to see its photos above their nearest
    training photos. It starts when it is made, on the engine's worker; "Stop" keeps what is done.
    What is computed and how: `zfwidgets.experiments.transfer`.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``, with the network that has the features. Or a recording
        (`zfwidgets.experiments.recorded`), alone: it is shown, without torch.
    data
        Other labelled images: a folder of class folders, a map-style Dataset of (image, label),
        a list of (image, label).
    training
        Images that the network was trained on, or a part of them. None: the engine's own.
    transform
        As in `zfwidgets.Engine`; None: the engine's.
    train_images, test_images, repeats
        As in `zfwidgets.experiments.transfer_layers_steps`.
    start
        Whether to start at once.
    **options
        What else `zfwidgets.experiments.transfer_features_steps` takes: ``layers``,
        ``layer``, ``counts``, ``scratch``, ``strength``, ``seed``; and ``layout``, as every
        ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine; one class only; too few images of a class; a
        layer that doesn't exist.
    MissingDependency
        Without torch or scikit-learn.

    Examples
    --------
    >>> transfer = zf.Transfer(engine, zf.samples.shapes(400), train_images=20)
    >>> transfer.settle()
    >>> transfer.result.layers.to_frame()
    """

    named = "transfer"

    def __init__(
        self,
        engine: EngineProtocol | Recording[TransferRecord],
        data: Any = None,
        *,
        training: Any = None,
        transform: Any = None,
        train_images: int | None = None,
        test_images: int | None = None,
        repeats: int = 5,
        start: bool = True,
        layout: Any = None,
        **options: Any,
    ) -> None:
        recorded = stored(engine, TransferRecord)
        self._walls: Mapping[str, Wall] = {}
        if recorded is not None:
            if data is not None or training is not None or options:
                raise InputError(
                    "This is a transfer that was computed before: pass it alone, or an engine and "
                    "data to compute."
                )
            self._about, fingerprint, live = (
                _recorded_title(recorded[0], self._words),
                "recorded",
                None,
            )
            self._walls = recorded[2]
        else:
            assert not isinstance(engine, (TransferRecord, Recording))
            live = engine
            experiment = _experiment()
            shared = {"train_images": train_images, "test_images": test_images, "repeats": repeats}
            self._images, self._training = experiment.open_images(
                engine, data, training, transform=transform, **shared, **options
            )
            self._make = partial(
                experiment.transfer_features_steps,
                engine,
                self._images,
                training=self._training,
                **shared,
                **options,
            )
            self._about = _title(engine, self._images, self._words)
            fingerprint = engine.info.fingerprint
        words = self._words
        accuracy = words("transfer.accuracy")
        self._layers = BarChart(accuracy, span=(0.0, 1.0), label=words("transfer.layers"))
        self._curve = LineChart(
            words("transfer.counts"), accuracy, span=(0.0, 1.0), label=words("transfer.curve")
        )
        self._classes = PointChart(
            words("transfer.distance"),
            accuracy,
            self._choose,
            what=words("transfer.class"),
            span=(0.0, 1.0),
            label=words("transfer.bias"),
        )
        self._texts = {
            name: ipywidgets.HTML()
            for name in ("layers", "layers table", "curve", "curve table", "bias")
        }
        self._class = ipywidgets.Dropdown(options=[], description=words("transfer.class"))
        self._class.observe(self._look, "value")
        self._wall = PictureWall(
            fingerprint, words("transfer.wall"), note=words("transfer.wall.note"), size=84
        )
        self._hung: Wall | None = None
        texts = self._texts
        layers = [self._layers, texts["layers table"], texts["layers"]]
        curve = [self._curve, texts["curve table"], texts["curve"]]
        columns = [
            beside(
                [heading(words("transfer.layers")), *layers],
                [heading(words("transfer.curve")), *curve],
            ),
            beside(
                [heading(words("transfer.bias")), self._classes, texts["bias"]],
                [controls(self._class), self._wall],
            ),
        ]
        more = {} if layout is None else {"layout": layout}
        super().__init__(live, columns, start=start, recorded=recorded, **more)
        self.add_class("zf-transfer")

    # ------------------------------------------------------------------ running

    def _steps(self) -> Growing[TransferRecord]:
        return self._make()  # type: ignore[no-any-return]

    def _done(self, result: TransferRecord) -> str:
        parts = [
            self._words(f"transfer.part.{name}") for name, part in vars(result).items() if part
        ]
        return self._words("transfer.done", parts=", ".join(parts))

    # ------------------------------------------------------------------ drawing

    def _facts(self) -> str:
        return self._about

    def _show(self, result: TransferRecord) -> None:
        layers, curve, bias = result.layers, result.curve, result.bias
        texts, words = self._texts, self._words
        if layers is not None:
            means = {
                parts.series_name(name, words): layers.mean(name) for name in layers.accuracies
            }
            self._layers.draw(layers.layers, means)
            texts["layers"].value = small(parts.about_layers(layers, words))
            texts["layers table"].value = parts.layers_table(layers, words)
        if curve is not None:
            lines = {parts.series_name(name, words): curve.mean(name) for name in curve.accuracies}
            guessing = {words("transfer.guessing"): curve.chance}
            self._curve.draw(curve.counts, lines, levels=guessing)
            texts["curve"].value = small(parts.about_curve(curve, words))
            texts["curve table"].value = parts.curve_table(curve, words)
        if bias is not None:
            texts["bias"].value = small(parts.about_bias(bias, words))
            if not self._class.options:
                self._class.options = [(name, n) for n, name in enumerate(bias.classes)]
                if self._recorded and np.isfinite(bias.accuracy).any():  # the worst
                    self._class.value = int(np.nanargmin(bias.accuracy))
            self._draw_classes(bias)

    def _draw_classes(self, bias: BiasRecord) -> None:
        self._classes.draw(bias.classes, bias.distance, bias.accuracy)
        self._classes.point_out(self._chosen if self._chosen >= 0 else None)

    def _paint(self, result: TransferRecord | None, status: str) -> Callable[[], Image.Image]:
        title = self._about[:1].upper() + self._about[1:]
        return partial(parts.draw, title, result, self._hung, status, self._words)

    # ------------------------------------------------------------------ classes

    @property
    def _chosen(self) -> int:
        return -1 if self._class.value is None else int(self._class.value)

    def _choose(self, number: int) -> None:
        self._class.value = number

    def _look(self, _change: Any) -> None:
        """Show a class's photos, read on the worker."""
        bias = None if self._result is None else self._result.bias
        if bias is None or self._chosen < 0:
            return
        self._draw_classes(bias)
        if self._recorded:
            wall = self._walls.get(class_wall_name(self._chosen))
            if wall is not None:
                if wall.sides:  # in this language
                    sides = (bias.classes[self._chosen], self._words("transfer.nearest"))
                    wall = replace(wall, sides=sides)
                self._hang_there(wall, self._wall.keep(wall))
            return
        steps = partial(self._hang, bias, self._chosen)
        self._service.work(self._owner, "class", steps, self._hung_up)

    def _hang(self, bias: BiasRecord, chosen: int) -> Steps:
        yield Progress(0, 1, None, "reading photos")
        wall = parts.class_wall(
            bias, chosen, self._images.source.display, self._training.source.display
        )
        sides = (bias.classes[chosen], self._words("transfer.nearest"))
        wall = replace(wall, sides=sides)
        return wall, self._wall.keep(wall)

    def _hung_up(self, op: Op, value: Any) -> None:
        if op == "reply":
            self._service.hand_back(lambda: self._hang_there(*value))
        elif op == "error":
            self._service.hand_back(partial(self._say_wrong, value))

    def _hang_there(self, wall: Wall, name: str) -> None:
        if not self._closed:
            self._hung, self._wall.wall = wall, name
            self._draw_picture()

    def _say_wrong(self, error: BaseException) -> None:
        self._failure = error
        self._texts["bias"].value = problem(f"{type(error).__name__}: {error}")


def class_wall_name(number: int) -> str:
    """What a recording calls the photos of a class."""
    return f"class {number}"


def _recorded_title(record: TransferRecord, words: Words) -> str:
    parts = [part for part in (record.layers, record.curve, record.bias) if part is not None]
    return words("transfer.facts.recorded", classes=len(parts[0].classes)) if parts else ""


def _title(engine: EngineProtocol, images: Any, words: Words) -> str:
    return words(
        "transfer.facts",
        model=engine.info.model,
        images=len(images),
        classes=len(images.classes),
    )


def _experiment() -> Any:
    """The computation, which needs torch and scikit-learn; imported when a widget is made."""
    with needs_torch("zf.Transfer computes features, and"):
        from . import whole
    return whole
