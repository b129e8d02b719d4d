"""What every engine answers, computed here on the frozen copy of a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from typing_extensions import override

from ... import records
from ...bars import asked_for
from ...errors import InactiveUnit, InputError
from ...index import TopKIndex, Verification
from ...records.activations import EACH, PARTS
from ...stepwise import Counting, Refining
from ..network.feature_maps import layer_maps
from ..network.modes import precision_note
from ..occlusion.covering import Covering
from ..occlusion.runner import OcclusionRunner
from ..projection.projector import Projector
from ..projection.rules import Attribution, Rule, choose, words
from ..projection.sanity.number import check_rule, number_steps
from ..protocol import BlockingCalls
from ..ranking.indexing import Indexing
from ..ranking.quantiles import Quantiles
from ..ranking.ranking_spec import KEEP
from ..ranking.verifying import Verifying
from ..session import Session


@dataclass(frozen=True)
class Parts:
    """What a local engine holds: its session, and what computes each kind of answer."""

    session: Session
    projector: Projector
    occlusion: OcclusionRunner
    covering: Covering
    quantiles: Quantiles
    indexing: Indexing
    verifying: Verifying


class LocalAnswers(BlockingCalls):
    """Answers of the engine's rooms; `LocalEngine` adds what only a network at hand can do.

    Parameters
    ----------
    parts
        What computes them.

    Attributes
    ----------
    session
        The frozen copy, the images and what else code that computes on them needs.
    """

    def __init__(self, parts: Parts) -> None:
        self.session = parts.session
        self._projector, self._occlusion = parts.projector, parts.occlusion
        self._covering, self._quantiles = parts.covering, parts.quantiles
        self._indexing, self._verifying = parts.indexing, parts.verifying

    @property
    @override
    def info(self) -> records.EngineInfo:
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
        return records.EngineInfo(
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

    # Layers

    @property
    @override
    def layers(self) -> tuple[records.LayerInfo, ...]:
        return self.session.network.layers

    @override
    def layer(self, name: str) -> records.LayerInfo:
        return self.session.network.layer(name)

    # Images

    @override
    def photo(self, image: int) -> records.Pixels:
        self.session.lock.check()  # what is in view is known without reading it
        return self.session.pixels(self.session.image_index(image))

    @override
    def responses(self, image: Any, layer: str) -> records.PhotoResponses:
        index, name, tensor = self.session.image(image)
        info = self.layer(layer)
        with self.session.lock:
            maps = layer_maps(self.session, info, tensor)
        return records.PhotoResponses(info.name, index, name, maps)

    # Photos of your own

    @property
    def own_photos(self) -> tuple[records.OwnPhoto, ...]:
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

    # Channels over all images

    @property
    @override
    def indexed(self) -> bool:
        return self._indexing.ready

    @override
    def index_steps(self) -> Counting[None]:
        return self._indexing.steps()

    @override
    def channels(self, layer: str, *, so_far: bool = False) -> records.ChannelSummary:
        info = self.layer(layer)
        index = self._indexing.so_far(info.name) if so_far else self._indexing.get()
        if index is None:
            return records.ChannelSummary.nothing(info.name, info.channels)
        return index.layers[info.name].summary(info.name, index.images_seen)

    @override
    def sample(self, layer: str, channel: int) -> records.ActivationSample:
        name = self.session.channel(layer, channel).name
        return self._indexing.get().sample(name, channel)

    def samples(self, layer: str) -> tuple[records.ActivationSample, ...]:
        """`sample` of all channels of a layer, at once."""
        return self._indexing.get().samples(self.layer(layer).name)

    @override
    def top(
        self, layer: str, channel: int, k: int = 9, *, so_far: bool = False
    ) -> records.TopActivations:
        info = self.session.channel(layer, channel)
        if not 1 <= k <= KEEP:
            raise InputError(f"The index keeps {KEEP} activations a channel: k = 1 to {KEEP}.")
        index = self._indexing.so_far(info.name) if so_far else self._indexing.get()
        if index is None:
            return records.TopActivations(info.name, channel, (), 0)
        found = index.layers[info.name].strongest(info, channel, k, self.session.source.names)
        return records.TopActivations(info.name, channel, found, index.images_seen)

    @override
    def quantile_steps(
        self, layer: str, channel: int, each: int = EACH, parts: int = PARTS
    ) -> Refining[records.QuantileRows]:
        info = self.session.channel(layer, channel)
        return (yield from self._quantiles.steps(self._indexing.get(), info, channel, each, parts))

    @override
    def verify_steps(
        self, index: TopKIndex | str | Path | None, sample: int | None, seed: int, tolerance: float
    ) -> Counting[Verification]:
        return self._verifying.verify_steps(index, sample, seed, tolerance)

    # Projections

    @property
    @override
    def rules(self) -> tuple[str, ...]:
        return tuple(self.session.rules)

    @override
    def rule(self, name: str) -> records.RuleInfo:
        return words(choose(name, self.session.rules))

    @override
    def project_all(
        self,
        activations: Sequence[records.Activation],
        rule: str | Rule | Attribution = "deconvnet",
    ) -> tuple[records.Projection, ...]:
        if not activations:
            return ()
        units = {(a.unit.layer, a.unit.channel) for a in activations}
        if len({layer for layer, _ in units}) > 1:
            raise InputError("project_all takes activations of one layer.")
        info, *_ = [self.session.channel(*unit) for unit in units]
        chosen = choose(rule, self.session.rules)
        different = dict.fromkeys(a.image for a in activations)
        tensors = {image: self.session.image(image)[2] for image in different}
        images = [(a.image, a.image_name, tensors[a.image]) for a in activations]
        with asked_for("Projecting"), self.session.lock:
            return self._projector.records(info, [a.unit for a in activations], images, chosen)

    # Covered images

    @property
    @override
    def baselines(self) -> tuple[str, ...]:
        return self.session.baselines.names

    @override
    def predict(self, image: Any, occluder: records.Occluder | None = None) -> records.Prediction:
        return self.session.predicting.predict(*self.session.image(image), occluder)

    @override
    def respond(self, image: Any, occluder: records.Occluder, layer: str) -> records.LayerResponse:
        return self._occlusion.respond(self.session.image(image), occluder, layer)

    @override
    def occlude_steps(self, request: records.OcclusionRequest) -> Refining[records.OcclusionMap]:
        opened = self._occlusion.open(request, self.session.image(request.image))
        return (yield from self._occlusion.steps(opened))

    @override
    def estimate_steps(self, request: records.OcclusionRequest) -> Counting[records.Estimate]:
        plain = replace(request, baseline=0.0)  # what covers takes no time of its own
        opened = self._occlusion.open(plain, self.session.image(request.image))
        return (yield from self._occlusion.estimate_steps(opened))

    @override
    def cover_steps(self, request: records.CoverRequest) -> Refining[records.CoveredPatches]:
        top = self.top(request.layer, request.channel, request.k)
        info, read = self.layer(request.layer), self.session.tensor
        return (yield from self._covering.steps(info, top, read, request))

    # What was learned

    @override
    def sanity_steps(
        self, layer: str, channel: int, rule: str = "deconvnet", seed: int = 0
    ) -> Counting[records.SanityNumber]:
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
