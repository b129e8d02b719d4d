"""Each host's own server, started as its documentation says, with an Explorer in its page."""

from __future__ import annotations

import importlib.metadata
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Lab, Notebook
from tests.browser.going import go_to_channel
from tests.waiting import MILLISECONDS, SECONDS

LAYER, CHANNEL = "features.7", 42
ENGINE = """import zfwidgets as zf
engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
"""
EXPLORER = f"explorer = zf.Explorer(engine, layer={LAYER!r}, channel={CHANNEL}, auto=False)\n"

PANEL = f"""import panel as pn
pn.extension("ipywidgets")
{ENGINE}{EXPLORER}
pn.pane.IPyWidget(explorer, sizing_mode="stretch_width").servable()
"""

SOLARA = f"""import solara
{ENGINE}

def explorer():
    {EXPLORER}    return explorer


@solara.component
def Page():
    solara.display(solara.use_memo(explorer, []))
"""

MARIMO = """import sys
import marimo
import uvicorn

apps = marimo.create_asgi_app().with_dynamic_directory(path="/apps", directory="apps")
uvicorn.run(apps.build(), port=int(sys.argv[1]))
"""

Open = Callable[[Page], None]
"""Go to the host's page and have an Explorer appear."""


@dataclass(frozen=True)
class Host:
    """A program that shows widgets.

    Attributes
    ----------
    name
        What it is called.
    needs
        Distributions that must be installed.
    serve
        Given JupyterLab's server and a folder: a context in which the page can be opened.
    says
        What the page's own cells say once features.4, channel 3 is chosen.
    """

    name: str
    needs: tuple[str, ...]
    serve: Callable[[Lab, Path], AbstractContextManager[Open]]
    says: str = ""

    def require(self) -> None:
        """Skip the test where the host isn't installed."""
        installed = {one.name.replace("_", "-") for one in importlib.metadata.distributions()}
        missing = [name for name in self.needs if name not in installed]
        if missing:
            pytest.skip(f"{self.name} isn't installed: pip install {' '.join(missing)}")


# ------------------------------------------------------------------ on a Jupyter server


@contextmanager
def jupyterlab(lab: Lab, _folder: Path) -> Iterator[Open]:
    name = lab.write_notebook([ENGINE + EXPLORER, "explorer"])

    def show(page: Page) -> None:
        page.goto(lab.server.url(f"lab/workspaces/hosts/tree/{name}"))
        Notebook(page, name).run_all()

    yield show


@contextmanager
def notebook7(lab: Lab, _folder: Path) -> Iterator[Open]:
    name = lab.write_notebook([ENGINE + EXPLORER, "explorer"])

    def show(page: Page) -> None:
        # On a busy machine Jupyter may say in a dialog that its server was slow to answer.
        said = page.locator("dialog.jp-Dialog .jp-mod-accept")
        page.add_locator_handler(said, lambda: said.first.click())
        page.goto(lab.server.url(f"notebooks/{name}"))
        page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
        prompt = page.locator(".jp-Cell .jp-InputPrompt").first
        end = time.monotonic() + SECONDS
        while prompt.inner_text().strip() in ("", "[ ]:"):
            # Before its kernel is connected the page loses what is to be run, without a word.
            assert time.monotonic() < end, "Notebook 7 doesn't run its cells"
            page.get_by_role("menuitem", name="Run", exact=True).click()
            page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
            with suppress(AssertionError):
                expect(prompt).not_to_have_text("[ ]:", timeout=10_000)

    yield show


# ------------------------------------------------------------------ servers of their own


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def program(folder: Path, port: int, *arguments: str) -> Iterator[Callable[..., None]]:
    """Run a module until the context ends; what opens a page of it, once it answers."""
    log = folder / "log"
    with (
        log.open("wb") as out,
        subprocess.Popen(
            [sys.executable, "-m", *arguments],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            stdout=out,
            stderr=subprocess.STDOUT,
        ) as process,
    ):
        url = f"http://127.0.0.1:{port}/"
        try:
            end = time.monotonic() + SECONDS
            while not listens(port):
                assert process.poll() is None, f"{arguments} ended:\n{log.read_text()}"
                assert time.monotonic() < end, f"{url} isn't there:\n{log.read_text()}"
                time.sleep(0.1)
            yield lambda page, path="": page.goto(url + path)
        finally:
            process.terminate()
            try:
                process.wait(SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def listens(port: int) -> bool:
    """Whether a server is there. To ask it for its page would run the notebook once more."""
    with socket.socket() as one:
        one.settimeout(SECONDS)
        return one.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def voila(lab: Lab, folder: Path) -> Iterator[Open]:
    with voila_of(lab.path(lab.write_notebook([ENGINE + EXPLORER, "explorer"])), folder) as show:
        yield show


@contextmanager
def voila_of(notebook: Path, folder: Path) -> Iterator[Open]:
    """Voila's page of one notebook."""
    port = free_port()
    options = (f"--port={port}", "--no-browser", "--Voila.ip=127.0.0.1")
    with program(folder, port, "voila", str(notebook), *options) as show:
        yield show


@contextmanager
def nbclassic(lab: Lab, folder: Path) -> Iterator[Open]:
    path = lab.path(lab.write_notebook([ENGINE + EXPLORER, "explorer"]))
    (folder / "notebook.ipynb").write_bytes(path.read_bytes())
    port = free_port()
    options = (
        f"--port={port}",
        "--no-browser",
        "--allow-root",
        "--IdentityProvider.token=",
        "--ConfigManager.config_dir_name=nbconfig",  # where ipywidgets says what is to be loaded
    )
    with program(folder, port, "nbclassic", *options) as show_server:

        def show(page: Page) -> None:
            show_server(page)
            page.goto(f"{page.url.rpartition('/tree')[0]}/notebooks/notebook.ipynb")
            # Until its kernel is ready the page takes back what it shows of cells.
            page.wait_for_function(
                "() => { const kernel = window.Jupyter?.notebook?.kernel;"
                " return kernel?.info_reply?.implementation && kernel.widget_manager != null; }"
            )
            page.evaluate("Jupyter.notebook.execute_all_cells()")

        yield show


@contextmanager
def panel(_lab: Lab, folder: Path) -> Iterator[Open]:
    (folder / "app.py").write_text(PANEL)
    port = free_port()
    with program(folder, port, "panel", "serve", "app.py", f"--port={port}") as show:
        yield show


@contextmanager
def marimo(_lab: Lab, folder: Path) -> Iterator[Open]:
    app = Path(__file__).parents[3] / "examples" / "marimo_app.py"
    port = free_port()
    options = ("--headless", "--no-token", f"--port={port}")
    with program(folder, port, "marimo", "run", str(app), *options) as show:
        yield show


@contextmanager
def marimo_apps(folder: Path) -> Iterator[Callable[[str], Open]]:
    """One process for all apps in a folder, as marimo is put into a server of one's own.

    Apps may be written while it runs; they are opened by their file's name.
    """
    (folder / "server.py").write_text(MARIMO)
    (folder / "apps").mkdir()
    port = free_port()
    with program(folder, port, "server", str(port)) as show:

        def of(name: str) -> Open:
            def opened(page: Page) -> None:
                show(page, f"apps/{name}/")

            return opened

        yield of


@contextmanager
def solara(_lab: Lab, folder: Path) -> Iterator[Open]:
    held = importlib.metadata.version("solara-assets")
    if importlib.metadata.version("solara") != held:
        parts = " ".join(f"{one}=={held}" for one in ("solara", "solara-ui", "solara-server"))
        pytest.skip(f"this Solara's page needs a CDN, solara-assets holds {held}'s: {parts}")
    (folder / "app.py").write_text(SOLARA)
    port = free_port()
    options = ("--no-open", "--host=127.0.0.1", f"--port={port}", "--production")
    with program(folder, port, "solara", "run", "app.py", *options) as show:
        yield show


HOSTS = (
    Host("JupyterLab", ("jupyterlab",), jupyterlab),
    Host("Notebook 7", ("notebook",), notebook7),
    Host("Voila", ("voila",), voila),
    Host("nbclassic", ("nbclassic",), nbclassic),
    Host("Panel", ("panel", "ipywidgets-bokeh"), panel),
    Host("Solara", ("solara", "solara-assets"), solara),
    Host("marimo", ("marimo",), marimo, says="Layer features.4, channel 3 responds most to"),
)


# ------------------------------------------------------------------ in the page


def choose(page: Page, layer: str, channel: int) -> None:
    """As a person would: find the layer in the list, then go to the channel."""
    row = page.locator(f'[data-layer="{layer}"]').first
    row.click()
    expect(row).to_have_attribute("aria-selected", "true")
    go_to_channel(page, channel)
    heading = page.locator(".zf-patches h3")
    expect(heading).to_contain_text(f"{layer} : {channel}", timeout=MILLISECONDS)
