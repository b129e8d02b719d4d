"""The evolution of feature maps as a widget, live while the network is trained (paper, Fig. 4)."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
from PIL import Image

from ...drawing.charts import LineChart
from ..shared.boxes import ResultBox, beside
from ..shared.picture_wall import PictureWall
from ..shared.recording import stored
from . import widget_pictures as pictures
from .moments import SETTLED, EvolutionRecord

if TYPE_CHECKING:
    from ..shared.recording import Recording
    from .watching import Watch

ALL = "all layers"
INTERVAL = 700
"""Milliseconds of a moment when it is played."""


class Evolution(ResultBox["EvolutionRecord"]):
    """Shows how feature maps come to be, live while the network is trained (paper, Fig. 4).

    The projections of all chosen maps at one moment, with a slider and a button that plays them;
    all moments of one map; a curve of how alike each layer's features and the newest ones are,
    with the step at which each layer has settled. Click a map to see its moments, a moment or a
    point of a curve to go there. While the slider is at the newest moment it follows the training.

    Pause, one step, and a look out of turn: if the training loop runs in a thread of its own it
    waits in ``watch.step()``. On the kernel's main thread it can't, and the widget says why; it
    shows news there too, each time that the loop passes by ``watch.step()``.

    Parameters
    ----------
    source
        A `Watch` that `zfwidgets.watch` has made; or an
        `zfwidgets.experiments.EvolutionRecord`, say one that was loaded, or a recording of one
        (`zfwidgets.experiments.recorded`).
    threshold
        How alike features must stay for their layer to count as settled; see
        `zfwidgets.experiments.EvolutionRecord.settled`.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    MissingDependency
        Without bqplot.

    Examples
    --------
    >>> watch = zf.watch(model, photos)
    >>> threading.Thread(target=train, args=(model, watch.step)).start()
    >>> zf.Evolution(watch)
    """

    def __init__(
        self,
        source: Watch | EvolutionRecord | Recording[EvolutionRecord],
        *,
        threshold: float = SETTLED,
        **layout: Any,
    ) -> None:
        recorded = stored(source, EvolutionRecord)
        self._watch: Watch | None = source if recorded is None else None  # type: ignore[assignment]
        record = source.record if recorded is None else recorded[0]  # type: ignore[union-attr]
        self._threshold, self._due = threshold, False
        self._title = ipywidgets.HTML()
        self._time = ipywidgets.IntSlider(min=0, max=0, readout=False, description="moment")
        self._play = ipywidgets.Play(min=0, max=0, interval=INTERVAL, show_repeat=False)
        self._played = ipywidgets.jslink((self._play, "value"), (self._time, "value"))
        self._when = ipywidgets.HTML()
        self._layer = ipywidgets.Dropdown(options=[ALL, *record.layers], description="maps of")
        self._kind = ipywidgets.Dropdown(options=list(pictures.KINDS), description="show")
        fingerprint = record.fingerprint
        self._maps = PictureWall(
            fingerprint, "Feature maps", note=pictures.MAPS, size=84, choosable=True
        )
        self._film = PictureWall(
            fingerprint, "One map", note=pictures.FILM, size=84, choosable=True
        )
        self._curve = LineChart(
            "step", "like the newest features", self._go_to, span=(-0.1, 1.0), height="260px"
        )
        self._strength = LineChart("step", "strongest of the map", self._go_to, height="200px")
        self._settled = ipywidgets.HTML()
        for widget in (self._time, self._layer, self._kind):
            widget.observe(self._draw, "value")
        self._maps.chosen = 0
        self._maps.observe(self._draw, "chosen")
        self._film.observe(self._choose_moment, "chosen")
        top = ipywidgets.HBox(
            [self._play, self._time, self._when, self._layer, self._kind],
            layout=ipywidgets.Layout(flex_flow="row wrap"),
        )
        curves = [self._curve.figure, self._curve.legend, self._settled, self._strength.figure]
        parts = [self._title, top, beside([self._maps], curves), self._film]
        engine = None if self._watch is None else self._watch.engine
        words = "" if recorded is None else recorded[1]
        super().__init__(engine, [*parts, *self._make_controls()], stored=words, **layout)
        self.add_class("zf-evolution")
        if self._watch is not None:
            self._watch.listen(self._hear, self._service.hand_back.run_waiting)
            record = self._watch.record  # what came since isn't told any more
        self._update(record)
        self._say()

    def _make_controls(self) -> list[ipywidgets.Widget]:
        """Buttons and the last line; none for a stored record."""
        self._status = ipywidgets.HTML()
        self._pause = ipywidgets.Button(description="Pause")
        self._one = ipywidgets.Button(description="One step")
        self._look = ipywidgets.Button(
            description="Look now", tooltip="Look at the weights after the next step too"
        )
        if self._watch is None:
            return []
        watch = self._watch
        self._pause.on_click(lambda _: watch.resume() if watch.paused else watch.pause())
        self._one.on_click(lambda _: watch.advance())
        self._look.on_click(lambda _: watch.snapshot())
        buttons = [self._pause, self._one, self._look, self._status]
        return [ipywidgets.HBox(buttons, layout=ipywidgets.Layout(flex_flow="row wrap"))]

    # ------------------------------------------------------------------ news

    def settle(self, timeout: float = 600.0) -> bool:
        """Wait until all that the training has begun to look at is shown; False at the time-out."""
        done = self._watch is None or self._watch.wait(timeout)
        return super().settle(timeout) and done

    def close(self) -> None:
        """Let a paused loop go on, and remove the widget and its parts from the front end."""
        if self._watch is not None:
            self._watch.unlisten(self._hear, self._service.hand_back.run_waiting)
            if self._watch.paused:
                self._watch.resume()
        self._played.close()
        super().close()

    def _hear(self) -> None:
        """There is news, on any thread; shown on the kernel's main one."""
        if not self._due:
            self._due = True
            self._service.hand_back(self._follow)

    def _follow(self) -> None:
        self._due = False
        if self._closed or self._watch is None:
            return
        record = self._watch.record
        if self._result is None or _news(self._result) != _news(record):
            self._update(record)
        else:
            self._result = record
        self._say()

    def _say(self) -> None:
        if self._watch is None:
            return
        watch = self._watch
        over = watch.finished or bool(watch.ended)
        for button in (self._pause, self._one, self._look):
            button.disabled = over
        self._pause.description = "Continue" if watch.paused else "Pause"
        said, self._said = self._said, pictures.status(watch, self._result)
        self._status.value = html.escape(self._said)
        if over and said != self._said:
            self._draw_picture()

    # ------------------------------------------------------------------ drawing

    def _describe(self) -> str:
        return pictures.describe(self._result)

    def _show(self, result: EvolutionRecord) -> None:
        last = max(0, len(result.moments) - 1)
        follow = self._time.value == self._time.max  # unless the user looks at an earlier one
        self._title.value = html.escape(self._describe())
        self._time.max = self._play.max = last
        if follow and self._time.value != last:
            self._time.value = last
        else:
            self._draw()
        self._draw_curves()

    def _paint(self, result: EvolutionRecord | None, status: str) -> Callable[[], Image.Image]:
        layer = None if self._layer.value == ALL else self._layer.value
        return partial(pictures.paint, self._describe(), result, layer, status, self._threshold)

    @property
    def _numbers(self) -> list[int]:
        """Places of the shown maps in the record's units."""
        assert self._result is not None
        layer = self._layer.value
        return [n for n, (name, _) in enumerate(self._result.units) if layer in (ALL, name)]

    def _draw(self, _change: Any = None) -> None:
        """The maps of the moment, and all moments of the chosen one."""
        record = self._result
        if record is None or not record.moments:
            return
        at, numbers, kind = (
            min(self._time.value, len(record.moments) - 1),
            self._numbers,
            self._kind.value,
        )
        moment = record.moments[at]
        self._when.value = html.escape(f"{moment.when} ({at + 1} of {len(record.moments)})")
        name = f"{self._owner}.{self._layer.value}.{kind}.{moment.step}"
        _push(self._maps, name, lambda: pictures.maps(record, at, numbers, kind))
        chosen = numbers[min(max(self._maps.chosen, 0), len(numbers) - 1)]
        layer, channel = record.units[chosen]
        self._film.label = f"{layer}, channel {channel}: all moments"
        name = f"{self._owner}.film.{chosen}.{kind}.{len(record.moments)}"
        _push(self._film, name, lambda: pictures.film(record, chosen, kind))
        self._film.chosen = at
        self._curve.point_out(at)
        places, names = range(len(record.moments)), [f"{m.step}" for m in record.moments]
        self._strength.draw(places, {f"{layer} {channel}": record.values(chosen)}, names)
        self._strength.point_out(at)

    def _draw_curves(self) -> None:
        record = self._result
        if record is None or not record.moments:
            return
        names = [f"{moment.step}" for moment in record.moments]
        lines = {layer: record.likeness(layer) for layer in record.layers}
        self._curve.draw(range(len(names)), lines, names)
        self._curve.point_out(self._time.value)
        self._settled.value = pictures.settled(record, self._threshold)

    def _choose_moment(self, change: Any) -> None:
        if change["new"] >= 0:
            self._go_to(change["new"])

    def _go_to(self, at: float) -> None:
        self._time.value = min(int(at), self._time.max)


def _push(wall: PictureWall, name: str, make: Callable[[], Any]) -> None:
    if wall.wall != name:
        if not wall.keeps(name):
            wall.keep(make(), name)
        wall.push(name)


def _news(record: EvolutionRecord) -> tuple[Any, ...]:
    return len(record.moments), record.missed, record.ended
