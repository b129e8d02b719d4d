"""Writing a report: what is collected, planned within a budget, and put on the page."""

from __future__ import annotations
