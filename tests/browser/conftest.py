"""A real JupyterLab in a real Chromium: one server and one browser's cache a session, a notebook
and a kernel a test, in a page of its own or in one that an earlier test has given back.

``lab.write_notebook([...])`` writes a notebook, ``lab.open(path)`` shows it with all cells run;
``lab.show([...])`` does both.
"""

from __future__ import annotations

import base64
import io
import itertools
import json
import os
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    expect,
)

from benchmarks.page._lab_page import READY, execute
from tests.browser.going import go_to_channel
from tests.browser.kernels.forking import KERNEL, forked_kernels
from tests.browser.lab_pages import OPEN, LabPage, LabPages
from tests.waiting import MILLISECONDS
from zfwidgets.demo.browser import CHROMIUM_ARGUMENTS, SETTLED, require_browser
from zfwidgets.demo.lab import LabServer

HERE = Path(__file__).parent
expect.set_options(timeout=MILLISECONDS)

SETUP = """import json
import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
explorer = zf.Explorer(engine, layer="features.7", channel=42, auto=False)
bars = zf.plots.class_bars(explorer)"""

# What JupyterLab itself logs in good health.
HARMLESS = (
    "Comm not found for comm id",  # replies go to every tab, to those that didn't ask too
    "Kernel message validation error",  # at a restart, of a message that the server sends itself
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    return {
        **browser_type_launch_args,
        "executable_path": require_browser(),
        "args": list(CHROMIUM_ARGUMENTS),
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    return {**browser_context_args, "viewport": {"width": 1500, "height": 1200}}


@pytest.fixture(scope="session")
def lab_context(browser: Browser, browser_context_args: dict[str, Any]) -> Iterator[BrowserContext]:
    """One for all tests, so that JupyterLab's code is fetched and compiled once."""
    context = browser.new_context(**browser_context_args)
    context.set_default_timeout(MILLISECONDS)
    yield context
    context.close()


@pytest.fixture(scope="session")
def lab_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabServer]:
    """A JupyterLab on a free port, with our server extension, in a folder of its own."""
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        # Signatures of the test's notebooks are nothing for the user's database.
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("jupyter-data")))
        if KERNEL == "forked":
            folder = stack.enter_context(tempfile.TemporaryDirectory())  # a socket's path is short
            stack.enter_context(forked_kernels(Path(folder)))
        with LabServer(tmp_path_factory.mktemp("lab"), port=0, expose_app=True) as server:
            yield server


@pytest.fixture(scope="session")
def lab_pages(lab_context: BrowserContext, browser_context_args: dict[str, Any]) -> LabPages:
    return LabPages(lab_context, browser_context_args["viewport"])


@pytest.fixture
def lab(
    lab_server: LabServer, lab_pages: LabPages, request: pytest.FixtureRequest
) -> Iterator[Lab]:
    lab = Lab(lab_server, lab_pages)
    yield lab
    # What a failed test leaves in its page nobody knows, nor what one changes to photograph it.
    keep = request.node.stash.get(PASSED, False) and request.node.stash[ANOTHER]
    lab.close(keep_page=keep and "ZFWIDGETS_SHOTS" not in os.environ)


PASSED, ANOTHER = pytest.StashKey[bool](), pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A page is kept for the next test alone: one that nobody uses asks its server all the time."""
    item.stash[ANOTHER] = "lab" in getattr(nextitem, "fixturenames", ())


@pytest.fixture
def notebook(lab: Lab) -> Notebook:
    """An Explorer over the real network and the sample photos, settled, and a figure beside it."""
    opened = lab.show([SETUP, "explorer", "bars"])
    opened.expect_settled()
    return opened


class Lab:
    """JupyterLab as a test sees it.

    Attributes
    ----------
    server : LabServer
        The running server; ``server.request("GET", "api/kernels")`` asks its REST API.
    problems : list of str
        What went wrong in any page: console errors, uncaught errors, failed requests.
    """

    _numbers = itertools.count()

    def __init__(self, server: LabServer, pages: LabPages) -> None:
        self.server = server
        self.problems: list[str] = []
        self._all_pages = pages
        self._pages: list[LabPage] = []

    def write_notebook(
        self, cells: list[str], name: str | None = None, *, kernel: str = KERNEL
    ) -> str:
        """Write a notebook of code cells; return its path as JupyterLab names it."""
        name = name or f"notebook-{next(self._numbers)}.ipynb"
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={
                "kernelspec": {"name": kernel, "display_name": "Python 3", "language": "python"}
            },
        )
        nbformat.write(notebook, self.path(name))
        return name

    def path(self, name: str) -> Path:
        """Where the notebook `name` is on disk."""
        return self.server.root / name

    def show(self, cells: list[str], *, fresh_page: bool = False) -> Notebook:
        """Write a notebook of code cells and open it: the cells are run, or running."""
        return self.open(self.write_notebook(cells), fresh_page=fresh_page)

    def open(self, name: str, *, run: bool = True, fresh_page: bool = False) -> Notebook:
        """Open a notebook in a page without another; wait for its kernel; run all cells.

        A second call for the same notebook is a second tab on the same kernel. The page may have
        shown other tests' notebooks, unless it is asked to be fresh, as by what measures it.
        """
        taken, has_lab = self._all_pages.take(fresh=fresh_page)
        self._pages.append(taken)
        self._watch(taken)
        page = taken.page
        if has_lab:
            page.evaluate(OPEN, name)
        else:  # in a workspace of its own: JupyterLab would restore other tests' tabs
            page.goto(self.server.url(f"lab/workspaces/test-{next(self._numbers)}/tree/{name}"))
        notebook = Notebook(page, name)
        notebook.wait_ready()
        if run:
            notebook.run_all()
        return notebook

    def _watch(self, page: LabPage) -> None:
        def note(text: str) -> None:
            if not any(part in text for part in HARMLESS):
                self.problems.append(text)

        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error":
                note(f"console: {message.text} ({message.location.get('url', '')})")

        def on_failed(request: Request) -> None:
            if request.failure != "net::ERR_ABORTED":  # the page went elsewhere
                note(f"request: {request.method} {request.url}: {request.failure}")

        def on_response(response: Response) -> None:
            if response.status >= 400:
                note(f"response: {response.status} {response.request.method} {response.url}")

        page.on("console", on_console)
        page.on("pageerror", lambda error: note(f"page: {error}"))
        page.on("requestfailed", on_failed)
        page.on("response", on_response)

    def close(self, *, keep_page: bool) -> None:
        """Give the pages back, and end the kernels: each with torch in it holds half a gigabyte."""
        self._all_pages.give_back(self._pages, keep=keep_page)
        for session in self.server.request("GET", "api/sessions"):
            self.server.request("DELETE", f"api/sessions/{session['id']}")


class Notebook:
    """An open notebook.

    Attributes
    ----------
    page : Page
        Playwright's page.
    name : str
        The notebook's path as JupyterLab names it.
    """

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    def command(self, name: str, **arguments: Any) -> None:
        """Execute a JupyterLab command, and wait until it is done."""
        self.page.evaluate(
            "([name, arguments]) => window.jupyterapp.commands.execute(name, arguments)"
            ".then(() => null)",
            [name, arguments],
        )

    def wait_ready(self) -> None:
        """Wait until the notebook is in front and its kernel connected and idle."""
        self.page.wait_for_function(READY, arg=self.name, timeout=MILLISECONDS)

    def run_all(self) -> None:
        """Run all cells and wait until the last one is done; errors of cells are outputs."""
        self.wait_ready()
        self.command("notebook:run-all-cells")
        self.wait_ready()

    def run_cell(self, index: int) -> None:
        """Run one cell and wait until it is done."""
        self.page.evaluate(
            "(index) => { window.jupyterapp.shell.currentWidget.content.activeCellIndex = index; }",
            index,
        )
        self.command("notebook:run-cell")
        self.wait_ready()

    def restart_kernel(self) -> None:
        """Restart the kernel, without the question, and wait until it is there again."""
        self.page.evaluate(
            "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
        )
        self.wait_ready()

    def execute(self, code: str) -> str:
        """Run code in the notebook's kernel, beside its cells; return what it printed.

        Raises AssertionError with the traceback if it raised.
        """
        return execute(self.page, code)

    @contextmanager
    def busy(self, end: Path) -> Iterator[None]:
        """Have the kernel run a cell until the context ends, by way of the file `end`."""
        until = f"pathlib.Path({str(end)!r}).exists()"
        code = f"import pathlib, time\nwhile not {until}:\n    time.sleep(0.05)"
        self.page.evaluate(
            """(code) => {
              const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
              kernel.requestExecute({ code });
            }""",
            code,
        )
        indicator = '.jp-Notebook-ExecutionIndicator[data-status="busy"]'
        expect(self.page.locator(indicator)).to_be_attached()
        try:
            yield
        finally:
            end.touch()

    def value(self, expression: str) -> Any:
        """What an expression is in the kernel, by way of JSON."""
        code = f"import json as _json; print(_json.dumps({expression}), end='')"
        return json.loads(self.execute(code))

    def expect_value(self, expression: str, expected: Any, timeout: float = MILLISECONDS) -> None:
        """Wait until an expression has a value in the kernel; both as JSON has them.

        Until then it may also raise, as where a key isn't there yet. The page shows a choice
        before the kernel hears of it, and what tests execute doesn't queue behind what widgets
        send: state that follows a click is never read just once.
        """
        end = time.monotonic() + timeout / 1000
        while True:
            try:
                value = self.value(expression)
            except AssertionError as error:
                value = error
            if value == expected:
                return
            assert time.monotonic() < end, f"{expression} stays {value!r}, not {expected!r}"
            self.page.wait_for_timeout(50)

    def kernel_pixels(self, expression: str) -> np.ndarray:
        """An array of uint8 in the kernel."""
        code = f"""import base64 as _base64, json as _json, numpy as _numpy
_array = _numpy.asarray({expression})
print(_json.dumps([_array.shape, _base64.b64encode(_array.tobytes()).decode()]), end="")"""
        shape, data = json.loads(self.execute(code))
        return np.frombuffer(base64.b64decode(data), np.uint8).reshape(shape)

    @staticmethod
    def canvas_pixels(canvas: Locator) -> np.ndarray:
        """A canvas's own pixels, (rows, columns, 3) uint8."""
        url = canvas.evaluate("canvas => canvas.toDataURL('image/png')")
        png = base64.b64decode(url.split(",")[1])
        return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))

    def expect_settled(self, timeout: float = MILLISECONDS) -> None:
        """Wait until the Explorer has painted all that it asked for."""
        expect(self.page.locator(SETTLED)).to_be_visible(timeout=timeout)

    def choose(self, layer: str, channel: int) -> None:
        """As a person would: find the layer in the list, then go to the channel."""
        row = self.page.locator(f'[data-layer="{layer}"]').first
        row.click()
        expect(row).to_have_attribute("aria-selected", "true")
        go_to_channel(self.page, channel)
        self.expect_settled()

    def save(self) -> None:
        """Save the notebook."""
        self.command("docmanager:save")

    def set_theme(self, name: str) -> None:
        """Change the theme of this page: "JupyterLab Light" or "JupyterLab Dark"."""
        self.command("apputils:change-theme", theme=name)
        self.page.wait_for_function(
            "(name) => document.body.dataset.jpThemeName === name", arg=name, timeout=MILLISECONDS
        )

    def cell(self, index: int) -> Locator:
        """Element of a cell, counted over cells of all kinds."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell").nth(index)

    def cell_output(self, index: int) -> Locator:
        """Element of a cell's outputs."""
        return self.cell(index).locator(".jp-Cell-outputArea")
