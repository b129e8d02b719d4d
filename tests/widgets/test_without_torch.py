"""Widgets without torch and bqplot, in a process where neither can be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.waiting import PROGRAM

SCRIPT = """
import sys, threading, time

for name in ("torch", "torchvision", "bqplot"):
    sys.modules[name] = None  # importing it raises ImportError

sys.path[:0] = {paths}
from tests.heard import heard
from pathlib import Path
from zfwidgets.widgets import bundle
bundle.STATIC = Path({static!r})

import numpy_engine
import zfwidgets as zf
import zfwidgets.widgets

engine = numpy_engine.NumpyEngine()
widgets = [kind(engine) for kind in (zf.LayerPicker, zf.PatchGrid, zf.OcclusionMap, zf.Explorer)]
zf.link(*widgets)
needs = widgets[-1]._needs()
slide = {{k: v for k, v in dict(needs)["occlusion"].items() if k not in ("target", "channel")}}
needs += [
    ("catalogue", {{}}),
    ("index", {{}}),
    ("sample", {{"layer": "conv1", "channel": 2}}),
    ("estimate", slide),
    ("respond", {{"image": 2, "occluder": widgets[-1].selection.occluder, "layer": "relu2"}}),
    ("quantiles", {{"layer": "conv1", "channel": 2}}),
    ("about", {{"layer": "conv1", "channel": 2}}),
    ("sanity", {{"layer": "conv1", "channel": 2, "rule": "guided"}}),
    ("orders", {{"layer": "relu2"}}),
    ("photos", {{}}),
    ("thumbnails", {{"images": [2, 0], "size": 20}}),
    ("predicted", {{}}),
    ("responses", {{"image": 2, "layer": "relu2"}}),
    ("look", {{"image": 2, "layer": "relu2", "channel": 2, "rule": "guided"}}),
    ("cover", {{"layer": "conv1", "channel": 2, "k": 3, "baseline": "mean"}}),
]
asked = {{kind for kind, _ in needs}}
from zfwidgets.widgets.wire.validation import FIELDS
assert asked == set(FIELDS), asked
for slot, (kind, fields) in enumerate(needs):
    key = {{"fingerprint": engine.info.fingerprint, **fields}}
    content = dict(zf=1, op="get", view="v", slot=str(slot), kind=kind, key=key, priority=1)
    data = {{"method": "custom", "content": content}}
    widgets[-1].comm.handle_msg({{"content": {{"data": data}}, "buffers": []}})
from tests.waiting import PROGRAM, SECONDS
assert widgets[-1].settle(SECONDS)
replies = [content["kind"] for content in heard if content and content["op"] == "reply"]
assert set(replies) == set(FIELDS), replies
assert widgets[-1].snapshot().width
try:
    zf.plots.class_bars(widgets[-1])
except zf.errors.MissingDependency as error:
    print(error)
from zfwidgets.experiments.shared.charts import Chart
from zfwidgets.widgets.static_picture.unattended import inside
for name in ("ablation", "correspondence", "diagnosis", "evolution", "invariance", "transfer"):
    box = getattr(zf, name.title())(zf.experiments.recorded(name))
    assert box.settle(SECONDS)
    charts = [part for part in inside(box) if isinstance(part, Chart)]
    assert charts, name
    assert all(chart.series for chart in charts), name
assert not any(name.split(".")[0] in ("torch", "torchvision", "bqplot")
               and module is not None for name, module in sys.modules.items())
"""


def test_widgets_answer_everything_without_torch_and_bqplot(root, tmp_path, built):
    paths = [str(root), str(Path(__file__).parent)]
    script = SCRIPT.format(paths=paths, static=str(tmp_path))
    done = subprocess.run(
        [sys.executable, "-W", "error:::zfwidgets", "-c", script],
        capture_output=True,
        text=True,
        timeout=PROGRAM,
    )
    assert done.returncode == 0, done.stderr
    assert "pip install bqplot" in done.stdout


def test_importing_the_widgets_starts_no_threads_and_imports_no_torch(root):
    script = (
        "import sys, threading; import zfwidgets.widgets.explorer, zfwidgets.plots; "
        "assert threading.active_count() == 1; "
        "assert not {'torch', 'bqplot'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=root, timeout=PROGRAM)
