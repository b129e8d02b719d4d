"""The engine on this machine's torch: answers with records, and leaves the user's model alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ...bars import asked_for, waiting
from ...images.sets.iterables import SPILL
from ...images.source import ImageSource
from ...index import TopKIndex
from ...records import (
    Explanation,
    Projection,
    Unit,
)
from ...stepwise import Counting
from ...threads import OneOnly, ProcessLock
from ..network.conventions import labels_of, transform_of
from ..network.frozen import unwrapped
from ..network.memory import Memory
from ..network.modes import methods_in_usual_modes
from ..network.network import Forward, Network
from ..network.runtime import Runtime
from ..occlusion.baselines import Baselines
from ..occlusion.covering import Covering
from ..occlusion.predicting import Predicting
from ..occlusion.runner import OcclusionRunner
from ..portable.portable import portable_steps
from ..portable.record import Portability
from ..projection.projector import SWITCHES, Projector
from ..projection.rules import Attribution, Rule, available, choose
from ..ranking.build import EVERY
from ..ranking.indexing import Indexing, Settings, cache_folder
from ..ranking.quantiles import Quantiles
from ..ranking.verifying import Verifying
from ..session import Session
from .answers import LocalAnswers, Parts

if TYPE_CHECKING:
    from ..ranking.cluster.ray_executor import ClusterOptions


@methods_in_usual_modes
class LocalEngine(OneOnly, LocalAnswers):
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
        runtime = Runtime(network, source, Memory(network.device), ProcessLock())
        projector = Projector(network, runtime.memory, switches)
        labels = labels or source.categories or labels_of(unwrapped(model))
        known = Baselines(source, baselines)
        predicting = Predicting(runtime, known, labels)
        occlusion = OcclusionRunner(runtime, known, predicting)
        indexing = Indexing(runtime, cache_folder(cache))
        renew = (projector.renew, known.renew, occlusion.renew)
        super().__init__(
            Parts(
                Session(runtime, named, known, predicting, renew),
                projector,
                occlusion,
                Covering(runtime, known),
                Quantiles(runtime),
                indexing,
                Verifying(runtime, indexing),
            )
        )

    def __repr__(self) -> str:
        info = self.info
        return (
            f"<zfwidgets.Engine {info.model} on {info.device}, {len(self.layers)} layers, "
            f"{len(info.images)} images, input {info.input_shape}>"
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

    def portable_steps(
        self, layers: Sequence[str], images: Sequence[int], precision: str = "float16"
    ) -> Counting[Portability]:
        """The network below some layers as operations and numbers that run without PyTorch.

        In steps; ``images`` are those on which it is compared with itself, ``precision`` what its
        filters' weights are kept as. Raises `InputError` where an operation can't be, naming it.
        """
        names = [self.layer(name).name for name in layers]
        return portable_steps(self.session, names, images, precision)

    # Channels over all images

    def index_steps(
        self,
        *,
        folder: str | Path | None = None,
        by_class: int = 0,
        pixels: bool = False,
        every: float = EVERY,
    ) -> Counting[None]:
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
            from ..ranking.cluster.ray_executor import on_cluster

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

    # Projections

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
        with asked_for("Projecting"), self.session.lock:
            return self._projector.records(
                info, units, images, chosen, keep_switches=keep_switches
            )[0]

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
