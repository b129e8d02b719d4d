"""In a real kernel: settling in a cell neither hangs nor moves traits on another thread."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking import BlockingKernelClient
from nbclient import NotebookClient

from tests.kernels import SETUP, kernel
from tests.waiting import PROGRAM, SECONDS

WIDGET = "explorer = zf.Explorer(engine)\nexplorer"
SETTLE = """
figure = zf.plots.class_bars(explorer)
threads = set()
figure.observe(lambda change: threads.add(threading.current_thread()), "title")
explorer.selection.photo = 5
print(explorer.settle(SECONDS), figure.title, threads <= {threading.main_thread()})
"""
AFTER = "explorer.selection.photo = 6"
LATER = """
import asyncio
moved = asyncio.Event()
figure.observe(lambda change: moved.set() if change["new"] == "picture 6" else None, "title")
if figure.title != "picture 6":
    await asyncio.wait_for(moved.wait(), SECONDS)
print(figure.title, threads <= {threading.main_thread()})
"""


def test_a_notebook_with_a_widget_a_figure_and_settle(root, tmp_path, built):
    setup = SETUP.format(root=str(root), tests=str(Path(__file__).parent), static=str(tmp_path))
    cells = [nbformat.v4.new_code_cell(code) for code in (setup, WIDGET, SETTLE, AFTER, LATER)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, timeout=PROGRAM, kernel_name="python3").execute()
    live, static = notebook.cells[1].outputs
    assert "application/vnd.jupyter.widget-view+json" in live.data
    jpeg = base64.b64decode(static.data["image/jpeg"])
    assert jpeg[:2] == b"\xff\xd8"
    assert len(jpeg) <= 150_000
    assert "photo picture" in static.data["text/plain"]
    assert static.metadata["alt"].startswith("zfwidgets")
    assert notebook.cells[2].outputs[0].text == "True picture 5 True\n"
    assert notebook.cells[4].outputs[0].text == "picture 6 True\n"


LIMIT = SECONDS  # s: a limit, never a wait


def control(client: BlockingKernelClient, kind: str, **content: Any) -> dict[str, Any]:
    """What the kernel answers on its control channel."""
    message = client.session.msg(kind, content)
    client.control_channel.send(message)
    while True:
        reply = client.get_control_msg(timeout=LIMIT)
        if reply["parent_header"].get("msg_id") == message["header"]["msg_id"]:
            return dict(reply["content"])


def ask(
    client: BlockingKernelClient, comm: str, view: str, fingerprint: str, subshell: str | None
) -> None:
    """Ask for the catalogue as a page does, and wait for the answer."""
    request = {"zf": 1, "op": "get", "view": view, "slot": "s", "kind": "catalogue"}
    request |= {"key": {"fingerprint": fingerprint}, "priority": 0}
    data = {"method": "custom", "content": request}
    message = client.session.msg("comm_msg", {"comm_id": comm, "data": data})
    message["header"]["subshell_id"] = subshell
    client.shell_channel.send(message)
    while True:
        heard = client.get_iopub_msg(timeout=LIMIT)
        said = heard["content"].get("data", {}) if heard["msg_type"] == "comm_msg" else {}
        content = said.get("content", {})
        if content.get("view") == view and content.get("op") == "reply":
            return


def test_pages_are_answered_though_the_subshell_of_another_is_gone(root, tmp_path, built):
    """As when JupyterLab's second tab on a notebook is closed, or reloaded."""
    setup = SETUP.format(root=str(root), tests=str(Path(__file__).parent), static=str(tmp_path))
    names = {"comm": "explorer.comm.comm_id", "fingerprint": "explorer.fingerprint"}
    with kernel() as client:
        features = client.kernel_info(reply=True, timeout=LIMIT)["content"]["supported_features"]
        if "kernel subshells" not in features:
            pytest.skip("this ipykernel has no subshells")
        reply = client.execute(
            f"{setup}\nexplorer = zf.Explorer(engine)",
            user_expressions=names,
            reply=True,
            timeout=LIMIT,
        )
        found = reply["content"]["user_expressions"]
        comm, fingerprint = (found[name]["data"]["text/plain"].strip("'") for name in names)
        other = control(client, "create_subshell_request")["subshell_id"]
        ask(client, comm, "another page", fingerprint, other)
        assert control(client, "delete_subshell_request", subshell_id=other)["status"] == "ok"
        ask(client, comm, "this page", fingerprint, None)
