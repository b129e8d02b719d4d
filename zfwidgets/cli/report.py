"""``zfwidgets report``: a report from the command line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from ..engine.portable.record import PRECISIONS
from ..errors import InputError
from . import engine as cli_engine

EXAMPLE = """examples:
  zfwidgets report --model sample --images sample -o report.html
  zfwidgets report --model my_models.py:trained --images photos/ -o report.html --budget "10 MB"
  zfwidgets report --model sample --images photos/ -o lesson.html --alive
  zfwidgets report --model torchvision:resnet18 --weights resnet18.pth --images photos/ \\
      --layers layer1 layer2 --channels '{"layer2": [0, 7]}' --maps cat.jpg -o site/report
"""


def add(commands: Any) -> None:
    """Add the command to the command line's."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report",
        help="write what a network's channels see as one HTML file",
        description="Write a report: one HTML file, alive without kernel and network, or a folder "
        "for a static host.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cli_engine.add(parser, samples=True)
    parser.add_argument("-o", "--output", type=Path, default=Path("report.html"), help="file, or "
                        "folder, to write (default: %(default)s)")  # fmt: skip
    parser.add_argument("--layers", nargs="+", help="names of layers, or 'all' (default: all "
                        "convolutions)")  # fmt: skip
    parser.add_argument(
        "--channels",
        type=_channels,
        help="channels of which all nine projections are stored: 'all', or JSON like "
        '{"features.7": [0, 42]} (of all others the strongest is)',
    )
    parser.add_argument(
        "--maps",
        nargs="+",
        help="names of images whose occlusion maps are stored, or 'all' (default: those of the "
        "channel that is shown first)",
    )
    parser.add_argument("--layer", help="the layer that is shown first")
    parser.add_argument(
        "--channel", type=cli_engine.whole(0), help="the channel that is shown first"
    )
    parser.add_argument(
        "--stride", type=cli_engine.whole(1), help="pixels between positions of the occluder"
    )
    parser.add_argument(
        "--budget", default="25 MB", help="size at most, or 'none' (default: %(default)s)"
    )
    parser.add_argument("--title", help="of the page")
    parser.add_argument("--text", type=Path, help="a Markdown file that stands before the views")
    parser.add_argument(
        "--alive",
        action="store_true",
        help="put the network itself into the page, which then computes what isn't stored, also "
        "of photos that a reader brings",
    )
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        default="float16",
        help="what weights are kept as with --alive (default: %(default)s)",
    )
    parser.add_argument("--licence", default="", help="of the weights, with --alive: it stands on "
                        "the page (of the sample network it is known)")  # fmt: skip
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would be in it and how large, and end"
    )
    parser.set_defaults(run=run)


def _channels(text: str) -> Any:
    if text == "all":
        return text
    try:
        return json.loads(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"neither 'all' nor JSON: {text!r}") from error


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    from ..models.squeezenet import LICENCE
    from ..reports.writing.saving import plan_report, save_report
    from ..widgets.explorer import Explorer

    text = _read(options.text) if options.text else ""
    engine = cli_engine.engine(options)
    engine.index()
    explorer = Explorer(engine, layer=options.layer, channel=options.channel, stride=options.stride)
    layers = "all" if options.layers == ["all"] else options.layers
    choices = {
        "layers": layers,
        "channels": options.channels,
        "images": "all" if options.maps == ["all"] else options.maps,
        "budget": None if options.budget.lower() == "none" else options.budget,
    }
    if options.alive:
        choices |= {"alive": True, "precision": options.precision}
    if options.dry_run:
        print(plan_report(explorer, **choices))
        return 0
    if options.alive:
        known = LICENCE if options.model == "sample" else ""
        choices["licence"] = options.licence or known
    report = save_report(explorer, options.output, title=options.title, text=text, **choices)
    print(report)
    return 0


def _read(path: Path) -> str:
    try:
        return cli_engine.ordinary_file("--text", path).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Can't read the text {path}: {error}.") from error
