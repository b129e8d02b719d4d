"""A class at one server: `python -m benchmarks.classroom`."""

from __future__ import annotations
