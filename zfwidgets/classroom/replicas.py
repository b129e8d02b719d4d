"""`zfwidgets serve --ray`: questions computed by Ray Serve's replicas, on several GPUs or machines.

One process still talks with the class: rooms, rights, photos of one's own, turns and answers that
are kept are there, and Ray's own HTTP proxy isn't started. What it would compute in one step goes
to a replica, which holds the same network and images; what comes in steps (a map of the occluder)
and what only one client may see it computes itself.

A question is superseded in the front process alone: Ray is never told to cancel (ray #50046,
#41057, #44644), and since at most `EACH` questions are with a replica at a time, what nobody waits
for any more is mostly never sent. What a replica had when it was killed is asked again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import threading
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future
from typing import Any, Final

from .. import threads
from ..engine.protocol import EngineProtocol
from ..errors import ClusterError, MissingDependency, ServerFailed
from ..stepwise import Driven
from ..widgets.wire.source import CHANGING, Source
from .messages import frames
from .messages.codec import decode, encode
from .messages.methods import METHODS, Method
from .working.work import Ready, lasts

log = logging.getLogger("zfwidgets")

EACH = 2
"""Questions that a replica has at a time: one that it computes, and the next."""
TRIES = 8
"""How often a question is asked: Ray may choose a killed replica again before it knows of that."""
PAUSE, LONGEST_PAUSE = 0.1, 2.0
"""Seconds between two times: twice as long each time."""
WAIT = 0.01
"""Seconds for which the computing thread waits for some replica before it looks after others."""
IN_STEPS: Final = (*CHANGING, "index", "occlusion", "cover", "quantiles")
"""Kinds of a page's questions that the front process computes itself: they come in steps."""
INSTALL = "pip install 'zfwidgets[classroom,ray]'"


def compute(engine: Any, source: Source, name: str, asked: bytes) -> tuple[bytes, bool]:
    """Answer a question, on a replica: the answer as bytes, and whether it may be kept."""
    given = decode(asked)
    if METHODS[name].steps:
        driven: Driven[Any, Any] = Driven(source.answer(given["kind"], given["fields"]))
        for _ in driven:
            pass
        found = driven.result
    else:
        found = getattr(engine, name)(**given)
    return encode(found), lasts(found)


class Replica:
    """One copy of the engine; Ray Serve makes as many as there are to be.

    Parameters
    ----------
    make
        Makes the engine, in the replica's process.
    fingerprint
        Which engine it must be.
    """

    def __init__(self, make: Callable[[], EngineProtocol], fingerprint: str) -> None:
        self._engine = engine = make()
        if engine.info.fingerprint != fingerprint:
            raise ClusterError(
                "A replica's network or images are others than the server's: weights, transform "
                "and files must be the same on all machines."
            )
        build = getattr(engine, "make_source", None)
        self._source: Source = Source(engine) if build is None else build()
        self._turn = threading.Lock()

    def answer(self, name: str, asked: bytes) -> tuple[bytes, bool, bool]:
        """The answer or error as bytes, whether it is an answer, and whether it may be kept."""
        try:
            with self._turn:
                content, kept = compute(self._engine, self._source, name, asked)
        except Exception as error:  # noqa: BLE001 -- who asks is told; pickle isn't needed
            return frames.describe(error), False, False
        return content, True, kept


class Replicas:
    """Replicas on a Ray, and the questions that are with them.

    Parameters
    ----------
    make
        Makes an engine, in another process: it is sent there.
    fingerprint
        Which engine that must be.
    least, most
        How many replicas there are; Ray Serve makes more when there is more to do.
    address
        Ray's; None takes the one at hand, or starts one on this machine.
    gpus
        What each claims.
    """

    def __init__(
        self,
        make: Callable[[], EngineProtocol],
        fingerprint: str,
        least: int = 2,
        most: int = 2,
        address: str | None = None,
        gpus: float = 0.0,
    ) -> None:
        try:
            import ray
            from ray import serve
        except ImportError as error:
            raise MissingDependency(
                f"zfwidgets serve --ray needs {error.name}: {INSTALL}"
            ) from error
        self._ray, self._serve = ray, serve
        self._ours = not ray.is_initialized()
        self._name = f"zfwidgets-{secrets.token_hex(4)}"
        self._loop = asyncio.new_event_loop()
        self._heard = threading.Condition()
        self._waited: set[Future[Any]] = set()
        self._fresh: set[Future[Any]] = set()
        self._asked = 0
        self.retries = 0
        self.places = EACH * most
        if self._ours:
            self._connect(address)
        many: dict[str, Any] = {"num_replicas": most}
        if least < most:
            many = {
                "autoscaling_config": {
                    "min_replicas": least,
                    "max_replicas": most,
                    "target_ongoing_requests": 1,
                }
            }
        deployed = serve.deployment(
            name="engine",
            max_ongoing_requests=EACH,
            ray_actor_options={"num_cpus": 1, "num_gpus": gpus},
            **many,
        )(Replica)
        try:
            serve.start(proxy_location="Disabled")
            self._handle = serve.run(
                deployed.bind(make, fingerprint), name=self._name, route_prefix=None
            )
        except Exception as error:
            self.close()
            raise ClusterError(f"Ray Serve has started no replica: {error}") from error
        threads.start(self._loop.run_forever, "replicas", self._stop)

    def _connect(self, address: str | None) -> None:
        quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        try:
            self._ray.init(address, include_dashboard=False, **quiet)
        except Exception as error:
            at = f"no Ray at {address!r}" if address else "no Ray here, and none can be started"
            raise ClusterError(
                f"There's {at} ({type(error).__name__}: {error}). Start one with `ray start "
                "--head`; without --ray one process computes."
            ) from error

    def _stop(self) -> None:
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._loop.stop)

    def close(self) -> None:
        """End replicas, and the connection to Ray, or the Ray if it was started for them."""
        self._stop()
        try:
            self._serve.delete(self._name)  # others' on the same Ray stay
            if self._ours:
                self._ray.shutdown()
        except Exception:
            log.exception("Ray Serve didn't end in good order")

    @property
    def idle(self) -> bool:
        """Whether no question is with a replica."""
        return self._asked == 0

    def takes(self, method: Method, checked: Mapping[str, Any]) -> bool:
        """Whether a question is one for replicas."""
        if method.name == "answer":
            return checked["kind"] not in IN_STEPS
        return not method.steps

    def steps(self, method: Method, checked: Mapping[str, Any]) -> Generator[None, None, Ready]:
        """Ask a replica, in steps that wait for one; on the computing thread."""
        while self._asked >= self.places:
            self._rest()
            yield None
        asked = self._ask(method.name, encode(dict(checked)))
        with self._heard:
            self._asked += 1
        future = asyncio.run_coroutine_threadsafe(asked, self._loop)
        self._waited.add(future)
        future.add_done_callback(self._over)
        try:
            while not future.done():
                self._rest()
                yield None
        finally:  # also where nobody waits for it any more: it ends by itself
            with self._heard:
                self._waited.discard(future)
                self._fresh.discard(future)
        content, good, kept = future.result()
        if not good:
            raise frames.rebuilt(content)
        return Ready(content, kept)

    def _over(self, future: Future[Any]) -> None:
        with self._heard:
            self._asked -= 1
            if future in self._waited:
                self._fresh.add(future)
            self._heard.notify_all()

    def _rest(self) -> None:
        """Wait for an answer, unless there is one that another question's step will take."""
        with self._heard:
            if not self._fresh:
                self._heard.wait(WAIT)

    async def _ask(self, name: str, asked: bytes) -> tuple[bytes, bool, bool]:
        failed = ""
        for again in range(TRIES):
            found, failed = await self._try(name, asked)
            if found is not None:
                return found
            self.retries += 1
            await asyncio.sleep(min(PAUSE * 2**again, LONGEST_PAUSE))
        raise ServerFailed(
            f"The server's replicas ended {TRIES} times before one had answered ({failed})."
        )

    async def _try(self, name: str, asked: bytes) -> tuple[tuple[bytes, bool, bool] | None, str]:
        """Ask one replica; what it answers, or why it doesn't."""
        try:
            return await self._handle.answer.remote(name, asked), ""
        except self._ray.exceptions.RayTaskError:
            raise
        except self._ray.exceptions.RayError as error:
            return None, type(error).__name__
