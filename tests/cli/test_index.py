"""``zfwidgets index``, ``verify`` and ``info``: real processes on small pictures."""

from __future__ import annotations

import json
import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_tensors

import zfwidgets as zf
from tests.engine.ranking.small import BAD, pictures
from tests.waiting import PROGRAM, SECONDS, until_said
from zfwidgets.cli import main
from zfwidgets.index.storing import FILE, SCHEMA, UNFINISHED
from zfwidgets.storage import files

COUNT = 90
MODELS = """
import os, time
import torch
from torch import nn
from torchvision.transforms import v2

passes = 0

class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 5, 3), nn.ReLU(), nn.MaxPool2d(2),
                                      nn.Conv2d(5, 7, 3), nn.ReLU())

    def forward(self, images):
        global passes
        passes += len(images) == 16  # a batch of the pass, not what is tried before it
        if passes > int(os.environ.get("HANG_AFTER", 10**9)):
            while True:
                time.sleep(0.01)  # until the test interrupts
        return self.features(images)

def make():
    torch.manual_seed(0)
    return Small()

transform = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True),
                        v2.Normalize([0.5] * 3, [0.5] * 3)])
darker = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True),
                     v2.Normalize([0.7] * 3, [0.5] * 3)])
"""
# What starts tests in the background may have them ignore Ctrl-C.
COMMAND = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from zfwidgets.cli import main
sys.exit(main())
"""
ENGINE = ["--model", "models.py:make", "--transform", "models.py:transform", "--images", "photos"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    pictures(tmp_path / "photos", COUNT)
    for name, content in BAD.items():
        (tmp_path / "photos" / name).write_bytes(content)
    (tmp_path / "models.py").write_text(MODELS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def call(*arguments: str, code: str = COMMAND) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM)


def test_an_index_is_built_looked_into_and_verified(folder):
    built = call("index", *ENGINE, "--out", "index")
    assert built.returncode == 0, built.stderr
    assert f"{COUNT} of {COUNT} images" in built.stderr
    assert f"{len(BAD)} of {COUNT + len(BAD)} images were left out" in built.stderr
    assert "the file is empty" in built.stderr
    assert f"index/{FILE}" in built.stdout
    assert f"{COUNT} images, 5 layers, 29 channels" in built.stdout

    without_torch = "import sys; sys.modules['torch'] = None\n" + COMMAND
    told = call("info", "index", code=without_torch)
    assert told.returncode == 0, told.stderr
    assert "the file is empty" in told.stdout
    found = json.loads(call("info", "index", "--json", code=without_torch).stdout)
    index = zf.index.read("index")
    assert found["fingerprint"] == dict(index.fingerprint)
    assert found["bytes"] == (folder / "index" / FILE).stat().st_size
    assert {row["name"] for row in found["skipped"]} == set(BAD)
    assert found["unfinished"] is None
    for layer in found["layers"]:
        assert f"{layer['rows']} x {layer['columns']}" in told.stdout
        assert index.layers[layer["name"]].values.shape[0] == layer["channels"]

    good = call("verify", "index", *ENGINE, "--all", "--json")
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["bit_equal"] is True


def test_verify_names_a_changed_value_and_ends_with_one(folder, capsys):
    assert main(["index", *ENGINE, "--out", "index"]) == 0
    path = folder / "index" / FILE
    about, arrays = files.read(path, "an index", SCHEMA)
    right = arrays["top.values"][2, 3]
    arrays["top.values"][2, 3] = wrong = np.float32(right * 0.999)
    files.write(path, arrays, about)  # with a right checksum
    capsys.readouterr()
    assert main(["verify", "index", *ENGINE, "--all", "--json"]) == 1
    (mismatch,) = json.loads(capsys.readouterr().out)["mismatches"]
    assert (mismatch["layer"], mismatch["channel"]) == ("features.0", 2)
    assert (mismatch["there"], mismatch["here"]) == (float(wrong), float(right))
    assert mismatch["cause"] == "changed index"

    darker = ["models.py:darker" if word == "models.py:transform" else word for word in ENGINE]
    assert main(["verify", "index", *darker, "--sample", "16"]) == 1
    assert "changed transform" in capsys.readouterr().out
    assert main(["verify", "nowhere", *ENGINE]) == 2
    assert "nowhere" in capsys.readouterr().err
    assert main(["verify", "index", *ENGINE, "--sample", "0"]) == 2


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to one process")
def test_ctrl_c_is_gone_on_from_with_the_same_bits(folder, capsys):
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "index", *ENGINE, "--out", "index"],
        env={**os.environ, "HANG_AFTER": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    until_said(process.stderr, "48 of 90 images")
    process.send_signal(signal.SIGINT)
    _, rest = process.communicate(timeout=PROGRAM)
    assert process.returncode == 130, rest
    assert "the same command goes on from there" in rest
    assert "Traceback" not in rest
    assert main(["info", "index", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["unfinished"]["images_done"] == 48
    assert main(["info", "index"]) == 0
    assert "48 of 90 images" in capsys.readouterr().out

    assert main(["index", *ENGINE, "--out", "index"]) == 0
    assert "16 of 90" not in capsys.readouterr().err
    assert not (folder / "index" / UNFINISHED).exists()
    assert main(["index", *ENGINE, "--out", "undisturbed"]) == 0
    once, resumed = ((folder / name / FILE).read_bytes() for name in ("undisturbed", "index"))
    assert once == resumed


@pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
def test_in_a_terminal_there_is_a_bar(folder):
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))  # rows, columns
    command = [sys.executable, "-c", COMMAND, "index", *ENGINE, "--out", "index"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    said = b""
    try:
        while part := os.read(ours, 4096):
            said += part
    except OSError:  # Linux: the other end was closed
        pass
    os.close(ours)
    assert process.wait(SECONDS) == 0
    assert b"\rLooking at all images once" in said  # drawn over, again and again
    assert b" of 90 images" not in said


class Bomb:
    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


@pytest.mark.parametrize("name", ["saved.pth", "pickled.pkl"])
def test_a_pickle_that_would_run_code_is_refused(folder, capsys, name):
    exploded = folder / "exploded"
    if name == "saved.pth":
        torch.save({"features.0.weight": Bomb(exploded)}, name)
    else:
        Path(name).write_bytes(pickle.dumps(Bomb(exploded)))
    assert main(["index", *ENGINE, "--weights", name, "--out", "index"]) == 1
    said = capsys.readouterr().err
    assert f"--weights {name} was refused" in said
    assert "run code" in said.replace("\n", " ")
    assert "Traceback" not in said
    assert not exploded.exists()
    assert not (folder / "index" / FILE).exists()
    torch.load(name, weights_only=False) if name == "saved.pth" else pickle.loads(
        (folder / name).read_bytes()
    )
    assert exploded.exists()  # so it is a bomb


def state() -> dict[str, torch.Tensor]:
    models: dict = {}
    exec(MODELS, models)
    torch.manual_seed(5)
    return models["Small"]().state_dict()


def test_weights_of_every_kind_of_file_are_the_same_weights(folder, capsys):
    weights = state()
    save_tensors(weights, "plain.safetensors")
    torch.save(weights, "plain.pth")
    torch.save(
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in weights.items()}}, "run.pth"
    )
    found = set()
    for name in ("plain.safetensors", "plain.pth", "run.pth"):
        assert main(["index", *ENGINE, "--weights", name, "--out", f"to-{name}"]) == 0
        found.add(zf.index.read(f"to-{name}").fingerprint["model"])
    assert main(["index", *ENGINE, "--out", "none"]) == 0
    assert len(found) == 1
    assert zf.index.read("none").fingerprint["model"] not in found
    assert main(["verify", "none", *ENGINE, "--weights", "plain.pth"]) == 1
    assert "wrong weights" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.pop("features.3.bias"), "it lacks features.3.bias"),
        (lambda s: s.update(more=torch.zeros(1)), "the model lacks more"),
        (lambda s: s.update({"features.0.bias": torch.zeros(4)}), "features.0.bias (4,) (the"),
        (lambda s: s.update(more=3), "expected a state dict"),
    ],
)  # fmt: skip
def test_weights_that_dont_fit_are_told_how(folder, capsys, change, words):
    weights = dict(state())
    change(weights)
    torch.save(weights, "weights.pth")
    assert main(["index", *ENGINE, "--weights", "weights.pth", "--out", "index"]) == 1
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--model torchvision:resnet18", "Pass --weights with one of DEFAULT, IMAGENET1K_V1"),
        ("--model torchvision:resnet19", "Nearest names: resnet1"),
        ("--model torchvision:resnet18 --weights V7", "neither a file nor weights"),
        ("--model torchvision:googlenet --weights models.py", "changes its input"),
        ("--model resnet18", "torchvision:NAME"),
        ("--model resnet", "MODULE:NAME"),
        ("--model models.py:nothing", "no attribute 'nothing'"),
        ("--model models.py:passes", "int"),
        ("--model nowhere.py:make", "nowhere.py"),
        ("--weights random", "for --model torchvision:NAME"),
        ("--weights missing.pth", "missing.pth"),
        ("--weights models.py", "models.py"),
        ("--transform DEFAULT", "--transform must be"),
        ("--transform models.py:nothing", "no attribute 'nothing'"),
        ("--images missing", "no folder 'missing'"),
        ("--out models.py/index", "--out"),
        ("--by-class 3", "labels"),
    ],
)
def test_mistakes_are_named(folder, capsys, arguments, words):
    given = ["index", *ENGINE, "--out", "index", *arguments.split()]
    assert main(given) == 1
    assert words in capsys.readouterr().err
    assert not (folder / "index" / FILE).exists()


def test_torchvision_weights_that_cant_be_fetched(folder):
    nowhere = dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9")
    environment = {**os.environ, **nowhere, "no_proxy": "", "TORCH_HOME": str(folder / "torch")}
    arguments = ["--model", "torchvision:squeezenet1_1", "--weights", "DEFAULT"]
    result = subprocess.run(
        [sys.executable, "-c", COMMAND, "index", *ENGINE, *arguments, "--out", "index"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PROGRAM,
    )
    assert result.returncode == 1
    assert "can't be had from https://download.pytorch.org" in result.stderr
    assert "--weights FILE" in result.stderr
    assert "Traceback" not in result.stderr


def test_random_weights_are_those_of_their_seed(folder):
    def model(*seed: str) -> str:
        arguments = ["--model", "torchvision:squeezenet1_1", "--weights", "random", *seed]
        arguments += ["--images", "few", "--out", f"index{len(list(folder.iterdir()))}"]
        before = torch.random.get_rng_state()
        assert main(["index", *arguments]) == 0
        assert torch.equal(torch.random.get_rng_state(), before)
        return zf.index.read(arguments[-1]).fingerprint["model"]

    pictures(folder / "few", 3)
    first = model()
    assert model("--seed", "0") == first
    assert model("--seed", "1") != first


def test_info_of_what_is_no_index(folder, capsys):
    (folder / "empty").mkdir()
    for where, words in (("empty", "no index"), ("nowhere", "nowhere"), ("models.py", "isn't")):
        assert main(["info", where]) == 1
        assert words in capsys.readouterr().err


def test_info_advises_nothing_of_files_that_arent_ours(folder, capsys):
    save_file({"weight": np.ones((3, 5), np.float32)}, folder / "weights.safetensors")
    (folder / "notes.txt").write_text("somebody's notes")
    (folder / "empty").write_bytes(b"")
    os.mkfifo(folder / "pipe")
    for name in ("weights.safetensors", "notes.txt", "empty", "pipe", "/dev/null"):
        assert main(["info", name]) == 1
        said = capsys.readouterr().err
        assert name in said
        assert "elete" not in said
        assert "Traceback" not in said
    assert main(["info", "/"]) == 1


@pytest.mark.parametrize("what", ["pipe", "folder", "numbered", "empty"])
def test_files_of_weights_that_arent_such_are_named(folder, capsys, what):
    path = folder / "weights.pt"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    elif what == "numbered":
        torch.save({0: torch.ones(2), 1: torch.ones(3)}, path)
    else:
        path.write_bytes(b"")
    assert main(["index", *ENGINE, "--weights", "weights.pt", "--out", "index"]) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith("zfwidgets: --weights weights.pt")


@pytest.mark.parametrize("what", ["pipe", "file", "index is a pipe", "images are a pipe"])
def test_places_that_cant_be_used_are_named(folder, capsys, what):
    arguments = [*ENGINE, "--out", "index"]
    if what == "pipe":
        os.mkfifo(folder / "index")
    elif what == "file":
        (folder / "index").write_text("in the way")
    elif what == "index is a pipe":
        (folder / "index").mkdir()
        os.mkfifo(folder / "index" / FILE)
    else:
        os.mkfifo(folder / "photographs")
        arguments = ["photographs" if a == "photos" else a for a in arguments]
    assert main(["index", *arguments]) == 1
    said = capsys.readouterr().err
    assert said.splitlines()[-1].startswith("zfwidgets: ")
    assert "Traceback" not in said
