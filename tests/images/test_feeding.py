"""Reading ahead: in threads or processes, the same tensors, and nothing left behind."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
import torch
from PIL import Image
from torchvision import transforms as v1
from torchvision.transforms import v2

from tests.waiting import PROGRAM, SECONDS
from zfwidgets import samples
from zfwidgets.images.feeding import quick
from zfwidgets.images.feeding.reader import Reader
from zfwidgets.images.feeding.workers import Workers
from zfwidgets.images.sets.repeatable import states
from zfwidgets.images.source import ImageSource

KILLS = f"{Path(samples.photos().names[7]).stem}.jpg"
"""Of 507 columns."""
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """JPEG files of real photos, larger than the network's input, columns != rows."""
    folder = tmp_path_factory.mktemp("photos")
    for number, name in enumerate(samples.photos().names[:24]):
        photo = samples.photos()[number].resize((500 + number, 375))
        photo.save(folder / f"{Path(name).stem}.jpg", quality=90)
    (folder / "broken.jpg").write_bytes((folder / "alpaca.jpg").read_bytes()[:5000])
    return folder


def small() -> v1.Compose:
    return v1.Compose([v1.Resize(40), v1.CenterCrop((30, 36)), v1.ToTensor()])


def wait_for(condition: object, seconds: float = SECONDS) -> None:
    """Until it holds; a test that waits in vain fails."""
    limit = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < limit, "waited in vain"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def workers(photos: Path) -> Iterator[tuple[Reader, Workers]]:
    """A reader, and one process that reads with it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        from deadly import Deadly  # by a name that the other process can import

        reader = ImageSource.of(photos, Deadly(columns=507))._reader
        pool = Workers(reader, 1)
        wait_for(lambda: pool.pids)
        with closing(pool):
            yield reader, pool


def alive(pid: int) -> bool:
    """Whether a process runs (a zombie doesn't)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


# Torchvision's kernels


@pytest.mark.parametrize(
    "transform",
    [
        samples.photos().transform,
        v1.Compose([v1.Resize(256), v1.CenterCrop(224), v1.ToTensor(), v1.Normalize(MEAN, STD)]),
        v1.Compose([v1.Resize((90, 120)), v1.PILToTensor(), v1.ConvertImageDtype(torch.float32)]),
        v2.Compose(
            [
                v2.ToImage(),
                v2.Resize(70, max_size=90, interpolation=v2.InterpolationMode.BICUBIC),
                v2.CenterCrop((60, 70)),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(MEAN, STD),
            ]
        ),
    ],
)
def test_the_same_pixels_as_pillow(photos: Path, transform: object) -> None:
    source = ImageSource.of(sorted(photos.glob("[!b]*.jpg")), transform)
    assert source._reader.quick is not None
    assert source.transform_name.endswith(quick.NOTE)
    differences = [
        quick.levels(
            source.tensor(number),
            transform(Image.open(path).convert("RGB")),  # type: ignore[operator]
            transform,
        )
        for number, path in enumerate(source._images.paths)  # type: ignore[attr-defined]
    ]
    assert max(differences) <= quick.SAME


@pytest.mark.parametrize(
    "transform",
    [
        v1.Compose([v1.Resize(40, v1.InterpolationMode.NEAREST), v1.CenterCrop(30), v1.ToTensor()]),
        v1.Compose([v1.Resize(40), v1.CenterCrop(30), v1.Grayscale(3), v1.ToTensor()]),
        v1.Compose([v1.Lambda(lambda image: image.resize((30, 40))), v1.ToTensor()]),
        lambda image: v1.functional.to_tensor(image.resize((30, 40))),
    ],
)
def test_what_is_not_known_stays_with_pillow(photos: Path, transform: object) -> None:
    source = ImageSource.of(photos, transform)
    assert source._reader.quick is None
    first = Image.open(photos / source.names[0]).convert("RGB")
    assert torch.equal(source.tensor(0), transform(first))  # type: ignore[operator]


def test_without_torchvisions_decoder_pillow_decodes(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("torchvision.io.decode_jpeg")
    source = ImageSource.of(photos, small())
    assert source._reader.quick is None
    first = Image.open(photos / source.names[0]).convert("RGB")
    assert torch.equal(source.tensor(0), small()(first))


def test_files_of_other_kinds_are_decoded_by_pillow(tmp_path: Path) -> None:
    photo = samples.photos()["koala"].resize((200, 150))
    photo.convert("CMYK").save(tmp_path / "a-cmyk.jpg")
    turned = Image.Exif()
    turned[0x0112] = 6
    photo.save(tmp_path / "b-turned.jpg", exif=turned)
    photo.convert("L").save(tmp_path / "c-grey.jpg")
    photo.save(tmp_path / "d.png")
    (tmp_path / "e-really-png.jpg").write_bytes((tmp_path / "d.png").read_bytes())
    clear = photo.convert("RGBA")
    clear.putalpha(90)
    clear.save(tmp_path / "f-clear.png")
    transform = small()
    source = ImageSource.of(tmp_path, transform)
    assert source._reader.quick is not None
    for number in range(len(source)):
        image = source.images.read(number)
        assert quick.levels(source.tensor(number), transform(image), transform) <= quick.SAME
    assert "transparent parts" in source.display_note


def test_broken_jpegs_fail_as_with_pillow(photos: Path, tmp_path: Path) -> None:
    data = (photos / "alpaca.jpg").read_bytes()
    randoms = random.Random(0)
    for number in range(60):
        broken = bytearray(data[: randoms.randrange(len(data))] if number % 2 else data)
        for _ in range(0 if number % 2 else 5):
            broken[randoms.randrange(20, len(broken))] = randoms.randrange(256)
        (tmp_path / f"{number:02}.jpg").write_bytes(broken)
    paths = [*sorted(photos.glob("alp*.jpg")), *sorted(tmp_path.iterdir())]
    slow = ImageSource.of(paths, v1.Compose([small(), lambda tensor: tensor]))
    fast = ImageSource.of(paths, small())
    assert fast._reader.quick is not None
    assert slow._reader.quick is None
    assert (
        dict(slow.tensors(range(len(slow)))).keys() == dict(fast.tensors(range(len(fast)))).keys()
    )
    assert [skip.reason for skip in slow.skipped] == [skip.reason for skip in fast.skipped]
    assert len(fast.skipped) > 10


# Processes


def test_processes_give_what_threads_give(photos: Path) -> None:
    source = ImageSource.of(photos, small())
    before = set(threading.enumerate())
    order = [*range(len(source)), 3, 3, 0]
    generators = states()
    torchs = torch.get_rng_state()
    plain = list(source.feed(order, workers=0))
    for processes in (False, True):
        got = list(source.feed(order, workers=2, processes=processes))
        assert [number for number, _ in got] == order
        for (_, one), (_, other) in zip(plain, got, strict=True):
            assert one is other is None or torch.equal(one, other)  # type: ignore[arg-type]
    assert [number for number, tensor in plain if tensor is None] == [
        list(source.names).index("broken.jpg")
    ]
    assert [skip.name for skip in source.skipped] == ["broken.jpg"]
    assert "truncated" in source.skipped[0].reason
    assert str(states()) == str(generators)
    assert torch.equal(torch.get_rng_state(), torchs)
    wait_for(lambda: set(threading.enumerate()) <= before)
    assert not multiprocessing.active_children()


def test_a_process_reads_as_this_one_does(workers: tuple[Reader, Workers]) -> None:
    reader, pool = workers
    for number, name in enumerate(reader.images.names):
        if name == KILLS:
            continue
        there, here = pool.look(number), reader.look(number)
        assert there.problem == here.problem
        assert bool(here.problem) == (name == "broken.jpg")
        if here.tensor is not None:
            assert torch.equal(there.tensor, here.tensor)  # type: ignore[arg-type]


def test_a_process_that_dies_is_replaced(workers: tuple[Reader, Workers]) -> None:
    reader, pool = workers
    (pid,) = pool.pids
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not alive(pid))
    assert torch.equal(pool.look(0).tensor, reader.look(0).tensor)  # type: ignore[arg-type]
    assert pool.pids not in {(), (pid,)}


def test_an_image_that_kills_is_left_out(workers: tuple[Reader, Workers]) -> None:
    reader, pool = workers
    reading = pool.look(list(reader.images.names).index(KILLS))
    assert reading.tensor is None
    assert reading.problem == "reading it ends the process, 2 times (signal SIGSEGV)"
    assert pool.look(0).tensor is not None


def test_what_is_sent_to_a_process_does_not_grow_with_the_images(photos: Path) -> None:
    path = photos / "alpaca.jpg"
    readers = [ImageSource.of([path] * count, small())._reader for count in (1, 300)]
    assert len({len(pickle.dumps(reader.to_send())) for reader in readers}) == 1


def test_what_another_process_cannot_have_is_read_here(photos: Path) -> None:
    reader = ImageSource.of(photos, lambda image: small()(image))._reader
    pool = Workers(reader, 2)
    assert torch.equal(pool.look(0).tensor, reader.look(0).tensor)  # type: ignore[arg-type]
    assert pool.pids == ()
    pool.close()


SCRIPT = """
import sys
import time
from pathlib import Path
from zfwidgets.images.source import ImageSource
from zfwidgets.images.feeding.workers import Workers

sys.path.append(sys.argv[2])
from deadly import Deadly

source = ImageSource.of(sys.argv[1], Deadly(0))  # no guard of __name__: it must not run again
print("script", flush=True)
pool = Workers(source._reader, 1)
while not pool.pids:
    time.sleep(0.02)
try:
    print(*pool.pids, flush=True)
    for number in range(10**9):
        pool.look(number % len(source))
except KeyboardInterrupt:
    pool.close()
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_processes_end_with_the_one_that_started_them(
    photos: Path, tmp_path: Path, how: signal.Signals
) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = subprocess.Popen(
        [sys.executable, str(script), str(photos), str(Path(__file__).parent)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "script\n"
        pids = list(map(int, process.stdout.readline().split()))
        assert len(pids) == 1
        assert all(map(alive, pids))
        if how == signal.SIGINT:  # as a terminal does: to all of the group
            os.killpg(process.pid, how)
        else:
            process.kill()
        out, err = process.communicate(timeout=PROGRAM)
        assert out == ("interrupted\n" if how == signal.SIGINT else "")
        assert "Traceback" not in err
        wait_for(lambda: not any(map(alive, pids)))
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
