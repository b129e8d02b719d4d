"""``zfwidgets serve`` from the command line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import zfwidgets as zf
from tests.classroom.conftest import numpy_engine
from tests.waiting import SECONDS
from zfwidgets.cli import main
from zfwidgets.errors import WrongToken
from zfwidgets.stepwise import finish


@contextmanager
def serving(root: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """The command in a process, and what it says until it serves."""
    program = "import sys; from zfwidgets.cli import main; code = main(sys.argv[1:]); "
    program += "print('torch' in sys.modules); sys.exit(code)"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "serve", "--port", "0", *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line.strip())
            if "Ctrl-C" in line:
                break
        yield process, said
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    engine = numpy_engine.NumpyEngine()
    finish(engine.index_steps())
    zf.save_report(zf.Explorer(engine, layer="conv2"), path, layers=["conv2"])
    return path


def address(said: list[str]) -> str:
    return next(line.split()[1] for line in said if line.startswith("Serving "))


def test_the_samples_are_served_and_told_how_to_reach(root: Path) -> None:
    with serving(root) as (process, said):
        remote = zf.connect(address(said))
        engine = zf.Engine(zf.samples.network(), zf.samples.photos(), cache=False)
        assert remote.info.fingerprint == engine.info.fingerprint
        mine, theirs = remote.top("features.7", 42), engine.top("features.7", 42)
        assert mine == theirs
        assert any(f'zf.connect("{remote.connection.url}")' in line for line in said)
        remote.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) in (0, 130)


def test_a_report_is_served_without_torch_and_with_a_token(root: Path, report: Path) -> None:
    with serving(root, str(report), "--token", "students-word") as (process, said):
        url = address(said)
        with pytest.raises(WrongToken):
            zf.connect(url)
        teacher = next(line for line in said if line.startswith("Teacher:"))
        words = {
            "students-word": "student",
            teacher.partition('token="')[2].partition('"')[0]: "teacher",
        }
        for word, role in words.items():
            remote = zf.connect(url, word)
            assert remote.role == role
            assert remote.top("conv2", 1) == zf.load_report(report).top("conv2", 1)
            remote.close()
        process.send_signal(signal.SIGTERM)
        process.wait(SECONDS)
        assert process.stdout is not None
        assert "True" not in process.stdout.read(), "torch was imported"


def test_answers_are_kept_in_a_folder(root: Path, report: Path, tmp_path: Path) -> None:
    options = (str(report), "--answers", str(tmp_path), "--prepare")
    with serving(root, *options) as (_, said):
        remote = zf.connect(address(said))
        remote.channels("conv2")
        remote.close()
    assert list(tmp_path.glob("*/*.answer"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "0.0.0.0"], "pass --token"),
        (["--token", "short"], "8 or more"),
        (["--teacher-token", "teachers-word"], "goes with --token"),
        (["no/such/report.html"], "No such file"),
        (["report.html", "--model", "my.py:net"], "either a report, or --model"),
        (["--samples", "--model", "my.py:net"], "leave --model out"),
        (["--model", "no_such_module:net", "--images", "sample"], "--model"),
        (["--host", "no-such-host.invalid", "--token", "students-word"], "can't be had"),
    ],
)
def test_what_cannot_be_served_is_said(
    options: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--port", "0", *options]) == 1
    assert words in capsys.readouterr().err


def test_a_port_that_is_taken_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert main(["serve", "--port", str(taken.getsockname()[1])]) == 1
    assert "another with --port" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["0", "3-2", "two", "1-", "-2", "1-2-3"])
def test_replicas_are_a_number_or_two(given: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["serve", "--ray", f"--replicas={given}"])
    assert "expected a number like 2, or two like 1-4" in capsys.readouterr().err


def test_the_hubs_service_is_started_by_a_hub(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("JUPYTERHUB_API_URL", raising=False)
    assert main(["serve", "--hub"]) == 1
    assert "JUPYTERHUB_API_URL" in capsys.readouterr().err
    assert main(["serve", "--hub", "--token", "for-students"]) == 1
    assert "leave --token out" in capsys.readouterr().err
