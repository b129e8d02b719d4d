"""`load_report`: a report as an engine, for widgets without the model, without torch.

Needs NumPy and Pillow, and no threads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ... import records
from ...bars import waiting
from ...errors import BrokenReport, InputError, NotStored, UnreadableImage
from ...stepwise import Counting, Refining
from ...widgets.wire.answers import OF_NINE, patch_size
from ...widgets.wire.encode import GREY, Answer, decode_picture, numbers, read_number
from ...widgets.wire.quantile_tiles import read_quantiles
from ...widgets.wire.source import Source
from ...widgets.wire.validation import rule_name
from ..coarse import StoredOcclusionMap, StoredPrediction, logs, look_of, occluder_fields, snapped
from ..files import Parts
from ..held import PATCHES
from ..parts import ADVICE
from ..pictures import MIME
from .answering import StoredSource
from .reopened import Reopened

CLASS_MAPS = (0, 1, 3, 4)
"""Places of the maps of class scores among an occlusion answer's buffers."""
LARGEST_MAP = 1 << 28
"""Positions times classes of a record: a gigabyte."""
LEVELS = 127
"""Levels of a projection's picture on each side of zero."""


@waiting("Reading the report")
def load_report(path: str | Path) -> StoredEngine:
    """Read a report as an engine: the same widgets in a notebook, without the model.

    Parameters
    ----------
    path
        What `save_report` wrote: the file, or the folder.

    Returns
    -------
    StoredEngine
        Answers what the report holds, and raises `NotStored` for what it lacks.

    Raises
    ------
    InputError
        If there is no report.
    BrokenReport
        If it was cut short or changed.
    """
    return StoredEngine(Parts(Path(path)))


class StoredEngine(Reopened):
    """Answers from a report: an engine without model, torch and threads.

    Records are as the live engine gave them but for what a report stores more coarsely: pixels of
    photos (`info.notes` say how far off), projections (signed levels, 127 on each side), class
    scores under an occluder (to 1/65535, of the classes that come up).

    Parameters
    ----------
    parts
        The report's parts, packed, by name.
    """

    def __repr__(self) -> str:
        return (
            f"<zfwidgets.StoredEngine {self._info.model}, {len(self._layers)} layers, "
            f"{len(self._info.images)} images>"
        )

    def stored_answer(self, kind: str, fields: Mapping[str, Any]) -> Answer | None:
        """The answer to a widget's request, if it is stored as it was given."""
        if kind == "predict" and fields["occluder"] is not None:
            held = self._at(
                fields["image"], records.Occluder(**occluder_fields(fields["occluder"]))
            )
            # A class that isn't stored is below all that are.
            scores = np.nan_to_num(held, nan=-np.inf)
            return {"classes": len(scores)}, [numbers(scores)]
        if kind == "projections":
            return self._projections(**fields)
        found = self._stored(kind, fields)
        if found is None and kind == "occlusion":
            return self._of_classes(fields)
        return found

    def _projections(self, layer: str, channel: int, k: int, rule: str) -> Answer:
        """Those that are stored, and None for the others."""
        chunk = self._chunk(layer, channel, rule)
        if chunk is None:
            raise self._not_stored("projections")
        data, pictures = self._answer(
            "projections", chunk["part"], chunk["channels"].index(channel)
        )
        top = self.top(layer, channel, k)
        why, count = dict(self._manifest.get("lost", ())), len(top)
        field = self.layer(layer).field_of(channel)
        rows = (data["rows"] + [None] * count)[:count]
        return {
            "projections": rows,
            "lost": [[a.image_name, why[a.image]] for a in top if a.image in why],
            **{name: data[name] for name in OF_NINE if name in data},
            "patch": patch_size(field),
            "mime": MIME,
        }, pictures[: sum(row is not None for row in rows)]

    def _of_classes(self, fields: Mapping[str, Any]) -> Answer:
        """A map that was stored with another layer's responses: without these."""
        for kind, key, part, at in self._answers():
            other = {name: key.get(name) for name in ("layer", "channel")}
            if kind == "occlusion" and {**fields, **other} == key:
                data, buffers = self._answer(kind, part, at)
                clean = {**data["clean"], "total": None, "unit": None}
                none = {"layer": None, "channel": None, "unit_place": None}
                kept = [b if i in CLASS_MAPS else b"" for i, b in enumerate(buffers)]
                return {**data, **none, "clean": clean}, kept
        raise self._not_stored("occlusion")

    def snapped(self, occluder: Mapping[str, Any]) -> dict[str, Any]:
        """The stored place and look that are nearest to an occluder, as a selection has it."""
        return snapped(occluder, self._manifest["formats"], self._info.input_shape[1:])

    def make_source(self) -> Source:
        """What answers widgets' requests: as stored where they are, else from records."""
        return StoredSource(self, self.stored_answer)

    # ------------------------------------------------------------------ the protocol

    @property
    def info(self) -> records.EngineInfo:
        """Names, shapes, labels, notes and the fingerprint, as they were."""
        return self._info

    @property
    def layers(self) -> tuple[records.LayerInfo, ...]:
        """The layers that the report holds."""
        return self._layers

    @property
    def indexed(self) -> bool:
        """True: a report holds statistics of all its layers."""
        return True

    def index_steps(self) -> Counting[None]:
        """Nothing is left to be done."""
        yield from ()

    @property
    def rules(self) -> tuple[str, ...]:
        """Rules of the projections that the report holds."""
        return tuple(self._manifest["catalogue"]["rules"])

    def rule(self, name: str) -> records.RuleInfo:
        """What the rule of that name is, in words; of an older report its name alone."""
        rule_name(self, name)
        found = self._manifest["catalogue"].get("rule_info", {}).get(name)
        return records.RuleInfo(**(found or {"name": name, "title": name, "answers": ""}))

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of what the occluder could be filled with."""
        return tuple(self._manifest["catalogue"].get("baselines", ("grey", "mean")))

    @property
    def licences(self) -> tuple[tuple[str, str], ...]:
        """Names of photos, and who made them under which licence."""
        return tuple((name, what) for name, what in self._manifest.get("licences", ()))

    def channels(self, layer: str, *, so_far: bool = False) -> records.ChannelSummary:
        """Statistics of all channels of a layer; a report's are finished."""
        self.layer(layer)
        seen, (mean, silent, strongest, image, row, col, *_) = self._columns(layer)
        image, row, col = (column.astype(np.int64) for column in (image, row, col))
        return records.ChannelSummary(layer, mean, silent, strongest, image, row, col, seen)

    def top(
        self, layer: str, channel: int, k: int = 9, *, so_far: bool = False
    ) -> records.TopActivations:
        """A channel's strongest activations, nine at most; a report's are finished."""
        info = self.layer(layer)
        if not 0 <= channel < info.channels:
            raise InputError(f"Layer {layer!r} has channels 0 .. {info.channels - 1}.")
        seen, (*_, counts, image, row, col, value) = self._columns(layer)
        if k < 1:
            raise InputError(f"k must be 1 or more, not {k}.")
        if k > PATCHES and counts[channel] == PATCHES:
            raise NotStored(
                f"A report holds the {PATCHES} strongest activations of a channel, not {k}; a live "
                "engine has more."
            )
        first = int(counts[:channel].sum())
        found = tuple(
            records.Activation(
                records.Unit(layer, channel, int(row[i]), int(col[i])),
                int(image[i]),
                self._info.images[image[i]],
                float(value[i]),
                info.field_of(channel).box(int(row[i]), int(col[i])),
            )
            for i in range(first, first + min(k, int(counts[channel])))
        )
        return records.TopActivations(layer, channel, found, seen)

    def quantile_steps(
        self, layer: str, channel: int, each: int = 3, parts: int = 10
    ) -> Refining[records.QuantileRows]:
        """The rows that the report holds, of chosen channels, three images from each tenth."""
        yield from ()
        answer = self._stored("quantile_rows", {"layer": layer, "channel": channel})
        if answer is None or (each, parts) != (3, 10):
            raise self._not_stored("quantiles")
        return read_quantiles(layer, channel, answer[0])

    def photo(self, image: int) -> records.Pixels:
        """An image as the network saw it, as exact as the report's notes say."""
        answer = self._stored("photo", {"image": self._index_of(image)})
        if answer is None:
            self._refuse_lost(int(image))
            raise self._not_stored("photo")
        _, (picture,) = answer
        return np.asarray(decode_picture(picture))

    def _refuse_lost(self, image: int | None) -> None:
        """Raise `UnreadableImage` for a photo that couldn't be read when the report was written."""
        reason = dict(self._manifest.get("lost", ())).get(image)
        if image is not None and reason is not None:
            name = self._info.images[image]
            said = f"couldn't be read when the report was written: {reason}"
            raise UnreadableImage(f"{name} {said}", said)

    def project_all(
        self, activations: Sequence[records.Activation], rule: str = "deconvnet"
    ) -> tuple[records.Projection, ...]:
        """Projections that the report holds, on 127 levels each side of zero."""
        return tuple(self._project(activation, rule) for activation in activations)

    def _project(self, activation: records.Activation, rule: str) -> records.Projection:
        unit = activation.unit
        chunk = self._chunk(unit.layer, unit.channel, rule)
        if chunk is None:
            raise self._not_stored("projections")
        at = chunk["channels"].index(unit.channel)
        data, pictures = self._answer("projections", chunk["part"], at)
        rank = next(
            (
                rank
                for rank, one in enumerate(self.top(unit.layer, unit.channel))
                if (one.image, one.unit) == (activation.image, unit)
            ),
            len(data["rows"]),
        )
        self._refuse_lost(activation.image)
        if rank >= len(data["rows"]) or data["rows"][rank] is None:
            raise NotStored(
                f"The report holds {len(pictures)} of the projections of {unit.layer} : "
                f"{unit.channel}, and not this one; a live engine makes it."
            )
        row = data["rows"][rank]
        channels, rows, columns = self._info.input_shape
        place = sum(one is not None for one in data["rows"][:rank])
        box = activation.box.inside(rows, columns)
        picture = np.asarray(decode_picture(pictures[place]))
        if picture.shape[:2] != (box.height, box.width):
            raise BrokenReport(
                f"A projection of layer {unit.layer!r} isn't as large as its field. {ADVICE}"
            )
        levels = picture[..., :channels].astype(np.float32) - GREY
        pixels = np.zeros((rows, columns, min(channels, 3)), np.float32)
        pixels[box.top : box.bottom, box.left : box.right] = levels * np.float32(
            read_number(row["full"]) / LEVELS
        )
        operations = tuple(records.Operation(**operation) for operation in row["operations"])
        return records.Projection(
            activation, rule, pixels, operations, near_ties=row.get("near_ties")
        )

    def predict(self, image: int, occluder: records.Occluder | None = None) -> records.Prediction:
        """Class scores of an image; under an occluder, of the classes that come up there."""
        image = self._index_of(image)
        name, labels = self._info.images[image], self._info.labels
        if occluder is not None:
            found = self._at(image, occluder)
            return StoredPrediction(image, name, logs(found), labels, occluder, scores=found)
        answer = self._stored("predict", {"image": image, "occluder": None})
        if answer is None:
            raise self._not_stored("predict")
        return records.Prediction(image, name, logs(np.frombuffer(answer[1][0], "<f4")), labels)

    def _positions(
        self, image: int, look: Mapping[str, Any]
    ) -> tuple[dict[str, Any], NDArray[Any]]:
        """Class scores at all positions of an occluder."""
        for kind, key, part, at in self._answers():
            if kind == "positions" and key["image"] == image:
                if all(look.get(name, value) == value for name, value in key.items()):
                    data, (scores,) = self._answer(kind, part, at)
                    shape = (data["rows"], data["columns"], len(data["classes"]))
                    return data, np.frombuffer(scores, "<u2").reshape(shape) / 65535
        raise self._not_stored("positions")

    def _at(self, image: int, occluder: records.Occluder) -> NDArray[np.float32]:
        box = occluder.box
        look = {"height": box.height, "width": box.width, **look_of(occluder)}
        data, scores = self._positions(image, look)
        size, stride = tuple(data["size"]), tuple(data["stride"])
        for row, col in np.ndindex(data["rows"], data["columns"]):
            cell = records.occluder_box(row, col, size, stride)
            if cell.clip(*self._info.input_shape[1:]) == box.clip(*self._info.input_shape[1:]):
                found = np.full(len(self._info.labels), np.nan, np.float32)
                found[data["classes"]] = scores[row, col]
                return found
        raise self._not_stored("positions")

    def occlude_steps(self, request: records.OcclusionRequest) -> Refining[records.OcclusionMap]:
        """The map that the report holds; its layers' responses are for widgets alone."""
        yield from ()
        image, patch, target = self._index_of(request.image), request.patch, request.target
        height, width = (patch, patch) if isinstance(patch, int) else patch
        if request.layer is not None:
            raise self._not_stored("occlusion")
        like = records.Occluder(
            records.Box(0, 0, height, width), request.baseline, request.mask, request.extra_boxes
        )
        look = {"height": height, "width": width, "stride": request.stride, **look_of(like)}
        data, scores = self._positions(image, look)
        clean = self.predict(image)
        count = len(self._info.labels)
        rest = np.clip(1 - scores.sum(-1, keepdims=True), 1e-9, None)
        others = max(1, count - len(data["classes"]))
        if data["rows"] * data["columns"] * count > LARGEST_MAP:
            raise NotStored(
                f"A record of {data['rows']} x {data['columns']} positions with {count} classes "
                "is too large to be made of a report; widgets show the map itself."
            )
        logits = np.repeat(logs(rest / others), count, axis=-1)
        logits[..., data["classes"]] = logs(scores)
        if isinstance(target, str):
            if target not in self._info.labels:
                raise InputError(f"There is no class {target!r}: see engine.info.labels.")
            target = self._info.labels.index(target)
        return StoredOcclusionMap(
            image=image,
            image_name=self._info.images[image],
            size=tuple(data["size"]),
            stride=tuple(data["stride"]),
            baseline=request.baseline,
            input_shape=self._info.input_shape[1:],
            done=np.ones((data["rows"], data["columns"]), bool),
            logits=logits,
            clean=clean.logits,
            target=int(clean.logits.argmax()) if target is None else target,
            labels=self._info.labels,
            mask=request.mask,
            extra_boxes=request.extra_boxes,
            held=frozenset(data["classes"]),
        )
