"""A model gives the same for the same image: again, and whatever else is in its batch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...errors import UnsupportedModel
from ...images.sets.repeatable import put_back_on_error
from .modes import computing

if TYPE_CHECKING:
    from .network import Network

BESIDE = 1e-2
"""How far, relative to its largest value, an output may be another in a larger batch: kernels for
other sizes round otherwise, and what batch statistics change is as large as the values."""


def check_repeat(network: Network, example: Tensor) -> str:
    """Run one image twice; refuse a model that isn't the same the second time."""
    images = example[None].to(network.device)
    tensors = {**dict(network.module.named_buffers()), **dict(network.module.named_parameters())}
    versions = {name: tensor._version for name, tensor in tensors.items()}
    first: dict[str, Tensor] = {}
    last = ""

    def compare(name: str, output: Tensor) -> None:
        nonlocal last
        last = name
        before = first.setdefault(name, output.clone())
        if before.shape != output.shape or not _alike(before, output):
            raise UnsupportedModel(
                f"Layer {name!r} gives another output when the same image comes again: the "
                f"model changes itself, or draws numbers. {network.name} must give the same for "
                "the same image in eval mode."
            )

    def rectified(name: str, output: Tensor) -> None:
        network.rectified[name] = network.rectified.get(last, last)
        compare(name, output)

    def see() -> None:
        output = network.run(images, compare, rectified=rectified)
        if isinstance(output, Tensor):
            compare("output", output)

    with computing(network.device), put_back_on_error():
        see()
        same, beside = _beside_another(network, images, first)
        if not same:
            see()
    if beside:
        raise UnsupportedModel(
            f"Layer {beside!r} gives another output for an image when other images are beside "
            "it in a batch, so that what is shown would depend on these. A batch norm with "
            "track_running_stats=False, or with training=True, does: keep running statistics "
            f"in it. {network.name} must give the same for an image in any batch in eval mode."
        )
    odd = next((name for name, output in first.items() if not torch.isfinite(output).all()), "")
    notes = []
    if odd:
        what = "The network's output has" if odd == "output" else f"Layer {odd!r} gives"
        notes.append(
            f"{what} NaN or infinite values for the first image already: what is computed of them "
            "can't be shown. Check the weights and the transform."
        )
    changed = [name for name, tensor in tensors.items() if tensor._version != versions[name]]
    if changed:
        notes.append(f"{', '.join(changed)} changes with every forward pass; the outputs don't.")
    return " ".join(notes)


def _beside_another(
    network: Network, images: Tensor, alone: Mapping[str, Tensor]
) -> tuple[bool, str]:
    """Run an image again, with another one in the batch.

    Returns whether all layers give the same as without, and the first that gives something
    else altogether; "" if none does.
    """
    seen: dict[str, bool] = {}
    differs: list[str] = []

    def look(name: str, output: Tensor) -> None:
        before = alone.get(name)
        if before is None or not output.dim() or len(output) != 2:
            return
        seen[name] = _alike(before, output[:1])
        if not seen[name] and not _alike(before, output[:1], BESIDE):
            differs.append(name)

    try:
        output = network.run(torch.cat([images, images.flip(-1) / 2]), look)
    except Exception:  # noqa: BLE001 -- no memory, or a model that takes one image at a time
        return False, ""
    if isinstance(output, Tensor):
        look("output", output)
    return len(seen) == len(alone) and all(seen.values()), next(iter(differs), "")


def _alike(first: Tensor, second: Tensor, tolerance: float = 1e-4) -> bool:
    """Equal but for the order in which a GPU's threads add; NaN equals NaN."""
    if torch.equal(first, second):
        return True
    finite = torch.isfinite(first)
    scale = float(first[finite].abs().max()) if finite.any() else 0.0
    return torch.allclose(first, second, rtol=tolerance, atol=tolerance * scale, equal_nan=True)
