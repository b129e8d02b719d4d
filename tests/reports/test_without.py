"""Reports are read, and their widgets live, without torch, safetensors and threads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.waiting import PROGRAM

SCRIPT = """
import asyncio, sys, threading
from tests.waiting import PROGRAM, SECONDS

for name in ("torch", "torchvision", "safetensors", "bqplot", "_multiprocessing"):
    sys.modules[name] = None  # importing it raises ImportError

def refuse(self):
    raise RuntimeError("can't start new thread")

threading.Thread.start = refuse

from tests.heard import heard
from pathlib import Path
from zfwidgets.widgets import bundle
bundle.STATIC = Path({static!r})

import zfwidgets as zf

stored = zf.load_report({report!r})
assert len(stored.top("conv2", 3)) == 9
widgets = [kind(stored) for kind in (zf.LayerPicker, zf.PatchGrid)]
explorer = zf.Explorer(stored, layer="conv2", channel=3, image=2, stride=4, patch=(6, 8))
zf.link(explorer, *widgets)
assert explorer.settle(SECONDS)
assert explorer.snapshot().width == 1200

async def ask():
    needs = [*explorer._needs(), ("catalogue", {{}})]
    for slot, (kind, fields) in enumerate(needs):
        key = {{"fingerprint": stored.info.fingerprint, **fields}}
        content = dict(zf=1, op="get", view="v", slot=str(slot), kind=kind, key=key, priority=1)
        data = {{"method": "custom", "content": content}}
        explorer.comm.handle_msg({{"content": {{"data": data}}, "buffers": []}})
    for _ in range(1000):
        await asyncio.sleep(0)
    replies = [c["kind"] for c in heard if c and c.get("op") == "reply"]
    assert sorted(replies) == sorted(kind for kind, _ in needs), replies
    explorer.selection.unit = ("conv1", 0)  # in the notebook one goes on
    assert explorer.settle(SECONDS)

asyncio.run(ask())
assert not [c for c in heard if c and c.get("op") == "error"], heard
zf.save_report(explorer, {again!r}, progress=False)
zf.load_report({again!r}).verify()
assert threading.active_count() == 1
print("alive")
"""


def test_a_report_lives_without_torch_and_threads(save, root, tmp_path):
    from zfwidgets.widgets import bundle

    report, again = save(), str(tmp_path / "again.html")
    script = SCRIPT.format(static=str(bundle.STATIC), report=str(report), again=again)
    done = subprocess.run(
        [sys.executable, "-W", "error:::zfwidgets", "-c", script],
        capture_output=True, text=True, timeout=PROGRAM, cwd=root,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "alive"


def test_importing_reports_imports_no_torch(root):
    script = (
        "import sys; import zfwidgets.reports.writing.saving, zfwidgets.reports.reading.stored; "
        "assert not {'torch', 'bqplot', 'safetensors', 'markdown_it'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(root), timeout=PROGRAM)
