"""The gallery: a live report for each of the sample network's channels that can be named."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import zfwidgets as zf

TITLE = "Gallery"
TEXT = """\
Twelve channels of SqueezeNet, from early layers to late ones, that can be named at a glance. Each
frame is a report that `zf.save_report` wrote: it is alive, and needs neither a kernel nor a
network. Look at the nine patches first, and say what they share. Then drag the square over the
photo, and see what the network makes of the rest."""


def engine() -> Any:
    """The sample network over the sample photos."""
    return zf.Engine(zf.samples.network(), zf.samples.photos())


def file_of(unit: Any) -> str:
    """Name of a unit's report."""
    return f"{unit.layer}-{unit.channel}.html"


def report(engine: Any, unit: Any, path: Path) -> None:
    """Write a unit's patches, and the occlusion map of its strongest photo."""
    photo = engine.top(unit.layer, unit.channel)[0].image
    grid = zf.PatchGrid(engine, layer=unit.layer, channel=unit.channel, photo=photo)
    occlusion = zf.OcclusionMap(engine, stride=16, patch=48)
    zf.link(grid, occlusion)
    zf.save_report(
        *([grid, occlusion], path),
        layers=[unit.layer],
        images=[photo],
        budget="1.5 MB",
        title=unit.text,
        progress=False,
    )


def frame(unit: Any) -> str:
    """A unit's part of the page."""
    title = escape(f"Live report of channel {unit.channel} of {unit.layer}: {unit.text}")
    source = f"units/{file_of(unit)}"
    return (
        f"## {unit.text}\n\n"
        f"Channel {unit.channel} of layer `{unit.layer}`. [On a page of its own]({source})\n\n"
        f'<iframe class="zf-frame" src="{source}" title="{title}" loading="lazy"></iframe>'
    )


def write(out: Path, engine: Any, count: int | None = None) -> None:
    """Write the page, and the reports of the first `count` units."""
    (out / "units").mkdir(parents=True)
    units = zf.samples.gallery[:count]
    for unit in units:
        report(engine, unit, out / "units" / file_of(unit))
    text = "\n\n".join([f"# {TITLE}", TEXT, *map(frame, units)])
    (out / "gallery.md").write_text(text + "\n", "utf-8")
