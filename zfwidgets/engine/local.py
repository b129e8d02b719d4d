"""The engine on this machine's torch: answers with records, and leaves the user's model alone."""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ..bars import waiting
from ..errors import InactiveUnit, InputError
from ..images.sets.iterables import SPILL
from ..images.source import ImageSource
from ..index import TopKIndex, Verification
from ..index.verification import TOLERANCE
from ..records import (
    Activation,
    ActivationSample,
    ChannelSummary,
    CoveredPatches,
    EngineInfo,
    Estimate,
    Explanation,
    LayerInfo,
    LayerResponse,
    Occluder,
    OcclusionMap,
    OcclusionRequest,
    OwnPhoto,
    PhotoResponses,
    Pixels,
    Prediction,
    Progress,
    Projection,
    QuantileRows,
    RuleInfo,
    SanityNumber,
    TopActivations,
    Unit,
)
from ..records.quantiles import EACH, PARTS
from ..stepwise import finish
from ..threads import OneOnly, ProcessLock
from .network.conventions import labels_of, transform_of
from .network.feature_maps import layer_maps
from .network.frozen import unwrapped
from .network.memory import Memory
from .network.modes import methods_in_usual_modes, precision_note
from .network.network import Forward, Network
from .occlusion.baselines import Baselines
from .occlusion.covering import Covering
from .occlusion.predicting import Predicting
from .occlusion.runner import OcclusionRunner
from .projection.projector import SWITCHES, Projector
from .projection.rules import Attribution, Rule, available, choose, words
from .protocol import BlockingCalls
from .ranking.build import EVERY
from .ranking.indexing import Indexing, Settings, cache_folder
from .ranking.quantiles import Quantiles
from .ranking.ranking_spec import KEEP
from .ranking.verifying import Verifying
from .sanity.number import check_rule, number_steps
from .session import Session

if TYPE_CHECKING:
    from .cluster.ray_executor import ClusterOptions

OUTSIDE = 128
"""Grey level of a patch where its receptive field reaches over the image's border."""


@methods_in_usual_modes
class LocalEngine(OneOnly, BlockingCalls):
    """Answers questions about a trained network and a set of images.

    The engine computes on a frozen copy of the model (eval mode, no hooks, no gradients): later
    changes to the model don't show, and nothing of the user's model is touched. Methods are safe
    to call from any thread; one computation runs at a time.

    Parameters
    ----------
    model
        A trained `torch.nn.Module` in float32.
    images
        A folder (class folders give labels), tar shards as WebDataset has them, a map-style
        Dataset (torch's or Hugging Face's), a list of PIL images, paths or arrays,
        `zfwidgets.samples.photos()`, or an iterable Dataset, of which one pass is copied to a
        temporary file (see ``spill``).
    transform
        What the network expects: a callable from a PIL image to a (channels, rows, columns)
        float32 tensor; a torchvision weights enum member, whose transform and class names are
        taken; or a Hugging Face image processor. None means that of a timm model's
        ``pretrained_cfg``, else torchvision's ImageNet evaluation transform, for pictures (and is
        noted in ``info.notes``), and no transform for tensors.
    labels
        Class names in the order of the network's outputs. None takes those of the weights enum,
        the model's attribute ``categories``, a Hugging Face model's ``config.id2label``, those of
        the ImageNet classes that a timm model was trained for, or numbers the classes.
    device
        Where to compute: None means the model's own device, or a GPU when there is one.
    denormalize
        How to show tensors that a transform gave: (mean, std) or a callable from tensor to
        (rows, columns, 3) uint8. Needed only where no Normalize can be found in the transform.
    cache
        Folder that keeps top-k indexes under their fingerprints; None means the user's cache
        folder, False keeps them in memory only.
    switches
        Bytes of max-pool switches that may be kept, so that more projections of an image in view
        need no forward pass.
    forward
        How to call the model on a batch (n, channels, rows, columns), for models that need
        keyword arguments or give more than logits:
        ``lambda model, batch: model(images=batch)["scores"]``. None means ``model(batch)``, of a
        Hugging Face model ``model(pixel_values=batch).logits``.
    rules
        Rules of your own, beside those of `zfwidgets.rules`.
    spill
        Bytes of disk that the images of an iterable Dataset may take; more is an error.
    baselines
        What else an occluder may be filled with, by name, in the network's units: an array
        (channels,) or (channels, rows, columns), or a callable that makes such a tensor of an
        image's.
    hash_files
        Whether an index knows files by their bytes, all of which are read for it, instead of by
        size and time of change: it then stays good where files were copied, moved or touched.

    Attributes
    ----------
    session
        The frozen copy, the images and what else code that computes on them needs.

    Raises
    ------
    InputError
        For images, transforms or labels that don't fit, naming what and why.
    UnsupportedModel
        For a model that can't run on the images or can't be handled exactly, naming the layer.

    Examples
    --------
    >>> import zfwidgets as zf
    >>> engine = zf.Engine(zf.samples.network(), zf.samples.photos())
    >>> engine.top("features.7", channel=42)[0].image_name
    """

    @waiting("Looking at the network and its images")
    def __init__(
        self,
        model: nn.Module,
        images: Any,
        transform: Any = None,
        labels: Sequence[str] | None = None,
        device: str | torch.device | None = None,
        *,
        denormalize: Any = None,
        cache: str | Path | bool | None = None,
        switches: int = SWITCHES,
        forward: Forward | None = None,
        rules: Sequence[Rule | Attribution] = (),
        baselines: Mapping[str, Any] | None = None,
        spill: int = SPILL,
        hash_files: bool = False,
    ) -> None:
        named = available(rules)
        source = ImageSource.of(
            images,
            transform,
            denormalize,
            spill=spill,
            hash_files=hash_files,
            models=transform_of(unwrapped(model)) if transform is None else None,
        )
        network = Network(model, source.example(), device, forward)
        lock, memory = ProcessLock(), Memory(network.device)
        self._projector = Projector(network, memory, switches)
        labels = labels or source.categories or labels_of(unwrapped(model))
        known = Baselines(source, baselines)
        predicting = Predicting(network, known, labels, lock, memory)
        self._occlusion = OcclusionRunner(network, known, predicting, lock, memory)
        self._covering = Covering(network, known, lock, memory)
        self._quantiles = Quantiles(network, source, memory, lock)
        self._indexing = Indexing(network, source, cache_folder(cache), lock, memory)
        self._verifying = Verifying(network, source, memory, lock, self._indexing)
        renew = (self._projector.renew, known.renew, self._occlusion.renew)
        self.session = Session(network, source, memory, lock, named, known, predicting, renew)

    def __repr__(self) -> str:
        info = self.info
        return (
            f"<zfwidgets.Engine {info.model} on {info.device}, {len(self.layers)} layers, "
            f"{len(info.images)} images, input {info.input_shape}>"
        )

    @property
    def info(self) -> EngineInfo:
        """Names, shapes, labels, notes and the fingerprint."""
        source, fingerprint = self.session.source, self._indexing.fingerprint
        notes = (
            source.images_note,
            source.transform_note,
            source.display_note,
            self._indexing.note,
            self._indexing.stale_note,
            self.session.network.note,
            self.session.memory.note,
            precision_note(self.session.network.device),
        )
        return EngineInfo(
            model=self.session.network.name,
            device=str(self.session.network.device),
            input_shape=self.session.network.input_shape,
            images=tuple(source.names),
            image_labels=tuple(source.labels),
            labels=self.session.predicting.labels,
            transform=source.transform_name,
            fingerprint="-".join(fingerprint[key] for key in sorted(fingerprint)),
            skipped=tuple((s.name, s.reason) for s in source.skipped),
            notes=tuple(note for note in notes if note),
            no_classes=self.session.predicting.no_classes,
        )

    @property
    def generation(self) -> int:
        """Another number whenever images turn out to be others than before."""
        return self._indexing.generation + self.session.changes

    @property
    def cache(self) -> Path | None:
        """Folder that keeps what is computed, under fingerprints; None: in memory only."""
        return self._indexing.cache

    @property
    def folders(self) -> tuple[str, ...]:
        """Folders of this machine that names and notes may hold: nobody else needs them."""
        kept = () if self.cache is None else (str(self.cache.absolute()),)
        return (*self.session.source.folders, *kept)

    @property
    def licences(self) -> tuple[tuple[str, str], ...]:
        """Name, author and licence of the package's own photos; images of yours have none."""
        return self.session.source.licences

    # Layers

    @property
    def layers(self) -> tuple[LayerInfo, ...]:
        """All layers in the order of the forward pass."""
        return self.session.network.layers

    def layer(self, name: str) -> LayerInfo:
        """The layer of that name; raises `UnknownLayer` naming the nearest."""
        return self.session.network.layer(name)

    # Images

    def photo(self, image: int) -> Pixels:
        """An image as the network sees it, for the eye: (rows, columns, 3) uint8.

        Raises
        ------
        UnreadableImage
            It can't be read any more; `StaleImage` if it isn't the one that the index is of.
        """
        self.session.lock.check()  # what is in view is known without reading it
        return self.session.source.show(self.session.tensor(self.session.image_index(image)))

    @property
    def own_photos(self) -> tuple[OwnPhoto, ...]:
        """Photos of your own that were added and are there, the newest first."""
        return self.session.own.listed

    def add_photo(self, photo: Any, name: str | None = None) -> int:
        """Add a photo of your own; its number, to be given wherever an image is asked for.

        It goes through the engine's transform as the images of its set do, and then is classified,
        occluded and projected as they are. It is in memory alone: in no index, ranking,
        fingerprint, report or file. Of more than 20 the oldest is forgotten; no number is given
        twice.

        Parameters
        ----------
        photo
            A path, the bytes of an image file, a PIL image, a uint8 array (rows, columns, 3), a
            uint8 tensor (3, rows, columns), or a float tensor (channels, rows, columns) as the
            network gets it. A file may have 30 MB, a photo 64 million pixels.
        name
            What it is to be called; None takes the file's name.

        Returns
        -------
        int
            Number of the photo: beyond those of the set's images, and of no other photo in any
            session.

        Raises
        ------
        UnreadableImage
            It is no picture, or too large; says what may be.
        InputError
            It is nothing of the above, or the transform fails on it.

        Examples
        --------
        >>> number = engine.add_photo("cat.jpg")  # doctest: +SKIP
        >>> engine.predict(number).top(3)  # doctest: +SKIP
        """
        return self.session.add_photo(photo, name)

    def remove_photo(self, image: int) -> None:
        """Forget a photo of your own, and all that was made of it.

        Parameters
        ----------
        image
            Number of the photo, as `add_photo` gave it.
        """
        self.session.remove_photo(image)

    def responses(self, image: Any, layer: str) -> PhotoResponses:
        """All feature maps of a layer for one photo, and each channel's strongest unit in it.

        Parameters
        ----------
        image
            An index, the number of a photo that was added, or an image of your own.
        layer
            Layer whose feature maps are measured.

        Returns
        -------
        PhotoResponses
            ``maps`` (channels, rows, columns) float32; ``strongest``, ``totals``, ``places``.
        """
        index, name, tensor = self.session.image(image)
        info = self.layer(layer)
        with self.session.lock:
            maps = layer_maps(self.session.network, self.session.memory, info, tensor)
        return PhotoResponses(info.name, index, name, maps)

    def patch(self, activation: Activation) -> Pixels:
        """The receptive field cut from the photo at full size; grey outside of the image."""
        if activation.image is None:
            raise InputError("The activation is of an image of your own: cut its box from that.")
        return activation.box.cut(self.photo(activation.image), OUTSIDE)

    # Channels over all images

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
        executor = None
        if cluster not in (None, False):
            from .cluster.ray_executor import on_cluster

            executor = on_cluster(cluster)
        self._indexing.refresh()
        if folder is not None or by_class or pixels:
            self._indexing.ask(Settings(by_class, pixels, Path(folder) if folder else None))
        return self._indexing.get(progress, executor)

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
        index = self._indexing.so_far(info.name) if so_far else self._indexing.get()
        if index is None:
            return ChannelSummary.nothing(info.name, info.channels)
        return index.layers[info.name].summary(info.name, index.images_seen)

    def sample(self, layer: str, channel: int) -> ActivationSample:
        """Each image's largest activation of a channel, to 1/2048 of the channel's largest."""
        name = self.session.channel(layer, channel).name
        return self._indexing.get().sample(name, channel)

    def top(self, layer: str, channel: int, k: int = 9, *, so_far: bool = False) -> TopActivations:
        """A channel's k strongest activations above zero, one per image, strongest first.

        Equal values are ordered by image, row and column. Builds the index on first use.
        ``so_far``: among the images that were looked at already; builds nothing.
        """
        info = self.session.channel(layer, channel)
        if not 1 <= k <= KEEP:
            raise InputError(f"The index keeps {KEEP} activations a channel: k = 1 to {KEEP}.")
        index = self._indexing.so_far(info.name) if so_far else self._indexing.get()
        if index is None:
            return TopActivations(info.name, channel, (), 0)
        found = index.layers[info.name].strongest(info, channel, k, self.session.source.names)
        return TopActivations(info.name, channel, found, index.images_seen)

    def quantile_steps(
        self, layer: str, channel: int, each: int = EACH, parts: int = PARTS
    ) -> Generator[QuantileRows, None, QuantileRows]:
        """As `quantiles`, in steps: yields what is known so far."""
        info = self.session.channel(layer, channel)
        return (yield from self._quantiles.steps(self._indexing.get(), info, channel, each, parts))

    def verify_steps(
        self,
        index: TopKIndex | str | Path | None = None,
        *,
        sample: int | None = 64,
        seed: int = 0,
        tolerance: float = TOLERANCE,
    ) -> Generator[Progress, None, Verification]:
        """`verify` in steps, a batch each."""
        return self._verifying.verify_steps(index, sample=sample, seed=seed, tolerance=tolerance)

    # Projections

    @property
    def rules(self) -> tuple[str, ...]:
        """Names of the rules, the paper's first."""
        return tuple(self.session.rules)

    def rule(self, name: str) -> RuleInfo:
        """What the rule of that name is, in words."""
        return words(choose(name, self.session.rules))

    def explain(self, layer: str, rule: str | Rule = "deconvnet") -> Explanation:
        """What lies between a layer and the pixels, and what a rule makes of it."""
        info = self.layer(layer)
        chosen = choose(rule, self.session.rules)
        with self.session.lock:
            return self._projector.explain(info, chosen, self.session.source.example())

    def project(
        self,
        unit: Unit,
        image: Any,
        rule: str | Rule | Attribution = "deconvnet",
        *,
        keep_switches: bool = False,
    ) -> Projection:
        """Project a unit's activation down to pixel space (paper, section 2.1).

        Parameters
        ----------
        unit
            Without row and col: the channel's strongest unit in this image.
        image
            An index, or an image of your own (PIL image, path, array).
        rule
            One of `rules`: "deconvnet" (the paper), "guided" (guided backpropagation),
            "gradient"; or an object, see `zfwidgets.rules`.
        keep_switches
            Whether the record carries the max-pool switches.

        Raises
        ------
        InactiveUnit
            The unit isn't above zero in this image: the deconvnet has nothing to project.
        """
        images = [self.session.image(image)]
        info = self.session.channel(unit.layer, unit.channel)
        chosen, units = choose(rule, self.session.rules), [replace(unit, layer=info.name)]
        with self.session.lock:
            return self._projector.records(
                info, units, images, chosen, keep_switches=keep_switches
            )[0]

    def project_all(
        self, activations: Sequence[Activation], rule: str | Rule | Attribution = "deconvnet"
    ) -> tuple[Projection, ...]:
        """Projections of several units of one channel, each in its own image, as `project`'s.

        Together they take less time.

        Raises
        ------
        UnreadableImage
            Naming the first image that can't be read any more: leave its activation out.
            `StaleImage` if it isn't the one that the index is of.
        InactiveUnit
            A unit isn't above zero in its image.
        """
        if not activations:
            return ()
        if len({(a.unit.layer, a.unit.channel) for a in activations}) > 1:
            raise InputError("project_all takes activations of one channel of one layer.")
        first = activations[0].unit
        info = self.session.channel(first.layer, first.channel)
        chosen = choose(rule, self.session.rules)
        images = [(a.image, a.image_name, self.session.image(a.image)[2]) for a in activations]
        with self.session.lock:
            return self._projector.records(info, [a.unit for a in activations], images, chosen)

    def keep_switches(
        self, images: Sequence[int], layer: str, rule: str | Rule = "deconvnet"
    ) -> None:
        """Keep what later projections from this layer need of whole images.

        Only for layers whose units see so much of an image that all of it is computed on the way
        up: their projections then only go down. Units of other layers have too little in common;
        what each needs is kept when it is first projected. What was used longest ago goes first
        when there is more than ``Engine(switches=...)`` allows. Pictures are the same, to the
        last bit, whether anything is kept or not.
        """
        info = self.layer(layer)
        chosen = choose(rule, self.session.rules)
        tensors = [self.session.image(image)[2] for image in images]
        if tensors and isinstance(chosen, Rule):
            with self.session.lock:
                batch = torch.stack(tensors).to(self.session.network.device)
                self._projector.keep(batch, list(images), info.name, chosen)

    # Covered images

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of what an occluder may be filled with, your own last."""
        return self.session.baselines.names

    def predict(self, image: Any, occluder: Occluder | None = None) -> Prediction:
        """Class scores of an image (an index or one of your own), maybe occluded."""
        return self.session.predicting.predict(*self.session.image(image), occluder)

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
        return self._occlusion.respond(self.session.image(image), occluder, layer)

    def occlude_steps(
        self, request: OcclusionRequest
    ) -> Generator[OcclusionMap, None, OcclusionMap]:
        """As `occlude`, in steps: yields the map so far, coarse positions first."""
        opened = self._occlusion.open(request, self.session.image(request.image))
        return (yield from self._occlusion.steps(opened))

    def estimate_steps(
        self,
        image: Any,
        patch: int | tuple[int, int] = 32,
        stride: int | tuple[int, int] = 8,
        layer: str | None = None,
    ) -> Generator[Progress, None, Estimate]:
        """As `estimate`, in short steps."""
        request = OcclusionRequest(image, patch, stride, baseline=0.0, layer=layer)
        opened = self._occlusion.open(request, self.session.image(image))
        return (yield from self._occlusion.estimate_steps(opened))

    def cover_steps(
        self,
        layer: str,
        channel: int,
        k: int = 9,
        baseline: str | float = "grey",
        controls: int = 8,
        seed: int = 0,
    ) -> Generator[CoveredPatches, None, CoveredPatches]:
        """As `cover_patches`, in steps: yields what is known so far."""
        if controls < 0:
            raise InputError(f"controls is {controls}: expected a number of patches, 0 or more.")
        info, top = self.layer(layer), self.top(layer, channel, k)
        read = self.session.tensor
        return (yield from self._covering.steps(info, top, read, baseline, controls, seed))

    # What was learned

    def sanity_number(
        self, layer: str, channel: int, rule: str = "deconvnet", seed: int = 0
    ) -> SanityNumber:
        """How alike a channel's picture stays once its own filters are drawn anew.

        Of its strongest unit, in a copy of the network: `zfwidgets.experiments.sanity_check` has
        the whole curve.

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
        return finish(self.sanity_steps(layer, channel, rule, seed))

    def sanity_steps(
        self, layer: str, channel: int, rule: str = "deconvnet", seed: int = 0
    ) -> Generator[Progress, None, SanityNumber]:
        """As `sanity_number`, in steps."""
        check_rule(rule)
        yield from self.index_steps()
        top = self.top(layer, channel, 1)
        if not len(top):
            raise InactiveUnit(
                f"Channel {channel} of layer {layer!r} isn't active in any of the "
                f"{top.images_seen} images: it has no projection."
            )
        (trained,) = self.project_all(top.activations, rule)
        tensor = self.session.image(top[0].image)[2]
        with self.session.lock:
            network = self.session.network.twin(tensor)
        return (yield from number_steps(network, self.session.lock, tensor, trained, seed))
