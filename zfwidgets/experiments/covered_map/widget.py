"""The strongest map of a photo as a widget: what it shows, covered, and in other photos."""

from __future__ import annotations

import html
from collections.abc import Callable
from functools import partial
from typing import Any

import ipywidgets
from PIL import Image

from ...drawing.page import Page
from ...engine.protocol import EngineProtocol
from ...errors import needs_torch
from ...language.words import Words
from ...stepwise import Growing
from ..shared.boxes import Experiment
from ..shared.layout import controls
from ..shared.picture_wall import PictureWall, Wall
from .drawing import covered_pictures, draw, finding_text, other_pictures
from .result import StrongestMapResult


class StrongestMap(Experiment["StrongestMapResult"]):
    """Shows a photo's strongest feature map, covers it, and finds it in others (paper, Fig. 7).

    The map of a layer with the largest total activation in a photo: projected into this photo
    (Fig. 7c), its total for each place of a grey square (7b), and its strongest patches in other
    photos. Choose another photo to look at that one. It starts when it is made, on the engine's
    worker. What is measured: `zfwidgets.experiments.covered_map`.

    Parameters
    ----------
    engine
        ``zf.Engine(model, images)``.
    image
        Index or name of a photo.
    layer, patch, stride, baseline, others, rule
        As in `zfwidgets.experiments.strongest_map`.
    **layout
        ``layout``, as every ipywidget has it.

    Raises
    ------
    InputError
        For an engine that isn't on this machine; an unknown photo.

    Examples
    --------
    >>> found = zf.StrongestMap(engine, "chelsea-cat")
    >>> found.settle()
    >>> found.result.finding
    """

    named = "strongest"

    def __init__(
        self,
        engine: EngineProtocol,
        image: int | str = 0,
        *,
        layer: str | None = None,
        patch: int | tuple[int, int] = 48,
        stride: int | tuple[int, int] = 16,
        baseline: str | float = "grey",
        others: int = 3,
        rule: str = "deconvnet",
        **layout: Any,
    ) -> None:
        measuring = _experiment()
        self._make = partial(
            measuring.strongest_map_steps,
            measuring.check_images_made(engine, "The strongest map"),
            layer=layer,
            patch=patch,
            stride=stride,
            baseline=baseline,
            others=others,
            rule=rule,
        )
        words = self._words
        self._photo = ipywidgets.Dropdown(
            options=[(name, number) for number, name in enumerate(engine.info.images)],
            value=engine.info.image_number(image),
            description=words("strongest.photo"),
        )
        self._photo.observe(self._look_elsewhere, "value")
        fingerprint = engine.info.fingerprint
        self._finding = ipywidgets.HTML()
        below = words("strongest.own.note"), words("strongest.others.note")
        self._own = PictureWall(fingerprint, words("strongest.own"), note=below[0], size=224)
        self._others = PictureWall(fingerprint, words("strongest.others"), note=below[1], size=150)
        parts = [controls(self._photo), self._finding, self._own, self._others]
        super().__init__(engine, parts, **layout)
        self.add_class("zf-strongest-map")

    def _steps(self) -> Growing[StrongestMapResult]:
        return self._make(self._photo.value)  # type: ignore[no-any-return]

    def _look_elsewhere(self, _change: Any) -> None:
        """Another photo: what was computed is of the one before."""
        self._forget()
        self._finding.value, self._own.wall, self._others.wall = "", "", ""
        self._head.facts = self._facts()
        self.start()

    # ------------------------------------------------------------------ drawing

    def _facts(self) -> str:
        return self._words("strongest.facts", photo=self._photo.label)

    def _show(self, result: StrongestMapResult) -> None:
        self._finding.value = html.escape(finding_text(result, self._words))
        done = int(result.covered.done.sum()) if result.covered is not None else 0
        name = f"{self._run_name()}.{done}"
        self._own.show(_own(result, self._words), f"{name}.own")
        if result.others:
            self._others.show(_others(result), f"{self._run_name()}.others")

    def _paint(self, result: StrongestMapResult | None, status: str) -> Callable[[], Image.Image]:
        return partial(_draw, self._facts(), result, status, self._words)


def _own(result: StrongestMapResult, words: Words) -> Wall:
    photo, left, projection = covered_pictures(result)
    return Wall(
        [photo, left, projection],
        [
            words("strongest.caption.photo"),
            words("strongest.caption.left"),
            words("strongest.caption.projection", rule=result.projection.rule),
        ],
        columns=3,
    )


def _others(result: StrongestMapResult) -> Wall:
    names = [activation.image_name for activation in result.others]
    patches, projections = other_pictures(result)
    return Wall([*patches, *projections], [*names, *[""] * len(names)], columns=len(names))


def _draw(facts: str, result: StrongestMapResult | None, status: str, words: Words) -> Image.Image:
    if result is None:
        page = Page(f"{words('strongest.name')} {facts}", status)
        return page.missing(words("experiment.missing"))
    return draw(result, words)


def _experiment() -> Any:
    """The computation, which needs torch; imported when a widget is made."""
    with needs_torch("zf.StrongestMap covers photos for the network, and"):
        from . import measuring
    return measuring
