"""What describes a static picture stays with it in an exported notebook."""

from __future__ import annotations

import base64
import io
from html.parser import HTMLParser

import nbformat
import pytest
from PIL import Image

pytest.importorskip("nbconvert", reason="needs zfwidgets[lab]")

from zfwidgets.reports.notebooks.exporter import ReportExporter


class Pictures(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.found.append(dict(attrs))


def jpeg(rows: int, columns: int) -> str:
    file = io.BytesIO()
    Image.new("RGB", (columns, rows), (200, 30, 90)).save(file, "JPEG")
    return base64.b64encode(file.getvalue()).decode()


def test_a_picture_keeps_its_words_and_others_stay_as_they_are():
    words = 'zfwidgets Explorer: layer "a" & channel <3>'
    ours, other = jpeg(30, 50), jpeg(20, 70)
    outputs = [
        nbformat.v4.new_output("display_data", {"image/jpeg": ours, "text/plain": words}),
        nbformat.v4.new_output("display_data", {"image/jpeg": other, "text/plain": "<Figure>"}),
    ]
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell("explorer", outputs=outputs)]
    )
    before = nbformat.writes(notebook)
    page, _ = ReportExporter(execute=False).from_notebook_node(notebook)
    first, second = Pictures(page).found
    assert first["alt"] == words
    assert first["src"] == f"data:image/jpeg;base64,{ours}"
    assert second["src"] == f"data:image/jpeg;base64,{other}"
    assert nbformat.writes(notebook) == before
