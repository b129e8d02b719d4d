"""The sources of the two distributions, made from the tree's without building them."""

from __future__ import annotations

import re
import shutil
import sys

import distributions
import pytest
from markdown_it import MarkdownIt
from repository import absolute

from tests.conftest import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    tomllib = pytest.importorskip("tomli")


def test_a_repositorys_address_comes_into_both_and_into_the_readmes_links(tmp_path):
    """PyPI shows a README without the files beside it."""
    urls = '[project.urls]\nRepository = "https://github.com/an/other.git"\n'
    core, meta = tmp_path / "core", tmp_path / "meta"
    (core / "zfwidgets").mkdir(parents=True)
    for name in ("LICENSE", "README.md", "zfwidgets/__init__.py"):
        shutil.copy(ROOT / name, core / name)
    (core / "PKG-INFO").write_text("")
    ours = (ROOT / "pyproject.toml").read_text("utf-8")
    ours = re.sub(r"^\[project\.urls\]\n(?:.+\n)*", "", ours, flags=re.MULTILINE)
    (core / "pyproject.toml").write_text(f"{ours}\n{urls}", "utf-8")
    distributions.divide(core, meta)

    readme = (ROOT / "README.md").read_text("utf-8")
    written = MarkdownIt("commonmark").enable("table")
    for folder in (core, meta):
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        assert project["urls"] == {"Repository": "https://github.com/an/other.git"}
        before = list(targets(written.parse(readme)))
        after = list(targets(written.parse((folder / "README.md").read_text("utf-8"))))
        assert len(before) > 20
        assert {kind for kind, _ in before} == {"img", "a"}
        for (kind, target), (_, made) in zip(before, after, strict=True):
            where = {
                "img": "https://raw.githubusercontent.com/an/other/HEAD/",
                "a": "https://github.com/an/other/blob/HEAD/",
            }[kind]
            assert made == (target if "://" in target else where + target)


def targets(tokens):
    """Kind and target of each picture and link, in their order."""
    for token in tokens:
        if token.tag == "a" and token.nesting == 1:
            yield "a", token.attrs["href"]
        if token.tag == "img":
            yield "img", token.attrs["src"]
        yield from targets(token.children or [])


def test_code_is_no_link():
    text = "`a[0](b)` [`x`](docs/y.md#z)\n\n```\nf[0](x)\n```\n[q](#q) [m](mailto:x)\n"
    there = "https://github.com/an/other/blob/HEAD/docs/y.md#z"
    assert absolute(text, "an/other") == text.replace("docs/y.md#z", there)
