"""The evolution of feature maps as a widget, live while the network is trained (paper, Fig. 4)."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import ipywidgets
from PIL import Image

from ..shared.boxes import ResultBox
from ..shared.charts import LineChart
from ..shared.layout import beside, controls
from ..shared.picture_wall import PictureWall
from ..shared.recording import stored
from . import widget_pictures as pictures
from .moments import SETTLED, EvolutionRecord

if TYPE_CHECKING:
    from ..shared.recording import Recording
    from .watching import Watch

ALL = ""
"""In place of a layer's name: all layers."""
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

    Examples
    --------
    >>> watch = zf.watch(model, photos)
    >>> threading.Thread(target=train, args=(model, watch.step)).start()
    >>> zf.Evolution(watch)
    """

    named = "evolution"

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
        words = self._words
        self._time = ipywidgets.IntSlider(
            min=0, max=0, readout=False, description=words("evolution.moment")
        )
        self._play = ipywidgets.Play(min=0, max=0, interval=INTERVAL, show_repeat=False)
        self._played = ipywidgets.jslink((self._play, "value"), (self._time, "value"))
        self._when = ipywidgets.HTML()
        self._layer = ipywidgets.Dropdown(
            options=[(words("evolution.all"), ALL), *((name, name) for name in record.layers)],
            description=words("evolution.of"),
        )
        self._kind = ipywidgets.Dropdown(
            options=[(words(f"evolution.{kind}"), kind) for kind in pictures.KINDS],
            description=words("evolution.show"),
        )
        fingerprint = record.fingerprint
        look: dict[str, Any] = {"size": 84, "choosable": True}
        note = words("evolution.film.note", jump=words("evolution.jump"))
        self._maps = PictureWall(
            fingerprint, words("evolution.maps"), note=words("evolution.maps.note"), **look
        )
        self._film = PictureWall(fingerprint, words("evolution.film"), note=note, **look)
        step = words("evolution.step")
        self._curve = LineChart(
            step, words("evolution.alike"), self._go_to, span=(-0.1, 1.0), height=210
        )
        self._strength = LineChart(step, words("evolution.strength"), self._go_to, height=150)
        self._settled = ipywidgets.HTML()
        for widget in (self._time, self._layer, self._kind):
            widget.observe(self._draw, "value")
        self._maps.chosen = 0
        self._maps.observe(self._draw, "chosen")
        self._film.observe(self._choose_moment, "chosen")
        top = controls(self._play, self._time, self._when, self._layer, self._kind)
        curves = [self._curve, self._settled, self._strength]
        parts = [*self._make_controls(), top, beside([self._maps], curves), self._film]
        engine = None if self._watch is None else self._watch.engine
        made = "" if recorded is None else recorded[1]
        super().__init__(engine, parts, stored=made, **layout)
        self.add_class("zf-evolution")
        if self._watch is not None:
            self._watch.listen(self._hear, self._service.hand_back.run_waiting)
            record = self._watch.record  # what came since isn't told any more
        self._update(record)
        self._say()

    def _make_controls(self) -> list[ipywidgets.Widget]:
        """The line with buttons; none for a stored record."""
        words = self._words
        self._status = ipywidgets.HTML()
        self._pause = ipywidgets.Button(description=words("evolution.pause"))
        self._one = ipywidgets.Button(description=words("evolution.one"))
        self._look = ipywidgets.Button(
            description=words("evolution.look"), tooltip=words("evolution.look.tip")
        )
        if self._watch is None:
            return []
        watch = self._watch
        self._pause.on_click(lambda _: watch.resume() if watch.paused else watch.pause())
        self._one.on_click(lambda _: watch.advance())
        self._look.on_click(lambda _: watch.snapshot())
        line = ipywidgets.HBox([self._status, self._pause, self._one, self._look])
        line.add_class("zf-running")
        return [line]

    def _linked(self) -> list[ipywidgets.Widget]:
        return [self._played]

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
        what = "continue" if watch.paused else "pause"
        self._pause.description = self._words(f"evolution.{what}")
        said, self._said = self._said, pictures.status(watch, self._result, self._words)
        self._status.value = html.escape(self._said)
        if over and said != self._said:
            self._draw_picture()

    # ------------------------------------------------------------------ drawing

    def _facts(self) -> str:
        return pictures.describe(self._result, self._words)

    def _show(self, result: EvolutionRecord) -> None:
        last = max(0, len(result.moments) - 1)
        follow = self._time.value == self._time.max  # unless the user looks at an earlier one
        self._time.max = self._play.max = last
        if follow and self._time.value != last:
            self._time.value = last
        else:
            self._draw()
        self._draw_curves()

    def _paint(self, result: EvolutionRecord | None, status: str) -> Callable[[], Image.Image]:
        layer = self._layer.value or None
        return partial(pictures.paint, result, layer, status, self._threshold, self._words)

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
        words, moment = self._words, record.moments[at]
        when = pictures.when(record, at, words)
        said = words("evolution.where", when=when, at=at + 1, of=len(record.moments))
        self._when.value = html.escape(said)
        name = f"{self._owner}.{self._layer.value}.{kind}.{moment.step}"
        _push(self._maps, name, lambda: pictures.maps(record, at, numbers, kind, words))
        chosen = numbers[min(max(self._maps.chosen, 0), len(numbers) - 1)]
        layer, channel = record.units[chosen]
        self._film.label = words("evolution.film.of", layer=layer, channel=channel)
        name = f"{self._owner}.film.{chosen}.{kind}.{len(record.moments)}"
        _push(self._film, name, lambda: pictures.film(record, chosen, kind, words))
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
        self._settled.value = pictures.settled(record, self._threshold, self._words)

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
