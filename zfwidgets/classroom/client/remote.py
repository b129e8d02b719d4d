"""An engine whose network, index and photos are on a server. Needs no torch."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
from typing_extensions import override

from ... import records
from ...bars import asked_for
from ...engine.protocol import BlockingCalls
from ...errors import InputError, NeedsModel, WrongVersion
from ...records.activations import EACH, PARTS
from ...stepwise import Counting, Refining
from ...threads import OneOnly
from ...widgets.wire.source import Source
from ..messages.methods import OF_INDEX
from .connection import Connection
from .following import RoomsOfServer
from .source import RemoteSource

_NEEDS_MODEL = (
    "this needs the network itself in this kernel, and here it is on a server. Make an engine of "
    "your own, zf.Engine(model, images), where torch is installed."
)


def _on_the_server(name: str, instead: str) -> Any:
    """A call that needs the network in this kernel: it raises, saying what works instead."""

    def refuse(self: RemoteEngine, *_: Any, **__: Any) -> NoReturn:
        """Not from here: it needs the network, which is on the server."""
        raise NeedsModel(f"engine.{name}: {_NEEDS_MODEL} {instead}")

    return refuse


class RemoteEngine(OneOnly, BlockingCalls):
    """Answers about a network and images that a server holds; `connect` makes it.

    Answers are the same, to the bit, as those of the server's own engine.

    Parameters
    ----------
    connection
        To the server.
    told
        What the server said of its engine.

    Attributes
    ----------
    connection
        Who talks with the server; ``connection.note`` says why there are no answers just now.
    role
        ``"teacher"`` or ``"student"``, as the token has it.
    """

    def __init__(self, connection: Connection, told: dict[str, Any]) -> None:
        self.connection = connection
        self._take(told)
        connection.belong_to(self._info.fingerprint)

    def _take(self, told: dict[str, Any]) -> None:
        try:
            self._info: records.EngineInfo = told["info"]
            self._layers: tuple[records.LayerInfo, ...] = told["layers"]
            self._rules: dict[str, records.RuleInfo] = {rule.name: rule for rule in told["rules"]}
            self._baselines: tuple[str, ...] = told["baselines"]
            self._indexed, self._heard = bool(told["indexed"]), str(told["generation"])
            self._licences = tuple(told["licences"])
            self.role: str = told["role"]
        except KeyError as error:
            raise WrongVersion(
                f"The server didn't tell of {error}: it has another version of zfwidgets, "
                f"{told.get('version')}. Install the same one on both sides."
            ) from error

    def __repr__(self) -> str:
        info = self._info
        return (
            f"<zfwidgets.RemoteEngine {info.model} at {self.connection.url}, "
            f"{len(self._layers)} layers, {len(info.images)} images>"
        )

    def close(self) -> None:
        """Say goodbye to the server, which forgets your photos."""
        self.connection.close()

    def make_source(self) -> Source:
        """What answers widgets' requests."""
        return RemoteSource(self)

    @property
    def rooms(self) -> RoomsOfServer:
        """The server's rooms, in which a teacher leads: ``explorer.lead(...)``."""
        return RoomsOfServer(self.connection, self.info.fingerprint)

    # ------------------------------------------------------------------ what is known here

    def _news(self) -> None:
        """Ask again what the server is, where an answer said that something is another."""
        if self.connection.generation not in ("", self._heard):
            self._take(self.connection.hello())

    @property
    def info(self) -> records.EngineInfo:
        """Names, shapes, labels, notes and the fingerprint, as last heard."""
        return self._info

    @property
    def generation(self) -> str:
        """Another word whenever images turn out to be others than before."""
        return self.connection.generation.rpartition("-")[0]

    @property
    @override
    def layers(self) -> tuple[records.LayerInfo, ...]:
        return self._layers

    @property
    @override
    def rules(self) -> tuple[str, ...]:
        return tuple(self._rules)

    @override
    def rule(self, name: str) -> records.RuleInfo:
        if name not in self._rules:
            known = ", ".join(self._rules)
            raise InputError(f"The rule must be one of {known}, not {name!r}.")
        return self._rules[name]

    @property
    @override
    def baselines(self) -> tuple[str, ...]:
        return self._baselines

    @property
    def licences(self) -> tuple[tuple[str, str], ...]:
        """Name, author and licence of the package's own photos."""
        return self._licences

    @property
    def indexed(self) -> bool:
        """Whether the top-k index is there, as last heard."""
        if not self._indexed:
            self._indexed = self.connection.generation.endswith("-1")
        return self._indexed

    # ------------------------------------------------------------------ what is asked

    def _call(self, method: str, **arguments: Any) -> Any:
        found = self.connection.call(method, arguments)
        if method in OF_INDEX and not arguments.get("so_far"):
            self._indexed = True  # or it couldn't have been answered
        self._news()
        return found

    def _steps(self, method: str, **arguments: Any) -> Generator[Any, None, Any]:
        found = yield from self.connection.steps(method, arguments)
        self._news()
        return found

    def index_steps(self) -> Counting[None]:
        """Have the top-k index built, if it isn't there: for all clients of the server."""
        steps: Generator[Any, None, Any] = self._steps("index_steps")
        yield from steps
        self._take(self.connection.hello())

    @override
    def channels(self, layer: str, *, so_far: bool = False) -> records.ChannelSummary:
        found: records.ChannelSummary = self._call("channels", layer=layer, so_far=so_far)
        return found

    @override
    def sample(self, layer: str, channel: int) -> records.ActivationSample:
        found: records.ActivationSample = self._call("sample", layer=layer, channel=channel)
        return found

    @override
    def top(
        self, layer: str, channel: int, k: int = 9, *, so_far: bool = False
    ) -> records.TopActivations:
        found: records.TopActivations = self._call(
            "top", layer=layer, channel=channel, k=k, so_far=so_far
        )
        return found

    @override
    def quantile_steps(
        self, layer: str, channel: int, each: int = EACH, parts: int = PARTS
    ) -> Refining[records.QuantileRows]:
        return self._steps("quantile_steps", layer=layer, channel=channel, each=each, parts=parts)

    @override
    def photo(self, image: int) -> records.Pixels:
        found: records.Pixels = self._call("photo", image=self._number(image))
        return found

    @override
    def responses(self, image: int, layer: str) -> records.PhotoResponses:
        found: records.PhotoResponses = self._call(
            "responses", image=self._number(image), layer=layer
        )
        return found

    @override
    def project_all(
        self, activations: Sequence[records.Activation], rule: str = "deconvnet"
    ) -> tuple[records.Projection, ...]:
        if not isinstance(rule, str):
            raise NeedsModel(
                "A rule of your own needs the network in this kernel: on a server there are "
                f"{', '.join(self._rules)}."
            )
        asked = tuple(activations)
        with asked_for("Projecting"):
            found: tuple[records.Projection, ...] = self._call(
                "project_all", activations=asked, rule=rule
            )
        return found

    @override
    def predict(self, image: Any, occluder: records.Occluder | None = None) -> records.Prediction:
        number = self._number(image)
        found: records.Prediction = self._call("predict", image=number, occluder=occluder)
        return found

    @override
    def respond(self, image: Any, occluder: records.Occluder, layer: str) -> records.LayerResponse:
        number = self._number(image)
        found: records.LayerResponse = self._call(
            "respond", image=number, occluder=occluder, layer=layer
        )
        return found

    def occlude_steps(self, request: records.OcclusionRequest) -> Refining[records.OcclusionMap]:
        """As `occlude`, in steps: yields the map so far, coarse positions first.

        ``request.resume`` isn't sent: what it holds is computed by the server as all the rest.
        """
        asked = replace(request, image=self._number(request.image), resume=None)
        return self._steps("occlude_steps", request=asked)

    @override
    def estimate_steps(self, request: records.OcclusionRequest) -> Counting[records.Estimate]:
        asked = replace(request, image=self._number(request.image), resume=None)
        return self._steps("estimate_steps", request=asked)

    @override
    def cover_steps(self, request: records.CoverRequest) -> Refining[records.CoveredPatches]:
        return self._steps("cover_steps", request=request)

    def _number(self, image: Any) -> int:
        if isinstance(image, (int, np.integer)) and not isinstance(image, bool):
            return int(image)
        raise InputError(
            "On a server an image is its number: add one of your own with "
            f"engine.add_photo(photo), not {type(image).__name__}."
        )

    # ------------------------------------------------------------------ what needs the network

    @property
    def session(self) -> NoReturn:
        """Nothing: what computes on the network itself needs it in this kernel."""
        raise NeedsModel(_NEEDS_MODEL)

    project = _on_the_server("project", "engine.project_all(engine.top(...)) works.")
    index = _on_the_server("index", "engine.top and engine.channels work.")
    sanity_number = _on_the_server("sanity_number", "An Explorer's button works.")
    verify_steps = _on_the_server("verify", "`zfwidgets verify` does it there.")
