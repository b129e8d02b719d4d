"""What happens at rectifiers and norms on the way down: the paper's rule, its siblings, your own.

``engine.project(unit, image, rule=zf.rules.GuidedBackprop())``; names do as well. `Rule` says what
a rule of your own needs; `GradCam` and `Lrp` come from captum and zennit
(``pip install 'zfwidgets[attribution]'``).
"""

from __future__ import annotations

from .engine.projection.attribution import GradCam, Lrp
from .engine.projection.rules import Attribution, Deconvnet, Gradient, GuidedBackprop, Rule

__all__ = ["Attribution", "Deconvnet", "GradCam", "Gradient", "GuidedBackprop", "Lrp", "Rule"]
