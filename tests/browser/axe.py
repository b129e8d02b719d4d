"""What axe-core finds wrong in our own elements; JupyterLab itself has faults."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

SOURCE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"


def faults(page: Page, selector: str = ".zf-root") -> list[str]:
    """Each fault of the elements of a page: the rule, and what breaks it."""
    page.evaluate(SOURCE.read_text("utf-8"))
    found = page.evaluate(
        "selector => axe.run(selector).then(({violations}) => violations)", selector
    )
    return [f"{one['id']}: {node['html'][:160]}" for one in found for node in one["nodes"]]
