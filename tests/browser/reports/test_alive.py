"""A report with its network inside, from disk and without a network connection: a photo of the
reader's own is predicted, covered, looked at by every channel and projected, as the engine does."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import zfwidgets as zf
from benchmarks.page._report_worker import tap
from tests import portable_networks
from zfwidgets.records import Box, Occluder
from zfwidgets.widgets.bundle import STATIC

LAYER, CHANNEL = "features.4.expand1x1", 3
SETTLED = ".zf-root[data-zf-settled='true']"
CLOSE = 1e-5
REPLIES = """task => said
  .filter(one => one.op === "reply" && tapped.asked.get(one.id)?.task.task === task)
  .map(one => ({
    task: { ...tapped.asked.get(one.id).task, photo: tapped.asked.get(one.id).task.photo?.image },
    data: one.data,
    buffers: one.buffers.map(b => btoa(Array.from(new Uint8Array(b),
                                                  x => String.fromCharCode(x)).join(""))),
  }))"""


@pytest.fixture(scope="module")
def engine() -> Any:
    if not (STATIC / "report_alive.js").exists():
        pytest.fail("The JavaScript isn't built: run `python js/hatch_build.py`.")
    engine = portable_networks.engine("SqueezeNet")
    engine.index(progress=False)
    return engine


@pytest.fixture(scope="module")
def saved(engine: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "alive.html"
    explorer = zf.Explorer(engine, layer=LAYER, channel=CHANNEL, stride=9, patch=(12, 15))
    layers = ["features.0", "features.3", LAYER, "features.6"]
    zf.save_report(
        explorer, path, layers=layers, images=[0], alive=True, precision="float32",
        # Within a budget, what is left would be filled with projections: here they are computed.
        budget=None, licence="CC0, drawn for a test", progress=False,
    )  # fmt: skip
    return path


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo of the reader's own, of another size and shape."""
    rng = np.random.default_rng(8)
    rows, columns = np.mgrid[0:131, 0:90] / 17
    waves = np.stack([np.sin(rows * a + columns) for a in (1.0, 0.6, 1.4)], -1)
    pixels = (120 + 60 * waves + rng.normal(0, 20, waves.shape)).clip(0, 255).astype(np.uint8)
    path = tmp_path_factory.mktemp("own") / "own.png"
    Image.fromarray(pixels).save(path)
    return path


class Alive:
    """A report's page without a connection."""

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context(viewport={"width": 1500, "height": 1200})
        self.context.set_offline(True)
        self.context.add_init_script("globalThis.said = [];" + tap("data => said.push(data)"))
        self.page = self.context.new_page()
        self.requests: list[str] = []
        self.faults: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on(
            "console",
            lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None,
        )

    def open(self, path: Path) -> Page:
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(SETTLED)
        return self.page

    def bring(self, photo: Path, number: int) -> None:
        self.page.locator(".zf-photos input[type=file]").set_input_files(photo)
        self.page.wait_for_selector(f".zf-stage[data-photo='{number}']")
        self.page.wait_for_selector(SETTLED)

    def replies(self, task: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate(REPLIES, task)
        for one in found:
            one["buffers"] = [base64.b64decode(buffer) for buffer in one["buffers"]]
        return found


@pytest.fixture
def alive(browser: Browser) -> Iterator[Alive]:
    opened = Alive(browser)
    yield opened
    opened.context.close()


def numbers(buffer: bytes, kind: str = "<f4") -> Any:
    return np.frombuffer(buffer, kind)


def close(found: Any, expected: Any) -> None:
    scale = np.abs(expected).max(initial=0) or 1.0
    np.testing.assert_allclose(found, expected, rtol=0, atol=CLOSE * scale)


def occluder_of(task: dict[str, Any]) -> Occluder | None:
    told = task["occluder"]
    if told is None:
        return None
    box = Box(*(told[name] for name in ("top", "left", "height", "width")))
    return Occluder(box, told["baseline"], told["mask"])


def test_a_photo_of_the_readers_own(alive: Alive, saved: Path, photo: Path, engine: Any) -> None:
    page = alive.open(saved)
    line = page.locator(".zf-alive")
    expect(line).to_contain_text("The network itself is in this page")
    expect(line).to_contain_text("CC0, drawn for a test")
    expect(line).not_to_contain_text("plain JavaScript")
    own = len(engine.info.images)
    alive.bring(photo, own)
    number = engine.add_photo(photo)
    # Predictions, with and without the occluder.
    predicted = [one for one in alive.replies("predict") if one["task"]["photo"] == own]
    assert {one["task"]["occluder"] is None for one in predicted} == {True, False}
    for one in predicted:
        expected = engine.predict(number, occluder_of(one["task"])).probabilities
        close(numbers(one["buffers"][0]), expected)
    name = engine.predict(number).top(1)[0][1]
    expect(page.locator(".zf-classes")).to_contain_text(name)
    # Its map.
    (mapped,) = [one for one in alive.replies("occlusion") if one["task"]["photo"] == own][-1:]
    slide = mapped["task"]["slide"]
    expected = engine.occlude(
        number, (slide["height"], slide["width"]), slide["stride"], layer=slide["layer"]
    )
    target, channel = mapped["data"]["target"], mapped["data"]["channel"]
    maps = expected.maps(target, channel)
    close(numbers(mapped["buffers"][0]), maps["probability"].ravel())
    close(numbers(mapped["buffers"][2]), maps["total"].ravel())
    close(numbers(mapped["buffers"][5]), maps["unit"].ravel())
    assert mapped["data"]["done"] == mapped["data"]["total"] == expected.done.size
    # What its channels say, and the chosen one's strongest unit in it.
    said = alive.replies("responses")[-1]
    responses = engine.responses(number, LAYER)
    order = numbers(said["buffers"][0], "<i4")
    close(numbers(said["buffers"][1]), responses.strongest[order])
    close(numbers(said["buffers"][2]), responses.totals[order])
    places = np.stack([numbers(said["buffers"][i], "<i4") for i in (3, 4)], 1)
    np.testing.assert_array_equal(places, responses.places[order])
    page.screenshot(path=saved.with_suffix(".png"), full_page=True)
    assert page.url.endswith(f"#layer={LAYER}&channel={CHANNEL}")  # nobody else has that photo
    assert [url for url in alive.requests if not url.startswith("blob:")] == [saved.as_uri()]
    assert alive.faults == []


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_projections_of_any_channel_by_any_rule(
    alive: Alive, saved: Path, engine: Any, rule: str
) -> None:
    page = alive.open(saved)
    page.locator("select[aria-label='Rule of the projections']").select_option(rule)
    page.locator(".zf-strip").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(SETTLED)
    (found,) = [
        one
        for one in alive.replies("project")
        if one["task"]["rule"] == rule and one["task"]["channel"] == CHANNEL + 1
        and len(one["task"]["units"]) > 1
    ]  # fmt: skip
    top = engine.top(LAYER, CHANNEL + 1)
    expected = engine.project_all(top.activations, rule)
    from zfwidgets.widgets.wire.answers import projected_answer
    from zfwidgets.widgets.wire.encode import decode_picture

    field = engine.layer(LAYER).field_of(CHANNEL + 1)
    told, pictures = projected_answer(expected, len(top), field)
    data = found["data"]
    for name in ("scale", "brightness", "colour_share"):
        assert data[name] == pytest.approx(told[name], rel=1e-4)
    assert (data["focus"], data["clearest"]) == (told["focus"], told["clearest"])
    for mine, theirs in zip(data["projections"], told["projections"], strict=True):
        for name in ("scale", "full", "brightness"):
            assert mine[name] == pytest.approx(theirs[name], rel=1e-4)
        for name in ("image", "view", "status", "operations", "pools", "blank"):
            assert mine[name] == theirs[name], name
    for mine, theirs in zip(found["buffers"], pictures, strict=True):
        rows, columns = numbers(mine[:8], "<u4")
        pixels = numbers(mine[8:], "u1").reshape(rows, columns, 4)[..., :3]
        levels = np.asarray(decode_picture(theirs)).astype(int)
        assert pixels.shape == levels.shape
        assert np.abs(pixels - levels).max() <= 1  # where rounding ends between two levels
        assert (pixels != levels).mean() < 1e-3


def test_the_reports_own_photos_under_any_occluder(alive: Alive, saved: Path, engine: Any) -> None:
    page = alive.open(saved)
    before = len(alive.replies("predict"))
    page.locator(".zf-occluder").focus()
    for _ in range(3):  # a pixel at a time, to where no stored map has a position
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(SETTLED)
    later = [one for one in alive.replies("predict")[before:] if one["task"]["occluder"]]
    assert later
    asked = later[-1]["task"]
    expected = engine.predict(asked["photo"], occluder_of(asked)).probabilities
    close(numbers(later[-1]["buffers"][0]), expected)


def test_what_is_no_picture_is_said(alive: Alive, saved: Path, tmp_path: Path, photo: Path) -> None:
    page = alive.open(saved)
    chosen = page.locator(".zf-stage").get_attribute("data-photo")
    told = page.locator(".zf-photos-told")
    (tmp_path / "notes.png").write_text("no picture")
    page.locator(".zf-photos input[type=file]").set_input_files(tmp_path / "notes.png")
    expect(told).to_contain_text("notes.png: not a picture that this browser can read")
    huge = io.BytesIO()
    Image.new("1", (9000, 8000)).save(huge, "PNG")
    (tmp_path / "huge.png").write_bytes(huge.getvalue())
    page.locator(".zf-photos input[type=file]").set_input_files(tmp_path / "huge.png")
    expect(told).to_contain_text(re.compile("huge.png: .*million"))
    assert page.locator(".zf-stage").get_attribute("data-photo") == chosen
    page.locator(".zf-photos input[type=file]").set_input_files(photo)
    expect(told).to_have_text("")


def without(path: Path, old: str, new: str) -> Path:
    """The report with another word in it."""
    changed = path.with_name("changed.html")
    text = path.read_text("utf-8")
    assert old in text
    changed.write_text(text.replace(old, new, 1), "utf-8")
    return changed


def test_without_web_assembly_it_is_slower_and_says_so(
    alive: Alive, saved: Path, photo: Path, engine: Any
) -> None:
    page = alive.open(without(saved, " &#x27;wasm-unsafe-eval&#x27;", ""))
    expect(page.locator(".zf-alive")).to_contain_text("plain JavaScript")
    own = len(engine.info.images)
    alive.bring(photo, own)
    number = engine.add_photo(photo)
    (found,) = [
        one
        for one in alive.replies("predict")
        if one["task"]["photo"] == own and one["task"]["occluder"] is None
    ][:1]
    close(numbers(found["buffers"][0]), engine.predict(number).probabilities)


@pytest.mark.parametrize("how", ["no worker", "damaged"])
def test_where_it_cannot_run_the_report_still_answers(alive: Alive, saved: Path, how: str) -> None:
    if how == "no worker":
        changed = without(saved, "worker-src blob:", "worker-src &#x27;none&#x27;")
    else:
        text = saved.read_text("utf-8")
        start = text.index('id="zf-part-network/0">') + len('id="zf-part-network/0">')
        at = start + 3000
        other = "A" if text[at] != "A" else "B"
        changed = saved.with_name("changed.html")
        changed.write_text(text[:at] + other + text[at + 1 :], "utf-8")
    page = alive.open(changed)
    line = page.locator(".zf-alive")
    expect(line).to_contain_text("The network in this page doesn't run")
    if how == "damaged":
        expect(line).to_contain_text("network/0")
    page.wait_for_selector(SETTLED)
    expect(page.locator(".zf-cell")).to_have_count(9)
    expect(page.get_by_role("button", name="Your own photo")).to_be_hidden()
    expect(page.locator(".zf-needs-kernel").first).to_be_attached()
