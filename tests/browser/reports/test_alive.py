"""A report with its network inside, from disk and without a network connection: a photo of the
reader's own is predicted, covered, looked at by every channel and projected, as the engine does."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.reports.alive_page import CHANNEL, LAYER, SETTLED, Alive, close, numbers
from zfwidgets.records import Box, Occluder


def occluder_of(task: dict[str, Any]) -> Occluder | None:
    told = task["occluder"]
    if told is None:
        return None
    box = Box(*(told[name] for name in ("top", "left", "height", "width")))
    return Occluder(box, told["baseline"], told["mask"])


def test_a_photo_of_the_readers_own(
    alive: Alive, alive_report: Path, own_photo: Path, alive_engine: Any
) -> None:
    page = alive.open(alive_report)
    line = page.locator(".zf-alive")
    expect(line).to_contain_text("The network itself is in this page")
    expect(line).to_contain_text("CC0, drawn for a test")
    expect(line).not_to_contain_text("plain JavaScript")
    own = len(alive_engine.info.images)
    alive.bring(own_photo, own)
    number = alive_engine.add_photo(own_photo)
    # Predictions, with and without the occluder.
    predicted = [one for one in alive.replies("predict") if one["task"]["photo"] == own]
    assert {one["task"]["occluder"] is None for one in predicted} == {True, False}
    for one in predicted:
        expected = alive_engine.predict(number, occluder_of(one["task"])).probabilities
        close(numbers(one["buffers"][0]), expected)
    name = alive_engine.predict(number).top(1)[0][1]
    expect(page.locator(".zf-classes")).to_contain_text(name)
    # Its map.
    (mapped,) = [one for one in alive.replies("occlusion") if one["task"]["photo"] == own][-1:]
    slide = mapped["task"]["slide"]
    expected = alive_engine.occlude(
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
    responses = alive_engine.responses(number, LAYER)
    order = numbers(said["buffers"][0], "<i4")
    close(numbers(said["buffers"][1]), responses.strongest[order])
    close(numbers(said["buffers"][2]), responses.totals[order])
    places = np.stack([numbers(said["buffers"][i], "<i4") for i in (3, 4)], 1)
    np.testing.assert_array_equal(places, responses.places[order])
    page.screenshot(path=alive_report.with_suffix(".png"), full_page=True)
    assert page.url.endswith(f"#layer={LAYER}&channel={CHANNEL}")  # nobody else has that photo
    assert [url for url in alive.requests if not url.startswith("blob:")] == [alive_report.as_uri()]
    assert alive.faults == []


@pytest.mark.parametrize("rule", ["deconvnet", "guided", "gradient"])
def test_projections_of_any_channel_by_any_rule(
    alive: Alive, alive_report: Path, alive_engine: Any, rule: str
) -> None:
    page = alive.open(alive_report)
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
    top = alive_engine.top(LAYER, CHANNEL + 1)
    expected = alive_engine.project_all(top.activations, rule)
    from zfwidgets.widgets.wire.answers import projected_answer
    from zfwidgets.widgets.wire.encode import decode_picture

    field = alive_engine.layer(LAYER).field_of(CHANNEL + 1)
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


def test_the_reports_own_photos_under_any_occluder(
    alive: Alive, alive_report: Path, alive_engine: Any
) -> None:
    page = alive.open(alive_report)
    before = len(alive.replies("predict"))
    page.locator(".zf-occluder").focus()
    for _ in range(3):  # a pixel at a time, to where no stored map has a position
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(SETTLED)
    later = [one for one in alive.replies("predict")[before:] if one["task"]["occluder"]]
    assert later
    asked = later[-1]["task"]
    expected = alive_engine.predict(asked["photo"], occluder_of(asked)).probabilities
    close(numbers(later[-1]["buffers"][0]), expected)


def test_what_is_no_picture_is_said(
    alive: Alive, alive_report: Path, tmp_path: Path, own_photo: Path
) -> None:
    page = alive.open(alive_report)
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
    page.locator(".zf-photos input[type=file]").set_input_files(own_photo)
    expect(told).to_have_text("")


def without(path: Path, old: str, new: str) -> Path:
    """The report with another word in it."""
    changed = path.with_name("changed.html")
    text = path.read_text("utf-8")
    assert old in text
    changed.write_text(text.replace(old, new, 1), "utf-8")
    return changed


def test_without_web_assembly_it_is_slower_and_says_so(
    alive: Alive, alive_report: Path, own_photo: Path, alive_engine: Any
) -> None:
    page = alive.open(without(alive_report, " &#x27;wasm-unsafe-eval&#x27;", ""))
    expect(page.locator(".zf-alive")).to_contain_text("plain JavaScript")
    own = len(alive_engine.info.images)
    alive.bring(own_photo, own)
    number = alive_engine.add_photo(own_photo)
    close(alive.predicted(own), alive_engine.predict(number).probabilities)


@pytest.mark.parametrize("how", ["no worker", "damaged"])
def test_where_it_cannot_run_the_report_still_answers(
    alive: Alive, alive_report: Path, how: str
) -> None:
    if how == "no worker":
        changed = without(alive_report, "worker-src blob:", "worker-src &#x27;none&#x27;")
    else:
        text = alive_report.read_text("utf-8")
        start = text.index('id="zf-part-network/0">') + len('id="zf-part-network/0">')
        at = start + 3000
        other = "A" if text[at] != "A" else "B"
        changed = alive_report.with_name("changed.html")
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
