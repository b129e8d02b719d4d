"""The occlusion map in a real JupyterLab: what is painted, read, kept and saved is the engine's."""

from __future__ import annotations

import io
import json
import re

import numpy as np
import pandas
import pytest
from PIL import Image
from playwright.sync_api import expect

SETUP = """import json
import numpy as np
import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
explorer = zf.Explorer(
    engine, layer="features.7", channel=42, auto=False, stride=32, patch=(48, 36),
    colours="viridis")"""

SPANS = """def span(name, values, clean):
    values = np.append(values[np.isfinite(values)], clean)
    low, high = float(values.min()), float(values.max())
    return (low, high) if name in ("logit", "log_odds", "total", "unit") else (min(0.0, low), high)
def shown(name, target=None):
    values = result.maps(target)[name]
    if name == "predicted":
        return result.to_pil(name)
    clean = {"hamming": 0.0, "cosine": 0.0}
    clean |= result.clean_scores(target)
    f = result.features
    clean |= {"total": f.clean_totals[f.strongest_channel]}
    clean |= {"unit": f.clean_units[f.strongest_channel]}
    low, high = span(name, values, clean[name])
    return result.to_pil(name, target=target, low=low, high=high)
photo = explorer.selection.photo
result = engine.occlude(photo, (48, 36), 32, layer="features.7", progress=False)"""

MAPS = ("probability", "logit", "log_odds", "predicted", "total", "unit", "hamming", "cosine")


@pytest.fixture
def sliding(lab):
    """An Explorer whose occluder is 48 x 36 pixels and slides in 49 steps."""
    notebook = lab.show([SETUP, "explorer"])
    notebook.expect_settled()
    return notebook


def slide(notebook) -> None:
    """Press the button and wait for the whole map."""
    notebook.page.get_by_role("button", name="Compute map").click()
    expect(notebook.page.locator(".zf-map-progress")).to_have_text(re.compile("^[0-9]+ positions$"))
    notebook.expect_settled()


def expect_place(notebook) -> None:
    """Wait until the kernel has heard where the page's occluder is."""
    said = notebook.page.locator(".zf-occluder").get_attribute("aria-label")
    place = re.search(r"at row (-?\d+), column (-?\d+)", said)
    assert place, said
    there = "[explorer.state['occluder'][name] for name in ('top', 'left')]"
    notebook.expect_value(there, [int(place[1]), int(place[2])])


def differs(notebook, expression: str, canvas: str = ".zf-heat-left canvas") -> int:
    """Levels by which a canvas differs from a picture in the kernel, at most."""
    shown = notebook.canvas_pixels(notebook.page.locator(canvas)).astype(int)
    return int(np.abs(shown - notebook.kernel_pixels(expression).astype(int)).max())


def test_all_maps_of_a_pass_are_the_engines_and_need_no_new_pass(lab, sliding) -> None:
    page = sliding.page
    slide(sliding)
    sliding.execute(SPANS)
    # Whatever is computed from here on would be counted.
    sliding.execute(
        "steps, original = [], engine.occlude_steps\n"
        "engine.occlude_steps = lambda *a, **k: (steps.append(a), original(*a, **k))[1]"
    )
    for name in MAPS:
        page.get_by_label("Map", exact=True).select_option(name)
        expect(page.locator(".zf-map-legend")).to_have_count(1)
        assert differs(sliding, f"shown({name!r})") <= 4, name
    page.get_by_label("Colours of the map").select_option("diverging")
    for name in MAPS:
        if name == "predicted":
            continue
        page.get_by_label("Map", exact=True).select_option(name)
        clean = "without occluder" if name == "probability" else "no change"
        expect(page.locator(".zf-map-legend")).to_contain_text(clean)
        assert differs(sliding, f"result.to_pil({name!r}, 'diverging')") <= 4, name
    page.get_by_label("Map", exact=True).select_option("probability")
    changes = "[float(p - result.clean_scores()['probability']) * 100 for p in ({})]"
    ends = sliding.value(changes.format("result.probability().min(), result.probability().max()"))
    told = page.locator(".zf-map-legend .zf-legend").text_content()
    for read, end in zip(re.findall(r"[−+][\d.]+(?= point)", told), ends, strict=False):
        assert abs(float(read.replace("−", "-")) - end) <= 0.51
    assert re.match(r"−[\d.]+ points?", told)  # covering some place lowers the class
    page.get_by_label("Colours of the map").select_option("viridis")
    page.get_by_label("Map", exact=True).select_option("predicted")
    kept = sliding.value("int((result.predicted() == result.clean.argmax()).sum())")
    expect(page.locator(".zf-map-legend")).to_contain_text(f"{kept} of 49 positions keep")
    page.get_by_label("Map", exact=True).select_option("logit")
    other = page.locator(".zf-class").nth(2)
    target = int(other.get_attribute("data-class"))
    other.click()
    name = sliding.value(f"engine.info.labels[{target}]").split(",")[0]
    expect(page.locator(".zf-map-legend")).to_contain_text(name)
    sliding.expect_settled()
    assert differs(sliding, f"shown('logit', {target})") <= 4
    page.get_by_label("Map", exact=True).select_option("total")
    page.get_by_label("Which feature map").select_option("chosen")
    expect(page.locator(".zf-map-legend")).to_contain_text("features.7 : 42")
    assert sliding.value("len(steps)") == 0
    assert lab.problems == []


def test_a_pass_stops_keeps_what_there_is_and_goes_on(lab, sliding) -> None:
    page = sliding.page
    progress = page.locator(".zf-map-progress")
    page.get_by_label(re.compile("^Stride")).select_option("8")
    expect(progress).to_have_text(re.compile(r"784 positions · about .+ (device|probe)$"))
    page.get_by_role("button", name="Compute map").click()
    expect(page.locator(".zf-heat-left canvas")).to_be_visible()
    page.get_by_role("button", name="Stop").click()
    expect(progress).to_have_text(re.compile(r"^[0-9]+ / 784 · stopped$"))
    sliding.expect_settled()
    done = int(progress.text_content().split(" ")[0])
    assert 0 < done < 784
    # Another class of what there is, without going on.
    page.locator(".zf-class").nth(1).click()
    target = int(page.locator(".zf-class").nth(1).get_attribute("data-class"))
    name = sliding.value(f"engine.info.labels[{target}]").split(",")[0]
    expect(page.locator(".zf-map-legend")).to_contain_text(name)
    sliding.expect_settled()
    stopped = int(progress.text_content().split(" ")[0])
    assert done <= stopped < 784
    expect(page.get_by_role("button", name="Go on")).to_be_visible()
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    expect(progress).to_have_text("784 positions")
    sliding.expect_settled()
    sliding.execute(
        SPANS.replace("32, layer", "8, layer").replace("photo = ", f"target = {target}\nphoto = ")
    )
    assert differs(sliding, "shown('probability', target)") <= 4
    assert lab.problems == []


def test_a_shape_is_drawn_and_the_bars_are_of_that_shape(lab, sliding) -> None:
    page = sliding.page
    page.locator(".zf-fold-occluder summary").click()
    page.get_by_label("What the occluder shows in place of the photo").select_option("border")
    page.get_by_role("button", name="Draw a shape").click()
    stage = page.locator(".zf-stage")
    stage.scroll_into_view_if_needed()
    area = stage.bounding_box()

    def at(row: float, col: float) -> tuple[float, float]:
        """Of pixels of the photo on the page."""
        return area["x"] + col / 224 * area["width"], area["y"] + row / 224 * area["height"]

    # An L, in two strokes; a part of it is erased.
    for first, last in (((40, 50), (120, 50)), ((120, 50), (120, 140))):
        page.mouse.move(*at(*first))
        page.mouse.down()
        page.mouse.move(*at(*last), steps=12)
        page.mouse.up()
    page.get_by_role("button", name="Erase").click()
    page.mouse.move(*at(120, 95))
    page.mouse.down()
    page.mouse.up()
    rows, columns = np.mgrid[:224, :224] + 0.5
    near = lambda y, x: np.hypot(rows - y, columns - x) <= 8  # noqa: E731 -- the brush
    drawn = (near(rows.clip(40, 120), 50) | near(120, columns.clip(50, 140))) & ~near(120, 95)
    sliding.expect_value("explorer.state['occluder']['mask'] is not None", True)
    expect(page.locator(".zf-draw-said")).to_contain_text("of 256 cells")
    sliding.execute(
        "import numpy as np\nfrom zfwidgets.records import mask_pixels\n"
        "o = explorer.state['occluder']; covered = np.zeros((224, 224), np.uint8)\n"
        "covered[o['top']:o['top'] + o['height'], o['left']:o['left'] + o['width']] = "
        "mask_pixels(o['mask'], o['height'], o['width'])"
    )
    covered = sliding.kernel_pixels("covered").astype(bool)
    assert (covered & drawn).sum() / (covered | drawn).sum() > 0.8  # to half a cell
    box = page.locator(".zf-occluder").bounding_box()
    edges = [np.flatnonzero(covered.any(axis)) for axis in (1, 0)]
    assert abs((box["y"] - area["y"]) / area["height"] * 224 - edges[0][0]) <= 4
    assert abs(box["width"] / area["width"] * 224 - np.ptp(edges[1]) - 1) <= 8
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Draw a shape")).to_be_focused()
    page.get_by_role("button", name="Hold it here").click()
    page.locator(".zf-occluder").focus()
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    sliding.expect_value("len(explorer.state['occluder']['extra_boxes'])", 1)
    expect_place(sliding)
    sliding.expect_settled()
    code = """from zfwidgets.records import Box, Occluder
o = explorer.state["occluder"]
also = tuple(Box(**one) for one in o["extra_boxes"])
box = Box(o["top"], o["left"], o["height"], o["width"])
p = engine.predict(explorer.selection.photo, Occluder(box, o["baseline"], o["mask"], also))
print(json.dumps([o["baseline"], p.probabilities.tolist()]))"""
    baseline, probabilities = json.loads(sliding.execute(code))
    assert baseline == "border"
    for bar in page.locator(".zf-class").all():
        number = int(bar.get_attribute("data-class"))
        percent = float(re.sub("[%<>]", "", bar.text_content().split("→")[-1]))
        assert abs(percent - 100 * probabilities[number]) <= 0.51
    assert lab.problems == []


def test_clicked_places_keep_all_their_values(lab, sliding) -> None:
    page = sliding.page
    slide(sliding)
    sliding.execute(SPANS)
    page.locator(".zf-fold-pins summary").click()
    stage = page.locator(".zf-stage")
    stage.scroll_into_view_if_needed()
    box = stage.bounding_box()
    for row, col in ((1, 5), (6, 2)):
        y, x = (row + 0.4) * 32 / 224, (col + 0.6) * 32 / 224
        page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    table = page.locator(".zf-pin-table")
    expect(table.locator("thead th")).to_have_count(2 + 2)
    found = {
        line.get_attribute("data-map"): line.locator("td").all_text_contents()
        for line in table.locator("tbody tr").all()
    }
    cells = "[float(result.maps()[n][i, j]) for n in names]"
    code = f"print(json.dumps([{cells} for i, j in ((1, 5), (6, 2))]))"
    columns = json.loads(sliding.execute(f"names = {MAPS!r}\n{code}"))
    for pin, values in enumerate(columns):
        for name, value in zip(MAPS, values, strict=True):
            text = found[name][1 + pin]
            if name == "predicted":
                assert text == sliding.value(f"engine.info.labels[{int(value)}]").split(",")[0]
                continue
            read = float(re.sub("[ %<>]", "", text)) / (100 if "%" in text else 1)
            assert abs(read - value) <= 0.006 * max(1, abs(value)), (name, text, value)
    # The occluder went there, so that the bars are of the pinned place.
    place = "[explorer.state['occluder'][name] for name in ('top', 'left')]"
    sliding.expect_value(place, [6 * 32 + 16 - 24, 2 * 32 + 16 - 18])
    assert lab.problems == []


def test_two_maps_stand_beside_a_divider(lab, sliding) -> None:
    page = sliding.page
    slide(sliding)
    page.locator(".zf-fold-compare summary").click()
    page.get_by_role("button", name="Keep this map").click()
    page.locator(".zf-fold-occluder summary").click()
    page.get_by_label("What the occluder shows in place of the photo").select_option("blur")
    slide(sliding)
    expect(page.locator(".zf-map-legend")).to_have_count(2)
    expect(page.locator(".zf-map-legend").nth(1)).to_contain_text("right: grey (paper), 48×36 px")
    sliding.execute(SPANS)
    sliding.execute(
        """grey = result
blurred = engine.occlude(photo, (48, 36), 32, "blur", layer="features.7", progress=False)
both = np.stack([grey.probability(), blurred.probability()])
ends = {"low": 0.0, "high": max(float(both.max()), grey.clean_scores()["probability"])}"""
    )
    assert differs(sliding, "blurred.to_pil(**ends)") <= 4
    assert differs(sliding, "grey.to_pil(**ends)", ".zf-heat-right canvas") <= 4

    opacity = page.get_by_label("Opacity of the map")
    opacity.focus()
    page.keyboard.press("End")
    divider = page.get_by_role("slider", name="Divider between the two maps")
    divider.focus()
    for _ in range(10):
        page.keyboard.press("ArrowLeft")
    expect(divider).to_have_attribute("aria-valuenow", "30")
    sliding.execute("explorer.selection.occluder = None")
    expect(page.locator(".zf-occluder")).to_be_hidden()
    assert lab.problems == []


def test_covered_patches_are_the_engines_and_the_photo_shows_where_the_maximum_went(
    lab, sliding
) -> None:
    page = sliding.page
    page.get_by_role("button", name="Cover the patch").click()
    sliding.expect_settled()
    sliding.execute("covered = engine.cover_patches('features.7', 42)")
    rows = json.loads(sliding.value("covered.to_frame().to_json(orient='records')"))
    cells = page.locator(".zf-cell")
    for i, row in enumerate(rows):
        said = cells.nth(i).locator(".zf-cover [role=img]").get_attribute("aria-label")
        numbers = [float(n) for n in re.findall(r"-?[0-9]+(?:[.][0-9]+)?(?:e-?[0-9]+)?", said)]
        expected = [row["before"], row["after"], row["moved_value"], row["moved_row"]]
        expected += [row["moved_col"], 8, row["control_mean"], row["control_low"]]
        expected += [row["control_high"], 100 * row["control_overlap"]]
        assert len(numbers) == len(expected), said
        np.testing.assert_allclose(numbers, expected, rtol=0.01, atol=0.51, err_msg=said)
    photo = sliding.value("explorer.selection.photo")
    mine = next(row for row in rows if row["image"] == photo)
    stage = page.locator(".zf-stage").bounding_box()
    mark = page.locator(".zf-moved").bounding_box()
    box = sliding.value(
        f"next(c.moved.box.to_json() for c in covered if c.activation.image == {photo})"
    )
    assert abs((mark["x"] - stage["x"]) / stage["width"] - box["left"] / 224) < 0.01
    assert abs(mark["height"] / stage["height"] - box["height"] / 224) < 0.01
    expect(page.locator(".zf-photo .zf-note")).to_contain_text(
        f"row {mine['moved_row']}, column {mine['moved_col']}"
    )
    assert lab.problems == []


def test_files_hold_what_is_on_screen(lab, sliding) -> None:
    page = sliding.page
    slide(sliding)
    sliding.execute(SPANS)

    def saved(name: str) -> tuple[str, bytes]:
        page.get_by_role("button", name="Export the map").click()
        with page.expect_download() as download:
            page.get_by_role("button", name=re.compile(f"^{name}")).click()
        page.keyboard.press("Escape")
        return download.value.suggested_filename, download.value.path().read_bytes()

    name, content = saved("NumPy")
    assert name.endswith("-occlusion-probability.npy")
    values = np.load(io.BytesIO(content), allow_pickle=False)
    expected = np.array(sliding.value("result.probability().tolist()"), np.float32)
    assert values.dtype == np.float32
    np.testing.assert_allclose(values, expected, atol=1e-5)

    name, content = saved("Table")
    assert name.endswith("-occlusion.csv")
    table = pandas.read_csv(io.BytesIO(content))
    ours = pandas.read_json(
        io.StringIO(sliding.value("result.to_frame().to_json(orient='table')")), orient="table"
    )
    assert list(table.columns) == list(ours.columns)
    for column in table.columns:
        if column == "label":
            assert list(table[column]) == list(ours[column])
        else:
            scale = max(1.0, float(ours[column].abs().max()))
            np.testing.assert_allclose(table[column], ours[column], atol=2e-5 * scale, rtol=1e-5)

    name, content = saved("PNG")
    assert name.endswith("-occlusion-probability.png")
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))
    box = page.locator(".zf-stage").bounding_box()
    assert picture.shape[0] > box["height"] + 40  # the legend
    # The middle of each cell: the photo's pixel with the map's over it, as CSS blends them.
    heat = sliding.canvas_pixels(page.locator(".zf-heat-left canvas")).astype(float)
    photo = sliding.canvas_pixels(page.locator(".zf-photo-picture")).astype(float)
    side = box["width"] / 7
    for row in range(7):
        for col in range(7):
            y, x = int((row + 0.5) * side), int((col + 0.5) * side)
            near = photo[row * 32 + 13 : row * 32 + 20, col * 32 + 13 : col * 32 + 20]
            blended = 0.4 * near.reshape(-1, 3) + 0.6 * heat[row, col]
            found = picture[12 + y, 12 + x]
            assert (found >= blended.min(axis=0) - 8).all(), (row, col)
            assert (found <= blended.max(axis=0) + 8).all(), (row, col)
    assert lab.problems == []


NO_CLASSES = """import torch
import zfwidgets as zf
from torchvision.transforms import v2
torch.manual_seed(4)
net = torch.nn.Sequential(
    torch.nn.Conv2d(3, 5, 5, 2), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Conv2d(5, 7, 3))
seen = v2.Compose([v2.ToImage(), v2.Resize((96, 128)), v2.ToDtype(torch.float32, scale=True)])
engine = zf.Engine(net, zf.samples.photos(), transform=seen, cache=False)
explorer = zf.Explorer(
    engine, layer="3", channel=1, stride=16, patch=(24, 32), colours="viridis")"""


def test_a_model_without_class_scores_has_maps_of_activations(lab) -> None:
    notebook = lab.show([NO_CLASSES, "explorer"])
    page = notebook.page
    expect(page.locator(".zf-map-progress")).to_have_text("48 positions")
    notebook.expect_settled()
    why = notebook.value("engine.info.no_classes")
    for panel in ("photo", "classes"):
        expect(page.locator(f".zf-{panel} .zf-note")).to_contain_text(why)
    expect(page.locator(".zf-error:visible")).to_have_count(0)
    notebook.execute(
        """photo = explorer.selection.photo
result = engine.occlude(photo, (24, 32), 16, layer="3", progress=False)
f = result.features
values = [float(v) for v in result.feature_map().ravel()] + [float(f.clean_totals.max())]
ends = {"low": min(values), "high": max(values)}"""
    )
    assert differs(notebook, "result.to_pil('total', **ends)") <= 4
    assert lab.problems == []


def test_the_value_under_the_hand_is_the_engines(lab, sliding) -> None:
    page = sliding.page
    page.get_by_label("Map", exact=True).select_option("total")
    page.locator(".zf-occluder").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowUp")
    sliding.expect_settled()
    expect_place(sliding)
    code = """from zfwidgets.records import Box, Occluder
o = explorer.state["occluder"]
one = Occluder(Box(o["top"], o["left"], o["height"], o["width"]), o["baseline"])
found = engine.respond(explorer.selection.photo, one, "features.7")
best = found.strongest_channel
print(json.dumps([best, float(found.totals[0, 0, best]), float(found.clean_totals[best])]))"""
    channel, now, clean = json.loads(sliding.execute(code))
    text = page.locator(".zf-now").text_content()
    numbers = [float(n) for n in re.findall(r"[0-9.]+(?:e[0-9]+)?", text)]
    np.testing.assert_allclose(numbers, [now, channel, clean], rtol=0.006)
    assert lab.problems == []
