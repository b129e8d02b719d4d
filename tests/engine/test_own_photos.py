"""Photos of the user's own: like those of the set in all that is asked, and nowhere kept."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.transforms import v2

import zfwidgets as zf
from zfwidgets.engine.protocol import EngineProtocol
from zfwidgets.errors import InactiveUnit, InputError, UnreadableImage
from zfwidgets.records import MOST_OWN, MOST_OWN_BYTES, Box, Occluder, Unit

ROWS, COLUMNS = 40, 56
SIDE = 12
"""Photos of the set."""


class Net(nn.Module):
    """Two convolutions, and classes; asymmetric, and seeded."""

    def __init__(self) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(3)
        self.first = nn.Conv2d(3, 5, (3, 5), padding=(1, 2))
        self.relu = nn.ReLU()
        self.pool = nn.MaxPool2d(2)
        self.second = nn.Conv2d(5, 7, 3)
        self.relu2 = nn.ReLU()
        self.classes = nn.Linear(7, 4)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.4)
            self.second.bias[6] = -1e3

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.relu2(self.second(self.pool(self.relu(self.first(x)))))
        return self.classes(x.mean((2, 3)))


def transform() -> v2.Transform:
    return v2.Compose(
        [
            v2.Resize((ROWS, COLUMNS), antialias=True),
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5, 0.4, 0.45], [0.2, 0.3, 0.25]),
        ]
    )


def picture(seed: int, rows: int = 90, columns: int = 70) -> Image.Image:
    """Smooth colours, rows != columns."""
    coarse = np.random.default_rng(seed).integers(0, 256, (9, 7, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((columns, rows), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("set")
    for number in range(SIDE):
        (folder / f"{number:02}.jpg").write_bytes(encoded(picture(number), "JPEG", quality=92))
    return folder


@pytest.fixture
def engine(folder: Path, tmp_path: Path) -> zf.Engine:
    return zf.Engine(Net(), folder, transform=transform(), cache=tmp_path / "cache")


def test_a_file_of_the_set_gives_the_same_bits_as_its_own_photo(engine, folder):
    """The same way through decoder and transform, and the same answers to all that is asked."""
    set_of, own = 4, engine.add_photo(folder / "04.jpg")
    assert own >= SIDE
    assert torch.equal(engine.session.tensor(own), engine.session.tensor(set_of))
    bytes_of = engine.add_photo((folder / "04.jpg").read_bytes(), "mine.jpg")
    assert torch.equal(engine.session.tensor(bytes_of), engine.session.tensor(set_of))
    np.testing.assert_array_equal(engine.photo(own), engine.photo(set_of))
    occluder = Occluder(Box(3, -4, 17, 21), "blur")
    for covered in (None, occluder):
        mine, theirs = engine.predict(own, covered), engine.predict(set_of, covered)
        np.testing.assert_array_equal(mine.logits, theirs.logits)
        assert (mine.image, mine.image_name) == (own, "04.jpg")
    mine, theirs = (engine.occlude(i, 13, 9, layer="second", progress=False) for i in (own, set_of))
    np.testing.assert_array_equal(mine.probability(), theirs.probability())
    assert mine.complete
    np.testing.assert_array_equal(
        engine.respond(own, occluder, "first").totals,
        engine.respond(set_of, occluder, "first").totals,
    )
    for rule in engine.rules:
        mine, theirs = (engine.project(Unit("second", 2), i, rule) for i in (own, set_of))
        np.testing.assert_array_equal(mine.pixels, theirs.pixels)
        assert mine.activation.image == own
        assert mine.activation.box == theirs.activation.box


@pytest.mark.parametrize(
    "give",
    [
        lambda image, path: image,
        lambda image, path: np.asarray(image),
        lambda image, path: torch.from_numpy(np.array(image)).permute(2, 0, 1),
        lambda image, path: path,
        lambda image, path: str(path),
        lambda image, path: path.read_bytes(),
    ],
    ids=["PIL", "array", "tensor", "Path", "str", "bytes"],
)
def test_each_way_to_give_a_photo_is_the_transform_of_its_pixels(
    engine, tmp_path, give: Callable[[Image.Image, Path], Any]
):
    image, path = picture(33, 61, 83), tmp_path / "cat.png"
    image.save(path)
    own = engine.add_photo(give(image, path))
    torch.testing.assert_close(engine.session.tensor(own), transform()(image), atol=1e-6, rtol=0)


def test_a_float_tensor_is_taken_as_the_network_gets_it(engine):
    tensor = torch.linspace(-2, 2, 3 * ROWS * COLUMNS).reshape(3, ROWS, COLUMNS)
    own = engine.add_photo(tensor, "ramp")
    assert torch.equal(engine.session.tensor(own), tensor)
    with torch.no_grad():
        logits = Net().eval()(tensor[None])[0]
    np.testing.assert_allclose(engine.predict(own).logits, logits, atol=1e-5)


def test_the_set_stays_what_it_is(engine):
    before = engine.info
    own = engine.add_photo(picture(50), "mine.png")
    assert engine.info == before
    assert len(engine.session.source) == SIDE
    index = engine.index(progress=False)
    assert index.images_seen == SIDE
    for layer in engine.layers:
        assert engine.channels(layer.name).image.max() < SIDE
        for channel in range(layer.channels):
            assert all(a.image != own for a in engine.top(layer.name, channel))
    assert engine.sample("second", 0).images.max() < SIDE
    assert own in [photo.image for photo in engine.own_photos]


def test_neither_model_nor_random_state_nor_files_are_touched(folder, tmp_path):
    model = Net().train()
    weights = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    engine = zf.Engine(model, folder, transform=transform(), cache=tmp_path / "cache")
    engine.index(progress=False)
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    torch.manual_seed(5)
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    own = engine.add_photo(encoded(picture(51), "PNG"), "secret.png")
    engine.predict(own)
    engine.occlude(own, 13, 9, progress=False)
    engine.project(Unit("second", 2), own)
    engine.responses(own, "first")
    assert torch.equal(torch.get_rng_state(), states[0])
    assert random.getstate() == states[1]
    assert (np.random.get_state()[1] == states[2]).all()  # noqa: NPY002
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == files
    assert model.training
    assert all(torch.equal(tensor, weights[n]) for n, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_of_more_than_are_kept_the_oldest_is_forgotten_and_named(engine):
    numbers = [engine.add_photo(picture(i), f"{i}.png") for i in range(MOST_OWN + 2)]
    assert numbers == [*range(numbers[0], numbers[0] + MOST_OWN + 2)]
    assert [photo.image for photo in engine.own_photos] == numbers[:1:-1]
    with pytest.raises(InputError, match=r"'1\.png' \(number \d+\) isn't there any more"):
        engine.predict(numbers[1])
    assert engine.predict(numbers[2]).image_name == "2.png"


def test_a_removed_photo_is_gone_with_all_that_was_made_of_it(engine):
    own = engine.add_photo(picture(60), "gone.png")
    engine.project(Unit("second", 2), own)
    engine.predict(own, Occluder(Box(0, 0, 9, 9), "blur"))
    before = engine.generation
    engine.remove_photo(own)
    assert engine.generation != before, "who keeps answers is told"
    ask = [
        lambda: engine.photo(own),
        lambda: engine.predict(own),
        lambda: engine.project(Unit("second", 2), own),
        lambda: engine.occlude(own, progress=False),
        lambda: engine.responses(own, "first"),
        lambda: engine.remove_photo(own),
    ]
    for asked in ask:
        with pytest.raises(InputError, match=r"gone\.png.*isn't there any more"):
            asked()
    kept = engine._projector.graph_projector.kept._tapes
    assert not [name for name in kept if name[0] == own]
    again = engine.add_photo(picture(60), "gone.png")
    assert again != own


def test_no_number_is_that_of_another_engines_photo(folder, tmp_path):
    """A page remembers answers by number: of an engine that was there before, too."""
    made = [
        zf.Engine(Net(), folder, transform=transform(), cache=False).add_photo(picture(i))
        for i in range(2)
    ]
    assert made[0] != made[1]


def test_responses_are_what_a_plain_hook_sees(engine):
    own = engine.add_photo(picture(70, 55, 91), "mine.png")
    seen: dict[str, torch.Tensor] = {}
    model = Net().eval()
    for name, module in model.named_children():
        module.register_forward_hook(lambda m, a, out, name=name: seen.update({name: out.clone()}))
    with torch.no_grad():
        model(engine.session.tensor(own)[None])
    for layer in ("first", "relu", "pool", "second", "classes"):
        found, maps = engine.responses(own, layer), seen[layer][0].numpy()
        maps = maps.reshape(engine.layer(layer).shape)
        np.testing.assert_allclose(found.maps, maps, atol=1e-5)
        np.testing.assert_allclose(found.strongest, maps.max((1, 2)), atol=1e-5)
        np.testing.assert_allclose(found.totals, maps.sum((1, 2)), rtol=1e-4, atol=1e-3)
        for channel, (row, col) in enumerate(found.places):
            assert found.maps[channel, row, col] == found.maps[channel].max()
        assert (np.diff(found.strongest[found.order]) <= 0).all()
    assert (found.image, found.image_name) == (own, "mine.png")
    info = engine.layer("second")
    activation = engine.responses(own, "second").activation(info, 2)
    projection = engine.project(Unit("second", 2), own)
    assert (activation.unit, activation.box) == (
        projection.activation.unit,
        projection.activation.box,
    )
    assert activation.value == pytest.approx(projection.activation.value, rel=1e-5)


def test_a_channel_that_is_silent_on_a_photo_has_no_projection(engine):
    own = engine.add_photo(picture(71))
    activation = engine.responses(own, "relu2").activation(engine.layer("relu2"), 6)
    assert activation.value == 0
    with pytest.raises(InactiveUnit):
        engine.project_all([activation])


def test_an_engine_with_own_photos_is_an_engine(engine):
    assert isinstance(engine, EngineProtocol)


# ---------------------------------------------------------------------- what can't be, or is told


def deep_png(values: np.ndarray) -> bytes:
    """A PNG of 16 bits a channel, which Pillow can't write in RGB."""
    rows, columns, channels = values.shape
    lines = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    kind = {1: 0, 3: 2, 4: 6}[channels]

    def chunk(name: bytes, data: bytes) -> bytes:
        check = zlib.crc32(name + data)
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", columns, rows, 16, kind, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(lines)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_an_animated_gif_is_its_first_frame_and_says_so(engine):
    frames = [picture(i).quantize(64) for i in range(3)]
    gif = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    own = engine.add_photo(gif, "dance.gif")
    assert engine.own_photos[0].notes == ("Animated: the first of its 3 frames is taken.",)
    first = transform()(Image.open(io.BytesIO(gif)).convert("RGB"))
    torch.testing.assert_close(engine.session.tensor(own), first, atol=1e-6, rtol=0)


@pytest.mark.parametrize("channels", [1, 3])
def test_sixteen_bits_are_scaled_not_clipped_and_said(engine, channels):
    ramp = np.linspace(0, 65535, 80 * 60).reshape(80, 60, 1).repeat(channels, 2)
    own = engine.add_photo(deep_png(ramp.round().astype(np.uint16)), "deep.png")
    assert engine.own_photos[0].notes == ("16 bits a channel: scaled to 8.",)
    rgb = np.rint(ramp / 257).astype(np.uint8).repeat(3 // channels, 2)
    wanted = transform()(Image.fromarray(rgb))
    level = 1.01 / 255 / 0.2  # Pillow cuts the lower byte off where channels are three
    assert (engine.session.tensor(own) - wanted).abs().max() <= level


def test_cmyk_transparency_and_turned_photos_are_converted_and_said(engine):
    plain = picture(80)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    turned = encoded(plain, "JPEG", exif=exif.tobytes(), quality=95, subsampling=0)
    own = engine.add_photo(turned, "turned.jpg")
    assert engine.own_photos[0].notes == ("Turned upright, as its EXIF data say.",)
    upright = Image.open(io.BytesIO(turned)).convert("RGB").rotate(-90, expand=True)
    torch.testing.assert_close(engine.session.tensor(own), transform()(upright), atol=0.05, rtol=0)
    engine.add_photo(encoded(plain.convert("CMYK"), "JPEG"), "print.jpg")
    assert "CMYK" in engine.own_photos[0].notes[0]
    clear = plain.convert("RGBA")
    clear.putalpha(0)
    own = engine.add_photo(encoded(clear, "PNG"), "clear.png")
    assert engine.own_photos[0].notes == ("Its transparent parts are laid on white.",)
    white = transform()(Image.new("RGB", plain.size, "white"))
    torch.testing.assert_close(engine.session.tensor(own), white, atol=1e-6, rtol=0)


def test_a_photo_of_200_megapixels_is_refused_before_memory_is_taken_for_it(engine):
    lines = zlib.compress(b"\0" * (20_001 * 10_000 // 8), 9)

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", 20_000, 10_000, 1, 0, 0, 0, 0)
    parts = (chunk(b"IHDR", header), chunk(b"IDAT", lines), chunk(b"IEND", b""))
    bomb = b"\x89PNG\r\n\x1a\n" + b"".join(parts)
    tracemalloc.start()
    try:
        with pytest.raises(UnreadableImage, match=r"big\.png: 200,000,000 pixels.* 64 million"):
            engine.add_photo(bomb, "big.png")
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert engine.own_photos == ()
    with pytest.raises(UnreadableImage, match="64 million"):
        engine.add_photo(np.broadcast_to(np.uint8(0), (10_000, 20_000, 3)))


def test_what_is_no_photo_is_refused_by_name_and_changes_nothing(engine, tmp_path):
    (tmp_path / "empty.jpg").write_bytes(b"")
    cut = encoded(picture(5), "PNG")
    cases = [
        (b"just text", r"x: not an image that Pillow can read"),
        (cut[: len(cut) // 2], r"x: "),
        (b"\0" * (MOST_OWN_BYTES + 1), r"x: 30\.0 MB, and a file may have 30"),
        (tmp_path / "none.jpg", r"none\.jpg: there is no such file"),
        (tmp_path / "empty.jpg", r"it has no bytes"),
        (tmp_path, r"not a file but a folder"),
        (np.zeros((8, 9, 3)), r"x is an array of float64: expected uint8"),
        (np.zeros((8, 9, 5), np.uint8), r"x is an array of shape \(8, 9, 5\)"),
        (np.zeros((2, 8, 9, 3), np.uint8), r"x is a batch of shape .*: expected one photo"),
        (torch.zeros(3, 8, 9), r"x is a float tensor of shape \(3, 8, 9\).* \(3, 40, 56\)"),
        ([picture(1)], r"Expected one photo, not a list"),
        (None, r"x is a NoneType: expected a PIL image"),
    ]
    for photo, message in cases:
        with pytest.raises(InputError, match=message):
            engine.add_photo(photo, "x" if not isinstance(photo, Path) else None)
    assert engine.own_photos == ()
    with pytest.raises(InputError, match="Image 3 is one of the engine's"):
        engine.remove_photo(3)
    with pytest.raises(InputError, match=f"images 0 to {SIDE - 1}, got {SIDE}"):
        engine.predict(SIDE)


class Moody(nn.Module):
    """A transform that fails on what is wide."""

    def forward(self, image: Image.Image) -> torch.Tensor:
        if image.width > image.height:
            raise ValueError("too wide for me")
        return transform()(image)


def test_a_transform_that_fails_on_a_photo_is_named(folder):
    engine = zf.Engine(Net(), folder, transform=Moody(), cache=False)
    with pytest.raises(InputError, match=r"failed on 'wide\.png' .*too wide for me"):
        engine.add_photo(encoded(picture(9, 40, 90), "PNG"), "wide.png")
    assert engine.own_photos == ()
    assert engine.add_photo(picture(9, 90, 40)) in [photo.image for photo in engine.own_photos]


def test_a_set_of_tensors_without_transform_says_that_it_needs_one():
    engine = zf.Engine(Net(), [torch.randn(3, ROWS, COLUMNS) for _ in range(3)], cache=False)
    with pytest.raises(InputError, match="no transform was given"):
        engine.add_photo(picture(1))
    assert engine.add_photo(torch.zeros(3, ROWS, COLUMNS)) >= 3
