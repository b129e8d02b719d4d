"""What the command lines here have in common."""

from __future__ import annotations

import argparse
from pathlib import Path


def checking(about: str | None, source: str, what: str) -> argparse.ArgumentParser:
    """A parser of a path to build from, and of ``--check``, with which nothing is written."""
    parser = argparse.ArgumentParser(
        description=about, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(source, type=Path, help=what)
    parser.add_argument("--check", action="store_true", help="compare with what is shipped")
    return parser
