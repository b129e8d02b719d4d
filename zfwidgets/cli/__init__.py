"""The command line: ``python -m zfwidgets`` or ``zfwidgets``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from .. import __version__
from ..errors import ZfError, needs_torch
from . import index, report, serve
from .engine import whole


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        What stands after the program's name; ``sys.argv[1:]`` if not given.
    """
    options = _parser().parse_args(arguments)
    try:
        with needs_torch("This command runs a network, and"):
            return int(options.run(options))
    except ZfError as error:
        print(f"zfwidgets: {error}", file=sys.stderr)
        return 1
    except OSError as error:  # no permission, a full disk, a name that is too long
        print(f"zfwidgets: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="zfwidgets",
        description="Look inside convolutional networks in Jupyter, after Zeiler & Fergus (2013).",
    )
    parser.add_argument("--version", action="version", version=f"zfwidgets {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    demo = commands.add_parser(
        "demo",
        help="open the quickstart notebook in JupyterLab, already run",
        description="Run the quickstart notebook and serve it in JupyterLab on 127.0.0.1, live in "
        "its kernel. Ctrl-C stops the server and the kernel.",
    )
    demo.add_argument(
        "--dir",
        type=Path,
        default=Path("zfwidgets-demo"),
        help="folder for the notebook and what it writes (default: %(default)s)",
    )
    demo.add_argument(
        "--port",
        type=whole(0, 65535),
        help="port to serve on (default: 8888, or the next free one)",
    )
    demo.add_argument("--open", action="store_true", help="open the page in the default browser")
    demo.add_argument(
        "--no-serve",
        action="store_true",
        help="instead of serving, show the notebook in a headless Chromium, write "
        "DIR/quickstart.executed.ipynb and DIR/explorer.png, and exit",
    )
    demo.set_defaults(run=_demo)
    report.add(commands)
    index.add(commands)
    serve.add(commands)
    return parser


def _demo(options: argparse.Namespace) -> int:
    from ..demo import picture, serve

    if options.no_serve:
        return picture(options.dir)
    return serve(options.dir, port=options.port, open_browser=options.open)
