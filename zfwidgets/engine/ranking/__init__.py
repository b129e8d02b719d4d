"""The pass over all images that ranks them for each channel, and the index that it leaves."""

from __future__ import annotations
