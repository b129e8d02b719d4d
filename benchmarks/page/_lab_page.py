"""What all share that drive a JupyterLab's page: server, browser, readiness, code in its kernel."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from zfwidgets.demo.browser import CHROMIUM_ARGUMENTS, require_browser
from zfwidgets.demo.lab import LabServer

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


def chromium(stack: ExitStack) -> Browser:
    """A Chromium, closed with the stack."""
    playwright = stack.enter_context(sync_playwright())
    browser = playwright.chromium.launch(
        executable_path=require_browser(), args=list(CHROMIUM_ARGUMENTS)
    )
    stack.callback(browser.close)
    return browser


def lab(stack: ExitStack) -> LabServer:
    """A JupyterLab in a folder of its own, stopped and removed with the stack."""
    root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    return stack.enter_context(LabServer(root, port=0, expose_app=True))
