"""Programs that run a notebook and make a page of it, started as their documentation says."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.waiting import PROGRAM

NAME = "notebook.ipynb"


@dataclass(frozen=True)
class Program:
    """A program that publishes notebooks.

    Attributes
    ----------
    name
        What it is called.
    module
        What is imported of it.
    package
        What pip calls it.
    build
        Given a folder with ``notebook.ipynb``: the page, a file in that folder.
    """

    name: str
    module: str
    package: str
    build: Callable[[Path], str]

    def require(self) -> None:
        """Skip the test where the program isn't installed."""
        pytest.importorskip(
            self.module, reason=f"{self.name} isn't installed: pip install {self.package}"
        )


def run(folder: Path, *command: str) -> None:
    """Run a program in a folder. It and its kernels import this checkout."""
    result = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PROGRAM,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def papermill(folder: Path) -> str:
    run(folder, sys.executable, "-m", "papermill", NAME, "ran.ipynb", "-p", "channel", "6")
    run(folder, sys.executable, "-m", "nbconvert", "--to", "html", "ran.ipynb")
    return "ran.html"


def sphinx(configuration: str, folder: Path) -> str:
    (folder / "conf.py").write_text(configuration)
    options = ("-b", "html", "-D", "root_doc=notebook")
    run(folder, sys.executable, "-m", "sphinx", *options, ".", "made")
    return "made/notebook.html"


# Without hashes of what comes from a CDN: cdn.py has other versions.
NBSPHINX = """extensions = ["nbsphinx"]
nbsphinx_execute = "always"
nbsphinx_requirejs_options = {}
"""
MYST_NB = f"""extensions = ["myst_nb"]
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = {PROGRAM}
nb_ipywidgets_js = {{
    "https://cdn.example/require.min.js": {{}},
    "https://cdn.example/embed-amd.js": {{"data-jupyter-widgets-cdn": "https://cdn.example/"}},
}}
"""


BOOK = f"""title: A book
execute:
  execute_notebooks: force
  timeout: {PROGRAM}
sphinx:
  config:
    nb_ipywidgets_js:
      https://cdn.example/require.min.js: {{}}
      https://cdn.example/embed-amd.js: {{data-jupyter-widgets-cdn: https://cdn.example/}}
"""


def jupyter_book(folder: Path) -> str:
    if not version("jupyter-book").startswith("1."):
        pytest.skip("Jupyter Book 2 is another program: pip install 'jupyter-book<2'")
    (folder / "_config.yml").write_text(BOOK)
    (folder / "_toc.yml").write_text("format: jb-book\nroot: notebook\n")
    run(
        folder, sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."
    )
    return "_build/html/notebook.html"


PROGRAMS = (
    Program("papermill", "papermill", "papermill", papermill),
    Program("nbsphinx", "nbsphinx", "nbsphinx", functools.partial(sphinx, NBSPHINX)),
    Program("MyST-NB", "myst_nb", "myst-nb", functools.partial(sphinx, MYST_NB)),
    Program("Jupyter Book 1", "jupyter_book", "'jupyter-book<2'", jupyter_book),
)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def published(folder: Path) -> Iterator[str]:
    """Serve a folder as any static host does; its address."""
    handler = functools.partial(_Quiet, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
