"""What every engine answers, wherever it computes.

Widgets, reports and experiments are written against this protocol alone; the local engine, a
remote one and a stored one give the same records and raise the same errors.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from typing import Protocol, runtime_checkable

from ..records import (
    Activation,
    ActivationSample,
    ChannelSummary,
    CoveredPatches,
    EngineInfo,
    Estimate,
    LayerInfo,
    LayerResponse,
    Occluder,
    OcclusionMap,
    OcclusionRequest,
    Pixels,
    Prediction,
    Progress,
    Projection,
    QuantileRows,
    RuleInfo,
    TopActivations,
)


@runtime_checkable
class EngineProtocol(Protocol):
    """Answers about one network and one set of images.

    Images are named by their index in ``info.images``. Methods are safe to call from any
    thread; one computation runs at a time. Methods named ``*_steps`` are generators: each step
    is short, so that a caller can stop between steps or let something more urgent go first;
    their return value is the finished result.
    """

    @property
    def info(self) -> EngineInfo:
        """Names, shapes, labels, notes and the fingerprint."""

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers in the order of the forward pass."""

    def layer(self, name: str) -> LayerInfo:
        """The layer of that name; raises `UnknownLayer` naming the nearest."""

    @property
    def indexed(self) -> bool:
        """Whether the top-k index is there, so that ``top`` and ``channels`` answer at once."""

    def index_steps(self) -> Generator[Progress, None, None]:
        """Build the top-k index in steps, if it isn't there."""

    def channels(self, layer: str, *, so_far: bool = False) -> ChannelSummary:
        """Statistics of all channels of a layer.

        ``so_far``: over the images that were looked at already, none perhaps; builds nothing.
        """

    def sample(self, layer: str, channel: int) -> ActivationSample:
        """Each image's largest activation of a channel."""

    def top(self, layer: str, channel: int, k: int = 9, *, so_far: bool = False) -> TopActivations:
        """A channel's k strongest activations, one per image.

        ``so_far``: among the images that were looked at already, none perhaps; builds nothing.
        """

    def quantile_steps(
        self, layer: str, channel: int, each: int = 3, parts: int = 10
    ) -> Generator[QuantileRows, None, QuantileRows]:
        """A few images from every part of a channel's range; yields the rows so far."""

    def photo(self, image: int) -> Pixels:
        """An image as the network sees it, for the eye: (rows, columns, 3) uint8."""

    def patch(self, activation: Activation) -> Pixels:
        """The receptive field cut from the photo at full size; grey outside of the image."""

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that ``project_all`` knows, the paper's first."""

    def rule(self, name: str) -> RuleInfo:
        """What the rule of that name is, in words."""

    def project_all(
        self, activations: Sequence[Activation], rule: str = "deconvnet"
    ) -> tuple[Projection, ...]:
        """Projections of several units of one layer, each in its own image."""

    def predict(self, image: int, occluder: Occluder | None = None) -> Prediction:
        """Class scores of an image, maybe occluded."""

    def respond(self, image: int, occluder: Occluder, layer: str) -> LayerResponse:
        """What one occluder does to a layer's feature maps: a response on a grid of one cell."""

    @property
    def fills(self) -> tuple[str, ...]:
        """Names of what an occluder may be filled with, `zfwidgets.records.FILLS` first."""

    def occlude_steps(
        self, request: OcclusionRequest
    ) -> Generator[OcclusionMap, None, OcclusionMap]:
        """Slide an occluder over an image, coarse positions first; yields the map so far."""

    def estimate_steps(
        self,
        image: int,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        layer: str | None = None,
    ) -> Generator[Progress, None, Estimate]:
        """How long ``occlude_steps`` will take; ends in a moment."""

    def cover_steps(
        self,
        layer: str,
        channel: int,
        k: int = 9,
        fill: str | float = "grey",
        controls: int = 8,
        seed: int = 0,
    ) -> Generator[CoveredPatches, None, CoveredPatches]:
        """Cover the receptive fields of a channel's strongest activations; yields those so far."""
