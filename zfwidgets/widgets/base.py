"""What all widgets of an engine have in common: state, messages, settling, display."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import anywidget
import traitlets
from PIL import Image

from ..engine.protocol import EngineProtocol
from ..errors import InputError, ZfError
from ..records import Progress
from . import keys, snapshot
from .bundle import esm
from .encode import finite
from .jobs import Op
from .options import scaled
from .routing import Routed
from .selection import FIELDS, Selection, reject_unknown, state_values
from .service import Need, service_of
from .steps import Shared, Steps
from .two_outputs import TwoOutputs

PICTURE_DELAY = 1.0
"""Seconds that a selection must be left alone before the static picture is drawn again."""
SETTLE_PRIORITY, PICTURE_PRIORITY = 1, 9
MOST_URGENT, LEAST_URGENT = 0, 8
OPS = ("get", "cancel", "pause", "resume")


class EngineWidget(TwoOutputs, Routed):
    """Base class of the widgets that show what an engine finds out.

    The traits `selection`, `fingerprint` and `view_options` are all that is synchronised; pixels
    are answers to messages that the browser sends (``docs/architecture.md``). Messages are
    handed to the engine's worker; nothing is computed on the kernel's main thread.
    """

    _module: ClassVar[str]
    """Name of the ES module in ``zfwidgets/static``."""

    selection = anywidget.WidgetTrait().tag(sync=True)
    """The shared `Selection`: set its traits to choose, observe them to follow."""
    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Identifies the engine's model, transform and images."""
    view_options = traitlets.Dict(read_only=True).tag(sync=True)
    """How a view starts; what the user changes in it stays in the browser."""

    def __init__(
        self,
        engine: EngineProtocol,
        *,
        selection: Selection | None,
        first: Mapping[str, Any],
        options: Mapping[str, Any],
        others: Mapping[str, Any],
    ) -> None:
        known = [*first, *(name for name in options if name not in first), "selection", "layout"]
        reject_unknown(type(self).__name__, others, tuple(known))
        self._service = service_of(engine)
        self._owner = uuid.uuid4().hex
        self._failure: BaseException | None = None
        if selection is None:
            selection = Selection(engine, **first_selection(engine, first))
        else:
            selection.attach(engine)
            selection.choose(**chosen(engine, first, selection))
        self.set_trait("fingerprint", engine.info.fingerprint)
        self.set_trait("view_options", dict(options))
        self.on_msg(self._on_message)
        super().__init__(selection=selection, **others)

    @property
    def _esm(self) -> str:
        return esm(self._module)

    @property
    def engine(self) -> EngineProtocol:
        """The engine whose records are shown."""
        return self._service.engine

    @property
    def state(self) -> dict[str, Any]:
        """The selection as versioned JSON (see `Selection.state`); set it to restore it."""
        state: dict[str, Any] = self.selection.state
        return state

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        self.selection.choose(**state_values(state))

    def close(self) -> None:
        """Stop what was asked for and remove the widget from the front end."""
        if self.comm is not None and hasattr(self, "_service"):
            self.selection.unobserve(self._reselected, list(FIELDS))
            self._service.jobs.cancel(self._owner)
            self._picture_id = None
        super().close()

    @traitlets.validate("selection")
    def _validate_selection(self, proposal: Any) -> Selection:
        selection = proposal["value"]
        if not isinstance(selection, Selection):
            raise traitlets.TraitError(f"A selection must be a zf.Selection, not {selection!r}.")
        try:
            selection.attach(self.engine)
        except InputError as error:
            raise traitlets.TraitError(str(error)) from error
        return selection

    @traitlets.observe("selection")
    def _follow_selection(self, change: Any) -> None:
        if isinstance(change["old"], Selection):
            change["old"].unobserve(self._reselected, list(FIELDS))
        change["new"].observe(self._reselected, list(FIELDS))
        self._reselected(change)

    def _reselected(self, _change: Any) -> None:
        if self._picture_id is not None:
            self._draw_picture(PICTURE_PRIORITY, PICTURE_DELAY)

    # ------------------------------------------------------------------ messages

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        """Take a message of the front end: post it to the worker and return."""
        message = content if isinstance(content, dict) else {}
        try:
            self._post(message)
        except ZfError as error:
            Teller(self, message)("error", error)

    def _post(self, message: dict[str, Any]) -> None:
        op, view, slot = message.get("op"), message.get("view"), message.get("slot")
        if message.get("zf") != 1 or op not in OPS:
            raise InputError(f"A message must be {{zf: 1, op: one of {', '.join(OPS)}, ...}}.")
        if op in ("pause", "resume"):
            (self.pause if op == "pause" else self.resume)()
            return
        if not isinstance(view, str) or not isinstance(slot, str):
            raise InputError(f"A message names its view and slot, not {view!r} and {slot!r}.")
        if op == "cancel":
            self._service.jobs.cancel(self._owner, view, slot)
            return
        urgency = keys.integer("priority", message.get("priority", 1), MOST_URGENT, LEAST_URGENT)
        fields = self._service.source.check(message.get("kind"), message.get("key"))
        need = (message["kind"], fields)
        listener = Teller(self, message)
        self._service.ask(self._owner, view, slot, need, listener, priority=urgency)

    # ------------------------------------------------------------------ the index

    @property
    def paused(self) -> bool:
        """Whether the pass that builds the engine's index is paused."""
        return self._service.paused

    def pause(self) -> None:
        """Pause the pass that builds the index, for all widgets of the engine.

        It rests after the batch that is being computed and keeps what it knows (on disk, where
        the engine has a cache); widgets show that, and can be used. ``engine.index()`` goes on
        regardless: who asks for it in a cell wants it.
        """
        self._service.pause()

    def resume(self) -> None:
        """Let the pass that builds the index go on."""
        self._service.resume()

    # ------------------------------------------------------------------ settling

    def _needs(self) -> list[Need]:
        """What a view of the current selection asks for before it is settled."""
        raise NotImplementedError

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait until all is computed that the selection and the browser ask for.

        When it returns True, what the current selection needs is computed and kept, so that a
        browser that asks for it gets it at once; every request that had come from the browser
        has been answered and the answers sent; linked plots have been updated; and the static
        picture, if the widget was displayed, shows the current selection.

        It doesn't wait for the browser itself: many kernels (ipykernel 6 and 7.4) receive the
        browser's messages only when the cell has ended. What then is painted, the page says
        itself: the widget's root element has ``data-zf-settled="true"``.

        Parameters
        ----------
        timeout
            Seconds to wait at most.

        Returns
        -------
        bool
            False if time ran out; what was asked for is still computed. False at once when all
            that is left waits for an index whose pass is paused.

        Raises
        ------
        Exception
            What the engine raised when it computed what the selection needs.
        """
        self._failure = None
        self._draw_picture(SETTLE_PRIORITY, 0.0)
        owners = {self._owner, id(self.selection)}
        end = time.monotonic() + timeout
        done, more = False, True
        while more:  # what is handed back may ask for more
            done = self._service.jobs.wait(owners, max(0.0, end - time.monotonic()))
            more = self._service.hand_back.run_waiting() and done
        if self._failure is not None:
            raise self._failure
        return done

    def snapshot(self, timeout: float = 60.0) -> Image.Image:
        """Draw the static picture of the current selection, waiting for what it shows.

        Under a displayed widget it replaces the one that was there.

        Parameters
        ----------
        timeout
            Seconds to wait at most; what isn't known then is left empty in the picture.

        Returns
        -------
        PIL.Image.Image
            The picture, RGB.
        """
        if not self.settle(timeout) or self._picture is None:
            self._picture = self._paint_known()
        return self._picture

    # ------------------------------------------------------------------ display

    def _displayed(self) -> None:
        self._draw_picture(PICTURE_PRIORITY, PICTURE_DELAY)

    def _draw_picture(self, priority: int, delay: float) -> None:
        """Have the worker compute what the selection needs and draw it."""
        needs, state = self._needs(), self.state

        def steps() -> Steps:
            answers = yield from self._service.all(needs)
            return snapshot.draw(self.engine.info, state, needs, answers)

        self._service.jobs.submit(
            self._owner,
            "python",
            "picture",
            repr((needs, state)),
            steps,
            self._picture_drawn,
            priority=priority,
            delay=delay,
        )

    def _picture_drawn(self, op: Op, value: Any) -> None:
        if op == "error":
            self._failure = value
        elif op == "reply":
            self._service.hand_back(lambda: self._show_picture(value))

    def _describe(self) -> str:
        unit = self.selection.unit
        what = "" if unit is None else f"layer {unit[0]}, channel {unit[1]}, "
        return f"{what}photo {self.engine.info.images[self.selection.photo]}"

    def _paint_known(self) -> Image.Image:
        needs = self._needs()
        return snapshot.draw(self.engine.info, self.state, needs, self._service.known(needs))


class Teller:
    """Sends what a job says about a request to the page that made it."""

    def __init__(self, widget: Any, request: Mapping[str, Any]) -> None:
        self._widget = widget
        self._address = {name: request.get(name) for name in ("view", "slot", "kind", "key")}

    def __call__(self, op: Op, value: Any) -> None:
        """Send one answer."""
        self._send(op, value)

    def together(self, others: Sequence[Teller], progress: Progress) -> None:
        """Send one sign of life for this request and others of the widget."""
        also = [{name: other._address[name] for name in ("kind", "key")} for other in others]
        self._send("progress", progress, **({"also": also} if also else {}))

    def _send(self, op: Op, value: Any, **more: Any) -> None:
        data, buffers = wire(op, value)
        message = {"zf": 1, "op": op, **self._address, "data": sendable(data), **more}
        self._widget.send(message, buffers)


def wire(op: Op, value: Any) -> tuple[dict[str, Any], list[bytes]]:
    """What a job says, as JSON and buffers."""
    if op in ("reply", "partial"):
        data, buffers = value
        return data, buffers
    if isinstance(value, Progress):
        names = ["what", "done", "total", "seconds_left"]
        if isinstance(value, Shared):
            names += ["per_second", "filled", "paused"]
        return {name: getattr(value, name) for name in names}, []
    if isinstance(value, BaseException):
        return {"name": type(value).__name__, "message": str(value) or repr(value)}, []
    return {}, []


def sendable(data: dict[str, Any]) -> dict[str, Any]:
    """The same, with what can't be carried replaced.

    A file's name is any bytes on Linux, and a number may be NaN or infinite, which JSON doesn't
    know: null. A message with such a thing would be lost on its way without a word.
    """
    try:
        text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    except ValueError:
        return sendable(finite(data))
    try:
        text.encode()
    except UnicodeEncodeError:
        replaced: dict[str, Any] = json.loads(text.encode("utf-8", "replace"))
        return replaced
    return data


# ---------------------------------------------------------------------- where a widget starts


def first_selection(engine: EngineProtocol, first: Mapping[str, Any]) -> dict[str, Any]:
    """A telling first selection: a channel in the middle of the network, its strongest photo."""
    start: dict[str, Any] = {
        "unit": middle_unit(engine),
        "photo": 0,
        "occluder": centred_occluder(engine, None),
        **chosen(engine, first, None),
    }
    if first.get("image") is None and engine.indexed:
        layer, channel = start["unit"]
        strongest = engine.top(layer, channel, 1)
        start["photo"] = strongest[0].image if len(strongest) else 0
    return start


def middle_unit(engine: EngineProtocol) -> tuple[str, int]:
    """Channel 0 of the layer in the middle among convolutions and blocks."""
    layers = [layer for layer in engine.layers if layer.role in ("conv", "block")]
    layers = layers or list(engine.layers)
    return layers[len(layers) // 2].name, 0


def chosen(
    engine: EngineProtocol, first: Mapping[str, Any], selection: Selection | None
) -> dict[str, Any]:
    """The traits of a selection that a widget's arguments ask for; what is None isn't asked for."""
    values: dict[str, Any] = {}
    given = {name: value for name, value in first.items() if value is not None}
    unit = None if selection is None else selection.unit
    if "layer" in given:
        values["unit"] = (given["layer"], given.get("channel", 0))
    elif "channel" in given:
        values["unit"] = ((unit or middle_unit(engine))[0], given["channel"])
    if "rule" in given:
        values["rule"] = given["rule"]
    if "image" in given:
        values["photo"] = given["image"]
    if "patch" in given or "fill" in given:
        values["occluder"] = centred_occluder(engine, given.get("patch"), given.get("fill", "grey"))
    return values


def centred_occluder(
    engine: EngineProtocol, patch: int | tuple[int, int] | None, fill: str | float = "grey"
) -> dict[str, Any]:
    """An occluder in the middle of the input, ``patch`` pixels high and wide."""
    rows, columns = keys.input_size(engine)
    size = scaled(engine, 32) if patch is None else patch
    height, width = size if isinstance(size, tuple | list) else (size, size)
    height = keys.integer("patch (rows)", height, 1, rows)
    width = keys.integer("patch (columns)", width, 1, columns)
    top, left = (rows - height) // 2, (columns - width) // 2
    return {"top": top, "left": left, "height": height, "width": width, "fill": fill}
