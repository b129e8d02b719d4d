"""A remote engine answers what the engine on the server answers, to the bit: local or stored."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import zfwidgets as zf
from tests.same import assert_same
from tests.waiting import SECONDS
from zfwidgets.classroom.app import Server
from zfwidgets.classroom.messages import methods
from zfwidgets.classroom.preparing import prepare
from zfwidgets.classroom.serving import running
from zfwidgets.engine.protocol import EngineProtocol
from zfwidgets.errors import InputError, NeedsModel, NotStored, UnknownLayer, ZfError
from zfwidgets.records import Box, Occluder, OcclusionMap, OcclusionRequest, Progress
from zfwidgets.stepwise import Driven, finish
from zfwidgets.widgets.wire.jobs.steps import Shared
from zfwidgets.widgets.wire.service import service_of
from zfwidgets.widgets.wire.source import Source

from .conftest import numpy_engine
from .same import mistakes, outcome, questions

COVER = {"height": 6, "width": 9, "baseline": "grey", "mask": None, "extra_boxes": []}
SLIDE = {"stride": 8, "layer": "conv1"}


def indexed() -> Any:
    engine = numpy_engine.NumpyEngine()
    finish(engine.index_steps())
    return engine


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("report") / "report.html"
    explorer = zf.Explorer(indexed(), layer="conv2", channel=3, stride=8)
    zf.save_report(explorer, path, layers=["conv1", "conv2"], images=[2], budget=None)
    return zf.load_report(path)


@pytest.fixture(scope="module", params=["local", "stored"])
def both(request: pytest.FixtureRequest) -> Any:
    """An engine, and one that is connected to a server of its like."""
    if request.param == "stored":
        engine = served = request.getfixturevalue("stored")
    else:
        engine, served = indexed(), indexed()
    with running(Server(served)) as url:
        remote = zf.connect(url)
        yield engine, remote
        remote.close()


def test_it_is_an_engine(both: Any) -> None:
    assert isinstance(both[1], EngineProtocol)


def test_every_answer_is_the_same(both: Any) -> None:
    engine, remote = both
    answered = 0
    for ask in questions(engine, ["conv1", "conv2"], [0, 2]):
        for _ in range(2):  # computed, and kept
            theirs = outcome(ask, engine)
            assert_same(outcome(ask, remote), theirs)
        answered += not (isinstance(theirs, tuple) and theirs and isinstance(theirs[0], type))
    assert answered > (30 if isinstance(engine, numpy_engine.NumpyEngine) else 10)


def test_every_mistake_is_the_same_kind_of_error(stored: Any, serve: Any, connect: Any) -> None:
    remote = connect(serve(stored)[1])
    for ask in mistakes("conv2", 2, 8):
        mine, theirs = outcome(ask, remote), outcome(ask, stored)
        assert issubclass(theirs[0], ZfError)
        # The server checks names and numbers before it asks what a report holds.
        allowed = (theirs[0], InputError) if theirs[0] is NotStored else theirs[0]
        assert issubclass(mine[0], allowed)


@pytest.mark.parametrize("kind", ["live", "remote"])
def test_steps_grow_towards_the_result(kind: str, serve: Any, connect: Any) -> None:
    engine = indexed() if kind == "live" else connect(serve(indexed())[1])
    steps: Driven[OcclusionMap, OcclusionMap] = Driven(
        engine.occlude_steps(OcclusionRequest(3, 9, 2, layer="conv2"))
    )
    done = [int(found.done.sum()) for found in steps]
    assert done == sorted(done)
    assert steps.result.complete


def test_the_index_is_built_for_all_and_told_of(serve: Any, connect: Any) -> None:
    server, url = serve()
    one, other = connect(url), connect(url)
    assert not one.indexed
    nothing = one.channels("conv2", so_far=True) if server.engine.looked else None
    assert nothing is None
    steps = list(one.index_steps())
    assert all(isinstance(step, Progress) for step in steps)
    assert one.indexed
    assert_same(other.channels("conv2"), server.engine.channels("conv2"))
    assert other.indexed


WIDGETS_ASK: list[tuple[str, dict[str, Any]]] = [
    ("index", {}),
    ("channels", {"layer": "conv2"}),
    ("sheet", {"layer": "conv2", "first": 0, "count": 8, "size": 40}),
    ("top", {"layer": "conv2", "channel": 3, "k": 9}),
    ("projections", {"layer": "conv2", "channel": 3, "k": 9, "rule": "deconvnet"}),
    ("photo", {"image": 2}),
    ("predict", {"image": 2, "occluder": None}),
    ("predict", {"image": 2, "occluder": {**COVER, "top": 2, "left": 3}}),
    ("respond", {"image": 2, "occluder": {**COVER, "top": 2, "left": 3}, "layer": "conv1"}),
    ("sample", {"layer": "conv1", "channel": 1}),
    ("occlusion", {"image": 2, **COVER, **SLIDE, "target": None, "channel": None}),
    ("occlusion", {"image": 2, **COVER, **SLIDE, "target": 1, "channel": 2}),
    ("cover", {"layer": "conv2", "channel": 3, "k": 4, "baseline": "grey"}),
    ("quantiles", {"layer": "conv2", "channel": 3}),
    ("about", {"layer": "conv2", "channel": 3}),
    ("orders", {"layer": "conv2"}),
    ("thumbnails", {"images": [2, 0, 5], "size": 20}),
    ("predicted", {}),
    ("responses", {"image": 2, "layer": "conv1"}),
    ("look", {"image": 2, "layer": "conv1", "channel": 1, "rule": "deconvnet"}),
    ("catalogue", {}),
    ("photos", {}),
]


def answered(source: Any, kind: str, fields: dict[str, Any]) -> Any:
    key = {**fields, "fingerprint": source.engine.info.fingerprint}
    return outcome(lambda s: finish(s.answer(kind, s.check(kind, key))), source)


def test_others_are_answered_while_somebody_waits_for_the_index(serve: Any, connect: Any) -> None:
    gate = threading.Event()

    class Held(numpy_engine.NumpyEngine):
        """Its pass stops in the middle until the test lets it go on."""

        def index_steps(self) -> Any:
            for step in super().index_steps():
                if self.looked > 5:
                    gate.wait(0.01)
                yield step
                while self.looked == 6 and not gate.is_set():
                    yield step

    server, url = serve(Held())
    one, other = connect(url), connect(url)
    with ThreadPoolExecutor(2) as pool:
        waits = [pool.submit(one.top, "conv2", 3), pool.submit(list, other.index_steps())]
        third = connect(url)
        photo = third.photo(2)
        assert not server.engine.indexed
        gate.set()
        top, steps = (one.result(SECONDS) for one in waits)
    assert_same(photo, server.engine.photo(2))
    assert_same(top, server.engine.top("conv2", 3))
    assert {type(step) for step in steps} <= {Progress}
    assert server.engine.looked == 14


def test_widgets_answers_are_the_same_to_the_byte(both: Any) -> None:
    """What the page gets of a remote engine is what it gets of the engine itself."""
    engine, remote = both
    mine, theirs = service_of(remote).source, service_of(engine).source
    there = 0
    for kind, fields in WIDGETS_ASK:
        if kind == "photos" and hasattr(engine, "held_photos"):
            continue  # a report's page knows which it holds
        wanted = answered(theirs, kind, fields)
        assert_same(answered(mine, kind, fields), wanted)
        there += isinstance(wanted[0], dict)
    assert there == len(WIDGETS_ASK) or hasattr(engine, "held_photos")


def test_what_is_known_so_far_is_told_while_the_index_is_built(serve: Any, connect: Any) -> None:
    class Slow(numpy_engine.NumpyEngine):
        """Long enough for two kernels to hear of it."""

        def index_steps(self) -> Any:
            for step in super().index_steps():
                time.sleep(0.03)
                yield step

    server, url = serve(Slow(images=60))
    fields = {"layer": "conv2", "channel": 3, "k": 9}

    def told() -> list[Any]:
        source = service_of(connect(url)).source
        steps: Driven[Any, Any] = Driven(source.answer("top", fields, so_far=True))
        return [*(step for step in steps if step is not None), steps.result]

    with ThreadPoolExecutor(2) as pool:
        kernels = [pool.submit(told) for _ in range(2)]
    result = finish(Source(server.engine).answer("top", fields))
    for kernel in kernels:
        *steps, last = kernel.result(SECONDS)
        partial = [step() for step in steps if callable(step)]
        assert any(isinstance(step, Shared) for step in steps)
        assert 0 < partial[0][0]["so_far"]["images"] < 60
        assert partial[0][1], "the first has its pictures, for each kernel"
        assert_same(last, result)


def test_a_quiz_and_names_are_those_of_the_engine(serve: Any, connect: Any) -> None:
    engine, served = (numpy_engine.NumpyEngine(images=40) for _ in range(2))
    remote = connect(serve(served)[1])
    asked = {"layer": "conv2", "questions": 3, "seed": 5}
    assert_same(
        zf.experiments.quiz_questions(remote, **asked),
        zf.experiments.quiz_questions(engine, **asked),
    )
    quiz = zf.Quiz(remote, **asked)
    assert quiz.settle(SECONDS) is not False


def test_an_explorer_shows_a_remote_engine(serve: Any, connect: Any) -> None:
    remote = connect(serve(indexed())[1])
    explorer = zf.Explorer(remote, layer="conv2", channel=3)
    local = zf.Explorer(indexed(), layer="conv2", channel=3)
    assert explorer.settle(SECONDS)
    assert_same(np.asarray(explorer.snapshot(SECONDS)), np.asarray(local.snapshot(SECONDS)))


def test_what_needs_the_network_says_so(serve: Any, connect: Any) -> None:
    remote = connect(serve(indexed())[1])
    for ask in (
        lambda: remote.session,
        lambda: remote.index(),
        lambda: remote.verify(),
        lambda: remote.project(None, 0),
        lambda: remote.project_all(remote.top("conv1", 0), object()),
    ):
        with pytest.raises(NeedsModel, match=r"network.* in this kernel"):
            ask()
    with pytest.raises(InputError, match="add_photo"):
        remote.predict(np.zeros((3, 4, 3), np.uint8))


def test_an_engine_that_takes_no_photos_has_no_way_to_add_one(
    serve: Any, connect: Any, stored: Any
) -> None:
    for engine in (stored, numpy_engine.NumpyEngine()):
        remote = connect(serve(engine)[1])
        assert not hasattr(remote, "add_photo")
        with pytest.raises(InputError, match="takes no photos"):
            zf.Explorer(remote).show("mine.jpg")


def test_a_report_says_what_it_lacks(serve: Any, connect: Any, stored: Any) -> None:
    remote = connect(serve(stored)[1])
    with pytest.raises(NotStored):
        remote.top("conv2", 3, 20)
    with pytest.raises(NotStored):
        remote.predict(2, Occluder(Box(0, 0, 5, 3)))


def test_a_map_that_would_not_fit_is_refused_with_words(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    remote = connect(serve()[1])
    whole = 24 * 32 * (5 + 2 * 8) * 4
    request = OcclusionRequest(0, 9, 1, layer="conv2")
    monkeypatch.setattr(methods, "LARGEST_MAP", whole - 1)
    with pytest.raises(InputError, match=r"A map of 768 positions would have .* MB"):
        next(remote.occlude_steps(request))
    monkeypatch.setattr(methods, "LARGEST_MAP", whole)
    assert not next(remote.occlude_steps(request)).complete


def test_what_is_prepared_is_what_pages_ask_for(
    serve: Any, connect: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url = serve(indexed())
    prepare(server, ["conv2"])
    assert server.work.jobs.wait(["nobody"], SECONDS)
    assert not server.work.preparing
    made, make = [], server.make

    def noted(method: Any, checked: Any) -> Any:
        made.append((method.name, checked.get("kind"), checked.get("k")))
        return make(method, checked)

    monkeypatch.setattr(server, "make", noted)
    explorer = zf.Explorer(connect(url), layer="conv2", channel=3, overlay="none")
    assert explorer.settle(SECONDS)
    # Which photo is shown first, and what the occluder does there.
    assert made == [("top", None, 1), ("answer", "predict", None)]
    with pytest.raises(UnknownLayer):
        prepare(server, ["no such layer"])


def test_an_answer_that_takes_long_keeps_no_other_from_coming(serve: Any, connect: Any) -> None:
    """However urgent the slow one is."""
    gate = threading.Event()

    class Slow(numpy_engine.NumpyEngine):
        """Its maps take until the test lets them go on."""

        def occlude_steps(self, request: OcclusionRequest) -> Any:
            for found in super().occlude_steps(request):
                while not gate.is_set():
                    gate.wait(0.001)
                    yield found
                yield found
            return found

    jobs, ends = service_of(connect(serve(Slow())[1])), {}
    heard = threading.Condition()

    def listener(name: str) -> Any:
        def listen(op: str, value: Any) -> None:
            with heard:
                if op not in ("progress", "partial"):
                    ends[name] = op
                heard.notify_all()

        return listen

    slow = {"image": 2, **COVER, **SLIDE, "target": None, "channel": None}
    jobs.ask("page", "view", "slow", ("occlusion", slow), listener("slow"), priority=0)
    jobs.ask("page", "view", "quick", ("photo", {"image": 2}), listener("quick"), priority=5)
    with heard:
        assert heard.wait_for(lambda: ends, SECONDS)
        assert ends == {"quick": "reply"}
        gate.set()
        assert heard.wait_for(lambda: len(ends) == 2, SECONDS)
    assert ends["slow"] == "reply"


def test_a_kernel_keeps_what_it_has_heard(serve: Any, connect: Any) -> None:
    explorer = zf.Explorer(connect(serve(indexed())[1]), layer="conv2", channel=3)
    assert explorer.settle(SECONDS)
    source = service_of(explorer.engine).source
    assert source.cached("top", {"layer": "conv2", "channel": 3, "k": 9}) is not None
