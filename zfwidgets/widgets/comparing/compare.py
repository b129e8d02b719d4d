"""The comparison: two networks on the same photos."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import anywidget
import traitlets
from PIL import Image

from ...bars import waiting
from ...engine.protocol import EngineProtocol
from ...errors import InputError
from ...language.words import Words, language_name
from ..boxes import show_boxes_around
from ..bundle import Viewed
from ..own_photos import show
from ..selection import SCHEMA, reject_unknown
from ..setting.options import MAP_OPTIONS, PATCH_OPTIONS
from ..setting.traits import SelectionError, refused
from ..static_picture.two_outputs import TwoOutputs
from ..wire.validation import check_engine
from .matching import Matching, facts, same_layers
from .side import Side

EACH = ("layer", "channel", "rule")
"""What is each side's own."""
FIRST = ("photo", "image", "target", "occluder", "patch", "baseline")
"""What both share, as it can be given first."""
SHARED = ("photo", "target", "occluder")
UNIT = ("layer", "channel")
SIDES = ("left", "right")
OPTIONS = (*PATCH_OPTIONS, *MAP_OPTIONS)


class Compare(TwoOutputs, Viewed):
    """Two networks side by side on the same photos, or one of them twice.

    Photo, occluder, target and how things are shown are the same on both sides: photos and classes
    are found by name, an occluder covers the same part of the photo. Layer, channel and rule are
    each side's own, as channel 7 of one network needn't be channel 7 of another: `same_channel`
    lets the numbers follow each other all the same, where both have the same layers.

    Parameters
    ----------
    a, b
        ``zf.Engine(model, images)``, twice the same for two channels or two rules of one network.
    names
        What the sides are called.
    same_channel
        Whether another layer or channel of one side is chosen on the other side too.
    language
        Language of the page's words, "en" or "de"; None: that of `zfwidgets.set_language`. Can be
        set at any time.
    layout
        What every ipywidget has by this name.
    **first
        What is shown first, as an `Explorer` takes it: ``photo``, ``target``, ``occluder``,
        ``patch``, ``baseline``, and its options but for ``gallery``, ``follow``, ``sort`` and
        ``pinned``; and ``layer``, ``channel``, ``rule``, each for both sides or a pair.

    Attributes
    ----------
    left, right
        The sides: ``compare.left.channel = 5``, ``compare.right.rule = "guided"``; what both share
        can be set on either.
    same_channel
        As above; can be set at any time.
    notes
        What isn't the same on both sides, in words that the page shows.

    Raises
    ------
    InputError
        For what isn't an engine, or a value that isn't possible.

    Examples
    --------
    >>> compare = zf.Compare(trained, untrained, names=("trained", "untrained"))  # doctest: +SKIP
    >>> zf.Compare(engine, engine, channel=42, rule=("deconvnet", "guided"))  # doctest: +SKIP
    """

    page_module = "compare"
    page_may_set = frozenset(("same_channel",))

    left = anywidget.WidgetTrait().tag(sync=True)
    """The first engine's side."""
    right = anywidget.WidgetTrait().tag(sync=True)
    """The second engine's side."""
    left.read_only = right.read_only = True
    names = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    """What the sides are called."""
    notes = traitlets.List(traitlets.Unicode(), read_only=True).tag(sync=True)
    """What isn't the same on both sides."""
    numbering = traitlets.Unicode(read_only=True).tag(sync=True)
    """Whether equal numbers can follow each other, as both have the same layers, or are the same
    channels: "no", "maybe", "same"."""
    same_channel = traitlets.Bool(False).tag(sync=True)
    """Whether layer and channel follow each other."""
    language = traitlets.Unicode().tag(sync=True)
    """Language of the page's words."""

    @waiting("Making the widget")
    def __init__(
        self,
        a: EngineProtocol,
        b: EngineProtocol,
        *,
        names: tuple[str, str] = ("A", "B"),
        same_channel: bool = False,
        language: str | None = None,
        layout: Any = None,
        **first: Any,
    ) -> None:
        for engine in (a, b):
            check_engine(engine)
        show_boxes_around()
        reject_unknown("Compare", first, (*EACH, *FIRST, *OPTIONS))
        names = _names(names)
        there, back = Matching(a, b, names[1]), Matching(b, a, names[0])
        self._matches = {"left": there, "right": back}
        self.language = Words(language).language
        self._unmatched: dict[str, str] = {}
        self._following = False
        firsts = [
            {
                name: _of(name, value, place)
                for name, value in first.items()
                if name in EACH or place == 0  # what both share is told by the first
            }
            for place in range(2)
        ]
        for name, engine, values in zip(SIDES, (a, b), firsts, strict=True):
            self.set_trait(
                name, Side(engine, self._side_drawn, self._stands, language=self.language, **values)
            )
        self.set_trait("names", list(names))
        alike = same_layers(a, b)
        self.set_trait("numbering", "same" if there.same else "maybe" if alike else "no")
        super().__init__(**({} if layout is None else {"layout": layout}))
        if not {"photo", "image"} & first.keys() and there.common:
            self._begin_with(there)
        for name in (*SHARED, *OPTIONS):
            self._follow("left", name)
        self.same_channel = same_channel
        for name in SIDES:
            self._side(name).observe(partial(self._changed, name), [*SHARED, *UNIT, *OPTIONS])
        self._tell()

    def _begin_with(self, there: Matching) -> None:
        """Begin with a photo that both have."""
        if self.left.photo not in there.common:
            self.left.photo = there.common[0]

    def _stands(self) -> bool:
        return self.displayed

    def _side(self, name: str) -> Side:
        side: Side = getattr(self, name)
        return side

    # ------------------------------------------------------------------ following

    def _changed(self, side: str, change: Any) -> None:
        if not self._following:
            self._follow(side, "unit" if change["name"] in UNIT else change["name"])
            self._tell()

    def _follow(self, side: str, name: str) -> None:
        """Have the other side show what this one does; where that can't be, say so."""
        match = self._matches[side]
        mine = self._side(side)
        other = self._side("right" if side == "left" else "left")
        self._following = True
        try:
            if name == "unit":
                if not self.same_channel:
                    return
                other.selection.unit = match.unit(mine.selection.unit)
            elif name in OPTIONS:
                self._follow_option(mine, other, name)
            else:
                value = getattr(mine.selection, name)
                setattr(other.selection, name, getattr(match, name)(value))
            self._unmatched.pop(name, None)
        except InputError as error:
            self._unmatched[name] = str(error)
        finally:
            self._following = False

    @staticmethod
    def _follow_option(mine: Side, other: Side, name: str) -> None:
        value = getattr(mine, name)
        if name == "stride":  # over the same part of the photo
            of, to = mine.engine.info.input_shape, other.engine.info.input_shape
            value = max(1, round(value * min(to[1:]) / min(of[1:])))
        setattr(other, name, value)

    @traitlets.validate("same_channel")
    def _may_number(self, proposal: Any) -> bool:
        if proposal["value"] and self.numbering == "no":
            raise SelectionError(
                "same_channel needs networks with the same layers, and as many channels in each; "
                "choose layer and channel on each side."
            )
        return bool(proposal["value"])

    @traitlets.observe("same_channel")
    def _number(self, _change: Any) -> None:
        if self.same_channel:
            self._follow("left", "unit")
        else:
            self._unmatched.pop("unit", None)
        self._tell()

    @traitlets.validate("language")
    def _may_speak(self, proposal: Any) -> str:
        with refused():
            return language_name(proposal["value"])

    @traitlets.observe("language")
    def _speak(self, _change: Any) -> None:
        for side in (self.left, self.right):
            if side is not None:  # while it is made
                side.language = self.language
        if self.names:
            self._tell()

    def _tell(self) -> None:
        names, there, back = tuple(self.names), self._matches["left"], self._matches["right"]
        told = facts(names, there, back, Words(self.language))  # type: ignore[arg-type]
        self.set_trait("notes", [*told, *self._unmatched.values()])

    # ------------------------------------------------------------------ what widgets can do

    @property
    def state(self) -> dict[str, Any]:
        """Both sides' state as versioned JSON; set it to restore it."""
        return {
            "schema": SCHEMA,
            "left": self.left.state,
            "right": self.right.state,
            "same_channel": self.same_channel,
        }

    @state.setter
    def state(self, state: Any) -> None:
        if not isinstance(state, Mapping) or state.get("schema") != SCHEMA:
            raise InputError(
                f"A comparison's state is a dict with 'schema': {SCHEMA}, not {state!r:.200}."
            )
        reject_unknown("A comparison's state", state, ("schema", "left", "right", "same_channel"))
        before = self.state
        try:
            self.same_channel = False  # each side is told its own
            for side in SIDES:
                if side in state:
                    self._side(side).state = state[side]
            self.same_channel = state.get("same_channel", before["same_channel"])
        except (InputError, traitlets.TraitError):
            if state is not before:
                self.state = before
            raise

    def show(self, photo: Any, name: str | None = None) -> tuple[int, int]:
        """Look at a photo on both sides: one that both have, or one of your own.

        Parameters
        ----------
        photo
            A number of the first engine's images, or a name. Or whatever `Engine.add_photo` takes:
            it is added to both engines.
        name
            What one of your own is to be called; None takes the file's name.

        Returns
        -------
        tuple of int
            The photo's number on either side.
        """
        known = (
            photo in self.left.engine.info.images
            if isinstance(photo, str)
            else (isinstance(photo, int) and not isinstance(photo, bool))
        )
        if not known and self.left.engine is not self.right.engine:
            show(self.right.engine, photo, name)
        self.left.show(photo, name)
        return self.left.photo, self.right.photo

    def settle(self, timeout: float = 60.0) -> bool:
        """Wait until all is computed that both sides and the browser ask for.

        Parameters
        ----------
        timeout
            Seconds to wait at most; False if it runs out. What fails is raised, as by
            `Explorer.settle`.
        """
        end = time.monotonic() + timeout
        done = [side.settle(max(0.0, end - time.monotonic())) for side in (self.left, self.right)]
        return all(done)

    def snapshot(self, timeout: float = 60.0) -> Image.Image:
        """Draw the static picture of both sides, waiting for what it shows.

        Parameters
        ----------
        timeout
            As in `Explorer.snapshot`.
        """
        end = time.monotonic() + timeout
        pictures = [
            side.snapshot(max(0.0, end - time.monotonic())) for side in (self.left, self.right)
        ]
        picture = beside(*pictures)
        self._show_picture(picture)
        return picture

    def _complete_picture(self, timeout: float) -> bool:
        end = time.monotonic() + timeout
        left, right = (
            side._complete_picture(max(0.0, end - time.monotonic()))  # noqa: SLF001
            for side in (self.left, self.right)
        )
        return bool(left and right)

    def close(self) -> None:
        """Stop what was asked for and remove the widget from the front end."""
        self._picture_id = None
        for side in (self.left, self.right):
            if side is not None:
                side.close()
        super().close()

    # ------------------------------------------------------------------ display

    def _describe(self) -> str:
        return " beside ".join(
            f"{name}: {side._describe()}"  # noqa: SLF001 -- its own parts
            for name, side in zip(self.names, (self.left, self.right), strict=True)
        )

    def _paint_known(self) -> Image.Image:
        return beside(self.left._paint_known(), self.right._paint_known())  # noqa: SLF001

    def _displayed(self) -> None:
        for side in (self.left, self.right):
            side._displayed()  # noqa: SLF001 -- its own parts

    def _side_drawn(self) -> None:
        pictures = [side._picture for side in (self.left, self.right)]  # noqa: SLF001
        if self.displayed and all(pictures):
            self._show_picture(beside(*pictures))


def beside(one: Image.Image, other: Image.Image) -> Image.Image:
    """Two pictures side by side."""
    both = Image.new("RGB", (one.width + other.width, max(one.height, other.height)), "white")
    both.paste(one, (0, 0))
    both.paste(other, (one.width, 0))
    return both


def _names(names: Any) -> tuple[str, str]:
    if (
        not isinstance(names, tuple | list)
        or len(names) != 2
        or not all(isinstance(name, str) and name for name in names)
        or names[0] == names[1]
    ):
        raise InputError(f"names must be two different texts, not {names!r:.200}.")
    return names[0], names[1]


def _of(name: str, value: Any, place: int) -> Any:
    """A first value of one side: of what is each side's own a pair may be given."""
    if name in EACH and isinstance(value, tuple | list):
        if len(value) != 2:
            raise InputError(
                f"{name} must be one value for both sides, or two: not {value!r:.200}."
            )
        return value[place]
    return value
