"""Where the project is on GitHub, and links that lead there from elsewhere."""

from __future__ import annotations

import re

LINK = re.compile(r"```[\s\S]*?```|`[^`]*`|(!?)(\[[^\]`]*(?:`[^`]*`[^\]`]*)*\]\()([^)\s]+)(?=\))")
"""Code, where nothing is a link; or an image's mark, what stands before the target, the target."""


def repository(pyproject: str) -> str | None:
    """Address of the repository on GitHub, as ``owner/name``, or None."""
    table = re.search(r"^\[project\.urls\]\n((?:.+\n)*)", pyproject, re.MULTILINE)
    found = table and re.search(
        r'^Repository = "https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?"',
        table[1],
        re.MULTILINE,
    )
    return found[1] if found else None


def absolute(text: str, where: str) -> str:
    """Have relative links and pictures of a page of the repository's root lead to GitHub."""

    def lead(match: re.Match[str]) -> str:
        picture, before, target = match.groups()
        if target is None or target.startswith("#") or ":" in target:
            return match[0]
        host = "https://raw.githubusercontent.com" if picture else "https://github.com"
        kind = "" if picture else "blob/"
        return f"{picture}{before}{host}/{where}/{kind}HEAD/{target}"

    return LINK.sub(lead, text)
