"""What was left out of a pass, as a short table."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

ROWS = 8


@dataclass(frozen=True)
class SkippedImage:
    """An image that can't be read, and why."""

    name: str
    reason: str


def table(
    skipped: Sequence[tuple[str, str]],
    total: int,
    more: str = "engine.info.skipped lists each with its reason.",
) -> str:
    """How many images were left out, and why: each reason once, with an example.

    Parameters
    ----------
    skipped
        (name, reason) of each image that was left out.
    total
        How many there are, these included.
    more
        Where all are listed.

    Returns
    -------
    str
        Empty if none was left out.
    """
    if not skipped:
        return ""
    reasons = Counter(_kind(reason) for _, reason in skipped)
    examples = {_kind(reason): name for name, reason in reversed(skipped)}
    verb = "was" if len(skipped) == 1 else "were"
    lines = [f"{len(skipped):,} of {total:,} images {verb} left out:"]
    width = len(f"{max(reasons.values()):,}")
    for reason, count in reasons.most_common(ROWS):
        lines.append(f"  {count:>{width},}  {reason}  ({_shown(examples[reason])})")
    if len(reasons) > ROWS:
        rest = sum(count for _, count in reasons.most_common()[ROWS:])
        lines.append(f"  {rest:>{width},}  for {len(reasons) - ROWS} other reasons")
    lines.append(more)
    return "\n".join(lines)


def _kind(reason: str) -> str:
    """A reason without the figures and names that make each one another."""
    short = re.sub(r"\d[\d,.]*", "n", re.sub(r"'[^']*'", "...", reason.split("\n", 1)[0]))
    return short if len(short) <= 90 else f"{short[:87]}..."


def _shown(name: str) -> str:
    """A file's name as something that can be printed anywhere."""
    return name.encode("utf-8", "backslashreplace").decode().encode("unicode_escape").decode()
