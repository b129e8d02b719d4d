"""Parts of a trained network switched off by clicking, as a widget."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets
from PIL import Image

from ...drawing.tables import problem, small
from ...engine.protocol import EngineProtocol
from ...errors import InputError, needs_torch
from ...records import Progress
from ...stepwise import Growing
from ...widgets.wire.jobs import Op
from ...widgets.wire.jobs.steps import Steps
from ..shared.boxes import Experiment
from ..shared.charts import BarChart
from ..shared.layout import beside, controls, heading
from ..shared.picture_wall import PictureWall, Wall
from . import widget_parts as parts

if TYPE_CHECKING:
    from .measuring import Look
    from .result import LesionResult


class Lesion(Experiment["LesionResult"]):
    """Switches channels or layers of a trained network off, and shows what becomes of it.

    Click a feature map to switch its channel off or on, or switch the whole layer: off (all its
    maps are zero) or skipped (it gives what it gets, where shapes allow). Accuracy, the classes
    hurt most and the photo in view follow at once; a newer click replaces what is running. Nothing
    is trained again and the network's weights stay as they are: what it needs when it can be
    trained anew is another question: `zfwidgets.Ablation`.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    data
        Labelled images of the network's classes: a folder of class folders, a map-style Dataset of
        (image, label), a list of (image, label). None: the engine's own images.
    layer
        Which layer's channels to show first; None: the first.
    transform
        As in `zfwidgets.Engine`; None: the engine's.
    off
        What is off at the beginning.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine; images without labels or of one class only; a
        layer or channel that doesn't exist.
    MissingDependency
        Without torch.

    Examples
    --------
    >>> ablation = zf.Lesion(engine, data)
    >>> ablation.off = {"conv3": "all", "conv1": [3, 7]}
    >>> ablation.settle()
    >>> ablation.result.class_frame()
    """

    named = "lesion"

    off = traitlets.Dict()
    """What is off, by layer: channels, "all" or "skip". Set it to switch; observe it."""

    def __init__(
        self,
        engine: EngineProtocol,
        data: Any = None,
        *,
        layer: str | None = None,
        transform: Any = None,
        off: Any = None,
        **layout: Any,
    ) -> None:
        self._bench = _experiment().LesionRunner(engine, data, transform)
        first = engine.layer(layer).name if layer else engine.layers[0].name
        self._seen: Look | None = None
        self._hung: Wall | None = None
        self._pictured: tuple[Wall, str] | None = None
        self._tried: list[LesionResult] = []
        images, words = self._bench.images, self._words
        self._model = engine.info.model
        self._accuracy = ipywidgets.HTML(html.escape(parts.accuracy_text(None, words)))
        self._layer = ipywidgets.Dropdown(
            options=parts.layer_names(engine.layers, {}, words),
            value=first,
            description=words("lesion.layer"),
        )
        self._layer.observe(self._look, "value")
        self._buttons = {
            name: ipywidgets.Button(description=words(f"lesion.{name}"))
            for name in ("off", "skip", "on", "all")
        }
        for name, button in self._buttons.items():
            button.on_click(partial(self._pressed, name))
        fingerprint = engine.info.fingerprint
        note = words("lesion.maps.note")
        self._maps = PictureWall(
            fingerprint, words("lesion.maps"), note=note, size=parts.TILE, choosable=True
        )
        self._maps.observe(self._clicked, "chosen")
        self._photo = ipywidgets.IntSlider(
            min=0, max=len(images) - 1, description=words("lesion.photo"), continuous_update=True
        )
        self._photo.observe(self._look, "value")
        self._photo_wall = PictureWall(fingerprint, words("lesion.view"), size=160)
        self._photo_text, self._problem = ipywidgets.HTML(), ipywidgets.HTML()
        bars: dict[str, Any] = {"span": (0.0, 1.0), "horizontal": True}
        self._predicted = BarChart(
            words("lesion.probability"), label=words("lesion.view"), height=170, **bars
        )
        self._classes = BarChart(
            words("lesion.accuracy"), label=words("lesion.hurt"), height=230, **bars
        )
        self._history = ipywidgets.HTML()
        switches = controls(self._layer, *self._buttons.values())
        left = [switches, self._problem, self._maps, self._history]
        right = [
            self._photo_wall,
            controls(self._photo),
            self._photo_text,
            self._predicted,
            heading(words("lesion.hurt")),
            self._classes,
            ipywidgets.HTML(small(words("lesion.hurt.note"))),
        ]
        everything = [self._accuracy, beside(left, right)]
        super().__init__(engine, everything, start=False, **layout)
        self.add_class("zf-ablation")
        self.observe(self._switched, "off")
        if off:
            self.off = off
        else:
            self._switched()

    @property
    def tried(self) -> tuple[LesionResult, ...]:
        """What was tried so far, as records; each once, in the order they were finished."""
        return tuple(self._tried)

    @traitlets.validate("off")
    def _check_off(self, proposal: Any) -> dict[str, Any]:
        return dict(self._bench.check(proposal["value"]))

    # ------------------------------------------------------------------ switching

    def _switched(self, _change: Any = None) -> None:
        layer = self._layer.value
        self._layer.unobserve(self._look, "value")  # other options choose the first one
        self._layer.options = parts.layer_names(self.engine.layers, self.off, self._words)
        self._layer.value = layer
        self._layer.observe(self._look, "value")
        self._look()
        self._halted = False  # what was stopped was of other parts
        self.start()

    def _clicked(self, change: Any) -> None:
        channel, layer = change["new"], self._layer.value
        if channel < 0:
            return
        self._maps.chosen = -1  # so that the same can be clicked again
        own = self.off.get(layer)
        channels = range(self.engine.layer(layer).channels)
        gone = set(channels if own == "all" else () if isinstance(own, str) else own or ())
        gone ^= {channel}
        self._set(layer, "all" if len(gone) == len(channels) else sorted(gone))

    def _pressed(self, name: str, _button: Any) -> None:
        layer = self._layer.value
        if name == "all":
            self.off, self._problem.value = {}, ""
        else:
            self._set(layer, {"off": "all", "skip": "skip"}.get(name, []))

    def _set(self, layer: str, what: Any) -> None:
        """Switch a layer's parts; what can't be is said in its place."""
        try:
            self.off = {**self.off, layer: what}
            self._problem.value = ""
        except InputError as error:
            self._problem.value = problem(str(error))

    # ------------------------------------------------------------------ the photo in view

    def _look(self, _change: Any = None) -> None:
        steps = partial(self._looking, self._photo.value, self._layer.value, dict(self.off))
        self._service.work(self._owner, "look", steps, self._looked, 0)

    def _looking(self, image: int, layer: str, off: dict[str, Any]) -> Steps:
        yield Progress(0, 1, None, "looking at the photo")
        seen = self._bench.look(image, layer, off)
        wall = parts.map_wall(seen.maps, off.get(layer), self._words)
        photo = Wall([self._bench.images.source.display(image)])
        kept = self._maps.keep(wall), self._photo_wall.keep(photo, f"photo {image}")
        return seen, wall, photo, *kept

    def _looked(self, op: Op, value: Any) -> None:
        if op == "reply":
            self._service.hand_back(lambda: self._show_look(*value))
        elif op == "error":
            self._service.hand_back(partial(self._say_wrong, value))

    def _show_look(self, seen: Look, wall: Wall, picture: Wall, maps: str, photo: str) -> None:
        if self._closed:
            return
        self._seen, self._hung = seen, wall
        self._maps.wall, self._photo_wall.wall = maps, photo
        self._predicted.draw(*parts.predicted_classes(seen.before, seen.after, self._words))
        images = self._bench.images
        label = int(images.labels[seen.before.image])
        name = images.classes[label] if label >= 0 else self._words("lesion.no_label")
        text = parts.photo_text(seen.before, seen.after, name, self._words)
        self._photo_text.value, self._pictured = small(text), (picture, text)
        self._draw_picture()

    def _say_wrong(self, error: BaseException) -> None:
        self._failure = error
        self._problem.value = problem(f"{type(error).__name__}: {error}")

    # ------------------------------------------------------------------ all images

    def _steps(self) -> Growing[LesionResult]:
        return self._bench.steps(dict(self.off))  # type: ignore[no-any-return]

    def _done(self, result: LesionResult) -> str:
        return self._words("lesion.done", number=len(result.images))

    def _stopped(self, result: LesionResult | None) -> str:
        done = 0 if result is None else len(result.images)
        return self._words("lesion.stopped", number=done)

    def _facts(self) -> str:
        return self._named("lesion.facts")

    def _named(self, key: str) -> str:
        return self._words(key, model=self._model, images=len(self._bench.images))

    def _show(self, result: LesionResult) -> None:
        self._accuracy.value = html.escape(parts.accuracy_text(result, self._words))
        if len(result.images):
            self._classes.draw(*parts.hurt_classes(result, self._words))
        if result.complete:
            self._tried = [r for r in self._tried if r.off != result.off] + [result]
            self._history.value = parts.tried_table(self._tried, self._words)

    def _paint(self, result: LesionResult | None, status: str) -> Callable[[], Image.Image]:
        tried = tuple(self._tried)
        title, photo = self._named("lesion.picture"), self._pictured
        return partial(parts.draw, title, result, tried, photo, self._hung, status, self._words)


def _experiment() -> Any:
    """The computation, which needs torch; imported when a widget is made."""
    with needs_torch("zf.Lesion runs the network, and"):
        from . import measuring
    return measuring
