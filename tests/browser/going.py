"""Going to a channel as a person does, by its number: the strip holds the tiles in view alone."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def go_to_channel(within: Page | Locator, channel: int) -> None:
    """Type its number, which scrolls to its tile, and click that."""
    within.locator("input.zf-number").first.fill(str(channel))
    within.locator(f'.zf-tile[data-channel="{channel}"]').first.click()
