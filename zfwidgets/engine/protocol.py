"""What every engine answers, wherever it computes.

Widgets, reports and experiments are written against this protocol alone; the local engine, a
remote one and a stored one give the same records and raise the same errors.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from ..errors import UnknownLayer
from ..index import TopKIndex, Verification
from ..index.verification import TOLERANCE
from ..records import (
    Activation,
    ActivationSample,
    Box,
    ChannelSummary,
    CoveredPatches,
    EngineInfo,
    Estimate,
    LayerInfo,
    LayerResponse,
    Occluder,
    OcclusionMap,
    OcclusionRequest,
    PhotoResponses,
    Pixels,
    Prediction,
    Progress,
    Projection,
    QuantileRows,
    RuleInfo,
    TopActivations,
)
from ..records.quantiles import EACH, PARTS
from ..stepwise import finish, watch


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

    def responses(self, image: int, layer: str) -> PhotoResponses:
        """All feature maps of a layer for one photo."""

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
    def baselines(self) -> tuple[str, ...]:
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
        baseline: str | float = "grey",
        controls: int = 8,
        seed: int = 0,
    ) -> Generator[CoveredPatches, None, CoveredPatches]:
        """Cover the receptive fields of a channel's strongest activations; yields those so far."""


def named_layer(layers: Sequence[LayerInfo], name: str) -> LayerInfo:
    """The layer of a name; raises `UnknownLayer` naming the nearest."""
    for layer in layers:
        if layer.name == name:
            return layer
    raise UnknownLayer(name, [layer.name for layer in layers])


class BlockingCalls(EngineProtocol):
    """Calls that wait: each runs the engine's steps of its own name, and asks for nothing else."""

    verify_steps: Callable[..., Generator[Progress, None, Verification]]

    def quantiles(
        self, layer: str, channel: int, each: int = EACH, parts: int = PARTS
    ) -> QuantileRows:
        """A few images from every part of a channel's range, not only from its top.

        Images are sorted by the channel's largest activation and cut into parts of as many images
        each; see `zfwidgets.records.QuantileRows` for where that is approximate.

        Parameters
        ----------
        layer, channel
            Layer and channel whose activations are shown.
        each
            How many images from each part, at most.
        parts
            How many parts.
        """
        return finish(self.quantile_steps(layer, channel, each, parts))

    def occlude(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        baseline: str | float = "grey",
        target: int | str | None = None,
        layer: str | None = None,
        *,
        mask: str | None = None,
        extra_boxes: Sequence[Box] = (),
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
        baseline, mask, extra_boxes
            What covers, see `zfwidgets.records.Occluder`. The rectangles in ``extra_boxes`` stay
            where they are.
        target
            Class whose probability is shown: index, name, or None for the predicted class.
        layer
            Layer whose feature maps are measured too (Fig. 7b).
        resume
            A map of the same pass, whose positions are taken over.

        Raises
        ------
        InputError
            An occluder, stride, baseline, class or layer that isn't possible, naming it.
        UnsupportedModel
            The network has no class scores and no layer is given.
        """
        request = OcclusionRequest(
            image, patch, stride, baseline, target, layer, mask, tuple(extra_boxes), resume
        )
        found: OcclusionMap = watch(self.occlude_steps(request), "Sliding the occluder", progress)
        return found

    def estimate(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        layer: str | None = None,
    ) -> Estimate:
        """How long `occlude` will take, from past passes on this device or a short probe."""
        return finish(self.estimate_steps(image, patch, stride, layer))

    def cover_patches(
        self,
        layer: str,
        channel: int,
        k: int = 9,
        baseline: str | float = "grey",
        controls: int = 8,
        seed: int = 0,
    ) -> CoveredPatches:
        """Cover exactly the receptive field of each of a channel's strongest activations.

        Parameters
        ----------
        layer, channel, k
            Layer and channel of the activations, and how many; see `top`.
        baseline
            What covers, see `zfwidgets.records.Occluder`.
        controls
            How many random patches of the same size are covered instead, for each activation.
        seed
            Seed of the random places.
        """
        return finish(self.cover_steps(layer, channel, k, baseline, controls, seed))

    def verify(
        self,
        index: TopKIndex | str | Path | None = None,
        *,
        sample: int | None = 64,
        seed: int = 0,
        tolerance: float = TOLERANCE,
        progress: bool = True,
    ) -> Verification:
        """Compute a sample of an index's batches again, or all, and compare every number.

        Whole batches are computed again, so that on the same device type and processor, with as
        many threads and the same torch, bits must be equal. An index of another model, transform
        or images is compared too. Nothing is changed.

        Of the images that were looked at it is proven that their entries and sampled maxima are
        right, and that none of their activations is missing from a top; of others nothing. Half
        of a sample's batches are drawn by the images that are in tops, half among all. With
        ``sample=None`` all is proven, statistics too, but what ``unchecked`` names.

        Parameters
        ----------
        index
            A folder, a file or an index that was read; None is the engine's own, from disk where
            it is kept there.
        sample
            How many images to look at, at least; None is all.
        seed
            Seed of what is drawn. The global random state stays as it is.
        tolerance
            Up to which difference a value counts as rounded and not as wrong, as a share of the
            larger of the two values and of the channel's strongest in the index.
        progress
            Whether to show a progress bar.

        Returns
        -------
        Verification
            ``ok``, ``bit_equal``, and every mismatch with layer, channel, image, both values and
            its likely cause.

        Raises
        ------
        InputError
            There is no index, or it isn't readable.
        IndexMismatch
            It has other layers than the model; says which.
        """
        steps = self.verify_steps(index, sample=sample, seed=seed, tolerance=tolerance)
        verified: Verification = watch(steps, "Looking at the index's images again", progress)
        return verified
