"""No absolute path leaves the author's machine: each is cut to its last part.

Folders that are known (those of the images, the home, the working folder, Python's own) are found
as they are, in every spelling in which texts hold them. What else looks like an absolute path is
cut as well; where it ends can only be guessed, as folders' names hold spaces, commas, brackets and
quotes, so that rather too much is cut than too little.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
import tempfile
import unicodedata
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any
from urllib.parse import quote

from ...images.sets.naming import unique

MOST_FOLDERS = 500
"""Folders that are looked for one by one; of more those that hold the others."""
MOST_TEXTS = 10_000
"""Texts whose cut is kept."""
KEPT = frozenset(("mime", "layer", "baseline", "mask", "status"))
"""Fields of answers that other things are found by."""

_MARK = "\ue0f8"
"""Stands where a known folder stood, while a text is cut; no text has it afterwards."""
_SEPARATOR = r"(?:[\\/]|%2[fF]|%5[cC])"
_SEPARATORS = re.compile(_SEPARATOR)
_BEFORE = r"(?<![^\s'\"`´‘’“”«»‹›(\[{=,;|>&])"
"""What stands before a path: nothing, a space, a quote, an opening bracket, an equals sign..."""
_ENCODED = r"(?:(?<=%20)|(?<=%2[278cC])|(?<=%3[dD]))"
"""The same of a text that is percent-encoded."""
_PUBLIC = ("http", "https", "ftp", "s3", "gs", "hf")
"""Schemes of addresses that are no places of this machine or its network."""
_OPTION = r"(?<=(?<![\w-])-[A-Za-z])"
"""A compiler's option, as in -I/usr/include."""
_COLON = r"(?:(?<=:)|(?<=%3[aA]))" + "".join(
    rf"(?<!{scheme}{colon})" for scheme in _PUBLIC for colon in (":", "%3A", "%3a")
)
"""As in "error:/srv", "smb://server"; of http: and its like only links are left."""
_ODD = (
    rf"(?:{_OPTION}|(?<=\.\.\.)|(?<=<)|(?<=[!#$%+?@^~\x00-\x1f\x7f\u2010-\u205e\u2190-\u21ff-])"
    r"|(?<![/*]\*)(?<=[*\u2500-\u25ff\u3001-\u3011\uff01-\uff0f]))"
)
"""What may stand before a path, but behind a folder's name too, before a divisor, or in HTML.

Letters' accents are none of it: they would be cut from names. Of closing brackets see `_ROOT`.
"""
_ROOT = (
    r"(?:data|etc|home|media|mnt|net|nfs|opt|private|root|run|scratch|srv|tmp|Users|usr|var|"
    r"Volumes|work)"
)
"""What folders at the top are called, so that it's a path, not a part of one: "(new)/srv/..."."""
_SLASHES = r"(?:/|%2[fF])+"
_KNOWN = rf"{_MARK}{_SEPARATOR}+"
_LINK = r"\bhttps?://[\w.-]*(?::\d+)?[\w.~/?#@!$*+%-]*"
_START = re.compile(
    rf"(?P<link>{_LINK})"
    rf"|{_KNOWN}"
    rf"|(?i:file)(?::|%3[aA]){_SEPARATOR}+(?:[A-Za-z](?::|%3[aA]){_SEPARATOR}+)?"
    rf"|(?:(?<![A-Za-z0-9])|{_ENCODED}|{_OPTION})[A-Za-z](?::|%3[aA]){_SEPARATOR}+"
    rf"|(?:(?<![\\\w])|{_ENCODED}|{_OPTION})(?:\\|%5[cC]){{2,}}(?=[^\s\\])"
    r"|(?<![\w~])~[\w.-]*[\\/]+"
    rf"|(?:{_BEFORE}|{_ENCODED}|{_COLON}){_SLASHES}(?=[^\s/])"
    rf"|{_ODD}{_SLASHES}(?=[^\s/\\<>]+{_SEPARATOR})"
    rf"|(?<=[)\]}}]){_SLASHES}(?={_ROOT}{_SEPARATOR})"
)
_START_OF_KNOWN = re.compile(_KNOWN)
_CLOSING = {"'": "'", '"': '"', "`": "`", "‘": "’", "“": "”", "«": "»", "‹": "›", "„": "“"}


class Scrubber:
    """Cuts absolute paths out of texts.

    Parameters
    ----------
    folders
        Folders of this machine that texts may name, absolute or, of names of images, relative to
        one that isn't named.
    images
        Names of images, by number; where two are the same once they are cut, they are numbered.
    """

    def __init__(self, folders: Iterable[str] = (), images: Iterable[str] = ()) -> None:
        given = {str(folder) for folder in folders}
        absolute = {folder for folder in given if _is_absolute(folder)}
        within = [PurePath(folder).parts for folder in given - absolute]
        relative = {parts[0] for parts in within if parts}
        everywhere = _fewer({*absolute, *_of_this_machine()})
        self._names = {
            spelling: _last(folder) for folder in everywhere for spelling in _spellings(folder)
        }
        inside = {spelling for folder in relative for spelling in _spellings(folder)}
        parts = []
        if self._names:
            parts.append(rf"(?P<whole>{_any_of(self._names)})(?=(?P<more>{_SEPARATOR})|(?!\w))")
        if inside:
            parts.append(rf"(?<![\w./\\-])(?:{_any_of(inside)})(?={_SEPARATOR})")
        self._known = re.compile("|".join(parts)) if parts else None
        self._texts: dict[str, str] = {}
        self._images = unique(map(self.name, images))

    def text(self, text: str) -> str:
        """A text in which only the last part of each absolute path is left."""
        found = self._texts.get(text)
        if found is None:
            found = _cut(self._marked(text), _START)
            if len(self._texts) < MOST_TEXTS:  # answers say the same again and again
                self._texts[text] = found
        return found

    def known(self, text: str) -> str:
        """The same of known folders alone: for texts in which a slash is somebody's own."""
        return _cut(self._marked(text), _START_OF_KNOWN)

    def name(self, name: str) -> str:
        """An image's name, which may be a path as a whole."""
        marked = self._marked(name)
        start = _START.match(marked)
        if start and start.lastgroup == "link":
            return self.text(name)
        return marked[start.end() :][_end(marked[start.end() :]) :] if start else self.text(name)

    def _marked(self, text: str) -> str:
        text = text.replace(_MARK, "")
        if self._known is None:
            return text

        def mark(match: re.Match[str]) -> str:
            found = match.groupdict()
            whole = found.get("whole")
            return self._names[whole] if whole and not found.get("more") else _MARK

        return self._known.sub(mark, text)

    # ------------------------------------------------------------------ what a report holds

    def catalogue(self, catalogue: Mapping[str, Any]) -> dict[str, Any]:
        """A catalogue without absolute paths."""
        engine = dict(catalogue["engine"])
        for name in ("model", "transform"):
            engine[name] = self.text(engine[name])
        engine["notes"] = [self.text(note) for note in engine["notes"]]
        engine["skipped"] = [[self.name(name), self.text(why)] for name, why in engine["skipped"]]
        images = [
            {**image, "name": name, "label": image["label"] and self.text(image["label"])}
            for name, image in zip(self._images, catalogue["images"], strict=True)
        ]
        classes = [self.text(name) for name in catalogue["classes"]]
        no_classes = self.text(catalogue.get("no_classes", ""))
        found = {**catalogue, "engine": engine, "images": images, "classes": classes}
        return {**found, "no_classes": no_classes}

    def answer(self, data: Any, field: str = "") -> Any:
        """An answer's JSON, all of its texts cut."""
        if isinstance(data, str):
            if field in KEPT:
                return data
            return self.name(data) if field == "name" else self.text(data)
        if isinstance(data, dict):
            found = {key: self.answer(value, key) for key, value in data.items()}
            if isinstance(data.get("image"), int) and "name" in data:
                found["name"] = self._images[data["image"]]
            return found
        return [self.answer(one, field) for one in data] if isinstance(data, list) else data

    def state(self, data: Any) -> Any:
        """JSON of other packages' widgets, known folders cut."""
        if isinstance(data, str):
            return self.known(data)
        if isinstance(data, dict):
            return {key: self.state(value) for key, value in data.items()}
        return [self.state(one) for one in data] if isinstance(data, list | tuple) else data


def _cut(text: str, start: re.Pattern[str]) -> str:
    """Each path from its start to its last part left out.

    A path ends at the quote that closes it, else with the line: all up to the last separator may
    be its folders' names.
    """
    done, at = [], 0
    while match := start.search(text, at):
        begin = match.end()
        if match.lastgroup == "link":
            done.append(text[at:begin])
            at = begin
            continue
        stop = text.find("\n", begin)
        stop = len(text) if stop < 0 else stop
        closing = _CLOSING.get(text[match.start() - 1] if match.start() else "")
        # An apostrophe within a name has a letter behind it.
        end = re.compile(rf"{closing}(?!\w)").search(text, begin, stop) if closing else None
        stop = end.start() if end else stop
        done += [text[at : match.start()], text[begin + _end(text[begin:stop]) : stop]]
        at = stop
    return "".join((*done, text[at:])).replace(_MARK, "")


def _end(path: str) -> int:
    """Where the last part of a path begins."""
    bare = re.sub(rf"{_SEPARATOR}+$", "", path)
    ends = [match.end() for match in _SEPARATORS.finditer(bare)]
    return ends[-1] if ends else 0


def _is_absolute(folder: str) -> bool:
    return PurePath(folder).is_absolute() or PureWindowsPath(folder).is_absolute()


def _last(folder: str) -> str:
    """What a folder is called; of the home not even that, as it is somebody's name."""
    with suppress(RuntimeError):
        if Path(folder) == Path.home():
            return "~"
    return PureWindowsPath(folder).name  # separators of either kind


def _of_this_machine() -> set[str]:
    """The home, the working folder, Python's and the one for temporary files."""
    found = {sys.prefix, sys.base_prefix, sys.exec_prefix, tempfile.gettempdir()}
    for folder in (Path.cwd, Path.home):
        with suppress(OSError, RuntimeError):
            found |= {str(folder()), str(folder().resolve())}
    return {folder for folder in found if PurePath(folder).name}  # not the root of a disk


def _fewer(folders: set[str]) -> set[str]:
    """The folders, or of too many those that lie in no other."""
    if len(folders) <= MOST_FOLDERS:
        return folders
    kept: list[str] = []
    for folder in sorted(folders):
        if not (kept and folder.startswith((f"{kept[-1]}/", f"{kept[-1]}\\"))):
            kept.append(folder)
    return set(kept)


def _spellings(folder: str) -> set[str]:
    """How texts may spell a folder: either separators, escaped, encoded, (de)composed."""
    folder = folder.rstrip("\\/")
    found = set()
    for form in {folder, *(unicodedata.normalize(kind, folder) for kind in ("NFC", "NFD"))}:
        for path in {form, form.replace("\\", "/"), form.replace("/", os.sep)}:
            found |= {
                path,
                path.replace("\\", "\\\\"),
                json.dumps(path)[1:-1],
                json.dumps(path, ensure_ascii=False)[1:-1],
                repr(path)[1:-1],
                ascii(path)[1:-1],
                path.encode("unicode_escape").decode(),
                html.escape(path),
                html.escape(path, quote=False),
                path.encode("utf-8", "replace").decode(),
            }
            encoded = path.encode("utf-8", "surrogateescape")
            found |= {quote(encoded), quote(encoded, safe=""), quote(encoded, safe="/:()',&!*~@+")}
    return {spelling for spelling in found if spelling}


def _any_of(words: Iterable[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=lambda word: (-len(word), word)))
