"""A network made portable, and measured beside itself on a few photos."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from ...errors import InputError, UnreadableImage
from ...images.source import ImageSource
from ...records import Progress, softmax
from ..network.modes import computing
from ..projection.projector import difference
from ..session import Session
from .lowering import ADVICE, lowered
from .preparation import UnknownStep, preparation
from .record import PRECISIONS, Portability
from .running import Running

SAME = 1e-4
"""Largest relative difference at which turned operations are the network's, with its weights."""


def portable_steps(
    session: Session, layers: Sequence[str], images: Sequence[int], precision: str
) -> Generator[Progress, None, Portability]:
    """Make a network portable, and compare it with itself on some images.

    Raises
    ------
    InputError
        It can't be: says which operation, or what else isn't known.
    """
    if precision not in PRECISIONS:
        raise InputError(f"precision={precision!r}: expected one of {', '.join(PRECISIONS)}.")
    network, source = session.network, session.source
    known = source.normalisation
    channels = network.input_shape[0]
    if known is None or channels not in {1, 3}:
        raise InputError(
            "A network can live in a report only where it is known how pixels become its values, "
            "of 1 or 3 channels: pass denormalize=(mean, std) to zf.Engine."
        )
    scored = not session.predicting.no_classes
    with session.lock:
        plain = lowered(network, layers, scored)
    kept = plain.in_precision(precision)
    value = kept.output if kept.output is not None else max(kept.layers.values())
    exact, rounded = Running(plain), Running(kept)
    tried, same, largest = 0, 0, 0.0
    for done, image in enumerate(images):
        yield Progress(done, len(images), None, "weights in the report")
        try:
            tensor = session.tensor(image)
        except UnreadableImage:
            continue
        with session.lock, computing(network.device):
            if not tried and (why := difference(network, tensor)):
                raise InputError(f"{network.name} can't live in a report: {why}. {ADVICE}")
            theirs = _values(session, tensor, plain.layers, value)
        shown = source.as_input(source.show(tensor))
        with computing(torch.device("cpu")):
            mine, short = exact(tensor, value).ravel(), rounded(shown, value).ravel()
        scale = float(np.abs(theirs).max(initial=0)) or 1.0
        if not np.abs(mine - theirs).max(initial=0) <= SAME * scale:
            raise InputError(
                f"{network.name} can't live in a report: its recorded operations, run by "
                f"themselves, give other values than the network for {source.names[image]!r}. "
                f"{ADVICE}"
            )
        tried += 1
        same += int(short.argmax() == theirs.argmax())
        if scored:
            largest = max(largest, float(np.abs(softmax(short) - softmax(theirs)).max()))
        else:
            largest = max(largest, float(np.abs(short - theirs).max()) / scale)
    steps, why = None, ""
    try:
        steps, levels = preparation(source.transform, network.input_shape)
    except UnknownStep as unknown:
        why = str(unknown)
        levels = _levels(source, channels)
    return Portability(
        kept,
        steps,
        why,
        levels,
        tuple(source.baseline_value("grey").expand(channels, 1, 1).flatten().tolist()),
        known.centred,
        tried,
        same,
        largest,
    )


def _levels(source: ImageSource, channels: int) -> NDArray[np.float32]:
    """What levels become, as pictures for the eye become the network's values."""
    grey = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, -1)
    found: NDArray[np.float32] = source.as_input(grey).numpy().reshape(channels, 256)
    return found


def _values(
    session: Session, tensor: torch.Tensor, layers: Mapping[str, int], value: int
) -> NDArray[np.float32]:
    """The network's own value: class scores, or those of the last layer."""
    network = session.network
    batch = tensor[None].to(network.device)
    found: list[torch.Tensor] = []
    if not session.predicting.no_classes:
        found.append(network(batch))
    else:
        name = next(name for name, at in layers.items() if at == value)
        network.run(batch, lambda _, out: found.append(out.clone()), only=name)
    values: NDArray[np.float32] = found[0][0].float().cpu().numpy().ravel()
    return values
