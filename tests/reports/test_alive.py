"""Reports with their network inside: what is written, what is refused before anything is."""

from __future__ import annotations

import re
from html import unescape

import numpy as np
import pytest

import zfwidgets as zf
from tests import portable_networks
from zfwidgets.cli import main
from zfwidgets.errors import BrokenReport, InputError
from zfwidgets.reports.files import Parts
from zfwidgets.reports.parts import unpack
from zfwidgets.reports.writing.saving import plan_report
from zfwidgets.widgets import bundle

LICENCE = "CC0 <b>by</b> a test"


def manifest_of(path):
    ((manifest, _),) = unpack("manifest", Parts(path)["manifest"])
    return manifest


@pytest.fixture(autouse=True)
def alive_script(built):
    (bundle.STATIC / "report_alive.js").write_text("export default 1;")


@pytest.fixture(scope="module")
def network():
    engine = portable_networks.engine("ResNet")
    engine.index(progress=False)
    return engine


@pytest.fixture
def ask(network, tmp_path):
    """Save a report of the small network; its path."""

    def ask(name="alive.html", **choices):
        explorer = zf.Explorer(network, layer="layer1.0.conv1", channel=1, stride=20)
        choices = {"alive": True, "licence": LICENCE, "images": [0], **choices}
        return zf.save_report(explorer, tmp_path / name, progress=False, **choices).path

    return ask


def test_the_weights_in_it_are_the_networks(ask, network):
    for precision, kind in (("float32", "<f4"), ("float16", "<f2")):
        path = ask(precision=precision)
        held = manifest_of(path)["network"]
        assert held["licence"] == LICENCE
        assert held["cost"]["precision"] == precision
        assert held["cost"]["tried"] == held["cost"]["kept"] == 4
        assert [rule["name"] for rule in held["rules"]] == ["deconvnet", "guided", "gradient"]
        first = next(one for one in held["program"]["operations"] if one["op"] == "conv")
        part, at, name = held["weights"][first["weight"]]
        assert name == precision
        (buffer,) = unpack(part, Parts(path)[part])[at][1]
        expected = network.session.network.module.conv1.weight.detach().numpy()
        np.testing.assert_array_equal(np.frombuffer(buffer, kind), expected.astype(kind).ravel())


def test_filters_of_whole_numbers_are_the_networks_to_half_a_step(ask, network):
    held = manifest_of(path := ask(precision="int8"))["network"]
    assert held["cost"]["precision"] == "int8"
    assert held["cost"]["tried"] == 4
    first = next(one for one in held["program"]["operations"] if one["op"] == "conv")

    def array(number, kind):
        part, at, name = held["weights"][number]
        assert name == kind
        return unpack(part, Parts(path)[part])[at][1][0]

    expected = network.session.network.module.conv1.weight.detach().numpy()
    whole = np.frombuffer(array(first["weight"], "int8"), "i1").reshape(expected.shape)
    scales = np.frombuffer(array(first["weight_scale"], "float32"), "<f4").reshape(-1, 1, 1, 1)
    assert (np.abs(whole).reshape(len(whole), -1).max(1) == 127).all()
    assert (np.abs(whole * scales - expected) <= scales / 2 * 1.0001).all()


def test_its_policy_lets_the_network_run_and_nothing_else(ask):
    page = ask().read_text("utf-8")
    plain = ask("plain.html", alive=False).read_text("utf-8")
    policies = [unescape(re.search(r'Policy" content="([^"]+)"', one)[1]) for one in (page, plain)]
    rules = [set(re.sub(r"sha256-[^']+", "", policy).split("; ")) for policy in policies]
    assert rules[0] - rules[1] == {"worker-src blob:", "script-src '' 'wasm-unsafe-eval'"}
    assert "network/0" not in plain
    assert "&lt;b&gt;by&lt;/b&gt;" in page
    assert "<b>by</b>" not in page


def test_what_is_plain_has_nothing_of_it(ask):
    manifest = manifest_of(ask("plain.html", alive=False))
    assert "network" not in manifest
    assert not [part for part in manifest["parts"] if part.startswith("network")]


def test_the_size_is_said_before(network):
    explorer = zf.Explorer(network, layer="layer1.0.conv1", channel=1, stride=20)
    chosen = {"layers": ["conv1", "layer1.0.conv1"], "images": [0], "budget": None}
    plain = plan_report(explorer, **chosen)
    alive = plan_report(explorer, **chosen, alive=True, precision="float32")
    weights = 4 * sum(p.numel() for p in network.session.network.module.parameters())
    assert alive.expected["network"] == pytest.approx(weights * 4 / 3, rel=0.05)
    assert "network" in str(alive)
    assert "network" not in plain.expected
    assert alive.quality.photos is None


@pytest.mark.parametrize(
    ("choices", "words"),
    [
        ({"licence": ""}, "licence="),
        ({"licence": "  "}, "licence="),
        ({"precision": "int4"}, "int8, float16, float32"),
        ({"budget": "20 kB"}, "raise the budget"),
    ],
)
def test_what_is_missing_is_asked_for_before_anything_is_written(ask, tmp_path, choices, words):
    with pytest.raises(InputError, match=words):
        ask(**choices)
    assert list(tmp_path.iterdir()) == []


def test_a_report_has_no_network_to_put_into_another(ask, tmp_path):
    stored = zf.load_report(ask())
    explorer = zf.Explorer(stored, layer="layer1.0.conv1", channel=1)
    with pytest.raises(InputError, match="not a report's"):
        zf.save_report(explorer, tmp_path / "two.html", alive=True, licence="x", progress=False)
    again = zf.save_report(explorer, tmp_path / "two.html", progress=False).path
    assert "network" not in manifest_of(again)


def test_a_folder_has_its_weights_beside_it(ask):
    folder = ask("site")
    parts = {path.name for path in folder.rglob("*.zfpart")}
    assert "network-0.zfpart" in parts


def test_damaged_weights_are_told_when_they_are_read(ask):
    folder = ask("site")
    (part,) = folder.rglob("network-0.zfpart")
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 8
    part.write_bytes(content)
    stored = zf.load_report(folder)
    assert stored.info.images  # what else is in it is there
    with pytest.raises(BrokenReport, match="network/0"):
        stored.verify()


def test_the_command_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "own.py").write_text(
        "from tests.portable_networks import build\n\ndef make():\n    return build('ResNet')\n"
    )
    monkeypatch.chdir(tmp_path)
    arguments = ["report", "--model", "own.py:make", "--images", "sample", "--alive", "--layers",
                 "conv1", "-o", "own.html"]  # fmt: skip
    assert main(arguments) == 1
    assert "licence" in capsys.readouterr().err
    assert not (tmp_path / "own.html").exists()
