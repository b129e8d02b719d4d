"""The embedded network: SqueezeNet 1.1 with its ImageNet weights."""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING, Any

from ..bars import waiting
from ..errors import InputError, needs_torch
from ..storage.checksums import digest

if TYPE_CHECKING:
    from torch import nn

LICENCE = "MIT, (c) 2019 Primoz Godec"
"""Licence of the weights."""
WEIGHTS = files(__package__) / "data" / "squeezenet1_1.fp16.safetensors"
DIGEST = "717e9142f01621eab68356fa22a3839cb9c8d305db5d4f83c9a4ba9d036e859e"
"""Checksum of that file: `zfwidgets.storage.checksums.digest`."""


@waiting("Loading the sample network and PyTorch")
@needs_torch("zf.samples.network()")
def load() -> nn.Module:
    """SqueezeNet 1.1 for ImageNet, in evaluation mode, from the weights in the package.

    Returns
    -------
    torch.nn.Module
        The layers of torchvision's ``squeezenet1_1`` in float32 on the CPU: normalised RGB (N, 3,
        rows, columns), usually 224 x 224 (see `zfwidgets.samples.transform`), to 1000 logits. 61 %
        of 1,000 ImageNet photos get their label first, 83 % among the first five. Its attribute
        ``categories`` holds the 1000 class names.

    Notes
    -----
    Nothing is downloaded, and torch's random state is as before: the module is built without
    storage, so no initial weights are drawn.
    """
    import torch
    from safetensors.torch import load as read

    from ..images.sets.samples import categories
    from .squeezenet_layers import SqueezeNet

    content = WEIGHTS.read_bytes()
    if digest(content) != DIGEST:
        raise InputError(f"{WEIGHTS} is damaged: its checksum is another. Reinstall zfwidgets.")
    state = {name: value.float() for name, value in read(content).items()}
    with torch.device("meta"):
        network: Any = SqueezeNet()
    network.load_state_dict(state, assign=True)
    network.categories = categories()
    evaluating: nn.Module = network.eval()
    return evaluating
