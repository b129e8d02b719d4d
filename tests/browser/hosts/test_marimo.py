"""In marimo's real page: experiments and lessons live, and cells follow what is chosen."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

import zfwidgets as zf
from tests.browser.conftest import Notebook
from tests.browser.hosts.pixels import patch, shown
from tests.browser.hosts.serving import ENGINE, Open, choose, marimo_apps
from zfwidgets.experiments import quiz_questions, recorded
from zfwidgets.experiments.shared.picture_wall import enlarged

pytest.importorskip("marimo", reason="marimo isn't installed: pip install marimo")

Show = Callable[..., None]
EVOLUTION = "from zfwidgets.experiments import recorded\nzf.Evolution(recorded('evolution'))"
MO = "import marimo as mo"
CELL = "@app.cell\ndef _():\n{code}\n    return\n"


def write(app: Path, *cells: str) -> Path:
    text = "\n\n".join(CELL.format(code=textwrap.indent(one, "    ")) for one in cells)
    app.write_text(f"import marimo\n\napp = marimo.App(width='full')\n\n\n{text}\n")
    return app


@pytest.fixture(scope="module")
def served(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[Path, Callable[[str], Open]]]:
    """A folder for apps, and what opens them: each test's own."""
    folder = tmp_path_factory.mktemp("marimo")
    with marimo_apps(folder) as of:
        yield folder / "apps", of


@pytest.fixture
def show(page: Page, served: tuple[Path, Callable[[str], Open]]) -> Iterator[Show]:
    """Open an app with an engine and these cells; nothing in the page may fail."""
    errors: list[str] = []
    folder, of = served

    def open_app(*cells: str) -> None:
        app = write(folder / f"app_{len([*folder.iterdir()])}.py", MO, ENGINE, *cells)
        of(app.stem)(page)
        page.on("pageerror", lambda error: errors.append(str(error)))

    yield open_app
    assert errors == []


def shot(page: Page, name: str) -> None:
    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        page.screenshot(path=Path(folder) / f"marimo-{name}.png", full_page=True)


def settled(root: Locator) -> None:
    """All views in it have what they asked for."""
    views = root.locator(".zf-root")
    expect(views).not_to_have_count(0)
    for view in views.all():
        expect(view).to_have_attribute("data-zf-settled", "true")


def test_a_quiz_is_played(show: Show, page: Page, engine: zf.Engine) -> None:
    show("quiz = zf.Quiz(engine, 'features.7', questions=2, seed=2)\nquiz")
    questions = quiz_questions(engine, "features.7", questions=2, seed=2)
    root = page.locator(".zf-quiz-box")
    board = root.locator(".zf-quiz-board")
    choices = board.locator(".zf-quiz-choice")
    expect(board.locator(".zf-tools")).to_have_text("question 1 of 2")
    settled(root)
    for place, side in enumerate((questions[0].left, questions[0].right)):
        found = Notebook.canvas_pixels(choices.nth(place).locator("canvas"))
        np.testing.assert_array_equal(found, engine.photo(side.image))
    shot(page, "quiz")
    choices.nth(["left", "right"].index(questions[0].correct)).click()
    expect(board.locator(".zf-quiz-text")).to_contain_text("Right: ")
    board.get_by_role("button", name="Next").click()
    expect(board.locator(".zf-tools")).to_have_text("question 2 of 2")
    # A button, a bar and a line of text of ipywidgets: the kernel makes new questions.
    root.get_by_role("button", name="New questions").click()
    expect(board.locator(".zf-tools")).to_have_text("question 1 of 2")
    expect(root.locator(".zf-running .widget-html")).to_have_text("2 questions")


def test_a_cell_that_runs_again_shows_its_new_experiment(show: Show, page: Page) -> None:
    show(
        "layer = mo.ui.dropdown(['features.4', 'features.7'], 'features.7')\nlayer",
        "zf.Quiz(engine, layer.value, questions=1)",
    )
    board = page.locator(".zf-quiz-board")
    expect(board.locator("h3")).to_contain_text("features.7 : ")
    settled(page.locator(".zf-quiz-box"))
    page.locator("select").first.select_option("features.4")
    expect(board.locator("h3")).to_contain_text("features.4 : ")
    settled(page.locator(".zf-quiz-box"))
    board.locator(".zf-quiz-choice").first.click()
    expect(board.locator(".zf-quiz-text")).to_contain_text("the channel reaches")
    page.get_by_role("button", name="New questions").click()
    expect(board.locator(".zf-quiz-text")).to_contain_text("Click the photo")
    expect(board.locator(".zf-error:visible")).to_have_count(0)


def test_the_evolution_of_maps_is_gone_through(show: Show, page: Page) -> None:
    show(EVOLUTION)
    record = recorded("evolution").result
    count = len(record.moments)
    root = page.locator(".zf-evolution")
    maps, film = root.locator(".zf-wall").nth(0), root.locator(".zf-wall").nth(1)

    def shows(at: int) -> None:
        expect(root).to_contain_text(f"step {record.moments[at].step}, ")
        expect(root).to_contain_text(f"({at + 1} of {count})")
        expect(maps).to_have_attribute("data-zf-settled", "true")
        fired = [feature.value > 0 for feature in record.moments[at].strongest]
        number = int(np.flatnonzero(fired)[-1])
        feature = record.moments[at].strongest[number]
        cell = maps.get_by_role("option").nth(number)
        expect(cell).to_contain_text(f"{feature.value:.3g} ")
        expected = enlarged(feature.shown())
        np.testing.assert_array_equal(Notebook.canvas_pixels(cell.locator("canvas")), expected)

    shows(count - 1)
    shot(page, "evolution")
    slider = root.get_by_role("slider", name="moment")
    slider.press("ArrowLeft")
    shows(count - 2)
    film.get_by_role("option").nth(1).click()
    shows(1)
    expect(slider).to_have_js_property("value", "1")
    root.get_by_role("button", name="Play").click()  # the page moves what the page has linked
    expect(slider).to_have_js_property("value", str(count - 1))
    shows(count - 1)
    expect(root.get_by_role("button", name="Play")).to_be_visible()  # and not Pause
    curve = root.locator(".zf-chart").first
    curve.locator(".zf-chart-line .zf-chart-spot").nth(2).click()
    shows(2)
    root.get_by_role("combobox", name="maps of").select_option(record.layers[1])
    of_layer = [unit for unit in record.units if unit[0] == record.layers[1]]
    expect(maps.get_by_role("option")).to_have_count(len(of_layer))


EXPERIMENTS = (
    """
small = zf.Engine(zf.models.zfnet_small(size=(48, 64)), zf.samples.textures(12, (48, 64)),
                  zf.models.transform((48, 64)), cache=False)
boxes = {"nose": {"kitten": (131, 107, 22, 30)}}
""",
    *(
        f"zf.{name}(zf.experiments.recorded({name.lower()!r}))"
        for name in ("Transfer", "Ablation", "Diagnosis", "Invariance")
    ),
    (
        "zf.Correspondence(engine, ['kitten', 'calf', 'gorilla'], ['nose'], draws=1, boxes=boxes, "
        "layers=['features.5'])"
    ),
    "zf.Lesion(small, layer='norm1')",
    "zf.SanityCheck(engine, ('features.3', 10))",
)


def test_every_other_experiment_is_used(show: Show, page: Page, engine: zf.Engine) -> None:
    """Each by what it has of buttons, menus, sliders, charts and pictures."""
    show(*EXPERIMENTS)

    root = page.locator(".zf-transfer")
    record, walls = recorded("transfer").result, recorded("transfer").walls
    charts, wall = root.locator(".zf-chart"), root.locator(".zf-wall")
    expect(charts).to_have_count(3)
    farthest = int(np.argmax(record.bias.distance))
    for number in (0, farthest):
        name = record.bias.classes[number]
        if number == farthest:
            charts.nth(2).get_by_role("button", name=name).click()
        else:
            root.get_by_role("combobox").select_option(name)
        expect(root.get_by_role("combobox")).to_have_value(name)
        expect(wall).to_contain_text(name)
        settled(root)
        pictures = walls[f"class {number}"].pictures
        found = Notebook.canvas_pixels(wall.locator("canvas").nth(1))
        np.testing.assert_array_equal(found, enlarged(pictures[1]))
    shot(page, "transfer")

    root = page.locator(".zf-ablation-study")
    rows = root.locator(".zf-table tbody tr")
    variant = recorded("ablation").result.rows[1].name
    root.get_by_role("button", name=f"{variant}, validation error").click()
    expect(rows.nth(1)).to_contain_text(f"\u25b8 {variant}")
    root.get_by_role("combobox", name="variant").select_option(index=1)
    expect(rows.nth(0)).to_contain_text("\u25b8")

    root = page.locator(".zf-diagnosis")
    filters = root.locator(".zf-wall").nth(2)
    settled(root)
    found = Notebook.canvas_pixels(filters.locator("canvas").nth(5))
    expected = recorded("diagnosis").result[1].filter_pictures()[5]
    factor = found.shape[0] // expected.shape[0]
    np.testing.assert_array_equal(found, expected.repeat(factor, 0).repeat(factor, 1))
    filters.get_by_role("option").nth(3).click()
    expect(root).to_contain_text("Filter 3: RMS")
    root.get_by_role("combobox").select_option("near-duplicates")
    expect(root.locator(".zf-chart")).to_contain_text("conv5")

    root = page.locator(".zf-invariance")
    root.get_by_role("combobox").first.select_option("rotation")
    expect(root.locator(".zf-wall")).to_contain_text("rotation ")
    slider = root.get_by_role("slider")
    slider.press("Home")
    slider.press("ArrowRight")
    value = recorded("invariance").result["rotation"].values[1]
    expect(root.locator(".zf-wall")).to_contain_text(f"rotation {value:g} ")
    settled(root)

    root = page.locator(".zf-correspondence")
    expect(root).to_contain_text("still to mark: nose in 2 photos")
    for photo in ("calf", "gorilla"):
        root.get_by_role("button", name=f"Mark nose in {photo}").click()
        root.locator(".zf-mark:focus").press("ArrowLeft")
    expect(root).to_contain_text("done: 1 part, 1 random mask of each size")
    expect(root.locator(".widget-html table tr")).to_have_count(3)
    expect(root.locator(".zf-chart-spot .zf-chart-bar")).to_have_count(2)
    shot(page, "correspondence")

    root = page.locator(".zf-ablation")
    cell = root.locator(".zf-wall").first.get_by_role("option").nth(5)
    cell.click()
    expect(cell).to_contain_text("5 off")
    root.get_by_role("button", name="Layer off").click()
    expect(root).to_contain_text("norm1 off")

    root = page.locator(".zf-sanity")
    expect(root).to_contain_text("done: 3 modules")
    root.locator(".zf-chart-line .zf-chart-spot").nth(1).click()
    expect(root.locator(".zf-step h3")).to_have_text("1: features.3.expand1x1")
    settled(root)


def test_an_exported_page_has_the_picture(tmp_path: Path) -> None:
    """It has no kernel, which pictures in a view come from."""
    app = write(tmp_path / "app.py", "import zfwidgets as zf", EVOLUTION)
    command = [sys.executable, "-m", "marimo", "export", "html", str(app), "-o", "out.html"]
    root = str(Path(__file__).parents[3])
    subprocess.run(command, cwd=tmp_path, env={**os.environ, "PYTHONPATH": root}, check=True)
    page = (tmp_path / "out.html").read_text("utf-8")
    assert "zfwidgets Evolution: ZFNet: 30 feature maps" in page
    assert "<marimo-anywidget" not in page


def test_a_pupil_answers_a_worksheet(show: Show, page: Page) -> None:
    show("sheet = zf.lessons.seeing(zf.Explorer(engine))\nsheet")
    box = page.locator(".zf-lesson-box")
    expect(box.locator(".zf-question [data-phase=asked]")).to_have_count(5)
    settled(box)
    shot(page, "worksheet")
    question = box.locator(".zf-question").first
    question.get_by_role("radio").first.check()
    question.get_by_role("button", name="Check my answer").click()
    expect(question.locator(".zf-lesson-verdict")).not_to_be_empty()
    foot = box.locator(".zf-worksheet-board").last
    expect(foot).to_contain_text("4 to go.")
    foot.get_by_role("button", name="Start again").click()
    expect(foot).to_contain_text("Really start again?")
    foot.get_by_role("button", name="Start again").click()
    expect(foot).to_contain_text("none answered yet")


def test_an_element_of_marimos_around_an_experiment_is_the_same(show: Show, page: Page) -> None:
    show(
        "map_ = mo.ui.anywidget(zf.StrongestMap(engine, 'alpaca', others=2))\nmap_",
        "map_.settle()\nmo.md(f'{map_.result.layer}, running: {map_.running}')",
    )
    root = page.locator(".zf-strongest-map")
    expect(page.locator("body")).to_contain_text("features.12, running: False")
    expect(root.locator(".zf-running .widget-html")).to_have_text("done")
    expect(root).to_contain_text("is the strongest map of alpaca")
    settled(root)
    shot(page, "strongest")
    root.get_by_role("combobox", name="photo").select_option("heron")
    expect(root).to_contain_text("is the strongest map of heron")


def test_cells_follow_the_photo_and_the_class(show: Show, page: Page, engine: zf.Engine) -> None:
    show(
        "explorer = mo.ui.anywidget(zf.Explorer(engine, photo=0, auto=False))\nexplorer",
        "mo.md(f'photo {explorer.photo}, class {explorer.target}.')",
    )
    body = page.locator("body")
    expect(body).to_contain_text("photo 0, class None.")
    page.locator('.zf-thumb[data-image="3"]').click()
    expect(body).to_contain_text("photo 3, class None.")
    settled(body)
    canvas = page.locator(".zf-stage canvas").first
    np.testing.assert_array_equal(Notebook.canvas_pixels(canvas), engine.photo(3))
    second = int(np.argsort(-engine.predict(3).probabilities, kind="stable")[1])
    page.locator(f'.zf-class[data-class="{second}"]').click()
    expect(body).to_contain_text(f"photo 3, class {second}.")


def test_the_explorers_parts_share_a_selection(show: Show, page: Page, engine: zf.Engine) -> None:
    show(
        "picker = zf.LayerPicker(engine, layer='features.7', channel=42)\n"
        "grid = zf.PatchGrid(engine, selection=picker.selection)\n"
        "covered = mo.ui.anywidget(\n"
        "    zf.OcclusionMap(engine, selection=picker.selection, photo=5, auto=False))\n"
        "import ipywidgets\n"
        "mo.vstack([picker, ipywidgets.VBox([ipywidgets.HBox([grid])]), covered])",
        "mo.md(f'{covered.layer}, {covered.channel}, {covered.photo}.')",
    )
    body, grid = page.locator("body"), page.locator(".zf-grid")
    expect(page.locator(".zf-picker")).to_be_visible()
    expect(grid).to_be_visible()  # though in boxes of ipywidgets, which marimo shows none of
    settled(body)
    np.testing.assert_array_equal(shown(grid, 0), patch(engine, "features.7", 42, 0))
    canvas = page.locator(".zf-occlusion .zf-stage canvas").first
    np.testing.assert_array_equal(Notebook.canvas_pixels(canvas), engine.photo(5))
    choose(page, "features.4", 3)
    expect(body).to_contain_text("features.4, 3, 5.")
    settled(body)
    np.testing.assert_array_equal(shown(grid, 1), patch(engine, "features.4", 3, 1))


def test_two_networks_are_compared(show: Show, page: Page, engine: zf.Engine) -> None:
    show(
        "other = zf.Engine(zf.samples.network(), zf.samples.photos()[20:], cache=False)\n"
        "compare = zf.Compare(engine, other, layer='features.4', channel=3, auto=False)\ncompare",
    )
    root = page.locator(".zf-compare")
    expect(root.locator(".zf-cell canvas")).not_to_have_count(0)
    settled(page.locator("body"))
    panels = root.locator(".zf-compare-cell").filter(has=page.locator(".zf-patches"))
    np.testing.assert_array_equal(shown(panels.nth(0), 1), patch(engine, "features.4", 3, 1))
    photos = zf.samples.photos()[20:]
    other = zf.Engine(zf.samples.network(), photos, cache=False)
    np.testing.assert_array_equal(shown(panels.nth(1), 1), patch(other, "features.4", 3, 1))
    panels.nth(1).locator(".zf-patch").nth(1).click()  # and both look at its photo
    photo = other.top("features.4", 3)[1].image
    stage = root.locator(".zf-stage").nth(0)
    name = other.info.images[photo]
    expect(stage).to_have_attribute("data-photo", str(engine.info.images.index(name)))
