"""The networks that the package ships or defines.

- `zfnet`, `alexnet_replica`: the paper's, untrained (Fig. 3 and section 4.1), and `zfnet_small`,
  `alexnet_small`: the same layers in the same order, that train in minutes on two cores.
- `ContrastNorm`, `renormalize_filters_`: the paper's contrast normalisation, and its way to keep
  filters from dominating.
- `transform`: what brings a picture to these networks.
- The embedded ImageNet network is `zfwidgets.samples.network`.

Names are resolved on first use, so that importing this module doesn't load torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._lazy import public

if TYPE_CHECKING:
    from .paper import AlexNet, ZFNet, alexnet_replica, alexnet_small, zfnet, zfnet_small
    from .parts import ContrastNorm, renormalize_filters_, transform

__getattr__, __dir__, __all__ = public(__name__, __file__)
