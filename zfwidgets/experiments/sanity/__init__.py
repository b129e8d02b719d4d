"""The sanity check: does a projection depend on what the network has learned."""

from __future__ import annotations
