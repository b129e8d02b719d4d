"""The model, weights and images that a command names, as an engine."""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import math
import re
import sys
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import reduce
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from ..errors import InputError

TORCHVISION = "torchvision:"
RANDOM = "random"
NESTED = ("state_dict", "model_state_dict", "model")
"""Under which a training's checkpoint may keep the weights."""
TRANSFORMS_INPUT = {"googlenet", "inception_v3"}
"""Models that change their input if their weights are torchvision's."""


def command(commands: Any, name: str, what: str, epilog: str) -> argparse.ArgumentParser:
    """A command: ``what`` it does stands in the list of all, ``epilog`` at the end of its help."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def add(parser: argparse.ArgumentParser, *, samples: bool = False) -> None:
    """Add the options that name an engine; with ``samples`` the package's are the default."""
    default = "sample" if samples else None
    named = " (default: %(default)s)" if samples else ""
    parser.add_argument(
        "--model",
        default=default,
        required=not samples,
        help="'sample' (SqueezeNet, in the package), torchvision:NAME, or MODULE:NAME or "
        f"FILE.py:NAME of a torch.nn.Module, or of a function that gives one{named}",
    )
    parser.add_argument(
        "--weights",
        help="file with the model's state dict, of safetensors or of torch.save (read without "
        "running code that it may hold); of torchvision's models also the name of weights, like "
        "IMAGENET1K_V1 or DEFAULT, which brings their transform, or 'random', with --seed",
    )
    parser.add_argument(
        "--seed",
        type=whole(0, 2**63 - 1),
        default=0,
        help="of --weights random (default: %(default)s)",
    )
    parser.add_argument(
        "--images",
        default=default,
        required=not samples,
        help=f"'sample' (the package's photos), or a folder of images{named}",
    )
    parser.add_argument(
        "--transform",
        help="MODULE:NAME or FILE.py:NAME of what brings a photo to the network; of torchvision's "
        "models also the name of weights (default: that of the named weights, else ImageNet's)",
    )
    parser.add_argument("--device", help="where to compute, like 'cuda'")
    parser.add_argument(
        "--hash-files",
        action="store_true",
        help="tell files by their bytes, all of which are read, not by size and time of change",
    )


def whole(low: int, high: int | None = None) -> Callable[[str], int]:
    """An option's type: a whole number from ``low`` on, up to ``high`` if there's one."""

    def read(text: str) -> int:
        upwards = f"{low} or more" if high is None else f"{low} to {high}"
        try:
            number = int(text)
        except ValueError:
            number = low - 1
        if number < low or (high is not None and number > high):
            raise argparse.ArgumentTypeError(f"{text!r}: expected a whole number, {upwards}")
        return number

    return read


def seconds(text: str) -> float:
    """An option's type: a finite number of seconds, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r}: expected seconds, 0 or more")
    return number


def ordinary_file(option: str, path: Path) -> Path:
    """The path; raises `InputError` if it's no file: to open a pipe would wait for its writer."""
    if path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "no ordinary file"
        raise InputError(f"{option} {path} is {what}: expected a file.")
    return path


def engine(options: argparse.Namespace, cache: bool | None = None) -> Any:
    """The engine that the options of `add` name.

    Raises
    ------
    InputError
        There is no such model, or the weights don't fit it, can't be fetched, or are a pickle that
        would run code.
    """
    from .. import samples
    from ..allocation import keep_freed_memory
    from ..engine.local import LocalEngine

    keep_freed_memory()
    model, transform = _model(options.model, options.weights, options.seed)
    if options.transform:
        transform = _transform(options.transform, options.model)
    images = samples.photos() if options.images == "sample" else options.images
    return LocalEngine(
        model,
        images,
        transform,
        device=options.device,
        cache=cache,
        hash_files=options.hash_files,
    )


def _model(name: str, weights: str | None, seed: int) -> tuple[Any, Any]:
    """The model with its weights, and the transform that comes with these, or None."""
    if name.startswith(TORCHVISION):
        return _of_torchvision(name, weights, seed)
    if weights == RANDOM:
        raise InputError(f"--weights random is for --model torchvision:NAME, not for {name!r}.")
    if name == "sample":
        from .. import samples

        model = samples.network()
    else:
        found = _named(name, "--model", "'sample', torchvision:NAME, ")
        model = found() if callable(found) and not hasattr(found, "forward") else found
    if weights is not None:
        _load(model, Path(weights))
    return model, None


def _of_torchvision(name: str, weights: str | None, seed: int) -> tuple[Any, Any]:
    import torch
    from torchvision import models

    kind = name[len(TORCHVISION) :]
    known = _weights_of(kind)
    if weights is None:
        raise InputError(
            f"--model {name} has no weights by itself. Pass --weights with one of "
            f"{', '.join(['DEFAULT', *known.__members__])}, or a file; --weights random --seed 0 "
            "if untrained ones are wanted."
        )
    if weights == RANDOM:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            return models.get_model(kind, weights=None), None
    if weights.rpartition(".")[2] in known.__members__ and not Path(weights).exists():
        member = known[weights.rpartition(".")[2]]
        _fetch(member)
        return models.get_model(kind, weights=member), member
    if kind in TRANSFORMS_INPUT:
        raise InputError(
            f"--model {name} changes its input where the weights are torchvision's own, and a file "
            "doesn't say whose it has. Pass the name of weights, or FILE.py:NAME of a function "
            "that makes the model as it was trained (transform_input=...)."
        )
    if not Path(weights).exists():
        raise InputError(
            f"--weights {weights!r} is neither a file nor weights of {kind}, which are "
            f"{', '.join(['DEFAULT', *known.__members__])}."
        )
    model = models.get_model(kind, weights=None)
    _load(model, Path(weights))
    return model, None


def _weights_of(kind: str) -> Any:
    """The enum of a torchvision model's weights."""
    from torchvision import models

    names = models.list_models()
    if kind not in names:
        near = get_close_matches(kind, names, n=3, cutoff=0.3) or names[:3]
        raise InputError(f"torchvision has no model {kind!r}. Nearest names: {', '.join(near)}.")
    return models.get_model_weights(kind)


def _fetch(member: Any) -> None:
    """Have a torchvision file in its cache, and know that it holds weights alone."""
    import torch

    try:
        torch.hub.load_state_dict_from_url(
            member.url,
            map_location="cpu",
            progress=sys.stderr.isatty(),
            check_hash=True,
            weights_only=True,
        )
    except (OSError, RuntimeError, UnpicklingError) as error:
        raise InputError(
            f"The weights {member} can't be had from {member.url} ({error}). Fetch that file by "
            "other means, and pass it: --weights FILE."
        ) from error


def _transform(name: str, model: str) -> Any:
    if ":" in name:
        return _named(name, "--transform", "the name of weights of a torchvision: model, ")
    if not model.startswith(TORCHVISION):
        raise InputError(f"--transform must be MODULE:NAME or FILE.py:NAME, not {name!r}.")
    known = _weights_of(model[len(TORCHVISION) :])
    try:
        return known[name]
    except KeyError as error:
        names = ", ".join(["DEFAULT", *known.__members__])
        raise InputError(f"--transform {name!r}: the weights of {model} are {names}.") from error


def _named(name: str, option: str, other: str) -> Any:
    """What ``MODULE:NAME`` or ``FILE.py:NAME`` names."""
    place, _, attribute = name.rpartition(":")
    if not place or not attribute:
        raise InputError(f"{option} must be {other}MODULE:NAME or FILE.py:NAME, not {name!r}.")
    try:
        return reduce(getattr, attribute.split("."), _module(place))
    except (ImportError, OSError, AttributeError) as error:
        raise InputError(f"{option} {name!r}: {error}.") from error


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
    state = _state(path)
    if not hasattr(model, "load_state_dict"):
        raise InputError(f"--model gave a {type(model).__name__}: expected a torch.nn.Module.")
    wanted = model.state_dict()
    others = [
        f"{what} {', '.join(names[:3])}{', ...' * (len(names) > 3)}"
        for what, names in (
            ("it lacks", [name for name in wanted if name not in state]),
            ("the model lacks", [name for name in state if name not in wanted]),
            (
                "of other sizes are",
                [
                    f"{name} {tuple(state[name].shape)} (the model's: {tuple(tensor.shape)})"
                    for name, tensor in wanted.items()
                    if name in state and state[name].shape != tensor.shape
                ],
            ),
        )
        if names
    ]
    if others:
        raise InputError(f"--weights {path} doesn't fit the model: {'; '.join(others)}.")
    model.load_state_dict(state)


def _state(path: Path) -> Mapping[str, Any]:
    """A file's tensors by name."""
    import torch

    ordinary_file("--weights", path)
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:
        asks = re.search(r"GLOBAL ([\w.]+)", str(error))
        why = f"it calls for {asks[1]}" if asks else str(error).split("\n", 1)[0]
        raise InputError(
            f"--weights {path} was refused: it isn't plain weights but a pickle, which can run "
            f"code when it's read ({why}). Save the weights alone, "
            "torch.save(model.state_dict(), ...), or as safetensors."
        ) from error
    except Exception as error:  # a damaged file may raise anything
        raise InputError(f"--weights {path} can't be read: {error}") from error
    for name in NESTED:
        if isinstance(found, Mapping) and isinstance(found.get(name), Mapping):
            found = found[name]
    if not isinstance(found, Mapping) or not found:
        raise InputError(f"--weights {path} holds a {type(found).__name__}: expected a state dict.")
    if not all(isinstance(tensor, torch.Tensor) for tensor in found.values()):
        raise InputError(
            f"--weights {path} holds {', '.join(map(str, list(found)[:3]))}...: expected a state "
            f"dict, or one under {' or '.join(map(repr, NESTED))}."
        )
    if not all(isinstance(name, str) for name in found):
        raise InputError(
            f"--weights {path} holds tensors named {', '.join(map(repr, list(found)[:3]))}...: "
            "expected the names of the model's parameters."
        )
    if all(name.startswith("module.") for name in found):  # of DataParallel
        found = {name[len("module.") :]: tensor for name, tensor in found.items()}
    return dict(found)
