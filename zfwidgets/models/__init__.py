"""The networks that the package ships or defines."""

from __future__ import annotations
