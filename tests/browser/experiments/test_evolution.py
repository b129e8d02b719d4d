"""Watching a training in a real JupyterLab: live from a thread, and from a cell that blocks."""

from __future__ import annotations

import numpy as np
from playwright.sync_api import expect

SETUP = """
import threading
import torch
import torch.nn.functional as F
import zfwidgets as zf
from zfwidgets.experiments.shared.picture_wall import enlarged

textures = zf.samples.textures(24, 40)
transform = zf.models.transform(40)
images = torch.stack([transform(picture) for picture, _ in textures])
labels = torch.tensor(textures.targets)
torch.manual_seed(0)
model = torch.nn.Sequential(
    torch.nn.Conv2d(3, 8, 5, stride=2), torch.nn.ReLU(), torch.nn.MaxPool2d(2),
    torch.nn.Conv2d(8, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(),
    torch.nn.Linear(8 * 7 * 7, len(textures.classes)),
)
watch = zf.watch(model, [picture for picture, _ in textures], 3, every=2, transform=transform)
evolution = zf.Evolution(watch)

def train(steps):
    optimizer = torch.optim.SGD(model.parameters(), 0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        watch.step(loss)
    watch.finish()
"""


def wall_pixels(notebook, wall) -> list[np.ndarray]:
    return [notebook.canvas_pixels(c) for c in wall.locator("canvas").all()]


def test_live_from_a_thread_with_pause_single_steps_and_slider(lab) -> None:
    notebook = lab.show([SETUP, "evolution"])
    root = notebook.page.locator(".zf-evolution")
    expect(root).to_contain_text("before training")
    root.get_by_role("button", name="Pause").click()
    notebook.expect_value("watch.paused", True)
    notebook.execute("thread = threading.Thread(target=train, args=(8,)); thread.start()")
    expect(root).to_contain_text("step 1; ")
    expect(root).to_contain_text("the training waits")
    root.get_by_role("button", name="One step").click()
    expect(root).to_contain_text("step 2; ")
    expect(root).to_contain_text("step 2 (2 of 2)")
    root.get_by_role("button", name="Continue").click()
    expect(root).to_contain_text("step 8 (5 of 5)")
    expect(root).to_contain_text("step 8; ")
    expect(root).to_contain_text("done")
    expect(root.get_by_role("button", name="Pause")).to_be_disabled()

    maps, film = root.locator(".zf-wall").nth(0), root.locator(".zf-wall").nth(1)

    def shows(at: int) -> None:
        number = notebook.value(
            f"[i for i, f in enumerate(evolution.result.moments[{at}].strongest) if f.value > 0][0]"
        )
        cell = maps.get_by_role("option").nth(number)
        value = notebook.value(f"evolution.result.moments[{at}].strongest[{number}].value")
        expect(cell).to_contain_text(f"{value:.3g} ")
        expect(maps).to_have_attribute("data-zf-settled", "true")
        expected = notebook.kernel_pixels(
            f"enlarged(evolution.result.moments[{at}].strongest[{number}].shown())"
        )
        np.testing.assert_array_equal(notebook.canvas_pixels(cell.locator("canvas")), expected)

    shows(4)
    handle = root.locator(".noUi-handle").first
    handle.focus()
    handle.press("ArrowLeft")
    expect(root).to_contain_text("step 6 (4 of 5)")
    shows(3)
    maps.get_by_role("option").nth(4).click()
    layer, channel = notebook.value("evolution.result.units[4]")
    expect(film).to_contain_text(f"{layer}, channel {channel}: all moments")
    expect(film.get_by_role("option")).to_have_count(5)
    film.get_by_role("option").nth(1).click()
    expect(root).to_contain_text("step 2 (2 of 5)")
    shows(1)
    assert lab.problems == []


def test_live_from_a_cell_that_keeps_the_main_thread_busy(lab) -> None:
    """The last cell ends only once the page has shown what the loop has come to."""
    busy = """
import pathlib, time
optimizer = torch.optim.SGD(model.parameters(), 0.05)
hold = pathlib.Path("hold")
hold.touch()
for _ in range(4):
    optimizer.zero_grad()
    F.cross_entropy(model(images), labels).backward()
    optimizer.step()
    watch.step()
while hold.exists():
    time.sleep(0.05)
"""
    inline = SETUP.replace("every=2", "every=2, background=False")
    notebook = lab.open(lab.write_notebook([inline, "evolution", busy]), run=False)
    notebook.page.evaluate(  # and don't wait for the end
        "() => { void window.jupyterapp.commands.execute('notebook:run-all-cells'); }"
    )
    root = notebook.page.locator(".zf-evolution")
    maps = root.locator(".zf-wall").nth(0)
    try:
        expect(root).to_contain_text("step 4 (3 of 3)")
        expect(maps.get_by_role("option")).to_have_count(6)
        expect(maps).to_have_attribute("data-zf-settled", "true")
        shown = wall_pixels(notebook, maps)
        assert lab.path("hold").exists(), "the cell is still busy"
    finally:
        lab.path("hold").unlink(missing_ok=True)
    notebook.wait_ready()
    moment = "evolution.result.moments[2].strongest"
    expected = [
        notebook.kernel_pixels(f"enlarged({moment}[{number}].shown())")
        for number in range(6)
        if notebook.value(f"{moment}[{number}].value > 0")
    ]
    assert len(shown) == len(expected)
    for one, other in zip(shown, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert lab.problems == []
