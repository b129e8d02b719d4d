"""Computing a diagnosis: filters first, then images, then projections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor, nn

from ...engine.local import LocalEngine
from ...engine.network.modes import computing
from ...engine.network.tracing import path_of
from ...errors import InputError
from ...records import Floats, Projection
from ...stepwise import Clock, Growing
from ..shared.looking import refuse_report
from ..shared.running import with_bar
from . import measures
from .layer_diagnosis import ConvolutionDiagnosis, RectifierDiagnosis
from .responses import StrideResponses
from .result import DiagnosisResult


def diagnose_steps(
    engine: LocalEngine | nn.Module, *, images: int = 32, projections: int = 16
) -> Growing[DiagnosisResult]:
    """`diagnose` in steps: yields how far it is, and the result so far.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``; or a model alone, of which only the filters are looked at.
    images
        How many images to measure aliasing and shift consistency on, evenly spaced among the
        engine's. Dead channels are looked for in all.
    projections
        How many channels of the second convolution to project, evenly spaced; 0: none.

    Raises
    ------
    InputError
        For what is neither an engine on this machine nor a model, for a model without
        `torch.nn.Conv2d` layers, and for numbers below zero.
    """
    check(engine, images, projections)
    layers = _convolutions(engine)
    if isinstance(engine, nn.Module):
        result = replace(_of_filters(type(engine).__name__, layers), complete=True)
        yield result
        return result
    result = _of_filters(engine.info.model, layers)
    second = result.convolutions[1].name if len(result.convolutions) > 1 else ""
    result = replace(result, second=second)
    yield result
    result = yield from _measure_strides(engine, result, dict(layers), images)
    yield from engine.index_steps()
    result = _look_for_dead(engine, result)
    yield result
    result = yield from _project(engine, result, projections)
    result = replace(result, complete=True)
    yield result
    return result


def check(engine: Any, images: int = 0, projections: int = 0) -> None:
    """Raise `InputError` for what can't be diagnosed; see `diagnose`."""
    for name, number in (("images", images), ("projections", projections)):
        if number < 0:
            raise InputError(f"{name} is {number}: expected 0 or more.")
    why = "A diagnosis looks at the network's weights, so that it needs the network here"
    refuse_report(engine, why)
    if not isinstance(engine, (LocalEngine, nn.Module)):
        raise InputError(
            f"{why}: expected a zf.Engine or a torch.nn.Module, got {type(engine).__name__}."
        )
    if not _convolutions(engine):
        name = type(engine).__name__ if isinstance(engine, nn.Module) else engine.info.model
        raise InputError(f"{name} has no Conv2d layer: there are no filters to look at.")


def _convolutions(engine: LocalEngine | nn.Module) -> list[tuple[str, nn.Conv2d]]:
    """Layers that are 2-d convolutions, by name; of an engine in the order of its forward pass."""
    if isinstance(engine, nn.Module):
        named: Iterable[tuple[str, nn.Module]] = engine.named_modules()
    else:
        inside = engine.session.network.module
        named = [(layer.name, inside.get_submodule(path_of(layer.name))) for layer in engine.layers]
    return [(name, module) for name, module in named if isinstance(module, nn.Conv2d)]


def _of_filters(model: str, layers: list[tuple[str, nn.Conv2d]]) -> DiagnosisResult:
    convolutions = tuple(_of_convolution(name, module) for name, module in layers)
    name, module = layers[0]
    if module.weight.shape[1] not in (1, 3):
        return DiagnosisResult(model, convolutions)
    filters = np.ascontiguousarray(_weights(module).transpose(0, 2, 3, 1))
    return DiagnosisResult(model, convolutions, first=name, filters=filters)


def _of_convolution(name: str, module: nn.Conv2d) -> ConvolutionDiagnosis:
    filters = _weights(module)
    if not np.isfinite(filters).all():
        raise InputError(f"Layer {name!r} has NaN or infinite weights: there is nothing to see.")
    stride = module.stride[0], module.stride[1]
    which, cosine = measures.nearest(filters, module.groups)
    return ConvolutionDiagnosis(
        name=name,
        shape=(filters.shape[1], filters.shape[2], filters.shape[3]),
        stride=stride,
        rms=measures.rms(filters),
        nearest=which,
        likeness=cosine,
        spectrum=measures.spectrum(filters),
        beyond=measures.beyond(filters, stride),
    )


def _weights(module: nn.Conv2d) -> Floats:
    return np.asarray(module.weight.detach().float().cpu().numpy())


def _measure_strides(
    engine: LocalEngine, result: DiagnosisResult, modules: dict[str, nn.Conv2d], images: int
) -> Growing[DiagnosisResult]:
    """Aliasing and shift consistency, image by image."""
    strided = {c.name: StrideResponses(modules[c.name]) for c in result.convolutions if c.strided}
    total = min(images, len(engine.info.images)) if strided else 0
    chosen = _spaced(len(engine.info.images), total)
    network = engine.session.network

    def counting(responses: StrideResponses) -> Any:
        def count(inputs: Tensor, output: Tensor) -> Tensor:
            responses.add(inputs)
            return output

        return count

    changes = {name: counting(responses) for name, responses in strided.items()}
    clock = Clock(total)
    for done, image in enumerate(chosen, 1):
        tensor = engine.session.image(image)[2]
        with engine.session.lock, computing(network.device):
            network.run_changed(tensor[None].to(network.device), changes)
        yield clock.at(done, "measuring aliasing")
        if _doubled(done, total):
            result = replace(
                result,
                images_measured=done,
                convolutions=tuple(
                    replace(
                        c,
                        aliasing=strided[c.name].aliasing,
                        consistency=strided[c.name].consistency,
                    )
                    if c.strided
                    else c
                    for c in result.convolutions
                ),
            )
            yield result
    return result


def _look_for_dead(engine: LocalEngine, result: DiagnosisResult) -> DiagnosisResult:
    rectifiers = tuple(
        RectifierDiagnosis(layer.name, 1 - engine.channels(layer.name).silent)
        for layer in engine.layers
        if layer.rectified and layer.role not in ("pool", "norm")
    )
    seen = engine.top(engine.layers[0].name, 0, 1).images_seen
    return replace(result, rectifiers=rectifiers, images_seen=seen)


def _project(engine: LocalEngine, result: DiagnosisResult, number: int) -> Growing[DiagnosisResult]:
    """The strongest activation of channels of the second convolution, projected."""
    if not result.second:
        return result
    channels = _spaced(engine.layer(result.second).channels, number)
    result = replace(result, channels=np.array(channels, dtype=np.int64))
    found: list[Projection | None] = []
    clock = Clock(len(channels))
    for done, channel in enumerate(channels, 1):
        top = engine.top(result.second, channel, 1)
        found.append(engine.project_all(list(top))[0] if len(top) else None)
        yield clock.at(done, f"projecting channels of {result.second}")
        if _doubled(done, len(channels)):
            result = replace(result, projections=tuple(found))
            yield result
    return result


def _spaced(there: int, wanted: int) -> list[int]:
    """Up to ``wanted`` of the numbers 0 .. there - 1, evenly spaced from the first."""
    wanted = min(there, wanted)
    return [place * there // wanted for place in range(wanted)]


def _doubled(done: int, total: int) -> bool:
    """Whether a new result is worth showing: the first, whenever they have doubled, the last."""
    return done == total or done & (done - 1) == 0


def _how_far(result: DiagnosisResult) -> str:
    if not result.images_seen:
        return f"filters looked at, strides measured on {result.images_measured} images"
    return "all but the projections done"


diagnose = with_bar(
    "diagnose",
    diagnose_steps,
    "Diagnosis",
    _how_far,
    """Look at a network's filters, and at what becomes of them on images (paper, section 4.1).

    What is measured and how: `zfwidgets.experiments.diagnosis`. The model is only read, and
    random state stays as it is.
    """,
)
