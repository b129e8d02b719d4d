"""What every engine answers, wherever it computes.

Widgets, reports and experiments are written against this protocol alone; the local engine, a
remote one and a stored one give the same records and raise the same errors. Its methods say what
they answer; engines say only how they come by it. `blocking` has the calls for a cell, which wait.
"""

from __future__ import annotations

from .blocking import BlockingCalls
from .engine import OUTSIDE, EngineProtocol

__all__ = ["OUTSIDE", "BlockingCalls", "EngineProtocol"]
