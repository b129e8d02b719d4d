"""Notebooks exported with their widgets alive: what `writing` does for a report.

`embedding` runs in the notebook's kernel and writes what its widgets show; `exporter` is nbconvert's
and puts that into the page.
"""

from __future__ import annotations
