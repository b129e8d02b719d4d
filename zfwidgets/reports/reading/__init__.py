"""Reading a report: an engine that answers from what is stored."""

from __future__ import annotations
