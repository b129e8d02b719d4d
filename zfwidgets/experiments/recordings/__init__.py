"""The experiments at full length, computed before and shipped small: what examples open on.

`recorded("evolution")` gives a `zfwidgets.experiments.Recording`; every experiment's widget shows
one in the place of an engine. ``python -m benchmarks.building.recordings.build`` computes them
anew, in the project's sources.
"""
