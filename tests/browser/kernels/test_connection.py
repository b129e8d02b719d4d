"""The page's connection to Jupyter is cut, as when a laptop sleeps, and comes back."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.conftest import Lab, Notebook
from tests.browser.test_lifecycle import patches_equal_the_engines
from tests.waiting import MILLISECONDS

CUT = """() => {
  window.jupyterapp.shell.currentWidget.sessionContext.session.kernel._ws.close();
}"""
CONNECTED = """(wanted) => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  return (kernel.connectionStatus === "connected") === wanted;
}"""


def test_what_is_asked_while_the_connection_is_cut_is_shown_when_it_is_back(
    lab: Lab, notebook: Notebook
) -> None:
    page = notebook.page
    message = page.locator(".zf-patches .zf-message")
    page.context.set_offline(True)
    try:
        page.evaluate(CUT)  # what is open already the browser itself leaves open
        page.wait_for_function(CONNECTED, arg=False, timeout=MILLISECONDS)
        # JupyterLab may have put a dialog of its own before it.
        page.locator('[data-layer="features.4"]').first.dispatch_event("click")
        expect(message).to_be_visible()
        expect(message).to_contain_text("Waiting for the kernel")
    finally:
        page.context.set_offline(False)
    page.wait_for_function(CONNECTED, arg=True, timeout=MILLISECONDS)
    patches_equal_the_engines(notebook, "features.4", 0, 1)
    expect(message).to_be_hidden()
    expect(page.locator(".zf-banner")).to_have_count(0)
    notebook.execute("explorer.channel = 8")
    expect(page.locator(".zf-patches h3")).to_contain_text("features.4 : 8")
    patches_equal_the_engines(notebook, "features.4", 8, 2)
    page.close()  # with JupyterLab's dialog
