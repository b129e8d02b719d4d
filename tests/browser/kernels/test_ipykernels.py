"""With each ipykernel whose ways differ: what is asked while a cell runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from filelock import FileLock
from playwright.sync_api import expect

from tests.browser import as_shown
from tests.browser.conftest import Lab, Notebook
from tests.conftest import ROOT
from tests.kernels import SETUP
from tests.waiting import PROGRAM
from tests.widgets import numpy_engine
from zfwidgets.widgets.bundle import STATIC

VERSIONS = {"6.31.0": False, "7.3.0": True, "7.4.0": True}
"""Of ipykernel; and whether widgets are answered while a cell runs, with JupyterLab's subshells."""
KEPT = ROOT / "build" / "tests" / "ipykernel"
LAYER, CHANNEL = "conv2", 3
CELL = SETUP.format(root=str(ROOT), tests=str(ROOT / "tests" / "widgets"), static=str(STATIC))
EXPLORER = f"explorer = zf.Explorer(engine, layer={LAYER!r}, channel={CHANNEL})\nexplorer"


@pytest.fixture(scope="module")
def engine() -> numpy_engine.NumpyEngine:
    """The kernels' engine, once more in this process."""
    return numpy_engine.NumpyEngine().built()


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def notebook(version: str, lab: Lab) -> Notebook:
    """An Explorer in a kernel of this ipykernel."""
    folder = with_ipykernel(version)
    name = f"ipykernel-{version}"
    spec = {
        "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": name,
        "language": "python",
        "env": {"PYTHONPATH": os.pathsep.join(map(str, (folder, ROOT)))},
    }
    place = Path(os.environ["JUPYTER_DATA_DIR"]) / "kernels" / name  # of `lab_server`
    place.mkdir(parents=True, exist_ok=True)
    (place / "kernel.json").write_text(json.dumps(spec))
    # A page knows the kernels that there were when it was loaded.
    path = lab.write_notebook([CELL, EXPLORER], kernel=name)
    opened = lab.open(path, fresh_page=True)
    assert opened.execute("import ipykernel; print(ipykernel.__version__)").strip() == version
    opened.expect_settled()
    return opened


def with_ipykernel(version: str) -> Path:
    """A folder with this ipykernel alone, from wherever pip takes what it installs."""
    KEPT.mkdir(parents=True, exist_ok=True)
    folder = KEPT / version
    with FileLock(f"{folder}.lock"), TemporaryDirectory(dir=KEPT) as temporary:
        if not folder.exists():
            options = ("--quiet", "--no-deps", "--no-compile", "--retries=0", "--timeout=10")
            pip = [sys.executable, "-m", "pip", "install", *options, f"--target={temporary}/it"]
            got = subprocess.run(
                [*pip, f"ipykernel=={version}"], capture_output=True, text=True, timeout=PROGRAM
            )
            if got.returncode:
                pytest.skip(f"pip can't get ipykernel {version}: {got.stderr.strip()[-200:]}")
            Path(temporary, "it").rename(folder)
    return folder


def shows(notebook: Notebook, engine: numpy_engine.NumpyEngine, layer: str, channel: int) -> None:
    """The patches of a channel are on the page, to the pixel; its kernel isn't asked."""
    page = notebook.page
    expect(page.locator(".zf-patches h3")).to_contain_text(f"{layer} : {channel}")
    notebook.expect_settled()
    top = engine.top(layer, channel)
    side = as_shown.side_of(engine.project_all(top.activations))
    for rank in (0, len(top) - 1):
        cell = page.locator(".zf-cell").nth(rank)
        expect(cell).to_have_attribute("data-image", str(top[rank].image))
        expect(cell).to_have_attribute("data-state", "ready")
        found = notebook.canvas_pixels(cell.locator("canvas").first)
        photo = engine.photo(top[rank].image)
        place = as_shown.window(top[rank], side, photo.shape)
        np.testing.assert_array_equal(found, photo[place])


def test_what_is_asked_while_a_cell_runs(
    version: str, notebook: Notebook, lab: Lab, engine: numpy_engine.NumpyEngine, tmp_path: Path
) -> None:
    page = notebook.page
    shows(notebook, engine, LAYER, CHANNEL)
    with notebook.busy(tmp_path / "end"):
        page.locator('[data-layer="relu1"]').first.click()
        if VERSIONS[version]:
            shows(notebook, engine, "relu1", 0)
        else:
            expect(page.locator(".zf-patches .zf-message")).to_contain_text("Kernel busy")
            banner = page.locator(".zf-banner")
            expect(banner).to_contain_text("shown when the running cell is done")
    expect(page.locator(".zf-banner")).to_have_count(0)
    shows(notebook, engine, "relu1", 0)
    assert lab.problems == []
