"""What axe-core finds wrong in our own elements; JupyterLab itself has faults."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

# What speech control needs: who says what stands on a control must be understood. Off by default.
OPTIONS = {"rules": {"label-content-name-mismatch": {"enabled": True}}}
SOURCE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"


def faults(page: Page, selector: str = ".zf-root") -> list[str]:
    """Each fault of the elements of a page: the rule, and what breaks it."""
    page.evaluate(SOURCE.read_text("utf-8"))
    found = page.evaluate(
        "([selector, options]) => axe.run(selector, options).then(({violations}) => violations)",
        [selector, OPTIONS],
    )
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]
