"""What stands in a report, before its data are collected."""

from __future__ import annotations

import math
from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

from ...allocation import freed_memory_kept
from ...engine.portable.record import Portability
from ...errors import InputError
from ...lessons.stored import stored_sheet
from ...lessons.worksheet import Worksheet
from ...records import DEFAULT_COLOURS
from ...stepwise import finish, finish_stages_with_bar
from ...widgets import requests as needs
from ...widgets.comparing.compare import Compare
from ...widgets.setting.choosing import centred_occluder
from ...widgets.setting.options import checked
from ...widgets.wire.encode import Answer
from ...widgets.wire.service import Need
from ...widgets.wire.source import Source
from ...widgets.wire.validation import input_size
from ..checking import MOST_PIXELS, MOST_SIDE
from ..held import PATCHES, Held, chosen_layers
from ..parts import pack
from . import alive, figures, page, provenance
from .collecting import RULE, Collector
from .content import Content
from .items import engine_of, first, is_figure, state_of, view_of
from .markdown import to_html
from .planning import BASE64, Plan, make_plan
from .scrubbing import Scrubber

ACROSS = 7
"""Positions across a map in the row of a channel's photos, as in ``photo_row.ts``."""


class Draft:
    """What stands in a report, before its data are collected."""

    def __init__(self, widgets: Any, *, title: str | None = None, text: str = "") -> None:
        items = list(widgets) if isinstance(widgets, list | tuple) else [widgets]
        self.engine = engine_of(items)
        rows, columns = input_size(self.engine)
        if rows * columns > MOST_PIXELS or max(rows, columns) > MOST_SIDE:
            raise InputError(
                f"A report holds photos of at most {MOST_PIXELS / 1e6:.1f} million pixels and "
                f"{MOST_SIDE} a side; this network's input has {rows} x {columns}."
            )
        folders = getattr(self.engine, "folders", ())
        self.held: Held | None = getattr(self.engine, "held", None)
        self.scrubber = Scrubber(folders, self.engine.info.images)
        self.selections: list[dict[str, Any]] = []
        self.views: list[dict[str, Any]] = []
        self.figures: list[Any] = []
        self.lessons: list[tuple[list[Answer], int]] = []
        self.body = [self._prose(text)] if text else []
        seen: dict[int, int] = {}
        for item in items:
            if isinstance(item, str):
                self.body.append(self._prose(item))
                continue
            if is_figure(item):
                self.body.append(page.figure(len(self.figures)))
                self.figures.append(item)
                continue
            beside: dict[str, Any] = {}
            if isinstance(item, Worksheet):
                chosen = item.selection or first(self.engine)
            elif isinstance(item, Compare):
                view, chosen, options = "compare", item.left.selection, item.left.view_options
                beside = self._beside(item, seen)
            else:
                view, chosen, options = view_of(item, self.engine)
            if id(chosen) not in seen:
                seen[id(chosen)] = len(self.selections)
                self.selections.append(state_of(chosen, self.engine))
            if isinstance(item, Worksheet):
                self.body.append(page.lesson(len(self.lessons)))
                self.lessons.append((stored_sheet(item), seen[id(chosen)]))
                continue
            self.body.append(page.place(len(self.views)))
            self.views.append(
                {
                    "view": view,
                    "selection": seen[id(chosen)],
                    "options": {**options, "auto": True},
                    **beside,
                }
            )
        model = self.scrubber.text(self.engine.info.model)
        self.alive: tuple[str, str] | None = None
        self.network: Portability | None = None
        self.title = self.scrubber.known(title or f"{model}: what its channels see")
        self.options = next(
            (view["options"] for view in self.views if "stride" in view["options"]),
            checked(
                self.engine,
                stride=None,
                overlay=None,
                colours=DEFAULT_COLOURS,
                opacity=0.6,
                auto=True,
            ),
        )

    def _beside(self, compare: Compare, seen: dict[int, int]) -> dict[str, Any]:
        """A comparison's right side; the left one stands where other widgets' selections do."""
        for side in (compare.left, compare.right):
            if id(side.selection) not in seen:
                seen[id(side.selection)] = len(self.selections)
                self.selections.append(state_of(side.selection, self.engine))
        right = seen[id(compare.right.selection)]
        told = {"names": list(compare.names), "same_channel": compare.same_channel}
        return {"beside": {"right": right, **told}}

    def units(self) -> list[tuple[str, int]]:
        """The channels that the widgets show."""
        shown = [tuple(s["unit"]) for s in self.selections if s["unit"] is not None]
        shown += [
            (layer, channel)
            for answers, _ in self.lessons
            for question in answers[0][0]["questions"]
            for layer, channel in question["units"][:1]  # its layer is looked through
        ]
        beside = [view["options"].get("pinned") for view in self.views]
        shown += [(layer, channel) for layer, channel, _ in filter(None, beside)]
        return shown if self.held is None else list(dict.fromkeys((*shown, *self.held.units)))

    def animate(self, precision: str, licence: str) -> None:
        """Have the network in the report; raises `InputError` where it can't be asked for."""
        alive.check_asked(self.engine, precision, licence)
        self.alive = (precision, licence)

    def plan(self, *, images: Any = None, progress: bool = False, **choices: Any) -> Plan:
        """See `make_plan`."""
        if self.alive is not None:
            names = chosen_layers(self.engine, choices.get("layers"), self.units())
            found = alive.portability(self.engine, names, self.alive[0], progress=progress)
            self.network = found
            choices["network"] = found.network.bytes
        photos = [selection["photo"] for selection in self.selections]
        if self.held is not None:  # a report of a report: all that there is
            photos = [image for image in photos if image in self.held.images]
            images = self.held.images if images is None else images
            choices |= self.held.choices(self.engine, choices, self.units())
        elif images is None and self.engine.indexed:
            photos += [a.image for unit in self.units() for a in self.engine.top(*unit, PATCHES)]
        rows, columns = input_size(self.engine)
        stride = self.options["stride"]
        positions = math.ceil(rows / stride) * math.ceil(columns / stride)
        plan = make_plan(
            self.engine,
            self.units(),
            photos,
            images=images,
            positions=positions,
            shell=self._shell(),
            **choices,
        )
        if self.network is not None:
            alive.check_fits(self.network, plan)
        return plan

    def _shell(self) -> int:
        """Bytes of the page without its parts: exact but for what the manifest lists of them."""
        catalogue = finish(Source(self.engine).answer("catalogue", {}))[0]
        bare = {"layers": {}, "sentences": {"photos": " " * 100, "pictures": " " * 100}}
        content = Content(manifest={**bare, "catalogue": catalogue})
        extra = 0
        if self.figures:
            extra = int(BASE64 * len(pack([figures.answer(self.figures)])))
        extra += sum(int(BASE64 * len(pack(answers))) for answers, _ in self.lessons)
        return sum(map(len, self.render(content))) + 4000 + extra

    def slides(self, image: int) -> list[Need]:
        """The requests for a photo's occlusion maps, as its view makes them."""
        if (maps := getattr(self.engine, "held_maps", None)) is not None:
            held: list[Need] = maps(image)
            return held
        found: dict[str, Need] = {}
        coarse = max(1, math.ceil(min(input_size(self.engine)) / ACROSS))
        for selection in self.selections:
            like = SimpleNamespace(
                engine=self.engine,
                unit=selection["unit"],
                photo=image,
                occluder=selection["occluder"] or centred_occluder(self.engine, None),
                target=None,
                rule=selection["rule"],
            )
            options = {**self.options, "auto": True, "overlay": "probability"}
            kind, key = needs.occlusion(like, options)[-1]  # type: ignore[arg-type]
            keys = [key, {**key, "stride": coarse}]
            if key["layer"] is not None and like.unit is not None:
                keys.append({**key, "channel": like.unit[1]})
            found.update((repr(one), (kind, one)) for one in keys)
        return list(found.values())

    def covers(self, plan: Plan) -> list[Need]:
        """The requests for covered patches of the channels that the widgets show."""
        if self.held is not None:
            return [need for need in self.held.covers if need[1]["layer"] in plan.layers]
        baseline = next(
            (s["occluder"]["baseline"] for s in self.selections if s["occluder"]), "grey"
        )
        return [
            ("cover", {"layer": layer, "channel": channel, "k": PATCHES, "baseline": baseline})
            for layer, channel in plan.first
        ]

    def collect(self, plan: Plan, progress: bool = True, *, inline: bool = True) -> Content:
        """Compute and pack what the plan says."""
        collector = Collector(
            self.engine,
            plan,
            self.slides,
            self.covers(plan),
            inline=inline,
            scrubber=self.scrubber,
        )
        with freed_memory_kept():
            content: Content = finish_stages_with_bar(collector.steps(), progress)
        manifest = content.manifest
        manifest["selections"] = [self._held_rule(one, content) for one in self.selections]
        said = (manifest["sentences"]["photos"], manifest["sentences"]["pictures"])
        manifest["catalogue"] = self.scrubber.catalogue(manifest["catalogue"])
        notes = manifest["catalogue"]["engine"]["notes"]
        notes += [note for note in (*said, *content.left_out) if note not in notes]
        for name, sentence in manifest["sentences"].items():
            manifest["sentences"][name] = self.scrubber.text(sentence)
        manifest["left_out"] = content.left_out
        manifest["licences"] = list(getattr(self.engine, "licences", ()))
        manifest["title"] = self.title
        manifest["views"] = self.views
        for number, (answers, selection) in enumerate(self.lessons):
            name = f"lesson/{number}"
            manifest.setdefault("lessons", []).append({"part": name, "selection": selection})
            scrubbed = [(self.scrubber.answer(data), buffers) for data, buffers in answers]
            content.add(name, pack(scrubbed))
        if self.figures:
            state, scripts = figures.answer(self.figures)
            content.add(figures.PART, pack([(self.scrubber.state(state), scripts)]))
        if self.network is not None and self.alive is not None:
            alive.add(content, self.engine, self.network, plan, self.alive[1], self.scrubber)
        return content

    def _held_rule(self, selection: dict[str, Any], content: Content) -> dict[str, Any]:
        """A selection as the page can open it: by the rule whose projections are there."""
        rule = selection["rule"]
        if rule == RULE or (self.network is not None and rule in alive.RULES):
            return selection
        note = (
            f"Left out: projections by {rule!r}, which was chosen, as a report holds those by "
            f"{RULE!r} alone: it opens with these."
        )
        if note not in content.left_out:
            content.left_out.append(note)
        return {**selection, "rule": RULE}

    def origin(self, content: Content) -> str:
        """Where it comes from, as HTML."""
        manifest = content.manifest
        said = manifest["sentences"]
        terms = provenance.facts(
            self.engine,
            list(manifest["layers"]),
            [said["photos"], said["pictures"]],
            self.scrubber,
        )
        terms += [("Note", sentence) for sentence in content.left_out]
        if self.network is not None and self.alive is not None:
            told = alive.facts(self.network, self.alive[1])
            terms += [(term, self.scrubber.text(text)) for term, text in told]
        return provenance.page(
            terms,
            RULE,
            content.operations,
            self.engine.info.skipped,
            getattr(self.engine, "licences", ()),
            self.scrubber,
        )

    def _prose(self, text: str) -> str:
        """Markdown as HTML; a slash in it may mean anything: known folders alone are cut."""
        said = provenance.clean(self.scrubber.known(text))
        return f'<section class="zf-prose">{to_html(said)}</section>'

    def render(self, content: Content, folder: str | None = None) -> Iterable[bytes]:
        """The page, piece by piece."""
        packed = pack([(content.manifest, [])])
        origin = self.origin(content)
        return page.render(
            self.title,
            self.body,
            origin,
            packed,
            content.parts,
            folder=folder,
            figures=bool(self.figures),
            alive=self.alive is not None,
        )
