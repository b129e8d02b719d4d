"""Which networks zfwidgets sees through, and how, as docs/coverage.md has it.

    python -m benchmarks.documents.coverage [NAME ...]

Writes the table; with names it prints the rows of some networks only. Weights are random (seeded):
what is on the way from a layer to the pixels doesn't depend on them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch import nn

import zfwidgets
from zfwidgets.engine.network.modes import computing
from zfwidgets.engine.network.network import Network
from zfwidgets.engine.projection import deconv
from zfwidgets.records import Explanation, LayerInfo

TABLE = Path(__file__).parents[2] / "docs" / "coverage.md"


@dataclass(frozen=True)
class Net:
    """A network, the image size it is looked at with, and whether tests leave it out by default."""

    size: tuple[int, int] = (64, 96)
    slow: bool = False
    options: tuple[tuple[str, Any], ...] = ()


_PLAIN = (("init_weights", False), ("aux_logits", True))

NETS: dict[str, Net] = {
    "zf/zfnet_small": Net(),
    "zf/alexnet_small": Net(),
    "alexnet": Net(),
    "vgg11": Net((32, 64)),
    "squeezenet1_1": Net(),
    "resnet18": Net(),
    "resnext50_32x4d": Net(slow=True),
    "wide_resnet50_2": Net(slow=True),
    "inception_v3": Net((107, 139), options=_PLAIN),
    "googlenet": Net(options=_PLAIN),
    "densenet121": Net(),
    "mobilenet_v2": Net(),
    "mobilenet_v3_small": Net(),
    "shufflenet_v2_x0_5": Net(),
    "mnasnet0_5": Net(),
    "efficientnet_b0": Net(),
    "efficientnet_v2_s": Net(slow=True),
    "regnet_x_400mf": Net(),
    "regnet_y_400mf": Net(),
    "convnext_tiny": Net(slow=True),
    "vit_b_16": Net((224, 224), slow=True),
    "swin_t": Net(slow=True),
    "swin_v2_t": Net(slow=True),
    "maxvit_t": Net((224, 224), slow=True),
    "timm/resnet10t": Net(),
    "timm/regnety_002": Net(),
    "timm/mobilenetv3_small_050": Net(),
    "timm/convnext_atto": Net(),
    "timm/ghostnet_050": Net(),
    "timm/vit_tiny_patch16_224": Net((224, 224), slow=True),
}


def installed(name: str) -> bool:
    """Whether the library that has the network is there."""
    return not name.startswith("timm/") or find_spec("timm") is not None


def build(name: str) -> nn.Module:
    """The network with seeded random weights; the generator is left as it was."""
    make: Callable[..., nn.Module]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        if name.startswith("timm/"):
            import timm

            return timm.create_model(name.removeprefix("timm/"), pretrained=False).eval()
        if name.startswith("zf/"):  # zfnet and alexnet_replica have the same layers
            make = getattr(zfwidgets.models, name.removeprefix("zf/"))
            return make(size=NETS[name].size).eval()
        make = getattr(torchvision.models, name)
        return make(weights=None, **dict(NETS[name].options)).eval()


@dataclass(frozen=True)
class Look:
    """A network, one of its layers in the middle, and what lies between that and the pixels."""

    model: nn.Module
    network: Network
    image: torch.Tensor
    layer: LayerInfo
    explanation: Explanation


@cache
def look(name: str) -> Look:
    """Look at the layer in the middle of those that have places."""
    model = build(name)
    image = torch.randn(3, *NETS[name].size, generator=torch.Generator().manual_seed(1))
    network = Network(model, image)
    layers = [layer for layer in network.layers if layer.shape[1] * layer.shape[2] > 1]
    layer = layers[len(layers) // 2]
    with computing(network.device, grad=True):
        operations = deconv.certificate(network, image[None], layer.name)
    rule = deconv.RULES["deconvnet"]
    explanation = Explanation.of(layer, rule.name, rule.answers, rule.reads_forward, operations)
    return Look(model, network, image, layer, explanation)


def row(name: str) -> str:
    """A line of the table."""
    seen = look(name)
    found = seen.explanation
    met = {
        status: ", ".join(f"{o.name} {o.count}" for o in found.operations if o.status == status)
        for status in ("paper", "adjoint", "linearised", "unknown")
    }
    cells = (
        name,
        len(seen.network.layers),
        f"`{seen.layer.name}`",
        found.status,
        *(met[status] or "-" for status in met),
        found.reach,
        sum(o.count for o in found.pools),
        "yes" if found.same_for_every_image else "no",
    )
    return f"| {' | '.join(map(str, cells))} |"


HEAD = """# Coverage

Made by `python -m benchmarks.documents.coverage` from what the engine met in each network, with
random weights, on the way from the layer in the middle of those that have places down to the
pixels. A picture's status is its weakest operation's:

- **paper**: convolution, linear, rectifier, max-pool, as in Zeiler & Fergus (2013), and contrast
  norms, which their deconvnet passes by;
- **adjoint**: linear, inverted by its transpose;
- **linearised**: not linear, replaced by its derivative at this image; a gate is frozen like a
  switch, so that no signal goes into it;
- **unknown**: not in zfwidgets' list. Shown, and said on every picture.

*Same picture* says whether every image gives the same picture but for its strength, for want of
max-pools.

| network | layers | layer | status | paper | adjoint | linearised | unknown | receptive field | \
max-pools | same picture |
|---|---|---|---|---|---|---|---|---|---|---|
"""


def main() -> None:
    """Write the table, or print some rows."""
    names = sys.argv[1:]
    if names:
        print(*map(row, names), sep="\n")
        return
    rows = []
    for name in NETS:
        rows.append(row(name))
        print(rows[-1], flush=True)
        look.cache_clear()
    TABLE.write_text(HEAD + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
