"""Collect what a report holds: the answers that a live widget would get, packed into parts."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Any

import numpy as np

from ...engine.protocol import EngineProtocol
from ...errors import InputError, NotStored, UnreadableImage
from ...records import OcclusionMap, Progress, TopActivations
from ...records.layers import only
from ...stepwise import Driven, finish
from ...widgets.wire.encode import Answer, numbers
from ...widgets.wire.quantile_tiles import quantile_data
from ...widgets.wire.service import Need
from ...widgets.wire.source import Source
from ..held import PATCHES
from ..parts import checksum, pack
from ..pictures import SMALL, Encoder
from ..positions import MapRecorder, position_key, positions
from .content import Content
from .encoding import Photos, Projections, by_size, stored
from .planning import BASE64, PHOTOS_SHARE, Plan, megabytes
from .scrubbing import Scrubber
from .sentences import sentences

RULE = "deconvnet"
CHUNK = 48
"""Channels whose strongest projections lie in one part."""
FURTHER = 16
"""Channels all of whose projections lie in one part, where there is room for them."""
PHOTOS = "Photos, and patches cut from them,"
TARGETS = 5
"""Most probable classes whose maps are stored."""


class Collector:
    """Fills a report as a plan says; a generator in steps, so that it can be stopped."""

    def __init__(
        self,
        engine: EngineProtocol,
        plan: Plan,
        slides: Callable[[int], Sequence[Need]],
        covers: Sequence[Need] = (),
        *,
        rule: str = RULE,
        inline: bool = True,
        scrubber: Scrubber | None = None,
    ) -> None:
        self.engine = engine
        self._scrubber = scrubber or Scrubber((), engine.info.images)
        self.plan = plan
        self.slides = slides
        self.covers = covers
        self.rule = rule
        self.tap = MapRecorder(engine)
        make = getattr(engine, "make_source", None)  # a report of a report
        self.source: Source = Source(self.tap, answers=0) if make is None else make()
        self.photo = Encoder(plan.quality.photos)
        self.projection = Encoder(plan.quality.projections, SMALL)
        self.content = Content()
        self._photos_of = Photos(engine, self.source, self.photo)
        self._projections_of = Projections(
            engine, self.source, self.projection, rule, self.content.operations
        )
        self.stored: set[int] = set()
        self.lost: dict[int, str] = {}
        self.shown: list[int] = []
        self.tops: dict[str, list[TopActivations]] = {}
        self._scale = BASE64 if inline else 1.0
        self._spent = float(plan.expected["page"] + plan.expected.get("network", 0))
        self._full = False
        self._answers: list[list[Any]] = []
        self._layers: dict[str, dict[str, Any]] = {}
        self._formats: list[dict[str, Any]] = []

    def steps(self) -> Generator[Progress, None, Content]:
        """Collect; yields how far it is."""
        yield from self.engine.index_steps()
        for stage in (
            self._statistics,
            self._ranges,
            self._photos,
            self._first,
            self._maps,
            self._strongest,
        ):
            yield from stage()
        yield from self._chosen()
        yield from self._further()
        self.content.manifest = self._manifest()
        return self.content

    # ------------------------------------------------------------------ the budget

    def _put(self, name: str, answers: Sequence[Answer], *, must: bool = False) -> bool:
        """Store a part if it fits; whether it did."""
        part = pack([(self._scrubber.answer(data), buffers) for data, buffers in answers])
        size = self._scale * len(part) + 120
        budget = self.plan.budget
        if budget is not None and self._spent + size > budget:
            if must:
                raise InputError(
                    f"The report needs more than its budget of {megabytes(budget)} for statistics "
                    "and photos alone: raise the budget, pass fewer layers, or write a folder."
                )
            self._full = True
            return False
        self._spent += size
        self.content.parts[name] = part
        return True

    def _out(self, count: int, what: str, why: str = "the engine holds no more") -> None:
        if count:
            why = "the budget is used up" if self._full else why
            self.content.left_out.append(f"Left out: {count} {what}, as {why}.")

    # ------------------------------------------------------------------ the stages

    def _statistics(self) -> Iterator[Progress]:
        for done, name in enumerate(self.plan.layers):
            yield Progress(done, len(self.plan.layers), None, "statistics")
            summary = self.engine.channels(name)
            tops = [self.engine.top(name, c, PATCHES) for c in range(len(summary.mean))]
            flat = [a for top in tops for a in top]
            columns = [
                numbers(summary.mean),
                numbers(summary.silent),
                numbers(summary.strongest),
                *(numbers(getattr(summary, n), "<i4") for n in ("image", "row", "col")),
                numbers(np.array([len(top) for top in tops]), "<i4"),
                numbers(np.array([a.image for a in flat], dtype=np.int64), "<i4"),
                numbers(np.array([a.unit.row for a in flat], dtype=np.int64), "<i4"),
                numbers(np.array([a.unit.col for a in flat], dtype=np.int64), "<i4"),
                numbers(np.array([a.value for a in flat])),
            ]
            part = f"layer/{done}"
            seen = tops[0].images_seen if tops else 0
            self._put(part, [({"images_seen": seen}, columns)], must=True)
            self.tops[name] = tops
            self._layers[name] = {"part": part, "projections": []}

    def _wanted_photos(self) -> list[int]:
        """Photos, those first that show most.

        Those with maps; those of the chosen channels' strongest patches, then of their quantile
        rows; of all other channels by the rank of their activations.
        """
        wanted: dict[Any, None] = dict.fromkeys(self.plan.images)
        for layer, channel in self.plan.first:
            wanted.update((activation.image, None) for activation in self.tops[layer][channel])
        wanted.update(dict.fromkeys(self.shown))
        for rank in range(PATCHES):
            for tops in self.tops.values():
                wanted.update((top[rank].image, None) for top in tops if len(top) > rank)
        return list(wanted)

    def _photos(self) -> Iterator[Progress]:
        wanted = self._wanted_photos()
        some = wanted[: self.plan.photos]
        with closing(self._photos_of.answers(some)) as answers:
            for done, found in enumerate(answers):
                yield Progress(done, len(wanted), None, "photos")
                if found.lost:
                    self._lose(found.image, found.lost)
                if not found.answers:
                    continue
                part = f"photo/{found.image}"
                if not self._put(part, found.answers, must=not self.stored):
                    break
                self._list(found.needs, part)
                self.stored.add(found.image)
        share = f"they may take {PHOTOS_SHARE:.0%} of the budget"
        missing = len(wanted) - len(self.stored) - len(self.lost)
        self._out(missing, "photos", f"{share}, less where what was chosen needs it")

    def _lose(self, image: int, reason: str) -> None:
        """A photo that can't be read any more has a marked place, and no map."""
        if image not in self.lost:
            self.lost[image] = reason
            name = self.engine.info.images[image]
            self.content.left_out.append(f"Left out: {name}, which can't be read ({reason}).")

    def _list(self, needs: Sequence[Need], part: str) -> None:
        self._answers += [[kind, key, part, at] for at, (kind, key) in enumerate(needs)]

    def _first(self) -> Iterator[Progress]:
        yield from self._all_projections(self.plan.first, "first", "projections of chosen channels")
        for done, need in enumerate(() if self._full else self.covers):
            driven = Driven(self.source.answer(*need))
            try:
                for step in far(driven):
                    yield Progress(done, len(self.covers), None, f"covered patches: {step}")
            except NotStored:
                continue
            if self._put(f"cover/{done}", [driven.result]):
                self._list([need], f"cover/{done}")

    def _ranges(self) -> Iterator[Progress]:
        """Quantile rows of chosen channels, without pictures: these are cut from the photos."""
        for done, (layer, channel) in enumerate(() if self._full else self.plan.first):
            yield Progress(done, len(self.plan.first), None, "quantile rows")
            try:
                rows = finish(self.tap.quantile_steps(layer, channel))
            except NotStored:
                continue
            part = f"range/{self.plan.layers.index(layer)}/{channel}"
            self.shown += [a.image for row in reversed(rows.parts) for a in row.activations]
            if self._put(part, [(quantile_data(rows), [])]):
                self._list([("quantile_rows", {"layer": layer, "channel": channel})], part)

    def _chosen(self) -> Iterator[Progress]:
        yield from self._all_projections(self.plan.chosen, "nine", "channels' further projections")

    def _further(self) -> Iterator[Progress]:
        """All projections of channels that nobody chose, where a budget leaves room for them.

        Those of the smallest fields first: of one large picture's bytes many small ones are had.
        """
        budget, what = self.plan.budget, "further projections"
        if budget is None or self._full or stored(self.engine):
            return
        taken = {*self.plan.first, *self.plan.chosen}
        layers = by_size(map(self.engine.layer, self.plan.layers), self.plan.quality.projections)
        chunks = [
            (layer.name, size, start, rest[start : start + FURTHER])
            for layer, size in layers
            if (rest := [c for c in range(layer.channels) if (layer.name, c) not in taken])
            for start in range(0, len(rest), FURTHER)
        ]
        every = ((name, channel) for name, *_, channels in chunks for channel in channels)
        with closing(self._projections(every, PATCHES)) as answers:
            for done, (name, size, start, channels) in enumerate(chunks):
                if self._spent + self._scale * len(channels) * PATCHES * size > budget:
                    return
                yield Progress(done, len(chunks), None, what)
                held = [one for one in islice(answers, len(channels)) if one is not None]
                part = f"further/{self.plan.layers.index(name)}/{start}"
                if len(held) < len(channels) or not self._put(part, held):
                    return
                self._chunk(name, part, PATCHES, channels)

    def _all_projections(
        self, units: Sequence[tuple[str, int]], prefix: str, what: str
    ) -> Iterator[Progress]:
        """All projections of some channels, each channel a part."""
        with closing(self._projections(units, PATCHES)) as answers:
            for done, (layer, channel) in enumerate(units):
                if self._full:
                    self._out(len(units) - done, what)
                    return
                yield Progress(done, len(units), None, what)
                part = f"{prefix}/{self.plan.layers.index(layer)}/{channel}"
                if (answer := next(answers)) is None:
                    self._out(1, what)
                elif self._put(part, [answer]):
                    self._chunk(layer, part, PATCHES, [channel])
                else:
                    self._out(len(units) - done, what)
                    return

    def _strongest(self) -> Iterator[Progress]:
        """The strongest projection of each channel, many channels a part."""
        every = [(layer, c) for layer, tops in self.tops.items() for c in range(len(tops))]
        out, done = 0, 0
        with closing(self._projections(every, 1)) as found:
            for at, (layer, tops) in enumerate(self.tops.items()):
                for start in range(0, len(tops), CHUNK):
                    channels = range(start, min(start + CHUNK, len(tops)))
                    if self._full:  # what comes last is left out, not what happens to be large
                        out += len(channels)
                        continue
                    answers, held = [], []
                    for channel in channels:
                        yield Progress(done, len(every), None, "projections")
                        done += 1
                        if (answer := next(found)) is not None:
                            answers.append(answer)
                            held.append(channel)
                    part = f"strongest/{at}/{start}"
                    out += len(channels) - len(held)
                    if held and self._put(part, answers):
                        self._chunk(layer, part, 1, held)
                    else:
                        out += len(held)
        self._out(out, "channels' strongest projections")

    def _projections(
        self, channels: Iterable[tuple[str, int]], k: int
    ) -> Generator[Answer | None, None, None]:
        return self._projections_of.answers(channels, self.tops, k)

    def _chunk(self, layer: str, part: str, k: int, channels: list[int]) -> None:
        self._layers[layer]["projections"].append(
            {"part": part, "rule": self.rule, "k": k, "channels": channels}
        )

    def _maps(self) -> Iterator[Progress]:
        """An occlusion map and the class scores at its positions, a part for each photo."""
        for done, image in enumerate(self.plan.images):
            yield Progress(done, len(self.plan.images), None, "occlusion maps")
            needs: list[Need] = []
            answers: list[Answer] = []
            record: OcclusionMap | None = None
            self.tap.last = None
            try:
                self.engine.photo(image)
            except NotStored:
                pass
            except UnreadableImage as error:
                self._lose(image, error.reason)
                continue
            for kind, key in self._targets(image, self.slides(image)):
                driven = Driven(self.source.answer(kind, key))
                try:
                    for step in far(driven):
                        what = f"occlusion maps: {step}"
                        yield Progress(done, len(self.plan.images), None, what)
                except NotStored:
                    continue
                answers.append(driven.result)
                needs.append((kind, key))
                record = record or self.tap.last  # of the first, the one that the view shows
            if not needs:
                self._out(1, "occlusion maps")
                continue
            key = position_key(needs[0][1])
            if (look := {n: v for n, v in key.items() if n != "image"}) not in self._formats:
                self._formats.append(look)
            if (scores := self._positions(key, record)) is not None:
                answers.append(scores)
                needs.append(("positions", key))
            if not self._put(f"map/{image}", answers):
                self._out(len(self.plan.images) - done, "occlusion maps")
                return
            self._list(needs, f"map/{image}")

    def _positions(self, key: dict[str, Any], record: OcclusionMap | None) -> Answer | None:
        stored = getattr(self.engine, "stored_answer", None)
        return positions(record) if stored is None else stored("positions", key)

    def _targets(self, image: int, slides: Sequence[Need]) -> Iterator[Need]:
        """The maps of a photo: of the predicted class, then of the most probable ones."""
        yield from slides
        if hasattr(self.engine, "held_maps"):
            return
        if not len(self.engine.info.labels):
            return
        scores = self.engine.predict(image).logits
        kind, key = slides[0]
        for target in np.argsort(-scores, kind="stable")[:TARGETS]:
            yield kind, {**key, "target": int(target)}

    # ------------------------------------------------------------------ the manifest

    def _manifest(self) -> dict[str, Any]:
        (catalogue, _), layers = finish(self.source.answer("catalogue", {})), self._layers
        catalogue["layers"] = [one.to_json() for one in only(self.engine.layers, layers)]
        catalogue["rules"] = [self.rule]
        catalogue["rule_info"] = {self.rule: catalogue["rule_info"][self.rule]}
        catalogue["indexed"] = True
        return {
            "format": 2,
            "fingerprint": self.engine.info.fingerprint,
            "catalogue": catalogue,
            "parts": {name: list(checksum(part)) for name, part in self.content.parts.items()},
            "answers": self._answers,
            "layers": layers,
            "formats": self._formats,
            "sentences": self._sentences(),
            "lost": [[image, reason] for image, reason in self.lost.items()],
        }

    def _sentences(self) -> dict[str, str]:
        stored = getattr(self.engine, "sentences", None)  # of a report, whose pictures these are
        names = self.engine.info.images
        maps = [names[key["image"]] for kind, key, *_ in self._answers if kind == "positions"]
        return sentences(
            layers=len(self._layers),
            maps=maps,
            formats=self._formats,
            photos=stored["photos"] if stored else self.photo.sentence(PHOTOS),
            pictures=stored["pictures"] if stored else self.projection.sentence("Projections"),
        )


def far(driven: Iterable[Any]) -> Iterator[str]:
    """How far each step says it is, as "3 / 9"."""
    for step in driven:
        if isinstance(step, Progress) and step.total:
            yield f"{step.done} / {step.total}"
