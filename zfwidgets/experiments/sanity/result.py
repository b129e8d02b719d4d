"""Records of a sanity check: frozen dataclasses of NumPy arrays, without torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import InputError
from ...records import (
    Activation,
    Box,
    Floats,
    Operation,
    Pixels,
    Unit,
    Values,
    clearest_values,
    colour_share,
    signed_picture,
    table,
)
from .findings import find
from .similarity import MEASURES, Similarity

if TYPE_CHECKING:
    import pandas
    from PIL import Image

Kind = Literal["same photo", "other photo"]
KINDS: tuple[Kind, ...] = ("same photo", "other photo")


@dataclass(frozen=True)
class SanityStep:
    """The unit's projection after one more module has lost its training.

    Attributes
    ----------
    module
        The module that was randomised last; "" for the trained network.
    parameters
        How many numbers were randomised in it.
    value
        The unit's own activation in this network. The picture doesn't start from it.
    pixels
        (rows, columns, channels) float32: the picture inside `SanityResult.box`, signed.
    similarity
        Similarity to the trained network's picture.
    operations
        What was met on the way to the pixels, as in `zfwidgets.records.Projection`.
    """

    module: str
    parameters: int
    value: float
    pixels: Floats = field(repr=False)
    similarity: Similarity
    operations: tuple[Operation, ...] = ()

    @property
    def note(self) -> str:
        """What a reader of the picture must know, "" if nothing."""
        notes = [f"{o.name}: {o.note}" for o in self.operations if o.status == "unknown"]
        if not self.pixels.any():
            notes.append("the picture is empty: nothing can be compared")
        elif self.value <= 0:
            notes.append("not active: its trained activation is projected")
        return "; ".join(notes)

    def to_pil(self, scale: float | None = None, values: Values = "colour") -> Image.Image:
        """Signed pixels around mid-grey, as `zfwidgets.records.Projection.to_pil` shows them."""
        from PIL import Image

        return Image.fromarray(signed_picture(self.pixels, values, scale))


@dataclass(frozen=True)
class SanityControl:
    """How alike the unit's picture and that of an unrelated unit are, both of the trained net.

    Attributes
    ----------
    kind
        "same photo": another channel at the same place in the same image. "other photo": another
        channel at the same place in another image.
    unit, image
        Unit and image of the other picture; ``image`` is None for an image of the caller's own.
        Only units that are active there are taken.
    """

    kind: Kind
    unit: Unit
    image: int | None
    similarity: Similarity


@dataclass(frozen=True)
class SanityResult:
    """The curve of a cascading randomisation, its pictures and its controls.

    Attributes
    ----------
    activation
        The unit, its image and its trained activation.
    rule
        As in `zfwidgets.Engine.project`.
    seed
        Seed of the random parameters and of the choice of controls.
    box
        The compared pixels: the receptive field inside the image.
    steps
        The trained network's picture first, then one a randomised module, from the unit down.
    modules
        All modules that are to be randomised, in that order.
    controls
        Controls of both kinds; fewer than asked for where other units aren't active.
    """

    activation: Activation
    rule: str
    seed: int
    box: Box
    steps: tuple[SanityStep, ...]
    modules: tuple[str, ...]
    controls: tuple[SanityControl, ...] = ()

    @property
    def complete(self) -> bool:
        """Whether every module down to the first has been randomised."""
        return len(self.steps) == len(self.modules) + 1

    @property
    def findings(self) -> tuple[str, ...]:
        """What the numbers say, in sentences, as far as they are computed."""
        return find(self)

    def curve(self, measure: str = "rank") -> Floats:
        """A measure of `Similarity` per step, (steps,) float32."""
        return self._measure(measure, [step.similarity for step in self.steps])

    def control(self, kind: str, measure: str = "rank") -> Floats:
        """A measure of `Similarity` per control of a kind, (controls,) float32, maybe empty."""
        if kind not in KINDS:
            raise InputError(f"Unknown kind {kind!r}: expected one of {', '.join(KINDS)}.")
        return self._measure(measure, [c.similarity for c in self.controls if c.kind == kind])

    @staticmethod
    def _measure(measure: str, similarities: list[Similarity]) -> Floats:
        if measure not in MEASURES:
            raise InputError(f"Unknown measure {measure!r}: expected {', '.join(MEASURES)}.")
        return np.array([getattr(s, measure) for s in similarities], dtype=np.float32)

    def to_frame(self) -> pandas.DataFrame:
        """A pandas table: one row a step, then one a control."""
        steps = [
            {
                "kind": "step",
                "step": number,
                "module": step.module or "(trained)",
                "parameters": step.parameters,
                "channel": self.activation.unit.channel,
                "image": self.activation.image,
                "value": step.value,
                **step.similarity.to_json(),
                "note": step.note,
            }
            for number, step in enumerate(self.steps)
        ]
        controls = [
            {
                "kind": control.kind,
                "channel": control.unit.channel,
                "image": control.image,
                **control.similarity.to_json(),
                "note": "",
            }
            for control in self.controls
        ]
        return table([*steps, *controls])

    @property
    def values(self) -> Values:
        """What the pictures show: that in which the trained network's is clearest."""
        return clearest_values(colour_share([one.pixels for one in self.steps[:1]]))

    def to_pil(
        self, columns: int = 5, size: int = 150, *, photo: Pixels | None = None
    ) -> Image.Image:
        """All pictures on one sheet, each on its own scale, RGB.

        Parameters
        ----------
        photo
            What the unit saw, shown first: ``engine.patch(result.activation)``.
        columns
            Pictures in a row.
        size
            Pixels of the side of a picture's place.
        """
        from PIL import Image, ImageDraw

        from ...drawing.page import fitted, font, shortened
        from ...drawing.palette import SOFT

        letters, line = font(12), 15
        places = [
            (
                step.to_pil(values=self.values),
                f"{number}: {step.module}" if step.module else "trained",
                f"rank correlation {step.similarity.rank:.2f}",
            )
            for number, step in enumerate(self.steps)
        ]
        if photo is not None:
            places.insert(0, (Image.fromarray(photo), "the photo", ""))
        rows = -(-len(places) // columns)
        sheet = Image.new("RGB", (columns * (size + 8), rows * (size + 2 * line + 12)), "white")
        pen = ImageDraw.Draw(sheet)
        for number, (picture, name, alike) in enumerate(places):
            left, top = number % columns * (size + 8), number // columns * (size + 2 * line + 12)
            sheet.paste(fitted(picture, size), (left, top))
            name = shortened(pen, name, 12, size)
            pen.text((left, top + size + 2), name, "black", letters)
            pen.text((left, top + size + 2 + line), alike, SOFT, letters)
        return sheet
