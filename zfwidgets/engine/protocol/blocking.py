"""Calls that wait, over the steps of an engine that computes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...bars import asked_for
from ...index import TopKIndex, Verification
from ...index.verification import TOLERANCE
from ...records import (
    Box,
    CoveredPatches,
    CoverRequest,
    Estimate,
    OcclusionMap,
    OcclusionRequest,
    QuantileRows,
    SanityNumber,
)
from ...records.activations import EACH, PARTS
from ...stepwise import Counting, finish, finish_with_bar
from .engine import EngineProtocol


class BlockingCalls(EngineProtocol):
    """Calls that wait: each runs the engine's steps of its own name, and asks for nothing else."""

    def verify_steps(
        self, index: TopKIndex | str | Path | None, sample: int | None, seed: int, tolerance: float
    ) -> Counting[Verification]:
        """As `verify`, in steps, a batch each."""
        raise NotImplementedError

    def sanity_steps(
        self, layer: str, channel: int, rule: str = "deconvnet", seed: int = 0
    ) -> Counting[SanityNumber]:
        """As `sanity_number`, in steps."""
        raise NotImplementedError

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
        with asked_for("Looking for images from the whole range"):
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
        steps = self.occlude_steps(request)
        found: OcclusionMap = finish_with_bar(steps, "Sliding the occluder", progress)
        return found

    def estimate(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        layer: str | None = None,
    ) -> Estimate:
        """How long `occlude` will take, from past passes on this device or a short probe."""
        with asked_for("Trying how long the occluder takes"):
            return finish(self.estimate_steps(OcclusionRequest(image, patch, stride, layer=layer)))

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
        request = CoverRequest(layer, channel, k, baseline, controls, seed)
        with asked_for("Covering patches"):
            return finish(self.cover_steps(request))

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

        About the images that were looked at it is proven that their entries and sampled maxima are
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
        steps = self.verify_steps(index, sample, seed, tolerance)
        what = "Looking at the index's images again"
        verified: Verification = finish_with_bar(steps, what, progress)
        return verified

    def sanity_number(
        self, layer: str, channel: int, rule: str = "deconvnet", seed: int = 0
    ) -> SanityNumber:
        """How alike a channel's picture stays once its own filters are drawn anew.

        The picture is of its strongest unit, in a copy of the network:
        `zfwidgets.experiments.sanity_check` has the whole curve.

        Parameters
        ----------
        layer, channel
            The channel.
        rule
            "deconvnet" (the paper), "guided" or "gradient".
        seed
            Seed of the random parameters and of the choice of other channels.

        Raises
        ------
        InactiveUnit
            The channel isn't active in any image.
        MissingDependency
            Without SciPy.
        """
        with asked_for("Drawing the channel's filters anew"):
            return finish(self.sanity_steps(layer, channel, rule, seed))
