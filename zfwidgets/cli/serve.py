"""``zfwidgets serve``: one engine, or a report, for many notebooks."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingDependency
from . import engine as cli_engine

EXAMPLE = """examples:
  zfwidgets serve                                   the package's samples, to this machine
  zfwidgets serve --model my_models.py:trained --images photos/ --host 0.0.0.0 --token our-word
  zfwidgets serve --answers folder --prepare features.3 features.7       the day before a lesson
  zfwidgets serve report.html --host 0.0.0.0 --token our-word      a report: needs no torch

in each notebook:  import zfwidgets as zf; engine = zf.connect("http://HOST:PORT", token="our-word")
"""
DEFAULT_PORT = 8765


def add(commands: Any) -> None:
    """Add the command to the command line's."""
    what = "answer many notebooks from one network, or report: their kernels need no torch"
    parser = cli_engine.command(commands, "serve", what, EXAMPLE)
    parser.add_argument(
        "report", nargs="?", type=Path, help="a report to serve, instead of a network"
    )
    cli_engine.add(parser, samples=True)
    parser.add_argument("--samples", action="store_true", help="the package's network and photos, "
                        "which are the default")  # fmt: skip
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on; any but this "
                        "machine's own needs --token (default: %(default)s)")  # fmt: skip
    parser.add_argument("--port", type=cli_engine.whole(0, 65535), default=DEFAULT_PORT,
                        help="port; 0 is any that is free (default: %(default)s)")  # fmt: skip
    parser.add_argument("--token", help="the word that students connect with")
    parser.add_argument("--teacher-token", help="the teacher's (default: one is made and printed)")
    parser.add_argument("--clients", type=cli_engine.whole(1), default=200,
                        help="notebooks at once (default: %(default)s)")  # fmt: skip
    parser.add_argument("--memory", type=cli_engine.whole(1), default=256, metavar="MB",
                        help="of answers that are kept (default: %(default)s)")  # fmt: skip
    parser.add_argument("--answers", type=Path, metavar="FOLDER",
                        help="keep answers on disk too, for the next time")  # fmt: skip
    parser.add_argument("--prepare", nargs="*", metavar="LAYER",
                        help="compute ahead what a class will click on, in these layers or "
                        "all")  # fmt: skip
    parser.add_argument("--hub", action="store_true",
                        help="as a service that JupyterHub starts: address and rights are the "
                        "hub's")  # fmt: skip
    parser.add_argument("--ray", nargs="?", const="", metavar="ADDRESS",
                        help="have replicas compute, by Ray Serve: on the Ray at that address, or "
                        "on one that is started here")  # fmt: skip
    parser.add_argument("--replicas", type=_replicas, default=(2, 2), metavar="N or LEAST-MOST",
                        help="how many, with --ray (default: 2)")  # fmt: skip
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Run the command; returns its exit code."""
    try:
        from ..classroom import serving
        from ..classroom.app import Server
        from ..classroom.hub import of_environment
        from ..classroom.rights import Rights
        from ..classroom.working.answers import Answers
        from ..classroom.working.clients import Limits
    except ImportError as error:
        raise MissingDependency(
            f"zfwidgets serve needs {error.name}: pip install 'zfwidgets[classroom]'"
        ) from error
    path = ""
    rights: Any
    if options.hub:
        if options.token or options.teacher_token:
            raise InputError("With --hub the tokens are the hub's: leave --token out.")
        rights, options.host, options.port, path = of_environment()
    else:
        rights = Rights.for_address(options.host, options.token, options.teacher_token)
    limits = Limits(clients=options.clients)
    serving.check_free(options.host, options.port)
    engine = _engine(options)
    own = getattr(getattr(engine, "session", None), "own", None)
    if own is not None:
        own.most = limits.clients * limits.photos + 1
    fingerprint = engine.info.fingerprint
    answers = Answers(options.memory << 20, options.answers, fingerprint)
    replicas = None if options.ray is None else _on_ray(options, fingerprint)
    try:
        server = Server(engine, rights, limits, answers, replicas, path)
        serving.serve(server, options.host, options.port, ahead=options.prepare, say=serving.tell)
    finally:
        if replicas is not None:
            replicas.close()
    return 0


def _on_ray(options: argparse.Namespace, fingerprint: str) -> Any:
    """Replicas of the engine that the options name."""
    from ..classroom.replicas import Replicas

    gpus = 1.0 if str(options.device or "").startswith("cuda") else 0.0
    least, most = options.replicas
    make = partial(_engine, argparse.Namespace(**{**vars(options), "run": None}))
    return Replicas(make, fingerprint, least, most, options.ray or None, gpus)


def _replicas(text: str) -> tuple[int, int]:
    """An option's type: ``2``, or ``1-4``."""
    least, dash, most = text.partition("-")
    numbers = [int(one) if one.isdigit() else 0 for one in ((least, most) if dash else (least,))]
    if not 1 <= numbers[0] <= numbers[-1]:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number like 2, or two like 1-4")
    return numbers[0], numbers[-1]


def _engine(options: argparse.Namespace) -> Any:
    """The report, or the network with its index."""
    if options.report is not None:
        if options.model != "sample" or options.images != "sample" or options.samples:
            raise InputError(
                "A report has its answers already: give either a report, or --model and --images."
            )
        from ..reports.reading.stored import load_report

        return load_report(options.report)
    if options.samples and (options.model != "sample" or options.images != "sample"):
        raise InputError("--samples are the package's network and photos: leave --model out.")
    engine = cli_engine.engine(options)
    engine.index()
    return engine
