"""The recorded graph of a forward pass: its operations, their geometry, and windows of maps."""

from __future__ import annotations
