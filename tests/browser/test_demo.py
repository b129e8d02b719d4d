"""The demo's headless side: what it writes is what JupyterLab shows."""

from __future__ import annotations

import subprocess
import sys

import nbformat
import pytest
from PIL import Image

from tests.waiting import PROGRAM
from zfwidgets import demo
from zfwidgets.demo import browser, notebooks

EXPLORER = """
import ipywidgets
ipywidgets.HTML('<div class="zf-explorer" data-zf-settled="{settled}"'
                ' style="width: 300px; height: 200px; background: rgb(10, 200, 30)"></div>')
"""


@pytest.fixture
def quickstart(tmp_path, monkeypatch):
    """Put a small notebook in place of the quickstart."""
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path)
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "data"))

    def write(*cells: str) -> None:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        nbformat.write(notebook, tmp_path / demo.NAME)

    return write


# Not in this process: playwright's synchronous interface, which the fixtures of other tests use,
# can't be started twice in one thread.
def picture(folder):
    code = f"""
import sys
from pathlib import Path
from zfwidgets.demo import notebooks
notebooks.PACKAGE = Path({str(notebooks.PACKAGE)!r})
from zfwidgets.cli import main
sys.exit(main(["demo", "--no-serve", "--dir", {str(folder)!r}]))
"""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PROGRAM
    )


def test_writes_the_executed_notebook_and_a_picture(quickstart, tmp_path):
    # 60 cells before it: the Explorer is out of sight when the page opens.
    quickstart(*["print('before')"] * 60, EXPLORER.format(settled="true"))
    result = picture(tmp_path / "out")
    assert result.returncode == 0, result.stdout + result.stderr
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "explorer.png",
        "quickstart.executed.ipynb",
    ]
    image = Image.open(tmp_path / "out" / "explorer.png").convert("RGB")
    # Two device pixels a CSS pixel; one more where the element starts within a pixel.
    assert 0 <= image.width - 600 <= 2
    assert 0 <= image.height - 400 <= 2
    assert {image.getpixel((x, y)) for x in (3, 300, 596) for y in (3, 200, 396)} == {(10, 200, 30)}

    executed = nbformat.read(tmp_path / "out" / "quickstart.executed.ipynb", as_version=4)
    assert [cell.execution_count for cell in executed.cells] == list(range(1, 62))
    view = "application/vnd.jupyter.widget-view+json"
    assert view in executed.cells[-1].outputs[0].data
    assert "widgets" not in executed.metadata


def test_what_does_not_settle_is_an_error_with_a_picture_of_the_page(
    quickstart, tmp_path, lab, monkeypatch
):
    name = lab.write_notebook([EXPLORER.format(settled="false")])
    code = (
        "import sys; from pathlib import Path; from zfwidgets.demo import browser\n"
        "url, image, chromium = sys.argv[1], Path(sys.argv[2]), browser.find_chromium()\n"
        "browser.SECONDS = 5\n"
        "try: browser.shoot(url, image, chromium=chromium, say=print)\n"
        "except browser.PageError as error: print(error)"
    )
    url = lab.server.url(f"lab/tree/{name}")
    result = subprocess.run(
        [sys.executable, "-c", code, url, str(tmp_path / "explorer.png")],
        capture_output=True,
        text=True,
        timeout=PROGRAM,
    )
    assert "The Explorer didn't settle within 5 s" in result.stdout, result.stdout + result.stderr
    assert browser.SETTLED in result.stdout
    assert (tmp_path / "failed.png").is_file()
    assert not (tmp_path / "explorer.png").exists()
