"""``jupyter nbconvert --to zfwidgets_html``: a notebook whose widgets live on without a kernel."""

from __future__ import annotations

import copy
import json
import tempfile
from html import escape
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters.html import HTMLExporter
from nbconvert.utils.exceptions import ConversionException
from traitlets import Bool, Integer, Unicode, default

from ...errors import InputError
from ...widgets.bundle import esm
from ..writing.scrubbing import Scrubber
from .embedding import BUNDLES, FOLDERS, PLACES, picture_of

WIDGET = "application/vnd.jupyter.widget-view+json"
CELL = """import zfwidgets.reports.notebooks.embedding as _zf
_zf.save_shown({folder!r}, budget={budget!r})
"""


class NotebookFails(InputError, ConversionException):
    """A notebook doesn't run; nbconvert shows the message, and the exit code says so."""


class ReportExporter(HTMLExporter):
    """Runs a notebook in a kernel of its own, and exports it with its widgets alive.

    Each of our widgets is a view over what was stored of it, as in a report; the page makes no
    requests. What other widgets show needs a kernel or a CDN and stays as plain nbconvert has it;
    formulas stay as they are written, since what draws them is loaded from elsewhere.
    """

    export_from_notebook = "HTML with live zfwidgets"

    execute = Bool(
        True, help="Run the notebook: what widgets show isn't in its file. False: pictures only."
    ).tag(config=True)
    budget = Unicode("10 MB", help="Size at most of what is stored of one engine's widgets.").tag(
        config=True
    )
    timeout = Integer(600, help="Seconds that a cell may take.").tag(config=True)

    @default("template_name")
    def _template_name_default(self) -> str:
        return "zfwidgets"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(Path(__file__).parent / "templates")]

    def from_notebook_node(self, nb: Any, resources: Any = None, **kw: Any) -> Any:
        """Run, replace our widgets' outputs by places for views, and append what these need."""
        nb = copy.deepcopy(nb)
        resources = self._init_resources(resources)
        known: list[str] = []
        nb.metadata.pop("widgets", None)  # a state that only a runtime from elsewhere can show
        if self.execute:
            with tempfile.TemporaryDirectory(prefix="zfwidgets-") as folder:
                self._run(nb, resources, folder)
                places = json.loads(Path(folder, PLACES).read_text("utf-8"))
                bundles = Path(folder, BUNDLES).read_text("utf-8")
                known = json.loads(Path(folder, FOLDERS).read_text("utf-8"))
            if _settle(nb, places):
                script = f"<script>{esm('report')}</script>"
                resources["zfwidgets_report"] = script + bundles
        if where := resources.get("metadata", {}).get("path"):
            known.append(str(Path(where).absolute()))
        _scrub(nb, Scrubber(known))
        _keep_words(nb)
        return super().from_notebook_node(nb, resources, **kw)

    def _run(self, nb: Any, resources: Any, folder: str) -> None:
        from nbclient import NotebookClient
        from nbclient.exceptions import CellExecutionError

        nb.cells.append(nbformat.v4.new_code_cell(CELL.format(folder=folder, budget=self.budget)))
        path = resources.get("metadata", {}).get("path") or None
        client = NotebookClient(
            nb,
            timeout=self.timeout,
            resources={"metadata": {"path": path}},
            store_widget_state=False,
        )
        try:
            client.execute()
        except CellExecutionError as error:
            raise NotebookFails(f"It isn't exported, as it doesn't run: {error}") from error
        finally:
            nb.cells.pop()


TEXTS = ("text", "ename", "evalue", "traceback")
"""Where an output says something; what it shows is its data."""


def _scrub(nb: Any, scrubber: Scrubber) -> None:
    """Cut the folders that are known, in code, texts and outputs: others' slashes stay."""
    for cell in nb.cells:
        cell.source = scrubber.known(cell.source)
        for output in cell.get("outputs", ()):
            for name in TEXTS:
                if name in output:
                    output[name] = scrubber.state(output[name])
            for mime, data in output.get("data", {}).items():
                if mime.startswith("text/") and "zf-place" not in str(data):
                    output["data"][mime] = scrubber.state(data)


def _settle(nb: Any, places: dict[str, str]) -> bool:
    """Put places for views where outputs are widgets of ours; whether there were any.

    A place holds the static pictures of its widgets, wherever in the notebook these stand: those of
    widgets in boxes come at their cell's end. What has a picture and no place, as an experiment, is
    its picture.
    """
    codes = [cell for cell in nb.cells if cell.cell_type == "code"]
    outputs = [output for cell in codes for output in cell.outputs]
    pictures = {_pictured(output): _picture(output.data) for output in outputs if _pictured(output)}
    filled = {model: _filled(html, pictures) for model, html in places.items()}
    found = False
    for cell in codes:
        shown = places.keys() & {_viewed(output) for output in cell.outputs}
        inside = {m for m in pictures if any(picture_of(m) in places[one] for one in shown)}
        here = {_pictured(output) for output in cell.outputs}
        kept = []
        for output in cell.outputs:
            model = _viewed(output)
            if model in shown:
                html = {"text/html": filled[str(model)]}
                kept.append(nbformat.v4.new_output("display_data", html))
            elif _pictured(output) not in inside and (model is None or model not in here):
                kept.append(output)
        cell.outputs = kept
        found = found or bool(shown)
    return found


def _filled(html: str, pictures: dict[str | None, str]) -> str:
    for model, picture in pictures.items():
        html = html.replace(picture_of(model), picture)
    return html


def _viewed(output: Any) -> str | None:
    """The model of which an output is a view; None: of none."""
    model = output.get("data", {}).get(WIDGET, {}).get("model_id")
    return None if model is None else str(model)


def _pictured(output: Any) -> str | None:
    """The model of which an output is the static picture; None: of none."""
    model = output.get("metadata", {}).get("zfwidgets", {}).get("model_id")
    return None if model is None else str(model)


def _keep_words(nb: Any) -> None:
    """Write our static pictures as HTML: nbconvert leaves out what describes a JPEG."""
    for cell in nb.cells:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            if _is_picture(data):
                output["data"] = nbformat.from_dict({"text/html": _picture(data)})


def _is_picture(data: Any) -> bool:
    """Whether an output's data are the static picture of a widget of ours."""
    return str(data.get("text/plain", "")).startswith("zfwidgets ") and "image/jpeg" in data


def _picture(data: Any) -> str:
    alt = escape(str(data["text/plain"]))
    return (
        f'<img src="data:image/jpeg;base64,{data["image/jpeg"].strip()}" alt="{alt}" width="600">'
    )
