"""The part of an engine that answers from the top-k index."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import InputError
from ...images.source import ImageSource
from ...index import TopKIndex
from ...records import (
    ActivationSample,
    ChannelSummary,
    LayerInfo,
    Progress,
    QuantileRows,
    TopActivations,
)
from ...stepwise import finish
from .build import EVERY
from .indexing import Indexing, Settings
from .quantiles import EACH, PARTS, Quantiles
from .ranking_spec import KEEP

if TYPE_CHECKING:
    from ..cluster.ray_executor import ClusterOptions


class Indexed:
    """What `zfwidgets.Engine` answers about channels over all images."""

    _indexing: Indexing
    _source: ImageSource
    _quantiles: Quantiles

    @abstractmethod
    def layer(self, name: str) -> LayerInfo:
        """The layer of that name."""

    @abstractmethod
    def _channel(self, layer: str, channel: int) -> LayerInfo:
        """The layer of a channel that it has."""

    @property
    def indexed(self) -> bool:
        """Whether the top-k index is there, so that ``top`` and ``channels`` answer at once."""
        return self._indexing.ready

    def index_steps(
        self,
        *,
        folder: str | Path | None = None,
        by_class: int = 0,
        pixels: bool = False,
        every: float = EVERY,
    ) -> Generator[Progress, None, None]:
        """Build the top-k index in steps, if it isn't there; keep it on disk.

        See `index`; ``every`` is how many seconds lie between two checkpoints, at least.
        """
        if folder is not None or by_class or pixels:
            place = Path(folder) if folder else None
            self._indexing.ask(Settings(by_class, pixels, place, every))
        return self._indexing.steps()

    def index(
        self,
        progress: bool = True,
        *,
        folder: str | Path | None = None,
        by_class: int = 0,
        pixels: bool = False,
        cluster: bool | str | ClusterOptions | None = None,
    ) -> TopKIndex:
        """The top-k index of all layers, built now if it isn't there, with a progress bar.

        An interrupted pass keeps what it knows, and the next call goes on with it. Images that
        can't be used are skipped and listed (``info.skipped``, ``TopKIndex.skipped``). Images that
        were changed or removed since the index was made (``info.notes`` say so) are looked at
        again, and only these; files that were added are known to a new engine.

        Parameters
        ----------
        progress
            Whether to show a progress bar.
        folder
            Where to keep it, instead of in the cache. If there's an index of other images there,
            images that were added are looked at, and those removed or changed taken out.
        by_class
            How many activations to keep for each channel and class too.
        pixels
            Whether to count every unit of every image for means and shares of zeros, which takes
            up to a quarter longer; else those of 64 images (of all, up to 256).
        cluster
            To compute on the workers of a Ray (``zfwidgets[ray]``): True for the one at hand, or
            one started on this machine; its address, as "auto", "ray://host:10001"; or
            `zfwidgets.ClusterOptions`. The index is the same to the bit where all machines have
            this one's kind of device, processor and PyTorch, else ``made_with`` says so. A worker
            that dies is replaced; a pass that was left goes on here or there.

        Raises
        ------
        IndexMismatch
            The folder holds an index of another model or transform; lists what differs.
        IndexBusy
            Another process is writing to the folder.
        InputError
            The folder holds a damaged index, or there are no labels for ``by_class``; the model,
            the images or the transform can't be sent to other processes.
        ClusterError
            There's no Ray, no room for workers, or they don't see the same images.
        MissingDependency
            Ray isn't installed.
        """
        way = None
        if cluster not in (None, False):
            from ..cluster.ray_executor import on_cluster

            way = on_cluster(cluster)
        self._indexing.refresh()
        if folder is not None or by_class or pixels:
            self._indexing.ask(Settings(by_class, pixels, Path(folder) if folder else None))
        return self._indexing.get(progress, way)

    def _index(self) -> TopKIndex:
        """The index, built now if it isn't there; images that changed since aren't looked for."""
        return self._indexing.get()

    def index_so_far(self, layer: str | None = None) -> TopKIndex | None:
        """The index, or while it is being built that of the images looked at so far.

        Builds nothing, and doesn't disturb a pass: it is a copy. Another thread waits at most for
        the end of the batch that is being computed.

        Parameters
        ----------
        layer
            An unfinished index is of this layer only, which is quick; None: of all layers.

        Returns
        -------
        TopKIndex or None
            ``images_seen`` says how many images it covers, ``complete`` whether that's all. None
            if no pass is under way.

        Raises
        ------
        UnknownLayer
            Naming the nearest.
        """
        return self._indexing.so_far(None if layer is None else self.layer(layer).name)

    def channels(self, layer: str, *, so_far: bool = False) -> ChannelSummary:
        """Statistics of all channels of a layer.

        ``so_far``: over the images that were looked at already; builds nothing.
        """
        info = self.layer(layer)
        index = self.index_so_far(info.name) if so_far else self._index()
        if index is None:
            return ChannelSummary.nothing(info.name, info.channels)
        return index.layers[info.name].summary(info.name, index.images_seen)

    def sample(self, layer: str, channel: int) -> ActivationSample:
        """Each image's largest activation of a channel, to 1/2048 of the channel's largest."""
        name = self._channel(layer, channel).name
        return self._index().sample(name, channel)

    def top(self, layer: str, channel: int, k: int = 9, *, so_far: bool = False) -> TopActivations:
        """A channel's k strongest activations above zero, one per image, strongest first.

        Equal values are ordered by image, row and column. Builds the index on first use.
        ``so_far``: among the images that were looked at already; builds nothing.
        """
        info = self._channel(layer, channel)
        if not 1 <= k <= KEEP:
            raise InputError(f"The index keeps {KEEP} activations a channel: k = 1 to {KEEP}.")
        index = self.index_so_far(info.name) if so_far else self._index()
        if index is None:
            return TopActivations(info.name, channel, (), 0)
        found = index.layers[info.name].strongest(info, channel, k, self._source.names)
        return TopActivations(info.name, channel, found, index.images_seen)

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

    def quantile_steps(
        self, layer: str, channel: int, each: int = EACH, parts: int = PARTS
    ) -> Generator[QuantileRows, None, QuantileRows]:
        """As `quantiles`, in steps: yields what is known so far."""
        info = self._channel(layer, channel)
        return (yield from self._quantiles.steps(self._index(), info, channel, each, parts))
