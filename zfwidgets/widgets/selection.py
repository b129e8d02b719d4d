"""What is chosen: one `Selection`, shared by all widgets that are linked."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import traitlets

from ..engine.protocol import EngineProtocol
from ..errors import InputError
from ..records import Unit
from .bundle import esm
from .routing import Routed
from .setting.traits import SelectionError, refused
from .wire import validation

SCHEMA = 1
FIELDS = ("unit", "photo", "occluder", "target", "rule")


class _Checked(traitlets.TraitType):  # type: ignore[type-arg]
    """A trait whose values the selection checks at once, also when several change together."""

    def __init__(self, default: Any, help: str) -> None:  # noqa: A002 (traitlets' own name)
        super().__init__(default, help=help)
        self.tag(sync=True)

    def validate(self, obj: Any, value: Any) -> Any:
        with refused():
            return getattr(obj, f"_check_{self.name}")(value)


class Selection(Routed):
    """What is chosen: a model without a view, to which all linked widgets refer.

    Set a trait to choose something, observe it to follow. A value that the engine doesn't know
    is rejected with a `SelectionError` (an `InputError` and a `traitlets.TraitError`) and
    changes nothing. Layer and channel are one trait: observers never see the channel of one
    layer with the name of another.

    Parameters
    ----------
    engine
        The engine that values are checked against. Without one only their form is checked.
    **values
        First values of the traits below.
    """

    page_may_set = frozenset(FIELDS)

    @property
    def _esm(self) -> str:
        return esm("selection")

    unit = _Checked(
        None,
        "``(layer, channel)``: the channel whose strongest patches are shown, or None. Also "
        "accepts a `zfwidgets.records.Unit`.",
    )
    photo = _Checked(
        0, "Index of the image that is classified and occluded; its name is accepted too."
    )
    occluder = _Checked(
        None,
        "``{top, left, height, width, baseline, mask, extra_boxes}`` in pixels of the input, or "
        "None; see `zfwidgets.records.Occluder`, which is accepted too. Without ``mask`` the whole "
        "rectangle is covered, without ``extra_boxes`` nothing else.",
    )
    target = _Checked(
        None,
        "Index of the class whose probability is shown, or None: the predicted one. Its name is "
        "accepted too.",
    )
    rule = _Checked(
        "deconvnet",
        "What passes a rectifier on the way down: ``'deconvnet'`` (the paper), ``'guided'``, "
        "``'gradient'``, or another rule of the engine.",
    )
    schema = traitlets.Int(SCHEMA, read_only=True, help="Version of this state.").tag(sync=True)
    """Version of this state."""

    def __init__(self, engine: EngineProtocol | None = None, **values: Any) -> None:
        reject_unknown("Selection", values, (*FIELDS, "layout"))
        self._engine = engine
        super().__init__(**values)

    @property
    def engine(self) -> EngineProtocol | None:
        """The engine that values are checked against."""
        return self._engine

    @property
    def state(self) -> dict[str, Any]:
        """The selection as versioned JSON; `from_state` gives it back."""
        values = {name: getattr(self, name) for name in FIELDS}
        unit, occluder = values["unit"], values["occluder"]
        values["unit"] = None if unit is None else list(unit)
        values["occluder"] = None if occluder is None else deepcopy(occluder)
        return {"schema": SCHEMA, **values}

    @classmethod
    def from_state(
        cls, state: Mapping[str, Any], engine: EngineProtocol | None = None
    ) -> Selection:
        """A selection from the JSON of `state`.

        Raises
        ------
        InputError
            If the state has another version, unknown fields or values that aren't possible.
        """
        return cls(engine, **state_values(state))

    def choose(self, **values: Any) -> None:
        """Set several traits at once: all, or none of them when one is rejected."""
        reject_unknown("choose()", values, FIELDS)
        checked = {name: self._check(name, value) for name, value in values.items()}
        with self.hold_trait_notifications():
            for name, value in checked.items():
                setattr(self, name, value)

    def attach(self, engine: EngineProtocol) -> None:
        """Check values against an engine from now on; those that are set, too.

        Raises
        ------
        InputError
            If the selection belongs to an engine with another fingerprint.
        """
        if self._engine is not None:
            mine, other = self._engine.info.fingerprint, engine.info.fingerprint
            if mine != other:
                raise InputError(
                    f"The selection belongs to engine {mine}, but this widget shows {other}; "
                    "pass selection.state to Selection.from_state with the other engine."
                )
            return
        self._engine = engine
        try:
            self.choose(**{name: getattr(self, name) for name in FIELDS})
        except InputError:
            self._engine = None
            raise

    def set_state(self, sync_data: dict[str, Any]) -> None:
        """Take over what the front end chose, all or nothing; called by ipywidgets."""
        try:
            for name in sync_data.keys() & set(FIELDS):
                self._check(name, sync_data[name])
        except SelectionError as error:
            self.log.warning("The front end chose what can't be chosen: %s", error)
            data = {"name": "InputError", "message": str(error)}
            self.send({"zf": 1, "op": "error", "data": data})
            # The front end must not show what doesn't hold; of what it didn't ask for it may
            # have chosen something newer, which mustn't be undone.
            self.send_state([name for name in sync_data if name in self.keys])
        else:
            super().set_state(sync_data)

    def _check(self, name: str, value: Any) -> Any:
        return self.traits()[name].validate(self, value)

    def _check_unit(self, value: Any) -> tuple[str, int] | None:
        if value is None:
            return None
        if isinstance(value, Unit):
            value = (value.layer, value.channel)
        try:
            layer, channel = value if isinstance(value, tuple | list) else ()
        except ValueError:
            raise SelectionError(f"The unit must be (layer, channel), not {value!r}.") from None
        if self._engine is not None:
            layer = validation.layer_name(self._engine, layer)
            return layer, validation.channel_of(self._engine, layer, channel)
        if not isinstance(layer, str):
            raise SelectionError(f"The unit's layer must be a name, not {layer!r}.")
        return layer, validation.integer("channel", channel, 0, 1 << 31)

    def _check_photo(self, value: Any) -> int:
        if self._engine is not None:
            if isinstance(value, str):
                value = validation.named("photo", value, self._engine.info.images)
            return validation.image_index(self._engine, value)
        return validation.integer("photo", value, 0, 1 << 31)

    def _check_occluder(self, value: Any) -> dict[str, Any] | None:
        if value is None:
            return None
        checked = validation.occluder_rectangle(self._engine, value)
        snapped = getattr(self._engine, "snapped", None)  # a report holds some positions
        return checked if snapped is None else dict(snapped(checked))

    def _check_target(self, value: Any) -> int | None:
        if value is None:
            return None
        if self._engine is not None:
            if isinstance(value, str) and not self._engine.info.no_classes:
                value = validation.named("class", value, self._engine.info.labels)
            return validation.class_index(self._engine, value)
        return validation.integer("target", value, 0, 1 << 31)

    def _check_rule(self, value: Any) -> str:
        return validation.rule_name(self._engine, value)


def state_values(state: Any) -> dict[str, Any]:
    """The traits' values in the JSON of `Selection.state`, version and fields checked."""
    if not isinstance(state, Mapping) or "schema" not in state:
        raise InputError(f"A selection's state is a dict with 'schema', not {state!r}.")
    values = dict(state)
    schema = values.pop("schema")
    if schema != SCHEMA:
        raise InputError(
            f"This state has schema {schema!r}; this version of zfwidgets reads schema {SCHEMA}."
        )
    reject_unknown("A selection's state", values, FIELDS)
    return values


def reject_unknown(what: str, given: Mapping[str, Any], known: tuple[str, ...]) -> None:
    """Raise an `InputError` that names an unknown name and the nearest known one."""
    for name in given:
        if name not in known:
            raise InputError(f"{what} doesn't take {name!r}{validation.nearest(name, known)}")
