"""Third-party notices: each npm package whose code is shipped, with the text of its licence."""

from __future__ import annotations

import json
import re

import pytest

from tests.conftest import ROOT
from zfwidgets.widgets.bundle import STATIC

LOCK = json.loads((ROOT / "js" / "package-lock.json").read_text("utf-8"))["packages"]
TOOL = "node_modules/esbuild"
"""It is a dependency, so that an install can build; none of its code is shipped."""


@pytest.fixture(scope="module")
def notices() -> dict[tuple[str, str], tuple[str, str]]:
    """Terms and text of each package, by name and version."""
    text = (STATIC / "figures.licences.txt").read_text("utf-8")
    found = {}
    for part in re.split(r"\n-{78}\n\n", text)[1:]:
        head, _, rest = part.partition("\n")
        name, version, terms = re.fullmatch(r"(\S+) (\S+): (.+)", head).groups()
        found[name, version] = terms, rest.partition("\n")[2].strip()
    return found


def test_each_package_that_is_bundled_has_its_notice(notices):
    """The lock file is npm's own list of what the bundle's packages need."""
    needed = {
        (about.get("name", place.rpartition("node_modules/")[2]), about["version"])
        for place, about in LOCK.items()
        if place and place != TOOL and not about.get("dev") and not about.get("optional")
    }
    assert len(needed) > 100
    assert notices.keys() == needed


def test_each_notice_has_the_licences_text(notices):
    wanted = {
        "BSD-2-Clause": "Redistributions in binary form",
        "BSD-3-Clause": "Redistributions in binary form",
        "MIT": "Permission is hereby granted",
        "ISC": "Permission to use, copy, modify",
        "0BSD": "Permission to use, copy, modify",
        "Apache-2.0": "Apache License",
        # Its terms are for icons, fonts and code: its licence says which, and where each is.
        "(CC-BY-4.0 AND OFL-1.1 AND MIT)": "Fonts: SIL OFL 1.1 License",
    }
    for key, (terms, text) in notices.items():
        assert wanted[terms] in " ".join(text.split()), key
        assert len(text) > 200, key


def test_our_own_modules_hold_no_other_packages():
    """So that figures.js is the only file with notices to give."""
    imports = re.compile(r"^(?:import|export)(?! type)\b[^;]*?from\s+\"([^\"]+)\"", re.MULTILINE)
    for path in (ROOT / "js" / "src").rglob("*.ts"):
        found = imports.findall(path.read_text("utf-8"))
        assert [name for name in found if not name.startswith(".")] == [], path
