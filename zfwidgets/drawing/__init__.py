"""Charts and tables that all experiments draw with."""

from __future__ import annotations
