"""What a report holds, checked and unpacked when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from numpy.typing import NDArray

from ...engine.protocol import EngineProtocol
from ...errors import BrokenReport, NotStored
from ...records import EngineInfo, LayerInfo
from ...widgets.wire.cache import Cache
from ...widgets.wire.encode import Answer
from ...widgets.wire.source import identity
from ..checking import check_answer, check_manifest, statistics
from ..parts import ADVICE, checked, unpack

FORMAT = 2
READ = "Read from a report: what it doesn't hold isn't shown."
KEPT = 64 << 20
"""Bytes of unpacked parts that are kept for the next time."""


@contextmanager
def _damaged(name: str) -> Iterator[None]:
    """What isn't right in a part is a `BrokenReport` that names it."""
    try:
        yield
    except ValueError as error:
        raise BrokenReport(f"Part {name!r} of the report is damaged: {error}. {ADVICE}") from error


class Contents(EngineProtocol):
    """A report's manifest and parts.

    Parameters
    ----------
    parts
        The report's parts, packed, by name.

    Raises
    ------
    BrokenReport
        If it isn't whole, or of another format.
    """

    def __init__(self, parts: Mapping[str, bytes]) -> None:
        self._parts = parts
        answers = unpack("manifest", parts["manifest"])
        manifest = answers[0][0] if len(answers) == 1 else None
        if not isinstance(manifest, dict):
            raise BrokenReport(f"The report's manifest isn't one. {ADVICE}")
        if manifest.get("format") != FORMAT:
            raise BrokenReport(
                f"This zfwidgets reads reports of format {FORMAT}, and this is one of format "
                f"{manifest.get('format')!r:.40}: use the zfwidgets that wrote it, or write it "
                "again with this one."
            )
        with _damaged("manifest"):
            check_manifest(manifest)
        self._manifest: dict[str, Any] = manifest
        self._kept = Cache(KEPT)
        self._places = {identity(kind, key): (part, at) for kind, key, part, at in self._answers()}
        self._info = self._read_info()
        self._layers = self._read_layers()

    def _answers(self) -> list[tuple[str, dict[str, Any], str, int]]:
        return [tuple(answer) for answer in self._manifest["answers"]]

    def _unpacked(self, name: str) -> list[Answer]:
        answers: list[Answer] | None = self._kept.get(name)
        if answers is None:
            answers = self._unpack(name)
            self._kept.put(name, answers, 512 + sum(len(b) for _, bs in answers for b in bs))
        return answers

    def _answer(self, kind: str, name: str, at: int) -> Answer:
        """An answer of a part, checked."""
        answers = self._unpacked(name)
        with _damaged(name):
            if at >= len(answers):
                raise ValueError(f"it has {len(answers)} answers")
            check_answer(kind, answers[at], self._manifest["catalogue"])
        return answers[at]

    def _columns(self, layer: str) -> tuple[int, list[NDArray[Any]]]:
        """How many images a layer's statistics are of, and their columns."""
        name = self._manifest["layers"][layer]["part"]
        catalogue = self._manifest["catalogue"]
        (info,) = (one for one in catalogue["layers"] if one["name"] == layer)
        with _damaged(name):
            return statistics(self._unpacked(name), info, len(catalogue["images"]))

    def _unpack(self, name: str) -> list[Answer]:
        if name not in self._manifest["parts"]:
            raise BrokenReport(f"The report lists no part {name!r}.")
        part = checked(name, self._parts[name], self._manifest["parts"][name])
        return unpack(name, part)

    def verify(self) -> None:
        """Read all parts; raises `BrokenReport` naming the first that isn't whole."""
        for name in self._manifest["parts"]:
            self._unpack(name)
        for kind, _, part, at in self._answers():
            self._answer(kind, part, at)
        for layer, one in self._manifest["layers"].items():
            self._columns(layer)
            for chunk in one["projections"]:
                for at in range(len(chunk["channels"])):
                    self._answer("projections", chunk["part"], at)

    def _read_info(self) -> EngineInfo:
        catalogue = self._manifest["catalogue"]
        engine, images = catalogue["engine"], catalogue["images"]
        return EngineInfo(
            model=engine["model"],
            device=engine["device"],
            input_shape=tuple(engine["input"]),
            images=tuple(image["name"] for image in images),
            image_labels=tuple(image["label"] for image in images),
            labels=tuple(catalogue["classes"]),
            transform=engine["transform"],
            fingerprint=self._manifest["fingerprint"],
            skipped=tuple((name, reason) for name, reason in engine["skipped"]),
            notes=tuple(dict.fromkeys((*engine["notes"], READ))),
            no_classes=catalogue.get("no_classes", ""),
        )

    def _read_layers(self) -> tuple[LayerInfo, ...]:
        _, rows, columns = self._info.input_shape
        return tuple(
            LayerInfo.from_json(one, (rows, columns))
            for one in self._manifest["catalogue"]["layers"]
        )

    def _not_stored(self, kind: str) -> NotStored:
        sentences = self._manifest["sentences"]
        return NotStored(sentences.get(kind, sentences["other"]))

    def _stored(self, kind: str, key: Mapping[str, Any]) -> Answer | None:
        place = self._places.get(identity(kind, key))
        return None if place is None else self._answer(kind, *place)

    def _chunk(self, layer: str, channel: int, rule: str) -> dict[str, Any] | None:
        """The chunk that holds most of a channel's projections."""
        chunks = self._manifest["layers"][layer]["projections"]
        held = [c for c in chunks if c["rule"] == rule and channel in c["channels"]]
        return max(held, key=lambda chunk: int(chunk["k"]), default=None)
