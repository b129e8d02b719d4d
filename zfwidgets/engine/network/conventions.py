"""What models of well-known packages bring with them: how they're called, classes, transform.

Told by their attributes, so that none of the packages is imported for it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

_UNNAMED = re.compile(r"LABEL_\d+")
"""Hugging Face's names of classes that nobody named."""


def is_hugging_face(model: nn.Module) -> bool:
    """Whether it is an image model of the package ``transformers``."""
    return hasattr(model, "config") and getattr(model, "main_input_name", "") == "pixel_values"


def forward_of(model: nn.Module) -> Callable[[nn.Module, Tensor], Any] | None:
    """How to call a model on a batch, where that isn't ``model(batch)``."""
    return _hugging_face if is_hugging_face(model) else None


def _hugging_face(model: nn.Module, images: Tensor) -> Any:
    """The class scores, or the last feature maps of a model without."""
    output = model(pixel_values=images, return_dict=True)
    logits = getattr(output, "logits", None)
    return output.last_hidden_state if logits is None else logits


def labels_of(model: nn.Module) -> Sequence[str] | None:
    """Names of the classes, in the order of the network's outputs; None where they have none."""
    categories: Sequence[str] | None = getattr(model, "categories", None)
    if categories is not None:
        return categories
    if is_hugging_face(model):
        names = getattr(model.config, "id2label", None) or {}
        labels = [str(names[key]) for key in sorted(names, key=int)]
        return None if all(map(_UNNAMED.fullmatch, labels)) else labels
    if hasattr(model, "pretrained_cfg"):
        from timm.data import ImageNetInfo, infer_imagenet_subset

        subset = infer_imagenet_subset(model)
        if subset == "imagenet-1k":  # timm's own names list all synonyms
            from ...images.sets.samples import categories as imagenet

            return imagenet()
        if subset is not None:
            return list(ImageNetInfo(subset).label_descriptions())
    return None


def transform_of(model: nn.Module) -> Any:
    """The evaluation transform that a model was trained for; None where it doesn't say."""
    if not hasattr(model, "pretrained_cfg"):
        return None
    from timm.data import create_transform, resolve_model_data_config

    return create_transform(**resolve_model_data_config(model))
