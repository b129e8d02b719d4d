"""Photos of the user's own, from the page and from Python, over the wire and nowhere else."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.waiting import SECONDS

torch = pytest.importorskip("torch")

import zfwidgets as zf  # noqa: E402
from tests.experiments.small import COLUMNS, ROWS, chain  # noqa: E402
from tests.widgets.wire.test_schema import check  # noqa: E402
from zfwidgets.errors import InputError, NotStored  # noqa: E402
from zfwidgets.records import MOST_OWN_BYTES  # noqa: E402
from zfwidgets.widgets.wire.schema import PART_BYTES  # noqa: E402

NAME = "secret-cat.png"


def picture(seed, rows=50, columns=70):
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((columns, rows))


def encoded(image, kind="PNG"):
    stream = io.BytesIO()
    image.save(stream, kind)
    return stream.getvalue()


def to_tensor(image):
    values = np.asarray(image.resize((COLUMNS, ROWS)), np.float32) / 255 - 0.5
    return torch.from_numpy(values.transpose(2, 0, 1).copy())


@pytest.fixture
def live():
    images = [picture(i) for i in range(6)]
    return zf.Engine(
        chain(), images, transform=to_tensor, denormalize=([0.5] * 3, [1.0] * 3), cache=False
    )


@pytest.fixture
def explorer(live, front_end):
    return zf.Explorer(live, layer="3", channel=2, auto=False)


def send(front_end, widget, content, buffers=()):
    """A message from the page, with its buffers as ipykernel hands them on."""
    data = {"method": "custom", "content": {"zf": 1, "view": "view", **content}}
    buffers = [memoryview(buffer) for buffer in buffers]
    widget.comm.handle_msg({"content": {"data": data}, "buffers": buffers})


def add(front_end, widget, file, name=NAME, slot="add:1", size=PART_BYTES):
    """Send a file part by part; the answer."""
    parts = max(1, -(-len(file) // size))
    for part in range(parts):
        content = {"op": "add", "slot": slot, "name": name, "part": part, "parts": parts}
        send(front_end, widget, content, [file[part * size : (part + 1) * size]])
    return answered(front_end, widget, slot)


def answered(front_end, widget, slot, timeout=SECONDS):
    def found():
        return [
            content
            for content, _ in front_end.custom(widget)
            if content["slot"] == slot and content["op"] in ("reply", "error")
        ]

    with front_end.heard:
        assert front_end.heard.wait_for(found, timeout)
        return found()[-1]


def test_a_photo_from_the_page_is_one_to_ask_about(front_end, explorer, live):
    content = add(front_end, explorer, encoded(picture(9)))
    check(content)
    data = content["data"]
    number = data["added"]
    assert number >= 6
    assert data["own"] == [{"image": number, "name": NAME, "notes": []}]
    assert torch.equal(live.session.tensor(number), to_tensor(picture(9)))
    front_end.change(explorer.selection, photo=number)
    assert explorer.photo == number
    _, buffers = front_end.ask(explorer, "predict", image=number, occluder=None)
    with torch.no_grad():
        logits = chain().eval()(to_tensor(picture(9))[None])[0]
    np.testing.assert_allclose(np.frombuffer(buffers[0], "<f4"), logits.softmax(0), atol=1e-5)
    photo, _ = front_end.ask(explorer, "photo", image=number)
    assert (photo["data"]["name"], photo["data"]["label"]) == (NAME, None)
    for kind, fields in {
        "thumbnails": {"images": [number, 2], "size": 20},
        "responses": {"image": number, "layer": "3"},
        "look": {"image": number, "layer": "3", "channel": 2, "rule": "deconvnet"},
        "respond": {
            "image": number,
            "layer": "3",
            "occluder": occluder_fields(),
        },
        "occlusion": {
            "image": number,
            "height": 9,
            "width": 7,
            "stride": 6,
            "baseline": "blur",
            "mask": None,
            "extra_boxes": [],
            "layer": "3",
            "target": None,
            "channel": None,
        },
        "photos": {},
    }.items():
        content, _ = front_end.ask(explorer, kind, **fields)
        assert content["op"] == "reply", content
        check(content)


def occluder_fields():
    box = {"top": 3, "left": -2, "height": 9, "width": 7}
    return {**box, "baseline": "grey", "mask": None, "extra_boxes": []}


def test_a_large_photo_comes_in_parts_and_in_order(front_end, explorer, live):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (900, 700, 3), np.uint8))
    file = encoded(noise)
    data = add(front_end, explorer, file, size=300_000)["data"]
    assert torch.equal(live.session.tensor(data["added"]), to_tensor(noise))

    send(
        front_end, explorer, {"op": "add", "slot": "b", "name": NAME, "part": 1, "parts": 3}, [b"x"]
    )
    content = answered(front_end, explorer, "b")
    check(content)
    assert "came incomplete: add it again" in content["data"]["message"]
    assert len(live.own_photos) == 1


def test_parts_that_never_end_are_let_go(front_end, explorer):
    for number in range(9):
        content = {"op": "add", "slot": f"never:{number}", "name": "x", "part": 0, "parts": 2}
        send(front_end, explorer, content, [b"x" * 1000])
    assert len(explorer._arrivals._coming) == 3


@pytest.mark.parametrize(
    ("content", "buffers", "message"),
    [
        ({"name": "x", "part": 0, "parts": 1}, [], "1 to 4194304 bytes"),
        ({"name": "x", "part": 0, "parts": 1}, [b""], "1 to 4194304 bytes"),
        ({"name": "x", "part": 0, "parts": 1}, [b"a", b"b"], "1 to 4194304 bytes"),
        ({"name": "x", "part": 0, "parts": 1}, [bytes(PART_BYTES + 1)], "1 to 4194304 bytes"),
        ({"name": "x", "part": 0, "parts": 9}, [b"a"], r"parts must be in 1 .. 8, not 9"),
        ({"name": "x", "part": -1, "parts": 1}, [b"a"], "part must be in 0 .. 0"),
        ({"name": "x", "part": True, "parts": 1}, [b"a"], "part must be a whole number"),
        ({"name": 7, "part": 0, "parts": 1}, [b"a"], "name must be text"),
        ({}, [b"a"], "name must be text"),
        ({"name": "notes.txt", "part": 0, "parts": 1}, [b"plain text"], "notes.txt: not an image"),
        ({"name": "x" * 9999, "part": 0, "parts": 1}, [b"plain text"], "xxx: not an image"),
    ],
)
def test_what_is_no_photo_is_said_and_the_widget_goes_on(
    front_end, explorer, live, content, buffers, message
):
    send(front_end, explorer, {"op": "add", "slot": "bad", **content}, buffers)
    told = answered(front_end, explorer, "bad")
    check(told)
    assert told["op"] == "error"
    assert re.search(message, told["data"]["message"])
    assert len(told["data"]["message"]) < 400
    assert live.own_photos == ()
    assert front_end.ask(explorer, "photo", image=1)[0]["op"] == "reply"
    assert add(front_end, explorer, encoded(picture(3)))["op"] == "reply"


def test_the_most_bytes_in_parts_are_the_most_that_is_taken(front_end, explorer):
    """The last byte more is refused, whatever the number of parts says."""
    content = add(front_end, explorer, b"\0" * (MOST_OWN_BYTES + 1), "fat.jpg")
    assert "fat.jpg: 30.0 MB, and a file may have 30" in content["data"]["message"]


def test_a_photo_is_forgotten_when_the_page_says_so(front_end, explorer, live):
    number = add(front_end, explorer, encoded(picture(9)))["data"]["added"]
    front_end.ask(explorer, "photo", image=number)
    send(front_end, explorer, {"op": "remove", "slot": "r", "image": number})
    content = answered(front_end, explorer, "r")
    check(content)
    assert content["data"]["own"] == []
    assert live.own_photos == ()
    told, _ = front_end.ask(explorer, "photo", image=number)
    assert f"Your photo '{NAME}'" in told["data"]["message"], "kept answers are gone too"
    for image in (number, 2, -1, "x", None):
        send(front_end, explorer, {"op": "remove", "slot": f"again {image}", "image": image})
        assert answered(front_end, explorer, f"again {image}")["op"] == "error"


@pytest.mark.parametrize(
    "give",
    [
        lambda image, path: path,
        lambda image, path: str(path),
        lambda image, path: image,
        lambda image, path: np.asarray(image),
        lambda image, path: to_tensor(image),
    ],
    ids=["Path", "str", "PIL", "array", "tensor"],
)
def test_show_looks_at_a_photo_however_it_is_given(explorer, live, tmp_path, give):
    image, path = picture(12), tmp_path / "cat.png"
    image.save(path)
    number = explorer.show(give(image, path), "mine")
    assert explorer.selection.photo == explorer.photo == number
    torch.testing.assert_close(live.session.tensor(number), to_tensor(image))
    assert live.own_photos[0].name == "mine"


def test_show_takes_the_engines_own_by_number_and_name(explorer, live):
    assert explorer.show(3) == explorer.photo == 3
    assert explorer.show(live.info.images[4]) == explorer.photo == 4
    assert live.own_photos == ()
    with pytest.raises(InputError, match=r"x\.png: there is no such file"):
        explorer.show("x.png")
    with pytest.raises(InputError):
        explorer.show(6)
    assert explorer.photo == 4


def test_a_page_can_choose_no_photo_that_is_not_there(front_end, explorer, live):
    number = explorer.show(picture(1), "mine")
    explorer.photo = 2
    live.remove_photo(number)
    front_end.change(explorer.selection, photo=number)
    assert explorer.photo == 2
    (content, _) = front_end.custom(explorer.selection, "error")[-1]
    assert "isn't there any more" in content["data"]["message"]


def test_nothing_of_it_is_kept_in_traits_notebooks_or_reports(
    front_end, explorer, live, tmp_path, monkeypatch
):
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    live.index(progress=False)
    marked = Image.new("RGB", (70, 50), (255, 0, 254))
    number = add(front_end, explorer, encoded(marked))["data"]["added"]
    explorer.show(number)
    assert explorer.settle(SECONDS)
    for widget in (explorer, explorer.selection):
        state = json.dumps(widget.get_state(), default=str)
        assert NAME not in state
        assert (
            len(
                json.dumps(
                    {k: v for k, v in widget.get_state().items() if k != "_esm"}, default=str
                )
            )
            < 4000
        )
    shown = np.asarray(explorer.snapshot(SECONDS)).reshape(-1, 3).astype(int)
    there = (np.abs(shown - (255, 0, 254)).sum(1) < 20).sum()
    assert there < 20, "the picture goes into notebooks"
    assert explorer._describe().endswith("photo a photo of your own"), "its words go there too"

    path = zf.save_report([explorer], folder / "report.html", progress=False).path
    text = Path(path).read_text("utf-8")
    assert NAME not in text
    stored = zf.load_report(path)
    assert zf.Explorer(stored).photo < 6
    with pytest.raises(InputError, match="one of your own"):
        zf.save_report([explorer], folder / "other.html", images=[number], progress=False)
    assert sorted(p.name for p in folder.iterdir()) == ["report.html"]


def test_a_report_lists_what_it_holds_and_says_what_needs_a_kernel(
    front_end, explorer, live, tmp_path
):
    live.index(progress=False)
    path = zf.save_report([explorer], tmp_path / "report.html", progress=False).path
    stored = zf.load_report(path)
    again = zf.Explorer(stored)
    content, _ = front_end.ask(again, "photos")
    data = content["data"]
    assert data["own"] == []
    assert data["no_own"] == "A photo of your own needs a kernel: this is a report."
    assert data["held"] == sorted(data["held"])
    assert set(data["held"]) <= set(range(6))
    assert data["held"]
    told = add(front_end, again, encoded(picture(1)), slot="add:9")
    assert told["data"]["message"] == data["no_own"]
    with pytest.raises(InputError, match="needs a kernel"):
        again.show(picture(1))
    with pytest.raises(NotStored, match="needs a kernel"):
        stored.add_photo(picture(1))
    with pytest.raises(InputError, match=r"0 \.\. 5, not 6"):
        stored.photo(6)
    for kind, fields in {
        "responses": {"image": 1, "layer": "3"},
        "look": {"image": 1, "layer": "3", "channel": 2, "rule": "deconvnet"},
    }.items():
        content, _ = front_end.ask(again, kind, **fields)
        assert content["data"]["name"] == "NotStored"
    held = data["held"][0]
    content, _ = front_end.ask(again, "thumbnails", images=[held], size=20)
    assert content["data"]["lost"] == []


def test_linked_widgets_all_show_it(front_end, explorer, live):
    other = zf.OcclusionMap(live, selection=explorer.selection)
    number = explorer.show(picture(4))
    assert other.photo == number
    assert explorer.state["photo"] == number


def test_a_page_that_sends_more_than_can_be_read_is_told(front_end, explorer, live):
    """What waits to be decoded is bounded, whoever sends it."""
    with live.session.lock:  # the worker is at something else
        front_end.get(explorer, "predict", image=1, occluder=None, slot="busy", priority=0)
        for number in range(5):
            slot = f"many:{number}"
            content = {"op": "add", "slot": slot, "name": f"{number}.png", "part": 0, "parts": 1}
            send(front_end, explorer, content, [encoded(picture(number))])
        told = [answered(front_end, explorer, f"many:{number}") for number in (3, 4)]
        assert all("add it again" in content["data"]["message"] for content in told)
    for number in range(3):
        assert answered(front_end, explorer, f"many:{number}")["op"] == "reply"
    assert len(live.own_photos) == 3
    assert add(front_end, explorer, encoded(picture(3)), slot="later")["op"] == "reply"
