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


def report(engine: Any, unit: Any, path: Path, *, quick: bool) -> None:
    """Write a unit's patches, and the occlusion map of its strongest photo."""
    stride, budget = (32, "800 kB") if quick else (16, "1.5 MB")
    photo = engine.top(unit.layer, unit.channel)[0].image
    shown = {"layer": unit.layer, "channel": unit.channel, "photo": photo}
    occlusion = zf.OcclusionMap(engine, **shown, stride=stride, patch=48)
    grid = zf.PatchGrid(engine, selection=occlusion.selection)
    zf.save_report(
        *([grid, occlusion], path),
        layers=[unit.layer],
        images=[photo],
        budget=budget,
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


def write(out: Path, engine: Any, *, quick: bool) -> None:
    """Write the page, and each unit's report."""
    (out / "units").mkdir(parents=True)
    for unit in zf.samples.gallery:
        report(engine, unit, out / "units" / file_of(unit), quick=quick)
    text = "\n\n".join([f"# {TITLE}", TEXT, *map(frame, zf.samples.gallery)])
    (out / "gallery.md").write_text(text + "\n", "utf-8")
