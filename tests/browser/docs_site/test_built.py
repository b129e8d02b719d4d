"""The docs site is built strictly and whole: what is public, where links lead, what pages load."""

from __future__ import annotations

import importlib
import inspect
import json
import re
import zlib
from dataclasses import fields, is_dataclass
from functools import cached_property
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import traitlets

import zfwidgets as zf
from tests.browser.docs_site.conftest import BUILD, run
from tests.conftest import ROOT

VARIABLES = {
    "engine": "zfwidgets.Engine",
    "explorer": "zfwidgets.Explorer",
    "sheet": "zfwidgets.Worksheet",
    "index": "zfwidgets.index.TopKIndex",
    "found": "zfwidgets.index.Verification",
}
"""What pages call things, and what these are."""
FILES = {"html", "md", "parquet", "png", "py", "safetensors"}
OF_OTHERS = {"engine.connection"}
"""Of an engine that `zfwidgets.connect` gives."""


def inventory(html: Path) -> dict[str, str]:
    """Names that pages describe, and on which, from what such sites offer to others."""
    data = (html / "objects.inv").read_bytes()
    text = zlib.decompress(data.split(b"\n", 4)[4]).decode()
    lines = [line.split(" ") for line in text.splitlines()]
    return {name: address.partition("#")[0] for name, _, _, address, *_ in lines}


def public_names() -> set[str]:
    names = set()
    for name in set(zf.__all__) - {"__version__"}:
        value = getattr(zf, name)
        if not isinstance(value, type(zf)):
            names.add(f"zfwidgets.{name}")
        elif name == "errors":
            names |= {f"zfwidgets.errors.{e}" for e, v in vars(value).items() if is_error(v)}
        else:
            names |= {f"zfwidgets.{name}.{part}" for part in value.__all__}
    return names


def is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, zf.errors.ZfError)


def own_members(kind: type) -> set[str]:
    """Methods, properties, traits and fields of a class, as far as they are from this package."""
    found = {field.name for field in fields(kind)} if is_dataclass(kind) else set()
    for base in kind.__mro__:
        if base.__module__.startswith("zfwidgets."):
            found |= {name for name, value in vars(base).items() if is_member(value)}
    return {name for name in found if not name.startswith("_")} - {"set_state"}  # ipywidgets'


def is_member(value: object) -> bool:
    kinds = (property, cached_property, classmethod, staticmethod, traitlets.TraitType)
    return inspect.isfunction(value) or isinstance(value, kinds)


def told(html: Path, page: str, name: str) -> set[str]:
    """Names of parameters, attributes and fields where a page describes a class."""
    text = (html / page).read_text("utf-8")
    text = text[text.index(f'id="{name}"') :].split('<h2 id="zfwidgets', 1)[0]
    signature = text.partition('class="doc doc-contents')[0]
    bold = (re.sub("<[^>]+>", "", one) for one in re.findall(r"<b>(.*?)</b>", text, re.DOTALL))
    return {
        *re.findall(r'<span class="n">(\w+)</span>', signature),
        *re.findall(r"<code>(\w+)</code>", text),
        *(word for one in bold for word in re.split(r"[,\s]+", one)),
    }


class Links(HTMLParser):
    """What a page links to, what it loads, and its anchors."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = {""}
        self.feed(page.read_text("utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[name] for name in ("id", "name") if name in found}
        if "src" in found:
            self.loads.append(found["src"])
        if tag == "link" and found.get("rel") in ("stylesheet", "icon", "preload"):
            self.loads.append(found["href"])
        elif "href" in found:
            self.links.append(found["href"])


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Links]:
    # Where a missing page would be is known to nobody, so that 404.html has absolute links.
    paths = (p for p in site.rglob("*.html") if p.parent.name != "units" and p.name != "404.html")
    return {path.resolve(): Links(path) for path in paths}


def test_every_public_name_is_described(site: Path) -> None:
    assert public_names() - inventory(site).keys() == set()


def test_every_member_of_a_public_class_is_described(site: Path) -> None:
    described = inventory(site)
    lost = {}
    for name in public_names():
        kind = named(name)
        if isinstance(kind, type):
            of_it = {one for one in own_members(kind) if f"{name}.{one}" not in described}
            lost[name] = of_it - told(site, described[name], name) if of_it else set()
    assert len(lost) > 100
    assert {name: of_it for name, of_it in lost.items() if of_it} == {}


def test_what_pages_name_is_described(site: Path, root: Path) -> None:
    described = inventory(site)
    pages = [root / "README.md", root / "examples" / "README.md", *(root / "docs").glob("*.md")]
    used = 0
    for page in pages:
        text = page.read_text("utf-8")
        names = {
            f"zfwidgets.{name}"
            for name in re.findall(r"(?<![\w/])(?:zf|zfwidgets)\.([\w.]*\w)", text)
        }
        for variable, kind in VARIABLES.items():
            for part in re.findall(rf"(?<![\w./-]){variable}\.(\w+)", text):
                if part not in FILES and f"{variable}.{part}" not in OF_OTHERS:
                    names.add(f"{kind}.{part}")
        used += len(names)
        lost = []
        for name in names - described.keys():
            kind, _, part = name.rpartition(".")
            if kind not in described:
                if not isinstance(named(name), type(zf)):
                    lost.append(name)
            elif part not in told(site, described[kind], kind):
                lost.append(name)
        assert lost == [], page
    assert used > 100


def named(name: str) -> Any:
    """What a full name means: an attribute, or a module."""
    kind, _, part = name.rpartition(".")
    if not kind:
        return importlib.import_module(part)
    above = named(kind)
    return getattr(above, part) if hasattr(above, part) else importlib.import_module(name)


def test_troubleshooting_quotes_what_pages_say(root: Path) -> None:
    text = (root / "docs" / "troubleshooting.md").read_text("utf-8")
    known = json.loads((root / "js" / "src" / "lib" / "language" / "de.json").read_text("utf-8"))
    quoted = [one for one in re.findall(r'"([^"\n]+[.\u2026])"', text) if "..." not in one]
    assert len(quoted) > 5
    assert [one for one in quoted if one not in known] == []


def test_every_link_leads_somewhere(pages: dict[Path, Links]) -> None:
    """Those within the site: no test asks other sites."""
    assert len(pages) > 30
    lost = []
    for page, found in pages.items():
        for link in [*found.links, *found.loads]:
            if re.match(r"(https?|mailto|data|javascript):", link):
                continue
            path, _, anchor = unquote(link).partition("#")
            target = (page.parent / path).resolve() if path else page
            known = pages[target].anchors if target in pages else {"", anchor}
            if not target.exists() or anchor not in known:
                lost.append(f"{page.name}: {link}")
    assert lost == []


def test_pages_load_nothing_from_elsewhere(site: Path, pages: dict[Path, Links]) -> None:
    far = re.compile(r"(https?:)?//")
    for page, found in pages.items():
        assert [one for one in found.loads if far.match(one)] == [], page
    for style in site.rglob("*.css"):
        addresses = re.findall(r"url\(['\"]?([^)'\"]+)", style.read_text("utf-8"))
        assert [one for one in addresses if far.match(one)] == [], style


def test_zensical_builds_the_same_pages(site: Path) -> None:
    pytest.importorskip("zensical", reason="needs what `pip install --group docs` brings")
    run("-m", "zensical", "build", "--strict", "--clean", html="zensical")
    other = ROOT / BUILD / "zensical"

    def built(html: Path) -> set[Path]:
        return {path.relative_to(html) for path in html.rglob("*.html")}

    assert built(other) == built(site)
    assert public_names() - inventory(other).keys() == set()
