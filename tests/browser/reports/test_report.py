"""A report in a browser that has no network: the same views, true values, no request."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import bqplot
import ipywidgets
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import zfwidgets as zf
from tests.browser import as_shown
from zfwidgets.experiments.shared.charts import BarChart
from zfwidgets.records import Box, Occluder
from zfwidgets.widgets.bundle import STATIC
from zfwidgets.widgets.wire.encode import thumbnail

LAYERS = ("features.3.expand1x1", "features.6.squeeze", "features.7.squeeze")
LAYER, CHANNEL = "features.6.squeeze", 5
LOOK = {"stride": 32, "patch": (40, 48)}
SETTLED = ".zf-root[data-zf-settled='true']"
PIXELS = """canvas => {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext("2d");
  context.drawImage(canvas, 0, 0);
  const {data} = context.getImageData(0, 0, copy.width, copy.height);
  return [copy.height, copy.width, Array.from(data)];
}"""


@pytest.fixture(scope="session")
def engine() -> Any:
    if not (STATIC / "report.js").exists():
        pytest.fail("The JavaScript isn't built: run `python js/hatch_build.py`.")
    engine = zf.Engine(zf.samples.network(), zf.samples.photos()[:24], cache=False)
    engine.index(progress=False)
    return engine


@pytest.fixture(scope="session")
def explorer(engine: Any) -> Any:
    return zf.Explorer(engine, layer=LAYER, channel=CHANNEL, **LOOK)


@pytest.fixture(scope="session")
def saved(engine: Any, explorer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report without loss, as there is room for it."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    photos = [explorer.selection.photo, engine.top(LAYER, CHANNEL)[1].image]
    zf.save_report(
        explorer,
        path,
        layers=LAYERS,
        images=photos,
        budget=None,
        title="What <i>channels</i> see",
        text="## About\n\nA *short* text.",
        progress=False,
    )
    return path


@pytest.fixture(scope="session")
def stored(saved: Path) -> Any:
    return zf.load_report(saved)


class Offline:
    """A page without network that takes down what it asks for, and what goes wrong."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.faults: list[str] = []
        page.context.set_offline(True)
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("pageerror", lambda error: self.faults.append(str(error)))
        page.on("dialog", lambda dialog: self.faults.append(f"dialog {dialog.message}"))
        page.on(
            "console",
            lambda m: self.faults.append(m.text) if m.type in ("error", "warning") else None,
        )

    def open(self, path: Path, fragment: str = "") -> Page:
        self.page.goto(path.as_uri() + fragment)
        self.page.wait_for_selector(SETTLED)
        return self.page


@pytest.fixture
def offline(browser: Browser) -> Iterator[Offline]:
    context = browser.new_context(viewport={"width": 1500, "height": 1200})
    yield Offline(context.new_page())
    context.close()


def pixels(page: Page, selector: str) -> np.ndarray:
    rows, columns, data = page.locator(selector).first.evaluate(PIXELS)
    return np.array(data, np.uint8).reshape(rows, columns, 4)[..., :3]


def test_its_photos_are_those_to_choose_from(offline: Offline, saved: Path, stored: Any) -> None:
    page = offline.open(saved)
    held = stored.held_photos
    assert len(held) > 0
    expect(page.locator(".zf-photos h3")).to_have_text(f"Photos{len(held)}")
    expect(page.locator(".zf-photos .zf-note")).to_contain_text("needs a kernel")
    expect(page.get_by_role("button", name="Your own photo")).to_have_count(0)
    page.locator(".zf-thumbs").focus()
    page.keyboard.press("End")
    page.wait_for_selector(SETTLED)
    expect(page.locator(".zf-stage")).to_have_attribute("data-photo", str(held[-1]))
    tile = page.locator(f'.zf-thumb[data-image="{held[-1]}"]')
    expect(tile).not_to_have_class(re.compile("zf-lost|zf-skeleton"))
    name = stored.info.images[held[-1]]
    expect(page.locator(".zf-photos .zf-readout")).to_contain_text(name)


def test_it_is_walked_by_keys_without_a_request(
    offline: Offline, saved: Path, stored: Any, engine: Any
) -> None:
    page = offline.open(saved)
    expect(page.locator("h1")).to_have_text("What <i>channels</i> see")
    expect(page.locator(".zf-prose h2")).to_have_text("About")
    # Channels: the arrow leads to the next one, whose patches are those of the engine.
    strip = page.locator(".zf-strip")
    strip.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_selector(SETTLED)
    for rank, activation in enumerate(engine.top(LAYER, CHANNEL + 1), 1):
        cell = f".zf-cell[data-rank='{rank}']"
        expect(page.locator(f"{cell} .zf-name")).to_have_text(activation.image_name)
        found = pixels(page, f"{cell} .zf-picture")
        photo = engine.photo(activation.image)
        place = as_shown.window(activation, found.shape[0], photo.shape)
        np.testing.assert_array_equal(found, photo[place])
    expect(page.locator(".zf-lack").first).to_have_text(
        re.compile("holds the strongest of 9 projections of this channel")
    )
    # Layers: the arrow leads to the next one.
    page.locator(".zf-layers [tabindex='0']").first.focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_selector(SETTLED)
    expect(page.locator(".zf-channels .zf-about")).to_contain_text(LAYERS[2])
    # Patches: Enter chooses the photo.
    page.locator(".zf-patch[tabindex='0']").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(SETTLED)
    unit = (LAYERS[2], 0)
    second = engine.top(*unit)[1]
    expect(page.locator(".zf-photo .zf-about")).to_contain_text(second.image_name)
    found = pixels(page, ".zf-photo-picture")
    np.testing.assert_array_equal(found, engine.photo(second.image))
    assert page.url.endswith(f"#layer={LAYERS[2]}&channel=0&image={second.image}")
    assert offline.requests == [saved.as_uri()]
    assert offline.faults == []


def test_projections_are_those_of_the_engine(offline: Offline, saved: Path, stored: Any) -> None:
    page = offline.open(saved)
    expect(page.locator(".zf-root > .zf-lack")).to_be_hidden()
    found = stored.project_all(stored.top(LAYER, CHANNEL))
    side = as_shown.side_of(found)
    for rank, projection in enumerate(found, 1):
        page.locator("select[aria-label='What to show']").select_option("projections")
        shown = pixels(page, f".zf-cell[data-rank='{rank}'] .zf-picture >> nth=1")
        ours = as_shown.picture(projection, found)
        # What is stored is rounded, and its energy with it.
        assert abs(shown.shape[0] - side) <= 1
        place = as_shown.window(projection.activation, shown.shape[0], ours.shape)
        assert shown.shape == ours[place].shape
        differs = np.abs(shown.astype(int) - ours[place])
        assert differs.mean() < 2  # the report's scale is of the values before they were rounded
        assert np.corrcoef(shown.ravel(), ours[place].ravel())[0, 1] > 0.99


def test_the_chosen_channels_range_is_there(offline: Offline, saved: Path, engine: Any) -> None:
    page = offline.open(saved)
    page.locator(".zf-fold-range summary").click()
    rows = engine.quantiles(LAYER, CHANNEL)
    shown = [a for row in rows for a in row.activations]
    assert len(shown) > 9
    tiles = page.locator(".zf-range-tile")
    expect(tiles).to_have_count(len(shown))
    for at in (0, len(shown) // 2, len(shown) - 1):
        expect(tiles.nth(at)).to_have_attribute("data-image", str(shown[at].image))
        found = pixels(page, f".zf-range-tile >> nth={at} >> canvas")
        patch = thumbnail(engine.patch(shown[at]), found.shape[0])
        assert np.abs(found.astype(int) - patch).mean() < 8
        assert np.corrcoef(found.ravel(), patch.ravel())[0, 1] > 0.95
    tiles.last.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".zf-photo .zf-about")).to_contain_text(shown[-1].image_name)
    page.locator(".zf-strip").focus()
    page.keyboard.press("ArrowRight")  # another channel, which wasn't chosen
    expect(page.locator(".zf-patches .zf-message")).to_contain_text("range of those channels alone")
    assert offline.requests == [saved.as_uri()]
    assert offline.faults == []


def test_the_occluder_reads_the_stored_map(offline: Offline, saved: Path, engine: Any) -> None:
    photo = zf.load_report(saved)._manifest["selections"][0]["photo"]
    page = offline.open(saved)
    expect(page.locator(".zf-map")).to_contain_text("one every 32 px, for a square of 40 × 48 px")
    handle = page.locator(".zf-occluder")
    handle.focus()
    seen = set()
    for key in ("ArrowLeft", "ArrowUp", "ArrowUp", "ArrowRight", "ArrowRight"):
        page.keyboard.press(key)
        page.wait_for_selector(SETTLED)
        label = handle.get_attribute("aria-label")
        numbers = re.match(
            r"Occluder of (\d+) by (\d+) pixels at row (-?\d+), column (-?\d+)", label
        )
        height, width, top, left = map(int, numbers.groups())
        assert (height, width) == (40, 48)
        occluder = Occluder(Box(top, left, height, width))
        probabilities = engine.predict(photo, occluder).probabilities
        for row in page.locator(".zf-class").all():
            index = int(row.get_attribute("data-class"))
            bar = row.locator(".zf-bar-under").evaluate("e => e.style.transform")
            shown = float(bar[len("scaleX(") : -1])
            assert shown == pytest.approx(probabilities[index], abs=2e-4)
        seen.add((top, left))
    assert len(seen) == 5
    for control in (".zf-fold-occluder > .zf-fold-body", "select[aria-label^='Stride']"):
        assert page.locator(control).evaluate("e => e.inert")
    assert offline.faults == []


def test_a_layers_responses_are_read_from_the_stored_map(
    offline: Offline, saved: Path, engine: Any
) -> None:
    photo = zf.load_report(saved)._manifest["selections"][0]["photo"]
    page = offline.open(saved)
    page.locator("select[aria-label^='Map']").first.select_option("total")
    handle = page.locator(".zf-occluder")
    for key in ("ArrowLeft", "ArrowUp"):
        handle.focus()
        page.keyboard.press(key)
        page.wait_for_selector(SETTLED)
        place = map(int, re.findall(r"-?\d+", handle.get_attribute("aria-label"))[:4])
        height, width, top, left = place
        live = engine.respond(photo, Occluder(Box(top, left, height, width)), LAYER)
        channel = live.strongest_channel
        line = page.locator(".zf-now")
        expect(line).to_contain_text(f"in channel {channel}")
        said = re.search(r"[-\d.e+]+(?= in channel)", line.inner_text().replace("−", "-"))
        assert said
        assert float(said[0]) == pytest.approx(live.totals[0, 0, channel], rel=0.01)
    # Another layer's responses aren't there; its map of classes is.
    page.evaluate(f"location.hash = '#layer={LAYERS[0]}&channel=1'")
    page.locator("select[aria-label^='Map']").first.select_option("probability")
    page.wait_for_selector(SETTLED)
    expect(page.locator(".zf-heat").first).to_be_visible()
    assert offline.faults == []


def test_the_channels_photos_have_their_maps(offline: Offline, saved: Path, stored: Any) -> None:
    page = offline.open(saved)
    page.locator(".zf-fold-row > summary").click()
    page.wait_for_selector(SETTLED)
    photos = [a.image for a in stored.top(LAYER, CHANNEL)]
    mapped = {k[1]["image"] for k in stored._manifest["answers"] if k[0] == "occlusion"}
    assert mapped & set(photos)
    for image in photos:
        heat = page.locator(f".zf-row-item[data-image='{image}'] .zf-row-heat")
        expect(heat).to_be_visible() if image in mapped else expect(heat).to_be_hidden()


def test_figures_of_other_packages_live_in_it(
    offline: Offline, explorer: Any, saved: Path, tmp_path: Path
) -> None:
    slider = ipywidgets.IntSlider(value=7, max=19, description="<b>times</b>")
    other = ipywidgets.IntText()
    ipywidgets.jslink((slider, "value"), (other, "value"))
    scales = {"x": bqplot.LinearScale(), "y": bqplot.LinearScale()}
    bars = bqplot.Bars(x=np.arange(5), y=np.arange(5) ** 2, scales=scales)
    axes = [bqplot.Axis(scale=scales["x"]), bqplot.Axis(scale=scales["y"], orientation="vertical")]
    figure = bqplot.Figure(marks=[bars], axes=axes, title="Five </script> bars")
    chart = BarChart("accuracy", horizontal=True, span=(0, 1))  # ours needs no kernel either
    chart.draw(["cat", "<b>dog"], {"before": [0.5, 0.25], "after": [1, 0.75]})
    path = tmp_path / "report.html"
    box = ipywidgets.HBox([slider, other])
    parts = [explorer, "between", box, figure, ipywidgets.VBox([chart])]
    zf.save_report(parts, path, layers=[LAYER], images=[0], budget=None, progress=False)
    page = offline.open(path)
    places = page.locator(".zf-figure")
    expect(places).to_have_count(3)
    handle = places.nth(0).locator(".noUi-handle")
    expect(handle).to_have_attribute("aria-valuenow", "7.0")
    handle.press("ArrowRight")
    expect(places.nth(0).locator("input[type=number]")).to_have_value("8")
    expect(places.nth(1).locator(".bqplot rect.bar")).to_have_count(5)
    expect(places.nth(1)).to_contain_text("Five </script> bars")
    bars = places.nth(2).locator(".zf-chart-spot .zf-chart-bar")
    widths = bars.evaluate_all("all => all.map((bar) => Number(bar.getAttribute('width')))")
    np.testing.assert_allclose(np.array(widths) / max(widths), [0.5, 0.25, 1, 0.75], atol=1e-3)
    places.nth(2).get_by_label("cat, before, accuracy 0.5").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(places.nth(2).locator(".zf-chart-tip")).to_have_text("<b>dogafteraccuracy 0.75")
    asked = [url for url in offline.requests if not url.startswith(("blob:", "data:"))]
    assert asked == [path.as_uri()]
    assert [f for f in offline.faults if "strictTypes" not in f] == []  # of the HTML manager
    # Who has none pays nothing for it.
    assert "figures" not in zf.load_report(saved)._manifest["parts"]
    zf.load_report(path).verify()


def test_links_lead_to_what_they_name(offline: Offline, saved: Path, stored: Any) -> None:
    page = offline.open(saved, f"#layer={LAYERS[0]}&channel=7&image=3")
    expect(page.locator(".zf-patches .zf-about")).to_have_text(f"{LAYERS[0]} : 7")
    expect(page.locator(".zf-photo .zf-about")).to_contain_text(stored.info.images[3])
    expect(page.locator(".zf-photo .zf-message")).to_contain_text("this report holds those of")
    page.evaluate(f"location.hash = '#layer={LAYERS[2]}&channel=3'")
    expect(page.locator(".zf-patches .zf-about")).to_have_text(f"{LAYERS[2]} : 3")
    page.evaluate("location.hash = '#layer=nowhere&channel=1&image=99999'")
    expect(page.locator(".zf-notice")).to_have_text(
        "This report doesn't have what the link names: layer nowhere, channel 1; image 99999."
    )
    expect(page.locator(".zf-patches .zf-about")).to_have_text(f"{LAYERS[2]} : 3")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith(f"#layer={LAYERS[2]}&channel=3&image=3")


def test_broken_files_say_so(offline: Offline, saved: Path, tmp_path: Path) -> None:
    whole = saved.read_bytes()
    for name, content in (
        ("cut.html", whole[: whole.index(b"zf-part-photo/") + 300]),
        ("end.html", whole[: int(len(whole) * 0.2)]),
        ("edited.html", re.sub(rb'(zf-part-layer/1">.{40}).', rb"\1A", whole)),
        ("manifest.html", re.sub(rb'(zf-part-manifest">.{90}).', rb"\1A", whole)),
        ("script.html", whole[: whole.index(b"\n<script>") + 5000]),  # nothing runs
    ):
        (tmp_path / name).write_bytes(content)
        page = offline.page
        page.goto((tmp_path / name).as_uri())
        expect(page.get_by_text("cut short or changed").first).to_be_visible()
    for name, content in (
        ("view.html", whole.replace(b"data-zf-view=", b"data-zf-viev=")),
        ("number.html", re.sub(rb'data-zf-view="\d+"', b'data-zf-view="77"', whole)),
    ):
        assert content != whole
        (tmp_path / name).write_bytes(content)
        offline.page.goto((tmp_path / name).as_uri())
        expect(offline.page.get_by_text("This report is broken").first).to_be_visible()


def test_a_figures_html_leads_nowhere(offline: Offline, explorer: Any, tmp_path: Path) -> None:
    away = '<meta http-equiv="refresh" content="0;url=about:blank#away">'
    form = f'<form action="http://127.0.0.1:9/"><b>kept</b>{away}</form>'
    text = ipywidgets.Text(value=f"<i>typed</i>{away}")
    html = ipywidgets.HTML(f'{form}<base href="http://127.0.0.1:9/"><iframe src="//a.b"></iframe>')
    typed = ipywidgets.HTML()
    ipywidgets.jslink((text, "value"), (typed, "value"))
    path = tmp_path / "report.html"
    box = ipywidgets.VBox([html, text, typed])
    zf.save_report([explorer, box], path, layers=[LAYER], images=[0], budget=None, progress=False)
    page = offline.open(path)
    expect(page.locator(".zf-figure b")).to_have_text("kept")
    field = page.locator(".zf-figure input[type=text]")
    field.fill(f"<em>changed</em>{away}")
    field.press("Tab")
    expect(page.locator(".zf-figure em")).to_have_text("changed")
    page.evaluate("() => new Promise((done) => setTimeout(done, 500))")  # a refresh is a task
    assert page.url == path.as_uri()
    assert page.locator("body :is(meta, base, iframe, form)").count() == 0
    asked = [url for url in offline.requests if not url.startswith(("blob:", "data:"))]
    assert asked == [path.as_uri()]


def test_it_prints(offline: Offline, saved: Path, tmp_path: Path) -> None:
    page = offline.open(saved)
    page.emulate_media(media="print")
    for hidden in ("[data-zf-tools]", ".zf-patches .zf-tools", ".zf-photo .zf-controls"):
        for element in page.locator(hidden).all():
            expect(element).to_be_hidden()
    for shown in ("h1", ".zf-prose h2", ".zf-patch-grid", ".zf-photo-picture", ".zf-provenance dl"):
        expect(page.locator(shown).first).to_be_visible()
    assert page.pdf(format="A4").startswith(b"%PDF")


@pytest.mark.parametrize("width", [360, 1500])
def test_it_fits_its_screen(offline: Offline, saved: Path, width: int) -> None:
    offline.page.set_viewport_size({"width": width, "height": 800})
    page = offline.open(saved)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_themes_change(offline: Offline, saved: Path) -> None:
    page = offline.open(saved)
    expect(page.locator(".zf-root")).to_have_attribute("data-zf-theme", "light")
    page.get_by_role("button", name="Dark").click()
    expect(page.locator(".zf-root")).to_have_attribute("data-zf-theme", "dark")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 18, 21)"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_colours_say_stays_where_the_system_forces_its_own(
    offline: Offline, saved: Path, scheme: Literal["light", "dark"]
) -> None:
    offline.page.emulate_media(forced_colors="active", color_scheme=scheme)
    page = offline.open(saved)

    def style(selector: str, name: str) -> str:
        element = page.locator(selector).first
        return str(element.evaluate("(element, name) => getComputedStyle(element)[name]", name))

    ground = style(".zf-root", "backgroundColor")
    assert ground == page.evaluate(
        """() => {
          document.body.style.background = "Canvas";
          return getComputedStyle(document.body).backgroundColor;
        }"""
    )
    for bar in (".zf-layer .zf-glyph", ".zf-bar-clean", ".zf-bar-under"):
        assert style(bar, "backgroundColor") not in (ground, "rgba(0, 0, 0, 0)"), bar
    chosen = style(".zf-layer[aria-selected='true'] .zf-glyph", "backgroundColor")
    assert chosen != style(".zf-layer:not([aria-selected='true']) .zf-glyph", "backgroundColor")
    assert "gradient" in style(".zf-legend i", "backgroundImage")


def test_a_folder_is_served_part_by_part(
    browser: Browser, explorer: Any, tmp_path: Path, saved: Path
) -> None:
    folder = tmp_path / "report"
    zf.save_report(explorer, folder, layers=LAYERS, images=[0], budget=None, progress=False)
    handler = functools.partial(QuietHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        context = browser.new_context()
        page = context.new_page()
        faults, requests = [], []
        page.on("console", lambda m: faults.append(m.text) if m.type == "error" else None)
        page.on("request", lambda request: requests.append(request.url))
        base = f"http://127.0.0.1:{server.server_address[1]}/report/"
        page.goto(base)
        page.wait_for_selector(SETTLED)
        expect(page.locator(".zf-cell[data-state='ready']")).to_have_count(9)
        assert faults == []
        assert requests[0] == base
        assert all(url.startswith(f"{base}parts/") for url in requests[1:])
        assert f"{base}parts/layer-1.zfpart" in requests
        context.close()
        server.shutdown()
    page = browser.new_page()
    page.goto((folder / "index.html").as_uri())
    expect(page.get_by_text("serve the folder").first).to_be_visible()
    page.close()
    shutil.rmtree(folder)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass
