"""What all widgets of an engine have in common: state, messages, settling, display."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import Any

import anywidget
import traitlets
from PIL import Image

from ..bars import waiting
from ..engine.protocol import EngineProtocol
from ..errors import InputError, UnreadableImage, ZfError
from . import static_picture
from .boxes import show_boxes_around
from .bundle import Viewed, page_code
from .own_photos import PhotoUploads, show
from .routing import follow_in_marimo
from .selection import FIELDS, Selection, reject_unknown, state_values
from .setting.choosing import asked_for, chosen, first_selection
from .setting.options import Option, checked
from .static_picture.two_outputs import TwoOutputs
from .wire import validation
from .wire.encode import Answer
from .wire.jobs import Op
from .wire.jobs.steps import Steps
from .wire.photos import is_private, public_name
from .wire.service import OWN, Need, service_of
from .wire.source import identity
from .wire.telling import Teller

PICTURE_DELAY = 1.0
"""Seconds that a selection must be left alone before the static picture is drawn again."""
SETTLE_PRIORITY, PICTURE_PRIORITY = 1, 9
MOST_URGENT, LEAST_URGENT = 0, 8
OPS = ("get", "cancel", "pause", "resume", "add", "remove")


class EngineWidget(TwoOutputs, Viewed):
    """Base class of the widgets that show what an engine finds out.

    The traits `selection`, `fingerprint` and each `Option` are all that is synchronised; pixels
    are answers to messages that the browser sends (``docs/protocol.md``). Messages are
    handed to the engine's worker; nothing is computed on the kernel's main thread. What a
    selection holds can be read, set and observed as the widget's own traits too: each `Chosen`.
    """

    selection = anywidget.WidgetTrait().tag(sync=True)
    """The shared `Selection`: set its traits to choose, observe them to follow."""
    fingerprint = traitlets.Unicode(read_only=True).tag(sync=True)
    """Identifies the engine's model, transform and images."""
    layer, channel, photo, image = map(chosen, ("layer", "channel", "photo", "image"))
    language = Option("language")

    @waiting("Making the widget")
    def __init__(
        self, engine: EngineProtocol, *, selection: Selection | None = None, **arguments: Any
    ) -> None:
        self._code = page_code()  # first: the page loads it while we go on
        show_boxes_around()
        parts, options = self.traits(chosen=True), self.traits(option=True)
        known = (*parts, *options, "selection", "layout")
        reject_unknown(type(self).__name__, arguments, known)
        first = {name: arguments.pop(name) for name in parts if name in arguments}
        given = {
            name: arguments.pop(name, trait.metadata["first"]) for name, trait in options.items()
        }
        styles = checked(engine, **given)
        self._service = service_of(engine)
        self._owner = uuid.uuid4().hex
        self._arrivals = PhotoUploads(self._service, self._owner)
        self._failure: BaseException | None = None
        self._pictured = ""  # what the picture shows
        if selection is None:
            selection = Selection(engine, **first_selection(engine, first))
        else:
            selection.attach(engine)
            selection.choose(**asked_for(engine, first, selection))
        self.set_trait("fingerprint", engine.info.fingerprint)
        self._told: dict[str, Any] = {}
        self.on_msg(self._on_message)
        super().__init__(selection=selection, **styles, **arguments)
        self.observe(self._restyled, [*styles])

    @property
    def engine(self) -> EngineProtocol:
        """The engine whose records are shown."""
        return self._service.engine

    @property
    def view_options(self) -> dict[str, Any]:
        """How its views show what is chosen: `stride`, `colours` and what else it has of these."""
        return {name: getattr(self, name) for name in self.trait_names(option=True)}

    @property
    def state(self) -> dict[str, Any]:
        """The whole view as versioned JSON; set it to restore it.

        `Selection.state`, with the widget's `view_options` as ``"view"``. A state without these
        leaves them as they are.
        """
        return {**self.selection.state, "view": self.view_options}

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        if not isinstance(state, Mapping):
            raise InputError(f"A widget's state is a dict with 'schema', not {state!r}.")
        chosen = {name: value for name, value in state.items() if name != "view"}
        view = state.get("view", {})
        if not isinstance(view, Mapping):
            raise InputError(f"A state's 'view' is a dict of options, not {view!r}.")
        reject_unknown("A state's 'view'", view, tuple(self.view_options))
        options = checked(self.engine, **view)
        self.selection.choose(**state_values(chosen))
        with self.hold_trait_notifications():
            for name, value in options.items():
                setattr(self, name, value)

    def show(self, photo: Any, name: str | None = None) -> int:
        """Look at a photo: one of the engine's, or one of your own.

        Parameters
        ----------
        photo
            A number or name of the engine's images. Or whatever `Engine.add_photo` takes: a path,
            a PIL image, a uint8 array (rows, columns, 3), a tensor (channels, rows, columns).
        name
            What one of your own is to be called; None takes the file's name.

        Returns
        -------
        int
            The photo's number, which ``photo`` now is.
        """
        self.photo = show(self.engine, photo, name)
        return int(self.photo)

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
        follow_in_marimo(self.comm, self.selection.comm)
        self._tell_chosen()
        self._restyled()

    def _restyled(self, _change: Any = None) -> None:
        if self.displayed:
            self._draw_picture(PICTURE_PRIORITY, PICTURE_DELAY)

    def _tell_chosen(self) -> None:
        """Tell observers of our own traits what has changed in the selection."""
        names = self.trait_names(chosen=True)
        layer, channel = self._told.get("layer"), self.channel
        # Who follows both, as by traitlets.link, never needs a channel that his layer lacks.
        kept = layer and channel is not None and channel < self.engine.layer(layer).channels
        names.sort(key=lambda name: name != ("channel" if kept else "layer"))
        for name in names:
            old, new = self._told.get(name, traitlets.Undefined), getattr(self, name)
            self._told[name] = new  # first: an observer may choose something else
            if old is not traitlets.Undefined and old != new:
                self._notify_trait(name, old, new)

    # ------------------------------------------------------------------ messages

    def _on_message(self, _widget: Any, content: Any, buffers: Any) -> None:
        """Take a message of the front end: post it to the worker and return."""
        message = content if isinstance(content, dict) else {}
        try:
            self._post(message, buffers or ())
        except ZfError as error:
            Teller(self, message)("error", error)

    def _post(self, message: dict[str, Any], buffers: Sequence[Any]) -> None:
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
        if op in ("add", "remove"):
            key = {"fingerprint": self.fingerprint}
            tell = Teller(self, {"view": view, "slot": slot, "kind": "photos", "key": key})
            self._arrivals.heed(message, buffers, tell)
            return
        urgency = validation.integer(
            "priority", message.get("priority", 1), MOST_URGENT, LEAST_URGENT
        )
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

        It doesn't wait for the browser itself: kernels without subshells (ipykernel 6), and those
        whose page doesn't use them, receive the browser's messages only when the cell has ended.
        What then is painted, the page says itself: the widget's root element has
        ``data-zf-settled="true"``.

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
            What the engine raised when it computed what the selection needs; but a photo that
            can't be read any more is a marked place in the widget and no error.
        """
        self._failure = None
        self._draw_picture(SETTLE_PRIORITY, 0.0)
        done = self._service.settle({self._owner, id(self.selection)}, timeout)
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
        keeps, self._keeps_picture = self._keeps_picture, True
        try:
            picture = self._picture if self.settle(timeout) else None
        finally:
            self._keeps_picture = keeps
            if not keeps:
                self._picture = None
        return picture or self._paint_known()

    # ------------------------------------------------------------------ display

    def _displayed(self) -> None:
        self._draw_picture(PICTURE_PRIORITY, PICTURE_DELAY)

    def _complete_picture(self, timeout: float) -> bool:
        if self._pictured == repr((self._needs(), self.state)):
            return True
        done = self.settle(timeout)
        if not done:
            self._show_picture(self._paint_known())
        return done

    def _draw_picture(self, priority: int, delay: float) -> None:
        """Have the worker compute what the selection needs and draw it."""
        needs, state = self._needs(), self.state
        what = repr((needs, state))

        def steps() -> Steps:
            answers: dict[str, Answer] = {}
            lost: set[str] = set()
            for need in needs:
                try:
                    answers |= yield from self._service.all([need])
                except UnreadableImage:  # noqa: PERF203
                    lost.add(identity(*need))
            return self._paint(state, needs, answers, lost)

        self._service.jobs.submit(
            self._owner,
            OWN,
            "picture",
            what,
            steps,
            partial(self._picture_drawn, what),
            priority=priority,
            delay=delay,
        )

    def _picture_drawn(self, what: str, op: Op, value: Any) -> None:
        def show() -> None:
            self._show_picture(value)
            self._pictured = what

        if op == "error":
            self._failure = value
        elif op == "reply":
            self._service.hand_back(show)

    def _describe(self) -> str:
        unit = self.selection.unit
        what = "" if unit is None else f"layer {unit[0]}, channel {unit[1]}, "
        return f"{what}photo {public_name(self.engine, self.selection.photo)}"

    def _paint_known(self) -> Image.Image:
        needs = self._needs()
        return self._paint(self.state, needs, self._service.known(needs))

    def _paint(
        self,
        state: Mapping[str, Any],
        needs: Sequence[Need],
        answers: Mapping[str, Answer],
        lost: Collection[str] = (),
    ) -> Image.Image:
        """The picture, which is kept in notebooks: without what is of the user's own photos."""
        private = {identity(*need) for need in needs if is_private(self.engine, need[1])}
        shown = {what: answer for what, answer in answers.items() if what not in private}
        name = public_name(self.engine, state["photo"])
        options = self.view_options
        return static_picture.draw(
            self.engine.info, state, needs, shown, options, lost, name, own=bool(private)
        )
