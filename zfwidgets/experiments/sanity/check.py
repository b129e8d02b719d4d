"""The sanity check: does a projection depend on what the network has learned.

A unit is projected again with the network's parameters randomised layer by layer, from the
unit's own layer down to the first (cascading randomisation, after Adebayo et al. 2018, "Sanity
Checks for Saliency Maps"). A picture that hardly changes doesn't show what was learned.

- Only modules between the unit and the pixels are randomised: a projection starts at the unit, so
  what comes after it in the network can't change the picture.
- Always the same unit, at the same place, in the same image. The deconvnet sees the image through
  the max-pool switches alone; they are those of the randomised network on this image.
- All pictures start from the trained unit's activation, although the randomised unit has another
  one, often none: going down, a positive start value only scales the picture (for every rule,
  switches given), and no measure of `Similarity` sees scales. So a unit that randomisation has
  silenced is still compared; its step says so. With the rules "guided" and "gradient" a silenced
  unit behind a rectifier gives an empty picture, and no similarity.
- Pictures are compared over the unit's receptive field inside the image: outside, both are zero,
  which would count as agreement.
- Two controls tell what the numbers mean: the trained pictures of other units at the same place in
  the same photo (they share the switches), and of other units at that place in other photos (they
  share nothing but the network).
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ...engine.local import LocalEngine
from ...engine.projection import deconv
from ...engine.projection.sanity.projecting import ProjectAt
from ...engine.projection.sanity.randomise import stages_below
from ...errors import InactiveUnit, InputError
from ...records import Floats, Unit
from ...stepwise import Clock, Growing
from ..shared.looking import check_engine
from ..shared.running import with_bar
from .result import Kind, SanityControl, SanityResult, SanityStep
from .similarity import Similarity, compare, require


def sanity_steps(
    engine: LocalEngine,
    unit: Unit | tuple[str, int],
    image: Any = None,
    rule: str = "deconvnet",
    *,
    seed: int = 0,
    controls: int = 8,
) -> Growing[SanityResult]:
    """`sanity_check` in steps: yields the result so far, and how far it is.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    unit
        A `Unit`, or (layer, channel). Without row and col: the channel's strongest in the image.
    image
        An index, or an image of your own; None means the one that excites the channel most.
    rule
        "deconvnet" (the paper), "guided" or "gradient".
    seed
        Seed of the random parameters and of the choice of controls.
    controls
        Unrelated pictures of each kind to compare with.

    Raises
    ------
    InactiveUnit
        The unit isn't active in the image (or in none): there is no picture to begin with.
    InputError
        For an engine that isn't on this machine, an unknown rule, unit or image.
    MissingDependency
        Without SciPy or scikit-image.
    """
    unit = check(engine, unit, rule, controls)
    if image is None:
        yield from engine.index_steps()
        image = strongest_image(engine, unit)
    trained = engine.project(unit, image, rule)
    index, _, tensor = engine.session.image(image)
    unit, start = trained.activation.unit, trained.activation.value
    box = trained.activation.box.clip(*trained.pixels.shape[:2])
    reference = box.cut(trained.pixels)
    with engine.session.lock:
        network = engine.session.network.twin(tensor)
    stages = stages_below(network, tensor, unit)
    same = Similarity(1.0, 1.0, 1.0) if reference.any() else compare(reference, reference)
    result = SanityResult(
        activation=trained.activation,
        rule=rule,
        seed=seed,
        box=box,
        steps=(SanityStep("", 0, start, reference, same, trained.operations),),
        modules=tuple(stage.name for stage in stages),
    )
    yield result
    clock = Clock(2 * controls + len(stages))
    project = ProjectAt(network, unit, rule, box)

    for control in _controls(engine, project, index, tensor, reference, seed, controls):
        if control is not None:
            result = replace(result, controls=(*result.controls, control))
        yield clock.tick("comparing unrelated units")
    yield result

    generator = torch.Generator().manual_seed(seed)
    for stage in stages:
        with engine.session.lock:
            stage.randomise_(generator)
            pixels, value, met = project(tensor, unit.channel, start)
        similarity = compare(reference, pixels)
        step = SanityStep(stage.name, stage.parameters, value, pixels, similarity, met)
        result = replace(result, steps=(*result.steps, step))
        yield clock.tick("randomising layers")
        yield result
    return result


def check(engine: Any, unit: Any, rule: str, controls: int = 0) -> Unit:
    """The unit, if all is there and engine, unit and rule are possible; says what isn't."""
    require()
    engine = check_engine(
        engine, "A sanity check changes a copy of the network, so that it needs the network here"
    )
    if rule not in deconv.RULES:
        raise InputError(f"Unknown rule {rule!r}: expected one of {', '.join(deconv.RULES)}.")
    if controls < 0:
        raise InputError(f"controls is {controls}: expected 0 or more.")
    if not isinstance(unit, Unit):
        if not isinstance(unit, Sequence) or isinstance(unit, str) or len(unit) != 2:
            raise InputError(f"Expected a Unit or (layer, channel), got {unit!r}.")
        unit = Unit(*unit)
    wanted: Unit = unit
    return replace(wanted, layer=engine.session.channel(wanted.layer, wanted.channel).name)


def strongest_image(engine: LocalEngine, unit: Unit) -> int:
    """The image that excites a unit's channel most; raises `InactiveUnit` if none does."""
    top = engine.top(unit.layer, unit.channel, 1)
    if not len(top):
        raise InactiveUnit(
            f"Channel {unit.channel} of layer {unit.layer!r} isn't active in any of the "
            f"{top.images_seen} images: it has no projection. engine.channels() says how often "
            "each channel is silent."
        )
    return int(top[0].image)


def _controls(
    engine: LocalEngine,
    project: ProjectAt,
    index: int | None,
    tensor: Tensor,
    reference: Floats,
    seed: int,
    number: int,
) -> Generator[SanityControl | None, None, None]:
    """Compare with ``number`` unrelated units of each kind; None for each that isn't there."""
    random = np.random.default_rng(seed)
    own = project.unit.channel

    def control(kind: Kind, image: int | None, pixels: Tensor, channel: int) -> SanityControl:
        with engine.session.lock:
            picture, *_ = project(pixels, channel, 1.0)
        unit = replace(project.unit, channel=channel)
        return SanityControl(kind, unit, image, compare(reference, picture))

    def others(pixels: Tensor) -> list[int]:
        with engine.session.lock:
            active = np.flatnonzero(project.active(pixels) > 0)
        return [int(channel) for channel in random.permutation(active) if channel != own]

    here = others(tensor)
    for turn in range(number):
        yield control("same photo", index, tensor, here[turn]) if turn < len(here) else None
    photos = [int(i) for i in random.permutation(len(engine.info.images)) if i != index]
    for turn in range(number):
        if turn < len(photos):
            pixels = engine.session.image(photos[turn])[2]
            if there := others(pixels):
                yield control("other photo", photos[turn], pixels, there[0])
                continue
        yield None


def _how_far(result: SanityResult) -> str:
    return f"{len(result.steps) - 1} of {len(result.modules)} modules randomised"


sanity_check = with_bar(
    "sanity_check",
    sanity_steps,
    "Randomising layers",
    _how_far,
    """Project a unit again while the network's parameters are randomised layer by layer.

    The user's model, the engine's copy of it and PyTorch's random state stay as they are.
    """,
)
