"""Recordings and networks that the package ships."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import InputError, needs_torch
from ..shared.recording import Recording

if TYPE_CHECKING:
    from ...models.paper import ZFNet

DATA = Path(__file__).parent / "data"
WEIGHTS = DATA / "shapes.fp16.safetensors"


def recorded_names() -> tuple[str, ...]:
    """Names of the recordings that the package ships."""
    return tuple(sorted(path.stem for path in DATA.glob("*.npz")))


def recorded(name: str) -> Recording[Any]:
    """An experiment at full length, computed before.

    Parameters
    ----------
    name
        "ablation", "correspondence", "diagnosis", "evolution", "invariance" or "transfer".

    Returns
    -------
    Recording
        With the result, and how it was made. Every experiment's widget shows one.

    Raises
    ------
    InputError
        There is none of that name.

    Examples
    --------
    >>> zf.Evolution(zf.experiments.recorded("evolution"))
    """
    if name not in recorded_names():
        raise InputError(
            f"There is no recording {name!r}: expected one of {', '.join(recorded_names())}."
        )
    return Recording.load(DATA / f"{name}.npz")


@needs_torch("zf.experiments.trained_network()")
def trained_network() -> ZFNet:
    """The network of the recorded ablation as it is: `zfnet_small` trained on shapes, eval mode.

    It takes what ``zfwidgets.models.transform(32)`` makes of pictures, and knows the classes of
    `zfwidgets.samples.shapes`. Weights are kept in half precision.
    """
    import torch
    from safetensors.torch import load_file

    from ...models.paper import zfnet_small

    state = {name: value.float() for name, value in load_file(WEIGHTS).items()}
    with torch.device("meta"):  # no weights are drawn: the random state stays as it is
        model = zfnet_small(10, size=32)
    model.load_state_dict(state, assign=True)
    return model.eval()
