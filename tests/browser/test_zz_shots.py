import os
from playwright.sync_api import expect
from .test_experiment_recorded import WIDGETS
def test_shots(lab):
    names=os.environ["SHOTS"].split(",")
    cells=["import zfwidgets as zf"]
    for n in names: cells.append(f"{n} = zf.{WIDGETS[n][0]}(zf.experiments.recorded({n!r}))\n{n}")
    nb=lab.open(lab.write_notebook(cells))
    nb.page.set_viewport_size({"width":1300,"height":1500})
    for n in names:
        root=nb.page.locator(WIDGETS[n][1]); root.scroll_into_view_if_needed()
        expect(root.locator(".zf-recorded")).to_be_visible()
        for w in root.locator(".zf-wall").all(): expect(w).to_have_attribute("data-zf-settled","true")
        nb.page.wait_for_timeout(1500)
        root.screenshot(path=f"/work/shots/paper/{n}.png")
