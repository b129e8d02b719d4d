"""Occlusion: what covers a photo, the passes over all positions, and what they change."""

from __future__ import annotations
