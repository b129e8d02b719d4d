"""``zfwidgets index``, ``verify`` and ``info``: top-k indexes from the command line."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import Any

from ..errors import InputError, ZfError
from . import engine as cli_engine

INDEX = """examples:
  zfwidgets index --model torchvision:resnet18 --weights IMAGENET1K_V1 --images photos/ \\
      --out photos-resnet18
  zfwidgets index --model my_models.py:trained --weights trained.safetensors --images photos/ \\
      --out index --by-class 9

Ctrl-C, a kill or a power loss: the same command goes on where the pass was left. Images that were
added or removed since cost only their own work.

exit codes: 0 the index is there, 1 an error, 130 stopped by Ctrl-C (what is done is kept)
"""
VERIFY = """examples:
  zfwidgets verify photos-resnet18 --model torchvision:resnet18 --weights IMAGENET1K_V1 \\
      --images photos/
  zfwidgets verify index --model my_models.py:trained --images photos/ --all --json

exit codes: 0 the index is of this model, transform and images, and what was compared is equal (at
most but for rounding), 1 something differs, 2 it couldn't be checked, 130 stopped by Ctrl-C
"""
LINE = 10.0
"""Seconds between two lines of progress where there's no terminal, at least."""


def add(commands: Any) -> None:
    """Add the commands to the command line's."""
    index = cli_engine.command(
        commands, "index", "build a top-k index of a folder of images", INDEX
    )
    cli_engine.add(index)
    index.add_argument(
        "--out", type=Path, required=True, help="folder for the index; one that's there is used"
    )
    index.add_argument(
        "--by-class",
        type=cli_engine.whole(0),
        default=0,
        metavar="K",
        help="also keep the K strongest of each class (a subfolder each)",
    )
    index.add_argument(
        "--pixels",
        action="store_true",
        help="count every unit of every image for means and shares of zeros",
    )
    index.add_argument(
        "--every",
        type=cli_engine.seconds,
        default=20.0,
        metavar="SECONDS",
        help="between two checkpoints, at least (default: %(default)s)",
    )
    index.set_defaults(run=_index)

    verify = cli_engine.command(
        commands, "verify", "compute an index's numbers again, and compare", VERIFY
    )
    verify.add_argument("index", type=Path, help="the index's folder, or a file in it")
    cli_engine.add(verify)
    some = verify.add_mutually_exclusive_group()
    some.add_argument(
        "--sample",
        type=int,
        default=64,
        metavar="N",
        help="how many images to look at again, in whole batches (default: %(default)s)",
    )
    some.add_argument("--all", action="store_true", help="look at all images again")
    verify.add_argument(
        "--sample-seed",
        type=cli_engine.whole(0),
        default=0,
        help="of which are drawn (default: %(default)s)",
    )
    verify.add_argument("--json", action="store_true", help="print what was found as JSON")
    verify.set_defaults(run=_verify)

    info = cli_engine.command(commands, "info", "say what an index holds; needs no torch", "")
    info.add_argument("index", type=Path, help="the index's folder, or a file in it")
    info.add_argument("--json", action="store_true", help="print it as JSON")
    info.set_defaults(run=_info)


# Building


def _index(options: argparse.Namespace) -> int:
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"--out {options.out} can't be made: {error}.") from error
    engine = cli_engine.engine(options, cache=False)
    _say(repr(engine), *engine.info.notes)
    try:
        steps = engine.index_steps(
            folder=options.out,
            by_class=options.by_class,
            pixels=options.pixels,
            every=options.every,
        )
        _follow(steps, "Looking at all images once")
    except KeyboardInterrupt:
        _say(
            f"Stopped. What is done is kept in {options.out}; the same command goes on from there."
        )
        return 130
    index = engine.index(progress=False)
    described = _described(options.out)
    if described["path"] is None:
        raise InputError(f"The index couldn't be kept: {' '.join(engine.info.notes)}")
    total = index.images_seen + len(index.skipped)
    _say(_skipped(index.skipped, total, options.out))
    channels = sum(shape.channels for shape in index.shapes)
    print(
        f"{described['path']} ({_size(described['bytes'])}): {index.images_seen:,} images, "
        f"{len(index.shapes)} layers, {channels:,} channels"
    )
    return 0


def _follow(steps: Generator[Any, None, Any], what: str) -> Any:
    """Run steps to the end with a progress bar, or with lines where there is no terminal."""
    from ..stepwise import Driven, finish_with_bar

    with closing(steps):
        if sys.stderr.isatty():
            return finish_with_bar(steps, what, True)
        began = told = time.monotonic()
        shown = 0
        driven = Driven[Any, Any](steps)
        for step in driven:
            now = time.monotonic()
            tenth = 10 * step.done // max(step.total, 1)
            if tenth > shown or now - told >= LINE:
                told, shown = now, tenth
                left = "" if step.seconds_left is None else f", {step.seconds_left:.0f} s left"
                took = f"{now - began:.0f} s"
                _say(f"{what}: {step.done:,} of {step.total:,} images, {took}{left}")
        return driven.result


# Verifying


def _verify(options: argparse.Namespace) -> int:
    from ..index.verification import TOLERANCE

    try:
        engine = cli_engine.engine(options, cache=False)
        _say(*engine.info.notes)
        sample = None if options.all else options.sample
        steps = engine.verify_steps(options.index, sample, options.sample_seed, TOLERANCE)
        found = _follow(steps, "Looking at the index's images again")
    except ZfError as error:
        _say(f"zfwidgets: {error}")
        return 2
    print(json.dumps(found.summary(), indent=2) if options.json else found)
    return 0 if found.ok else 1


# Looking into one


def _info(options: argparse.Namespace) -> int:
    found = _described(options.index)
    if found["path"] is None and found["unfinished"] is None:
        raise InputError(f"There is no index in {options.index}: zfwidgets index makes one.")
    print(json.dumps(found, indent=2) if options.json else _told(found, options.index))
    return 0


def _described(where: Path) -> dict[str, Any]:
    """What an index's folder or file holds, as what JSON knows."""
    from ..index.storing import FILE, SCHEMA, UNFINISHED, load

    if where.is_dir():
        path, unfinished = where / FILE, where / UNFINISHED
    elif where.name == UNFINISHED:
        path, unfinished = where.with_name(FILE), where
    else:
        path, unfinished = where, where.with_name(UNFINISHED)
    if not where.exists():
        raise InputError(f"There is no folder or file {str(where)!r}.")
    finished = load(path) if path.exists() else None
    left = load(unfinished) if unfinished.exists() else None
    index = finished or left
    found: dict[str, Any] = {
        "path": str(path) if finished else None,
        "bytes": path.stat().st_size if finished else None,
        "schema": SCHEMA,
        "unfinished": None,
    }
    if left is not None:
        sizes = left.plan.sizes()
        found["unfinished"] = {
            "path": str(unfinished),
            "bytes": unfinished.stat().st_size,
            "images_done": int(sizes[left.partial.batches].sum()),
            "images": int(sizes.sum()),
            "batches_done": len(left.partial.batches),
            "batches": len(left.plan),
        }
    if index is not None:
        found |= {
            "fingerprint": dict(index.fingerprint),
            "made_with": dict(index.made_with),
            "images_seen": index.images_seen,
            "since_removed": index.since_removed,
            "kept": index.partial.top.values.shape[1],
            "kept_by_class": index.partial.by_class.values.shape[1],
            "classes": list(index.classes),
            "layers": [
                {**vars(shape), "silent": int((index.layers[shape.name].silent == 1).sum())}
                for shape in index.shapes
            ],
            "skipped": [{"name": name, "reason": why} for name, why in index.skipped],
        }
    return found


def _told(found: dict[str, Any], where: Path) -> str:
    """The same in words."""
    lines = []
    if found["path"]:
        size = _size(found["bytes"])
        lines.append(f"{found['path']}  {size}, schema {found['schema']}")
    if left := found["unfinished"]:
        lines.append(
            f"{left['path']}  {_size(left['bytes'])}, an unfinished pass: {left['images_done']:,} "
            f"of {left['images']:,} images, {left['batches_done']:,} of {left['batches']:,} batches"
        )
    lines += [f"{key:<12}{value}" for key, value in sorted(found["fingerprint"].items())]
    lines.append(f"{'made with':<12}{', '.join(f'{k} {v}' for k, v in found['made_with'].items())}")
    skipped = [(row["name"], row["reason"]) for row in found["skipped"]]
    total = found["images_seen"] + len(skipped)
    removed = f", {found['since_removed']:,} removed since" * bool(found["since_removed"])
    lines.append(f"{'seen':<12}{found['images_seen']:,} of {total:,} images{removed}")
    kept = f"{found['kept']} a channel"
    if found["classes"]:
        kept += f", {found['kept_by_class']} a channel and class ({len(found['classes'])} classes)"
    lines += [f"{'strongest':<12}{kept}", ""]
    width = max(len("layer"), *(len(layer["name"]) for layer in found["layers"]))
    lines.append(f"{'layer':<{width}}  channels  rows x columns  silent in all images")
    for layer in found["layers"]:
        size = f"{layer['rows']} x {layer['columns']}"
        row = f"{layer['channels']:>8}  {size:>14}  {layer['silent']:>20}"
        lines.append(f"{layer['name']:<{width}}  {row}")
    if skipped:
        lines += ["", _skipped(skipped, total, where)]
    return "\n".join(lines)


def _skipped(skipped: Any, total: int, where: Path) -> str:
    from ..images.skipped import table

    return table(skipped, total, f"zfwidgets info {where} --json lists each with its reason.")


def _size(size: int) -> str:
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.1f} kB"


def _say(*lines: str) -> None:
    """To the terminal, apart from what a command gives."""
    for line in lines:
        if line:
            print(line, file=sys.stderr, flush=True)
