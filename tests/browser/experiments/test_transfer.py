"""Transfer in a real JupyterLab: the charts and tables are the record's, classes can be chosen."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

SETUP = """import torch
import zfwidgets as zf
torch.manual_seed(1)
size = 48, 64
training = zf.samples.textures(24, size)
other = zf.samples.shapes(60, size, seed=3)
engine = zf.Engine(zf.models.zfnet_small(size=size), training, zf.models.transform(size),
                   cache=False)"""
SHOW = """transfer = zf.Transfer(engine, other, train_images=3, repeats=2, counts=[1, 3],
                       layers=["norm1", "relu3", "relu7"])
transfer"""


def test_tables_charts_and_photos_are_the_records(lab) -> None:
    notebook = lab.show([SETUP, SHOW])
    root = notebook.page.locator(".zf-transfer")
    expect(root).to_contain_text("done: layers, curve, bias")
    rows = root.locator(".zf-table").nth(0).locator("tbody tr")
    expect(rows).to_have_count(3)
    for number, layer in enumerate(("norm1", "relu3", "relu7")):
        mean, spread = notebook.value(
            f"[float(100 * f('svm')[{number}]) for f in "
            "(transfer.result.layers.mean, transfer.result.layers.spread)]"
        )
        expect(rows.nth(number)).to_contain_text(layer)
        expect(rows.nth(number)).to_contain_text(f"{mean:.1f} ± {spread:.1f}")
    expect(root.locator(".zf-table").nth(1).locator("tbody tr")).to_have_count(2)
    expect(root.locator(".zf-chart")).to_have_count(3)
    expect(root.locator(".zf-chart").nth(0).locator(".zf-chart-spot .zf-chart-bar")).to_have_count(
        6
    )

    # a class by name, then by a click on its point
    root.get_by_role("combobox").select_option("star")
    wall = root.locator(".zf-wall")
    shows = (
        "__import__('zfwidgets.experiments.transfer.widget_parts', fromlist=['x'])"
        ".photos_of(transfer.result.bias, {})"
    )
    for name in ("star", "far"):
        if name == "far":  # its point lies apart from the others
            number = notebook.value("int(transfer.result.bias.distance.argmax())")
            name = notebook.value(f"transfer.result.bias.classes[{number}]")
            root.locator(".zf-chart").nth(2).get_by_role("button", name=name).click()
            expect(root.get_by_role("combobox")).to_have_value(name)
        number = notebook.value(f"other.classes.index({name!r})")
        images, neighbours, distances = notebook.value(shows.format(number))
        expect(wall).to_contain_text(f"{distances[0]:.2f}")
        expect(wall).to_contain_text(name)
        expect(wall).to_have_attribute("data-zf-settled", "true")
        canvases = wall.locator("canvas")
        expect(canvases).to_have_count(12)
        for place, expression in (
            (1, f"transfer._images.source.display({images[1]})"),
            (6, f"engine.photo({neighbours[0]})"),
        ):
            shown = notebook.canvas_pixels(canvases.nth(place))
            np.testing.assert_array_equal(shown, notebook.kernel_pixels(expression))

    if folder := os.environ.get("ZFWIDGETS_SHOTS"):
        for theme in ("Light", "Dark"):
            notebook.set_theme(f"JupyterLab {theme}")
            for part, element in (("", root), ("-below", wall)):
                element.scroll_into_view_if_needed()
                notebook.page.screenshot(path=Path(folder) / f"transfer-{theme}{part}.png")
    assert lab.problems == []
