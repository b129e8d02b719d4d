"""What a report holds, checked and unpacked when it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ..errors import BrokenReport, NotStored
from ..records import EngineInfo, LayerInfo
from ..widgets.encode import Answer
from ..widgets.source import identity
from .parts import checked, unpack

FORMAT = 1


class Contents:
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
        ((manifest, _),) = unpack("manifest", parts["manifest"])
        if manifest.get("format") != FORMAT:
            raise BrokenReport(
                f"This zfwidgets reads reports of format {FORMAT}, and this is one of format "
                f"{manifest.get('format')}: use the zfwidgets that wrote it, or a newer one."
            )
        self._manifest: dict[str, Any] = manifest
        self._unpacked = lru_cache(64)(self._unpack)
        self._places = {identity(kind, key): (part, at) for kind, key, part, at in self._answers()}
        self._info = self._read_info()
        self._layers = self._read_layers()

    def _answers(self) -> list[tuple[str, dict[str, Any], str, int]]:
        return [tuple(answer) for answer in self._manifest["answers"]]

    def _unpack(self, name: str) -> list[Answer]:
        if name not in self._manifest["parts"]:
            raise BrokenReport(f"The report lists no part {name!r}.")
        part = checked(name, self._parts[name], self._manifest["parts"][name])
        return unpack(name, part)

    def verify(self) -> None:
        """Read all parts; raises `BrokenReport` naming the first that isn't whole."""
        for name in self._manifest["parts"]:
            self._unpack(name)

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
            notes=(*engine["notes"], "Read from a report: what it doesn't hold isn't shown."),
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
        return None if place is None else self._unpacked(place[0])[place[1]]

    def _chunk(self, layer: str, channel: int, rule: str) -> dict[str, Any] | None:
        """The chunk that holds most of a channel's projections."""
        chunks = self._manifest["layers"][layer]["projections"]
        held = [c for c in chunks if c["rule"] == rule and channel in c["channels"]]
        return max(held, key=lambda chunk: int(chunk["k"]), default=None)
