"""Projections of units to pixels: the rules, the way down, and what is kept for it."""

from __future__ import annotations
