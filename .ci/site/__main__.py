"""Collect the docs site's sources in ``build/site``: `make docs`, or ``python .ci/site``.

The folder mirrors the repository, so that links between the README, ``docs/`` and ``examples/``
lead to the same things on the site as on GitHub. To what is written it adds what is made: the API's
pages, the gallery of live reports and the tutorial with its pictures.

Options
-------
--quick     small reports with coarse maps, and the tutorial's cells without their pictures
--out DIR   another folder than ``build/site``
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

import api
import gallery
import pages
import tutorial

import examples


def main() -> None:
    """Make the folder anew."""
    parser = argparse.ArgumentParser(prog="python .ci/site", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="in seconds, as tests do")
    parser.add_argument("--out", type=Path, default=pages.ROOT / "build" / "site")
    options = parser.parse_args()
    out: Path = options.out
    shutil.rmtree(out, ignore_errors=True)
    pages.write(out)
    examples.write(out)
    api.write(out / "api")
    gallery.write(out / "gallery", gallery.engine(), quick=options.quick)
    tutorial.write(out / "tutorial", run=not options.quick)


if __name__ == "__main__":
    main()
