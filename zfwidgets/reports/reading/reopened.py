"""Methods of an engine that a report is opened as: where it opens, and how it is saved again."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from typing import Any, NoReturn

from ...errors import BrokenReport, InputError, NotStored
from ...records import (
    Explanation,
    OcclusionMap,
    OcclusionRequest,
    Operation,
    OwnPhoto,
    Projection,
    QuantileRows,
    Unit,
)
from ...stepwise import finish
from ...widgets.wire import validation
from ...widgets.wire.photos import REPORT
from ...widgets.wire.service import Need
from ..coarse import snapped
from ..held import Held
from ..parts import ADVICE
from .contents import Contents


def _not_held(kind: str = "", *, words: str = "") -> Any:
    """A call that a report doesn't answer: what it raises is its sentence on a kind, or words."""

    def refuse(self: Contents, *_: Any, **__: Any) -> NoReturn:
        """Not in a report: it raises, saying what to do."""
        raise NotStored(words) if words else self._not_stored(kind)

    return refuse


class Reopened(Contents):
    """The calls of a live engine that need no generator, over those of a stored one."""

    cache = None
    """A report keeps nothing on disk."""

    def _index_of(self, image: Any) -> int:
        """The index of an image; one of the caller's own needs a network."""
        try:
            index = operator.index(image)
        except TypeError:
            raise NotStored(
                f"A report answers for its own images, by their index, not for a "
                f"{type(image).__name__}: that needs a live engine."
            ) from None
        return validation.image_index(self, index, "image")

    def project(
        self, unit: Unit, image: Any, rule: str = "deconvnet", *, keep_switches: bool = False
    ) -> Projection:
        """The projection of one of a channel's strongest activations, as `project_all` has it."""
        index = self._index_of(image)
        if keep_switches:
            raise NotStored("A report holds no max-pool switches; a live engine finds them.")
        for activation in self.top(unit.layer, unit.channel):
            there = (activation.unit.row, activation.unit.col)
            if activation.image == index and there in (
                (unit.row, unit.col),
                there if unit.row is None else None,
            ):
                found: Projection = self.project_all([activation], rule)[0]
                return found
        raise NotStored(
            f"The report holds projections of the strongest activations of {unit.layer} : "
            f"{unit.channel}, and none at that place of image {index}; a live engine makes it."
        )

    def explain(self, layer: str, rule: str = "deconvnet") -> Explanation:
        """What lies between a layer and the pixels, as the report's projections have it."""
        info = self.layer(layer)
        if rule not in self.rules:
            raise NotStored(
                f"The report holds projections by {', '.join(self.rules)}, and none by {rule!r}; "
                "a live engine explains it."
            )
        words = self.rule(rule)
        if words.reads_forward is None:
            raise NotStored(
                f"The report doesn't say what {rule!r} reads of the image: see the operations of "
                "its projections, engine.project(...).operations; a live engine explains the "
                "rules that are zfwidgets' own or yours."
            )
        for chunk in self._manifest["layers"][layer]["projections"]:
            if chunk["rule"] == rule:
                for at in range(len(chunk["channels"])):
                    data, _ = self._answer("projections", chunk["part"], at)
                    for row in data["rows"]:
                        if row is not None:  # all of a layer's channels have the same
                            met = tuple(Operation(**one) for one in row["operations"])
                            return Explanation.of(
                                info, rule, words.answers, words.reads_forward, met
                            )
        raise NotStored(
            f"The report holds no projection of layer {layer!r} by {rule!r}, whose operations "
            "would explain it; a live engine does."
        )

    def keep_switches(self, *_: Any, **__: Any) -> None:
        """Nothing is left to be prepared: projections are stored."""

    def occlude(self, image: Any, *arguments: Any, **named: Any) -> OcclusionMap:
        """The map that the report holds; arguments as of a live engine's."""
        named.pop("progress", None)
        request = OcclusionRequest(image, *arguments, **named)
        found: OcclusionMap = finish(self.occlude_steps(request))
        return found

    def quantiles(self, layer: str, channel: int, each: int = 3, parts: int = 10) -> QuantileRows:
        """The rows that the report holds, of chosen channels, three images from each tenth."""
        found: QuantileRows = finish(self.quantile_steps(layer, channel, each, parts))
        return found

    @property
    def own_photos(self) -> tuple[OwnPhoto, ...]:
        """None: they are in the memory of a kernel."""
        return ()

    # ------------------------------------------------------------------ what isn't in a report

    sample = samples = _not_held("sample")
    estimate = estimate_steps = _not_held("estimate")
    respond = _not_held("positions")
    responses = _not_held("responses")
    cover_patches = cover_steps = _not_held("cover")
    add_photo = remove_photo = _not_held(words=REPORT)
    index = index_so_far = verify_steps = _not_held(
        words="A report holds statistics and the nine strongest activations of each channel, see "
        "engine.channels and engine.top; the index is a live engine's."
    )
    sanity_number = sanity_steps = _not_held(
        words="What a picture owes to learning is measured by drawing filters anew in a copy of "
        "the network: a live engine does it."
    )

    # ------------------------------------------------------------------ where it opens

    @property
    def opens_at(self) -> dict[str, Any]:
        """The selection's values when it was saved, as far as the report holds them."""
        checks = {
            "unit": self._unit,
            "photo": lambda value: validation.image_index(self, value),
            "occluder": self._occluder,
            "target": lambda value: validation.class_index(self, value),
        }
        stored: Mapping[str, Any] = next(iter(self._manifest["selections"]), {})
        try:
            found = {name: check(stored[name]) for name, check in checks.items() if name in stored}
        except InputError as error:
            raise BrokenReport(f"The report opens nowhere: {error} {ADVICE}") from error
        return {name: value for name, value in found.items() if name != "unit" or value is not None}

    def _unit(self, value: Any) -> tuple[str, int] | None:
        """A channel; None where its layer was left out of the report."""
        layer, channel = value if isinstance(value, list) and len(value) == 2 else ("", 0)
        if not isinstance(layer, str) or layer not in self._manifest["layers"]:
            return None
        return layer, validation.channel_of(self, layer, channel)

    def _occluder(self, value: Any) -> dict[str, Any] | None:
        """An occluder at the nearest place whose effect is stored."""
        if value is None:
            return None
        checked = validation.occluder_rectangle(self, value)
        return snapped(checked, self._manifest["formats"], self._info.input_shape[1:])

    @property
    def stride(self) -> int | None:
        """Pixels between positions of the occluder whose effect is stored; None: of none."""
        return next((look["stride"] for look in self._manifest["formats"]), None)

    # ------------------------------------------------------------------ what is saved again

    @property
    def held(self) -> Held:
        """What a report of this report holds, if nothing else is asked for."""
        layers = self._manifest["layers"]
        answers = self._answers()
        return Held(
            layers=tuple(layers),
            units=tuple(
                (key["layer"], key["channel"])
                for kind, key, *_ in answers
                if kind == "quantile_rows"
            ),
            channels={
                name: channels
                for name, layer in layers.items()
                if (
                    channels := [
                        channel
                        for chunk in layer["projections"]
                        if chunk["k"] > 1
                        for channel in chunk["channels"]
                    ]
                )
            },
            images=tuple(key["image"] for kind, key, *_ in answers if kind == "positions"),
            covers=tuple((kind, key) for kind, key, *_ in answers if kind == "cover"),
        )

    @property
    def sentences(self) -> dict[str, str]:
        """What the report says of itself, by kind."""
        return {"photos": "", "pictures": "", **self._manifest["sentences"]}

    @property
    def held_photos(self) -> tuple[int, ...]:
        """Numbers of the photos whose pixels the report holds."""
        return tuple(sorted(key["image"] for kind, key, *_ in self._answers() if kind == "photo"))

    def held_maps(self, image: int) -> list[Need]:
        """The requests for a photo's occlusion maps that the report answers."""
        return [
            (kind, key)
            for kind, key, *_ in self._answers()
            if kind == "occlusion" and key["image"] == image
        ]
