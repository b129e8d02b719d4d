"""The protocol that engines share: what each method answers, with which errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

from ... import records
from ...errors import InputError, UnknownLayer
from ...records.activations import EACH, PARTS
from ...stepwise import Counting, Refining

OUTSIDE = 128
"""Grey level of a patch where its receptive field reaches over the image's border."""


@runtime_checkable
class EngineProtocol(Protocol):
    """Answers about one network and one set of images.

    Images are named by their index in ``info.images``; where an engine has ``add_photo``, photos
    of the user's own by the number that it gives, beyond the last index (see ``own_photos``).
    Methods are safe to call from any thread; one computation runs at a time. Methods named
    ``*_steps`` are generators: each step is short, so that a caller can stop between steps or let
    something more urgent go first; their return value is the finished result.
    """

    @property
    def info(self) -> records.EngineInfo:
        """Names, shapes, labels, notes and the fingerprint."""

    @property
    def layers(self) -> tuple[records.LayerInfo, ...]:
        """All layers in the order of the forward pass."""

    def layer(self, name: str) -> records.LayerInfo:
        """The layer of that name; raises `UnknownLayer` naming the nearest."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise UnknownLayer(name, [layer.name for layer in self.layers])

    @property
    def indexed(self) -> bool:
        """Whether the top-k index is there, so that ``top`` and ``channels`` answer at once."""

    def index_steps(self) -> Counting[None]:
        """Build the top-k index in steps, if it isn't there."""

    def channels(self, layer: str, *, so_far: bool = False) -> records.ChannelSummary:
        """Statistics of all channels of a layer.

        ``so_far``: over the images that were looked at already, none perhaps; builds nothing.
        """

    def sample(self, layer: str, channel: int) -> records.ActivationSample:
        """Each image's largest activation of a channel, to 1/2048 of the channel's largest."""

    def top(
        self, layer: str, channel: int, k: int = 9, *, so_far: bool = False
    ) -> records.TopActivations:
        """A channel's k strongest activations above zero, one per image, strongest first.

        Equal values are ordered by image, row and column. Builds the index on first use.
        ``so_far``: among the images that were looked at already, none perhaps; builds nothing.
        """

    def quantile_steps(
        self, layer: str, channel: int, each: int = EACH, parts: int = PARTS
    ) -> Refining[records.QuantileRows]:
        """A few images from every part of a channel's range; yields the rows so far."""

    def photo(self, image: int) -> records.Pixels:
        """An image as the network sees it, for the eye: (rows, columns, 3) uint8.

        Raises
        ------
        UnreadableImage
            It can't be read any more; `StaleImage` if it isn't the one that the index is of.
        """

    def responses(self, image: int, layer: str) -> records.PhotoResponses:
        """All feature maps of a layer for one photo, and each channel's strongest unit in it.

        Parameters
        ----------
        image
            An index, or the number of a photo that was added; a live engine takes an image of your
            own, too.
        layer
            Layer whose feature maps are measured.

        Returns
        -------
        PhotoResponses
            ``maps`` (channels, rows, columns) float32; ``strongest``, ``totals``, ``places``.
        """

    def patch(self, activation: records.Activation) -> records.Pixels:
        """The receptive field cut from the photo at full size; grey outside of the image."""
        if activation.image is None:
            raise InputError("The activation is of an image of your own: cut its box from that.")
        return activation.box.cut(self.photo(activation.image), OUTSIDE)

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules that ``project_all`` knows, the paper's first."""

    def rule(self, name: str) -> records.RuleInfo:
        """What the rule of that name is, in words."""

    def project_all(
        self, activations: Sequence[records.Activation], rule: str = "deconvnet"
    ) -> tuple[records.Projection, ...]:
        """Projections of several units of one layer, each in its own image.

        Together they take less time than one by one.

        Raises
        ------
        UnreadableImage
            Naming the first image that can't be read any more: leave its activation out.
            `StaleImage` if it isn't the one that the index is of.
        InactiveUnit
            A unit isn't above zero in its image.
        """

    def predict(self, image: int, occluder: records.Occluder | None = None) -> records.Prediction:
        """Class scores of an image, maybe occluded; a live engine takes one of your own, too."""

    def respond(self, image: int, occluder: records.Occluder, layer: str) -> records.LayerResponse:
        """What one occluder does to a layer's feature maps.

        The maps without it are kept for the next call with the same image and layer, of an
        occluder that is dragged.

        Parameters
        ----------
        image
            An index; a live engine takes an image of your own, too.
        occluder
            Where it lies; it may reach over the image's border.
        layer
            Layer whose feature maps are measured.

        Returns
        -------
        LayerResponse
            On a grid of one cell: ``totals`` (1, 1, channels), ``hamming`` (1, 1), ...

        Raises
        ------
        InputError, UnknownLayer
            A baseline, mask or layer that isn't possible, naming it.
        """

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of what an occluder may be filled with, `zfwidgets.records.BASELINES` first."""

    def occlude_steps(self, request: records.OcclusionRequest) -> Refining[records.OcclusionMap]:
        """Slide an occluder over an image, coarse positions first; yields the map so far."""

    def estimate_steps(self, request: records.OcclusionRequest) -> Counting[records.Estimate]:
        """How long ``occlude_steps`` will take; ends in a moment."""

    def cover_steps(self, request: records.CoverRequest) -> Refining[records.CoveredPatches]:
        """Cover the receptive fields of a channel's strongest activations; yields those so far."""
