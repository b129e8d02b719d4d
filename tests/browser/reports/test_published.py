"""Executed and published notebooks: what somebody sees who has no kernel."""

from __future__ import annotations

import base64
import copy
import io
import re
from collections.abc import Iterator
from pathlib import Path

import bleach
import nbformat
import pytest
from nbclient import NotebookClient
from nbconvert.exporters.html import HTMLExporter
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser import cdn
from tests.waiting import PROGRAM
from zfwidgets.widgets.static_picture.page import MARK

CELLS = (
    "import zfwidgets as zf\n"
    "engine = zf.Engine(zf.samples.network(), zf.samples.photos()[:12], cache=False)\n"
    "explorer = zf.Explorer(engine, layer='features.3.squeeze', channel=5, auto=False)\n"
    "explorer",
    "explorer.channel = 6",
)
PICTURE = ".jp-RenderedImage img"  # nbconvert leaves a JPEG's description out


@pytest.fixture(scope="module")
def executed() -> nbformat.NotebookNode:
    """A notebook as a program runs it, with widget state."""
    cells = [nbformat.v4.new_code_cell(cell) for cell in CELLS]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    NotebookClient(notebook, timeout=PROGRAM).execute()
    described = str([out.get("metadata") for out in notebook.cells[0].outputs])
    assert "zfwidgets Explorer: layer features.3.squeeze, channel 6" in described
    return notebook


QUICKSTART = {  # a few of its photos, since an index of all takes long
    "zf.samples.photos()": "zf.samples.photos()[30:54]",
}
SNAPSHOTS = """
import base64
from zfwidgets.widgets.static_picture import to_jpeg
for one in (explorer, picker, grid, occlusion):
    print(base64.b64encode(to_jpeg(one.snapshot())).decode())
"""


@pytest.fixture(scope="module")
def quickstart(root: Path) -> nbformat.NotebookNode:
    """The quickstart as it is run for a site; its last cell prints the pictures of all views."""
    notebook = nbformat.read(root / "examples" / "quickstart.ipynb", as_version=4)
    for cell in notebook.cells:
        for written, instead in QUICKSTART.items():
            cell.source = cell.source.replace(written, instead)
    notebook.cells.append(nbformat.v4.new_code_cell(SNAPSHOTS))
    NotebookClient(notebook, timeout=PROGRAM).execute()
    return notebook


class Site:
    """Opens the page that nbconvert makes by default; what it loads from a CDN comes from here."""

    def __init__(self, root: Path, browser: Browser, folder: Path) -> None:
        self._path = folder / "page.html"
        self.page = browser.new_page(viewport={"width": 1400, "height": 1000})
        cdn.serve(self.page, root)

    def open(self, notebook: nbformat.NotebookNode) -> Page:
        html, _ = HTMLExporter(embed_images=True).from_notebook_node(notebook)
        self._path.write_text(html, "utf-8")
        self.page.goto(self._path.as_uri())
        return self.page


@pytest.fixture
def site(root: Path, browser: Browser, tmp_path: Path) -> Iterator[Site]:
    site = Site(root, browser, tmp_path)
    yield site
    site.page.close()


def colours(picture: Locator) -> int:
    """How many a picture has where a browser shows it."""
    found: int = picture.evaluate(
        """async (image) => {
          await image.decode();
          const canvas = new OffscreenCanvas(image.naturalWidth, image.naturalHeight);
          const context = canvas.getContext("2d");
          context.drawImage(image, 0, 0);
          const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
          return new Set(new Uint32Array(pixels.buffer)).size;
        }"""
    )
    return found


PHOTOS = 10_000
"""Colours of a picture with photos in it, not empty places, at least."""


def test_a_dead_view_makes_way_for_the_picture_of_the_last_view(
    site: Site, executed: nbformat.NotebookNode
) -> None:
    page = site.open(executed)
    root = page.locator(".zf-root.zf-explorer")
    expect(root).to_have_attribute("data-zf-kernel", "unknown")  # an HTML manager shows the widget
    expect(root).to_be_hidden()
    picture = page.locator(PICTURE)
    expect(picture).to_be_visible()
    assert colours(picture) > PHOTOS


def test_the_quickstart_shows_each_view_once_and_whole(
    site: Site, quickstart: nbformat.NotebookNode
) -> None:
    outputs = [output for cell in quickstart.cells for output in cell.get("outputs", ())]
    ours = [out for out in outputs if "zfwidgets" in out.get("metadata", {})]
    named = [out.data["text/plain"].split(":")[0].split()[1] for out in ours]
    assert named == ["Explorer", "LayerPicker", "PatchGrid", "OcclusionMap"]
    snapshots = "".join(output.text for output in quickstart.cells[-1].outputs).split()
    assert [out.data["image/jpeg"].strip() for out in ours] == snapshots  # which wait for all
    page = site.open(quickstart)
    roots = page.locator(".zf-root")
    expect(roots).to_have_count(4)
    for root in roots.all():
        expect(root).to_have_attribute("data-zf-kernel", "unknown")
        expect(root).to_be_hidden()
    pictures = page.locator(f"{PICTURE}[src^='data:image/jpeg']")
    expect(pictures).to_have_count(4)
    for picture in pictures.all():
        expect(picture).to_be_visible()
        assert colours(picture) > 1000


TAGS = {"a", "code", "div", "h1", "img", "main", "p", "pre", "span", "table", "tbody", "td", "tr"}
ATTRIBUTES = {"a": ["href"], "img": ["src", "alt", "width", "height"]}


@pytest.mark.parametrize("template", ["lab", "classic", "basic"])
def test_where_scripts_and_styles_are_taken_away_the_picture_stays(
    template: str, executed: nbformat.NotebookNode, browser: Browser
) -> None:
    """GitHub, mail and viewers show outputs' pictures and texts, and of tags what harms nobody."""
    notebook = copy.deepcopy(executed)
    del notebook.metadata["widgets"]
    html, _ = HTMLExporter(template_name=template).from_notebook_node(notebook)
    body = re.sub(r"(?s)<(script|style|title).*?</\1>", "", html)
    body = bleach.clean(body, TAGS, ATTRIBUTES, ["data", "https"], strip=True)
    assert not re.search(r"<[^>]* (class|style|data-\w+)=", body)
    context = browser.new_context(java_script_enabled=False, offline=True)
    page = context.new_page()
    page.set_content(body)
    picture = page.locator("img")
    expect(picture).to_have_count(1)
    expect(picture).to_be_visible()
    assert colours(picture) > PHOTOS
    context.close()


def test_a_printed_page_has_the_picture(site: Site, executed: nbformat.NotebookNode) -> None:
    """As nbconvert's webpdf prints it, by a Chromium of its own."""
    page = site.open(executed)
    expect(page.locator(".zf-root")).to_be_hidden()
    (shown,) = [out.data for out in executed.cells[0].outputs if "image/jpeg" in out.data]
    pdf = page.pdf()
    assert pdf.count(base64.b64decode(shown["image/jpeg"])) == 1
    assert pdf.count(b"/Subtype /Image") == 1


def output(kind: str, content: str) -> str:
    return f'<div class="{kind}">{content}</div>'


def data_url(comment: bytes, kind: str = "JPEG") -> str:
    file = io.BytesIO()
    Image.new("RGB", (9, 7), (200, 30, 90)).save(file, kind, comment=comment)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(file.getvalue()).decode()}"


OURS, CHART = data_url(MARK), data_url(b"", "PNG")
PHOTO = data_url(b"")
"""A static picture of ours, and what a user's own cell shows beside a widget."""
LAB = ("jp-OutputArea-child", '<div class="jp-RenderedImage"><img src="{src}"></div>')
CLASSIC = ("output_area", '<div class="output_subarea output_jpeg"><img src="{src}"></div>')
COLAB = ("display_data", '<div class="output_subarea output_image"><img alt="{alt}"></div>')
CODE = ("output_container", '<div class="output"><img alt="{alt}"></div>')
HOSTS = {
    "lab": LAB,
    "classic": CLASSIC,
    "colab": COLAB,
    "code": CODE,
}


class Styled:
    """A page with our style sheet; one for all tests of it."""

    def __init__(self, page: Page, styles: str) -> None:
        self._page, self._styles = page, styles

    def shown(self, cells: str) -> dict[str, bool]:
        """Which of the elements with an id can be seen."""
        sized = "img { width: 9px; height: 9px }"
        self._page.set_content(f"<style>{self._styles} {sized}</style>{cells}")
        marked = self._page.locator("[id]").evaluate_all("all => all.map(one => one.id)")
        return {name: self._page.locator(f"#{name}").is_visible() for name in marked}


@pytest.fixture(scope="module")
def styled(root: Path, browser: Browser) -> Iterator[Styled]:
    page = browser.new_page()
    yield Styled(page, (root / "js" / "src" / "styles" / "common" / "base.css").read_text("utf-8"))
    page.close()


def view(state: str, name: str = "view") -> str:
    return f'<div class="zf-root" data-zf-kernel="{state}"><p id="{name}">view</p></div>'


@pytest.mark.parametrize(("kind", "image"), HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize(
    ("state", "view_stays", "picture_stays"),
    [("answers", True, False), ("unknown", False, True), ("silent", True, True)],
)
def test_one_of_the_two_is_shown(
    kind: str,
    image: str,
    state: str,
    view_stays: bool,
    picture_stays: bool,
    styled: Styled,
) -> None:
    """As JupyterLab, nbclassic, Colab and VS Code nest outputs (by their sources)."""
    alt = {"alt": "zfwidgets Explorer: layer a", "src": OURS}
    picture = output(kind, image.format(**alt).replace("<img", '<img id="picture"'))
    other = image.format(alt="a chart", src=CHART).replace("<img", '<img id="other"')
    cells = output("cell", output(kind, view(state)) + picture) + output(
        "cell", output(kind, other)
    )
    shown = styled.shown(cells)
    assert shown == {"view": view_stays, "picture": picture_stays, "other": True}


@pytest.mark.parametrize(("kind", "image"), HOSTS.values(), ids=HOSTS)
@pytest.mark.parametrize("state", ["answers", "unknown", "silent"])
@pytest.mark.parametrize("src", [CHART, PHOTO], ids=["chart", "photo"])
def test_a_users_chart_after_a_box_hides_nothing_and_stays(
    kind: str, image: str, state: str, src: str, styled: Styled
) -> None:
    """Where somebody looks a box has no picture of its own: what follows is the user's."""
    chart = output(kind, image.format(alt="a chart", src=src).replace("<img", '<img id="chart"'))
    shown = styled.shown(output("cell", output(kind, view(state)) + chart))
    assert shown == {"view": True, "chart": True}


@pytest.mark.parametrize(("kind", "image"), HOSTS.values(), ids=HOSTS)
def test_the_pictures_of_two_boxes_stand_for_both(kind: str, image: str, styled: Styled) -> None:
    """A program's cell shows the boxes, then the pictures of all that is in them."""
    picture = image.format(alt="zfwidgets PatchGrid: photo a", src=OURS)
    boxes = output(kind, view("unknown", "first")) + output(kind, view("unknown", "second"))
    pictures = "".join(
        output(kind, picture.replace("<img", f'<img id="{name}"')) for name in ("one", "two")
    )
    shown = styled.shown(output("cell", boxes + pictures))
    assert shown == {"first": False, "second": False, "one": True, "two": True}


IN_FILES = '<img src="made/cell-2-output-2.{ext}" alt="">'
QUARTO = '<div class="cell-output cell-output-display">{one}</div>'
NBSPHINX = (
    '<div class="nboutput docutils container"><div class="prompt empty docutils container"></div>'
    '<div class="output_area rendered_html docutils container">{one}</div></div>'
)


def docs_cell(kind: str, parts: list[str]) -> str:
    """A cell on a page that Quarto, nbsphinx or MyST-NB (Jupyter Book) writes, by their sources."""
    if kind == "myst-nb":  # outputs aren't wrapped; the HTML manager wraps the view
        parts = [f'<div class="widget-subarea">{parts[0]}</div>', *parts[1:]]
        return f'<div class="cell"><div class="cell_output">{"".join(parts)}</div></div>'
    wrap = QUARTO if kind == "quarto" else NBSPHINX
    return f'<div class="cell">{"".join(wrap.format(one=part) for part in parts)}</div>'


@pytest.mark.parametrize("kind", ["quarto", "nbsphinx", "myst-nb"])
@pytest.mark.parametrize("ext", ["jpeg", "jpg", "png"])
def test_docs_sites_that_put_pictures_into_files(kind: str, ext: str, styled: Styled) -> None:
    """There neither words nor bytes say whose a picture is: ours are JPEG, plotted charts PNG."""
    picture = IN_FILES.format(ext=ext).replace("<img", '<img id="picture"')
    shown = styled.shown(docs_cell(kind, [view("unknown"), picture]))
    assert shown == {"view": ext == "png", "picture": True}


@pytest.mark.parametrize("kind", ["quarto", "nbsphinx", "myst-nb"])
def test_docs_sites_whose_pictures_are_in_the_page(kind: str, styled: Styled) -> None:
    for src, stays in ((OURS, False), (PHOTO, True)):
        picture = f'<img id="picture" src="{src}" alt="">'
        shown = styled.shown(docs_cell(kind, [view("unknown"), picture]))
        assert shown == {"view": stays, "picture": True}
