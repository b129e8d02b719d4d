"""What the benchmarks in a JupyterLab share: when its page is ready."""

from __future__ import annotations

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
