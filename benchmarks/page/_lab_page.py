"""What all share that drive a JupyterLab's page: when it is ready, code run in its kernel."""

from __future__ import annotations

from playwright.sync_api import Page

TIMEOUT = 120_000
"""Milliseconds that anything may take."""

READY = """(path) => {
  const panel = window.jupyterapp?.shell?.currentWidget;
  const kernel = panel?.sessionContext?.session?.kernel;
  return panel?.context?.path === path && panel.context.isReady && panel.isAttached
    && kernel?.connectionStatus === "connected" && kernel.status === "idle";
}"""
"""The notebook at a path is in front, its kernel connected and idle. Before that JupyterLab loses
a request to run cells without a word."""

EXECUTE = """async (code) => {
  const { kernel } = window.jupyterapp.shell.currentWidget.sessionContext.session;
  const future = kernel.requestExecute({ code, store_history: false });
  let text = "", error = null;
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
    if (header.msg_type === "error") error = content.traceback.join("\\n");
  };
  await future.done;
  return [text, error];
}"""


def execute(page: Page, code: str) -> str:
    """Run code in the kernel of the notebook in front, beside its cells; what it printed.

    Raises AssertionError with the traceback if it raised.
    """
    text, error = page.evaluate(EXECUTE, code)
    assert error is None, error
    return str(text)
