"""The harness itself: what it says of a page is true."""

from __future__ import annotations

from playwright.sync_api import expect

SLIDER = "import ipywidgets\nslider = ipywidgets.IntSlider(value=7, max=19)\nslider"


def test_a_slider_moves_the_kernels_value(lab):
    notebook = lab.show([SLIDER, "print('value', slider.value)"])

    handle = notebook.cell_output(0).locator(".noUi-handle")
    expect(handle).to_have_attribute("aria-valuenow", "7.0")
    expect(notebook.cell_output(1)).to_have_text("value 7")

    handle.press("ArrowRight")
    expect(notebook.cell_output(0).locator(".widget-readout")).to_have_text("8")
    notebook.expect_value("slider.value", 8)
    notebook.run_cell(1)
    expect(notebook.cell_output(1)).to_have_text("value 8")
    assert lab.problems == []


def test_two_tabs_share_a_kernel_and_a_restart_empties_it(lab):
    name = lab.write_notebook(["import os\nmark = 41", "print('mark' in globals(), os.getpid())"])
    first = lab.open(name)
    pid = first.execute("print(os.getpid())")
    second = lab.open(name, run=False)
    assert second.execute("mark += 1; print(mark, end='')") == "42"
    assert first.execute("print(mark, end='')") == "42"

    first.restart_kernel()
    assert first.execute("print('mark' in globals(), end='')") == "False"
    first.run_all()
    assert first.execute("print(os.getpid())") != pid
    expect(first.cell_output(1)).to_contain_text("True")
    assert lab.problems == []


def test_problems_are_noticed(lab):
    notebook = lab.show(["1"])
    assert lab.problems == []
    notebook.page.evaluate("console.error('an error of ours')")
    with notebook.page.expect_event("pageerror"):
        notebook.page.evaluate("setTimeout(() => { throw new Error('uncaught') })")
    notebook.page.evaluate("fetch('/no-such-file').then(() => null)")
    found = "\n".join(lab.problems)
    assert "an error of ours" in found
    assert "uncaught" in found
    assert "404 GET" in found
