"""The same pass on a Ray cluster."""

from __future__ import annotations
