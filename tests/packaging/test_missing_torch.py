"""Without torch every public name is there, or says what to install."""

from __future__ import annotations

import json

from tests.without_torch import run_without_torch

NAMES = """
import json
import zfwidgets as zf
found = {}
def said(call, *arguments):
    try:
        call(*arguments)
    except zf.errors.MissingDependency as error:
        return str(error)
for package in (zf, zf.experiments, zf.models, zf.samples, zf.lessons, zf.plots, zf.records):
    for name in package.__all__:
        found[f"{package.__name__}.{name}"] = said(getattr, package, name)
for call in (zf.samples.network, zf.experiments.trained_network):
    found[f"{call.__module__}.{call.__name__}"] = said(call)
for call in (zf.samples.cifar10, zf.samples.caltech101):
    found[f"{call.__module__}.{call.__name__}"] = said(call, "nowhere")
print(json.dumps(found))
"""
COMMAND = """
from zfwidgets.cli import main
raise SystemExit(main({arguments!r}) - 1)
"""


def test_every_public_name_is_there_or_says_what_to_install():
    found = json.loads(run_without_torch(NAMES))
    lacking = {name for name, words in found.items() if words}
    for name in lacking:
        assert "needs torch" in found[name]
        assert "pip install zfwidgets" in found[name]
        assert name.rpartition(".")[2] in found[name] or name.endswith(".load")
    assert lacking >= {
        *("zfwidgets.Engine", "zfwidgets.watch", "zfwidgets.rules", "zfwidgets.models.zfnet"),
        *("zfwidgets.experiments.train", "zfwidgets.models.squeezenet.load"),
        "zfwidgets.experiments.recordings.opening.trained_network",
        *("zfwidgets.images.sets.public.cifar10", "zfwidgets.images.sets.public.caltech101"),
    }
    assert not lacking & {
        *("zfwidgets.Explorer", "zfwidgets.connect", "zfwidgets.load_report", "zfwidgets.name"),
        *("zfwidgets.samples.photos", "zfwidgets.experiments.recorded", "zfwidgets.Ablation"),
    }


def test_commands_that_run_a_network_say_so_too(tmp_path):
    images = tmp_path / "photos"
    images.mkdir()
    index = ["index", "--images", str(images), "--out", str(tmp_path / "index"), "--model"]
    for arguments in (
        [*index, "sample"],
        [*index, "torchvision:alexnet", "--weights", "random"],
        ["report", "--out", str(tmp_path / "a.html")],
    ):
        words = run_without_torch(f"sys.stderr = sys.stdout{COMMAND.format(arguments=arguments)}")
        assert words.startswith("zfwidgets: "), words
        assert "needs torch" in words
        assert "Traceback" not in words
