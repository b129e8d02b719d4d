"""From images of any kind to what the network sees, and back to pixels for the eye."""

from __future__ import annotations
