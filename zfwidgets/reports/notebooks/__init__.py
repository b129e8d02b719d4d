"""Notebooks exported with their widgets alive: what `writing` does for a report.

`embedding` writes what its widgets show, in the notebook's kernel; `exporter` is nbconvert's part,
and puts that into the page.
"""
