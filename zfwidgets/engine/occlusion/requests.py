"""The part of an engine that covers parts of images: predictions, maps, covered patches."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ...errors import InputError, UnreadableImage
from ...records import (
    Box,
    CoveredPatches,
    Estimate,
    LayerInfo,
    LayerResponse,
    Occluder,
    OcclusionMap,
    Prediction,
    Progress,
    TopActivations,
)
from ...stepwise import finish, watch
from .baselines import Fills
from .covering import Covering
from .predicting import Predicting
from .runner import Sliding


class Occluding:
    """What `zfwidgets.Engine` answers about covered images."""

    _fills: Fills
    _predicting: Predicting
    _sliding: Sliding
    _covering: Covering

    @abstractmethod
    def layer(self, name: str) -> LayerInfo:
        """The layer of that name."""

    @abstractmethod
    def top(self, layer: str, channel: int, k: int = 9) -> TopActivations:
        """A channel's k strongest activations."""

    @abstractmethod
    def _image(self, image: Any) -> tuple[int | None, str, Tensor]:
        """An image of the engine's by index, or one of the caller's own: (index, name, tensor)."""

    @property
    def fills(self) -> tuple[str, ...]:
        """Names of what an occluder may be filled with, your own last."""
        return self._fills.names

    def predict(self, image: Any, occluder: Occluder | None = None) -> Prediction:
        """Class scores of an image (an index or one of your own), maybe occluded."""
        return self._predicting.predict(*self._image(image), occluder)

    def respond(self, image: Any, occluder: Occluder, layer: str) -> LayerResponse:
        """What one occluder does to a layer's feature maps.

        The clean maps are kept for the next call with the same image and layer, of a dragged
        occluder.

        Parameters
        ----------
        image
            An index, or an image of your own.
        occluder
            Where it lies; it may reach over the image's border.
        layer
            Whose feature maps are measured.

        Returns
        -------
        LayerResponse
            On a grid of one cell: ``totals`` (1, 1, channels), ``hamming`` (1, 1), ...

        Raises
        ------
        InputError, UnknownLayer
            A fill, mask or layer that isn't possible, naming it.
        """
        return self._sliding.respond(self._image(image), occluder, layer)

    def occlude(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        fill: str | float = "grey",
        target: int | str | None = None,
        layer: str | None = None,
        *,
        mask: str | None = None,
        also: Sequence[Box] = (),
        resume: OcclusionMap | None = None,
        progress: bool = True,
    ) -> OcclusionMap:
        """Slide an occluder over an image (paper, section 4.2).

        Parameters
        ----------
        image
            An index, or an image of your own.
        patch, stride
            Occluder and step in input pixels, (rows, columns) or one number for both.
        fill, mask, also
            What covers, see `zfwidgets.records.Occluder`. The rectangles in ``also`` stay where
            they are.
        target
            Class whose probability is shown: index, name, or None for the predicted class.
        layer
            Layer whose feature maps are measured too (Fig. 7b).
        resume
            A map of the same pass, whose positions are taken over.

        Raises
        ------
        InputError
            An occluder, stride, fill, class or layer that isn't possible, naming it.
        UnsupportedModel
            The network has no class scores and no layer is given.
        """
        steps = self.occlude_steps(
            image, patch, stride, fill, target, layer, mask=mask, also=also, resume=resume
        )
        found: OcclusionMap = watch(steps, "Sliding the occluder", progress)
        return found

    def occlude_steps(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        fill: str | float = "grey",
        target: int | str | None = None,
        layer: str | None = None,
        *,
        mask: str | None = None,
        also: Sequence[Box] = (),
        resume: OcclusionMap | None = None,
    ) -> Generator[OcclusionMap, None, OcclusionMap]:
        """As `occlude`, in steps: yields the map so far, coarse positions first."""
        question = self._sliding.question(
            self._image(image), patch, stride, fill, layer, mask, also
        )
        return (yield from self._sliding.steps(question, target, resume))

    def estimate(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        layer: str | None = None,
    ) -> Estimate:
        """How long `occlude` will take, from past passes on this device or a short probe."""
        return finish(self.estimate_steps(image, patch, stride, layer))

    def estimate_steps(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        layer: str | None = None,
    ) -> Generator[Progress, None, Estimate]:
        """As `estimate`, in short steps."""
        question = self._sliding.question(self._image(image), patch, stride, 0.0, layer, None, ())
        return (yield from self._sliding.estimate_steps(question))

    def cover_patches(
        self,
        layer: str,
        channel: int,
        k: int = 9,
        fill: str | float = "grey",
        controls: int = 8,
        seed: int = 0,
    ) -> CoveredPatches:
        """Cover exactly the receptive field of each of a channel's strongest activations.

        Parameters
        ----------
        layer, channel, k
            Whose activations, and how many; see `top`.
        fill
            What covers, see `zfwidgets.records.Occluder`.
        controls
            How many random patches of the same size are covered instead, for each activation.
        seed
            Of their places.
        """
        steps = self.cover_steps(layer, channel, k, fill, controls, seed)
        return finish(steps)

    def cover_steps(
        self,
        layer: str,
        channel: int,
        k: int = 9,
        fill: str | float = "grey",
        controls: int = 8,
        seed: int = 0,
    ) -> Generator[CoveredPatches, None, CoveredPatches]:
        """As `cover_patches`, in steps: yields what is known so far."""
        if controls < 0:
            raise InputError(f"controls is {controls}: expected a number of patches, 0 or more.")
        top = self.top(layer, channel, k)
        readable, images, lost = [], [], []
        for activation in top:
            try:
                images.append(self._image(activation.image)[2])
                readable.append(activation)
            except UnreadableImage as error:  # noqa: PERF203
                lost.append((activation.image_name, error.reason))
        top = replace(top, activations=tuple(readable))
        info = self.layer(layer)
        return (yield from self._covering.steps(info, top, images, fill, controls, seed, lost))
