"""A student's kernel: a real one that has neither torch nor bqplot, asked as a page asks."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

from benchmarks.classroom._server import LONGEST, STUDENT, Served, Unit, grid
from benchmarks.harness import ROOT
from zfwidgets.widgets import requests

BLOCKED = ("torch", "torchvision", "bqplot", "pandas")
SETUP = """
import zfwidgets as zf
engine = zf.connect({url!r}, {token!r})
explorer = zf.Explorer(engine)
"""


def student(server: Served, units: Sequence[Unit]) -> dict[str, Any]:
    """A real kernel without torch that was asked what a page asks for."""
    from jupyter_client.manager import KernelManager

    with tempfile.TemporaryDirectory() as folder:
        block = f"import sys\nfor name in {BLOCKED!r}:\n    sys.modules[name] = None\n"
        Path(folder, "sitecustomize.py").write_text(block)
        path = os.pathsep.join([folder, str(ROOT), os.environ.get("PYTHONPATH", "")])
        manager = KernelManager(kernel_name="python3")
        manager.start_kernel(env={**os.environ, "PYTHONPATH": path})
        client = manager.client()
        try:
            client.start_channels()
            client.wait_for_ready(timeout=LONGEST)
            pid = manager.provisioner.pid  # type: ignore[union-attr]
            bare = psutil.Process(pid).memory_info().rss / 1e6
            code = SETUP.format(url=server.url, token=STUDENT) + "explorer\n"
            executed(client, code)
            opened = psutil.Process(pid).memory_info().rss / 1e6
            print_fingerprint = "print(explorer.model_id, engine.info.fingerprint)"
            (text,) = [
                m["content"]["text"]
                for m in executed(client, print_fingerprint)
                if m["msg_type"] == "stream"
            ]
            model, fingerprint = text.split()
            for need in pages_needs(units):
                answered(client, model, fingerprint, need)
            used = psutil.Process(pid).memory_info().rss / 1e6
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)
    return {
        "student_rss_mb": round(used, 1),
        "student_opened_mb": round(opened, 1),
        "kernel_bare_mb": round(bare, 1),
    }


def pages_needs(units: Sequence[Unit]) -> list[Any]:
    """What pages ask for in a lesson: the catalogue, sheets of thumbnails, units, photos."""
    chance = random.Random(2)
    needs: list[Any] = [("catalogue", {})]
    for layer in sorted({layer for layer, _ in units})[:10]:
        count = min(64, sum(one == layer for one, _ in units))
        sheet = {"layer": layer, "first": 0, "count": count, "size": requests.THUMBNAIL}
        needs += [("channels", {"layer": layer}), ("sheet", sheet)]
    for unit in chance.sample(units, min(len(units), 150)):
        needs += grid(unit)
    for image in range(12):
        needs += [("photo", {"image": image}), ("predict", {"image": image, "occluder": None})]
    return needs


def executed(client: Any, code: str) -> list[Any]:
    """Run a cell; what it says."""
    heard: list[Any] = []
    reply = client.execute_interactive(code, output_hook=heard.append, timeout=LONGEST)
    assert reply["content"]["status"] == "ok", reply["content"]
    return heard


def answered(client: Any, model: str, fingerprint: str, need: Any) -> None:
    """Ask as a page does, by a message, and wait for the answer."""
    kind, fields = need
    key = {"fingerprint": fingerprint, **fields}
    content = {"zf": 1, "op": "get", "view": "bench", "slot": kind, "kind": kind, "key": key,
               "priority": 0}  # fmt: skip
    data = {"method": "custom", "content": content}
    client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": model, "data": data}))
    while True:
        message = client.get_iopub_msg(timeout=LONGEST)
        said = message["content"].get("data", {}) if message["msg_type"] == "comm_msg" else {}
        told = said.get("content", {})
        if told.get("view") == "bench" and told.get("op") in ("reply", "error"):
            assert told["op"] == "reply", told
            return
