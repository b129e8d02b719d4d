"""The page's code goes over once for a kernel, and every widget refers to it."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.blocking import BlockingKernelClient

import zfwidgets as zf
from tests.kernels import SETUP, kernel
from tests.waiting import SECONDS
from zfwidgets.widgets import bundle
from zfwidgets.widgets.bundle import Code

LOADER = "the loader"
CODE = "the code: größer"


@pytest.fixture
def static(built: None) -> Path:
    """A built package whose files are known."""
    (bundle.STATIC / "loader.js").write_text(LOADER, "utf-8")
    (bundle.STATIC / "widgets.js").write_text(CODE, "utf-8")
    return bundle.STATIC


def run(client: BlockingKernelClient, code: str) -> list[dict[str, Any]]:
    """Run a cell; the models that it opens, in turn, with the code's text where they hold it."""
    asked = client.execute(code)
    models = []
    while True:
        message = client.get_iopub_msg(timeout=SECONDS)
        content = message["content"]
        if message["parent_header"].get("msg_id") != asked:
            continue
        assert message["msg_type"] != "error", content
        if message["msg_type"] == "comm_open" and content["target_name"] == "jupyter.widget":
            state = content["data"]["state"]
            if content["data"].get("buffer_paths") == [["packed"]]:
                (packed,) = message["buffers"]
                state["packed"] = gzip.decompress(bytes(packed)).decode()
            models.append({**state, "id": content["comm_id"]})
        if message["msg_type"] == "status" and content["execution_state"] == "idle":
            return models


def codes(models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [model for model in models if "packed" in model]


def references(models: list[dict[str, Any]]) -> list[str]:
    return [model["_code"] for model in models if "_code" in model]


def test_the_code_goes_over_once_for_a_kernel(root: Path, static: Path) -> None:
    setup = SETUP.format(root=str(root), tests=str(Path(__file__).parent), static=str(static))
    with kernel() as client:
        assert run(client, setup) == []
        first = run(client, "explorer = zf.Explorer(engine); explorer")
        (code,) = codes(first)
        assert code["packed"] == CODE
        reference = f"anywidget:{code['id']}"
        assert references(first) == [reference]
        # A page knows a model once it was opened: before the one that refers to it.
        there = [model["id"] for model in first]
        (widget,) = (model for model in first if "_code" in model)
        assert there.index(code["id"]) < there.index(widget["id"])

        more = run(
            client,
            "explorer.close(); explorer = zf.Explorer(engine)\n"
            "zf.Compare(engine, engine); zf.PatchGrid(engine)\n"
            "for name in ('ablation', 'evolution', 'invariance', 'transfer'):\n"
            "    getattr(zf, name.title())(zf.experiments.recorded(name))",
        )
        assert codes(more) == []
        assert len(references(more)) >= 1 + 3 + 1 + 4  # a comparison has two sides
        assert set(references(more)) == {reference}
        assert all(len(json.dumps(model)) < 8000 for model in more)

        closed = run(
            client,
            "import ipywidgets; ipywidgets.Widget.close_all(); explorer = zf.Explorer(engine)",
        )
        (again,) = codes(closed)
        assert again["id"] != code["id"]
        assert references(closed) == [f"anywidget:{again['id']}"]

        # A page can close models too: nbclassic's menu clears all.
        client.shell_channel.send(
            client.session.msg("comm_close", {"comm_id": again["id"], "data": {}})
        )
        cleared = run(client, "explorer = zf.Explorer(engine)")
        (third,) = codes(cleared)
        assert references(cleared) == [f"anywidget:{third['id']}"]


def test_where_a_process_has_many_pages_each_widget_brings_its_own(static: Path, engine) -> None:
    """marimo and Panel: what was sent to another session's page isn't in this one."""
    one, other = zf.PatchGrid(engine), zf.PatchGrid(engine)
    assert one._code is not other._code
    assert gzip.decompress(one._code.packed).decode() == CODE
    one.close()
    assert one._code.comm is None
    assert other._code.comm is not None


def test_a_widget_carries_the_loader_with_what_it_is_to_load(static: Path, engine) -> None:
    widget = zf.Explorer(engine)
    said, loader = widget._esm.split(";\n")
    assert loader == LOADER
    told = json.loads(said.removeprefix("const ZF = "))
    assert told["part"] == "explorer"
    assert told["code"] == hashlib.sha256(CODE.encode()).hexdigest() == widget._code.digest
    assert "{error}" in told["says"]


class Kernel:
    """Something that lives as long as the test."""


def test_each_kernel_of_a_process_has_its_own(static: Path, engine, monkeypatch) -> None:
    """Solara's pages have one each."""
    kernels = Kernel(), Kernel()
    made = []
    for one in (*kernels, *kernels):
        monkeypatch.setattr(bundle, "_kernel", lambda one=one: one)
        made.append(zf.PatchGrid(engine)._code)
    assert made[0] is made[2]
    assert made[1] is made[3]
    assert made[0] is not made[1]
    for code in made[:2]:
        code.close()


def test_what_is_built_anew_is_sent_anew(static: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = Kernel()
    monkeypatch.setattr(bundle, "_kernel", lambda: one)
    first = bundle.page_code()
    assert bundle.page_code() is first
    (static / "widgets.js").unlink()
    (static / "widgets.js").write_text("new code", "utf-8")
    second = bundle.page_code()
    assert second.digest != first.digest
    assert gzip.decompress(second.packed) == b"new code"
    first.close()
    second.close()


def test_the_page_cannot_change_the_code(static: Path) -> None:
    code = Code()
    before = code.packed
    code.set_state({"packed": b"alert(1)", "_esm": "alert(1)"})
    assert code.packed == before
    code.close()


def test_the_parts_that_widgets_name_are_those_of_the_code(root: Path) -> None:
    """The code's parts are the files of a folder."""
    parts = {path.stem for path in (root / "js" / "src" / "widgets").glob("*.ts")}
    sources = (path.read_text("utf-8") for path in (root / "zfwidgets").rglob("*.py"))
    named = {
        name for text in sources for name in re.findall(r'^    page_module = "(\w+)"', text, re.M)
    }
    assert named == parts
