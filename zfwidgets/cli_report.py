"""``zfwidgets report``: a report from the command line."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

from .errors import InputError

EXAMPLE = """examples:
  zfwidgets report --model sample --images sample -o report.html
  zfwidgets report --model my_models.py:trained --images photos/ -o report.html --budget "10 MB"
  zfwidgets report --model torchvision.models:resnet18 --weights resnet18.pth --images photos/ \\
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
    parser.add_argument(
        "--model",
        default="sample",
        help="'sample' (SqueezeNet, in the package), or MODULE:NAME or FILE.py:NAME of a "
        "torch.nn.Module, or of a function that gives one (default: %(default)s)",
    )
    parser.add_argument(
        "--weights",
        type=Path,
        help="state dict for the model: a file of torch.save, read without running code in it, or "
        "of safetensors",
    )
    parser.add_argument(
        "--images",
        default="sample",
        help="'sample' (the package's photos), or a folder of images (default: %(default)s)",
    )
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
    parser.add_argument("--channel", type=int, help="the channel that is shown first")
    parser.add_argument("--stride", type=int, help="pixels between positions of the occluder")
    parser.add_argument(
        "--budget", default="25 MB", help="size at most, or 'none' (default: %(default)s)"
    )
    parser.add_argument("--title", help="of the page")
    parser.add_argument("--text", type=Path, help="a Markdown file that stands before the views")
    parser.add_argument("--device", help="where to compute, like 'cuda'")
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
    from .reports.saving import plan_report, save_report
    from .widgets.explorer import Explorer

    text = _read(options.text) if options.text else ""
    explorer = Explorer(
        _engine(options), layer=options.layer, channel=options.channel, stride=options.stride
    )
    layers = "all" if options.layers == ["all"] else options.layers
    choices = {
        "layers": layers,
        "channels": options.channels,
        "images": "all" if options.maps == ["all"] else options.maps,
        "budget": None if options.budget.lower() == "none" else options.budget,
    }
    if options.dry_run:
        print(plan_report(explorer, **choices))
        return 0
    report = save_report(explorer, options.output, title=options.title, text=text, **choices)
    print(report)
    return 0


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Can't read the text {path}: {error}.") from error


def _engine(options: argparse.Namespace) -> Any:
    """The engine of the model and images that the command names."""
    from . import samples
    from .engine.local import LocalEngine

    model = samples.network() if options.model == "sample" else _model(options.model)
    if options.weights is not None:
        _load(model, options.weights)
    images = samples.photos() if options.images == "sample" else options.images
    engine = LocalEngine(model, images, device=options.device)
    engine.index()
    return engine


def _model(name: str) -> Any:
    """The module, or what the function gives, that ``MODULE:NAME`` names."""
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise InputError(f"--model must be 'sample', MODULE:NAME or FILE.py:NAME, not {name!r}.")
    try:
        found = getattr(_module(place), attribute)
    except (ImportError, OSError, AttributeError) as error:
        raise InputError(f"--model {name!r}: {error}.") from error
    return found() if callable(found) and not hasattr(found, "forward") else found


def _module(place: str) -> Any:
    if not place.endswith(".py"):
        sys.path.insert(0, str(Path.cwd()))
        return importlib.import_module(place)
    spec = importlib.util.spec_from_file_location(Path(place).stem, place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def _load(model: Any, path: Path) -> None:
    """Load a state dict into a model, without running what the file may hold."""
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            torch = importlib.import_module("torch")
            state = torch.load(path, map_location="cpu", weights_only=True)
        model.load_state_dict(state)
    except Exception as error:
        raise InputError(f"--weights {path} doesn't fit the model: {error}") from error
