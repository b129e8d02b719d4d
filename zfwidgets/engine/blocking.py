"""Computations of an engine as single calls, each of which waits for the result."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from pathlib import Path
from typing import Any

from ..index import TopKIndex, Verification
from ..records import (
    Box,
    CoveredPatches,
    Estimate,
    OcclusionMap,
    OcclusionRequest,
    Progress,
    QuantileRows,
)
from ..stepwise import finish, watch
from .protocol import EngineProtocol
from .ranking.quantiles import EACH, PARTS
from .ranking.verifying import TOLERANCE, WHAT


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
            Whose.
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
        request = OcclusionRequest(
            image, patch, stride, fill, target, layer, mask, tuple(also), resume
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
        return finish(self.cover_steps(layer, channel, k, fill, controls, seed))

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
        verified: Verification = watch(steps, WHAT, progress)
        return verified
