"""Sets of images of any kind: opened, counted, named."""

from __future__ import annotations
