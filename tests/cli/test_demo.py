"""``python -m zfwidgets``: as a process, from start to Ctrl-C."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from urllib.request import urlopen

import nbformat
import psutil
import pytest

from tests.waiting import PROGRAM, SECONDS, until_said
from zfwidgets import __version__
from zfwidgets.cli import main

# The command line with a small notebook in place of the quickstart. What starts tests in the
# background may have them ignore Ctrl-C.
STAND_IN = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from pathlib import Path
from zfwidgets.demo import notebooks
notebooks.PACKAGE = Path(sys.argv.pop(1))
from zfwidgets.cli import main
sys.exit(main())
"""


@pytest.fixture
def command(tmp_path):
    def make(*cells: str) -> list[str]:
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
        nbformat.write(notebook, tmp_path / "quickstart.ipynb")
        folder = str(tmp_path / "demo")
        return [sys.executable, "-c", STAND_IN, str(tmp_path), "demo", "--dir", folder]

    return make


@pytest.fixture
def environment(tmp_path):
    return {**os.environ, "JUPYTER_DATA_DIR": str(tmp_path / "data")}


def gone(processes: list[psutil.Process]) -> bool:
    """Whether all of them ended by themselves; what is left is ended."""
    _, alive = psutil.wait_procs(processes, timeout=SECONDS)
    for process in alive:
        process.kill()
    return not alive


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to one process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serves_the_executed_notebook_until_stopped(command, environment, tmp_path, number):
    process = subprocess.Popen(
        command("import os\nprint('pid', os.getpid())"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    output = ""
    for line in process.stdout:
        output += line
        if "Ctrl-C stops" in line:
            break
    url = re.search(r"http://127\.0\.0\.1:\d+/lab/tree/quickstart\.ipynb\?token=\w+", output)
    assert url, output
    assert "cell 1 of 1" in output
    with urlopen(url[0]) as page:
        assert page.status == 200
    notebook = nbformat.read(tmp_path / "demo" / "quickstart.ipynb", as_version=4)
    kernel = int(notebook.cells[0].outputs[0].text.split()[1])
    children = psutil.Process(process.pid).children(recursive=True)
    assert kernel in [child.pid for child in children]

    process.send_signal(number)
    rest, _ = process.communicate(timeout=PROGRAM)
    assert gone(children)
    assert process.returncode == 0, rest
    assert "stopping the server and the kernel" in rest


@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signals to one process")
def test_interrupted_while_a_cell_runs(command, environment):
    process = subprocess.Popen(
        command("1", "import time\ntime.sleep(600)"),
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until_said(process.stdout, "cell 1 of 2")
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=PROGRAM)
    assert gone(children)
    assert process.returncode == 130, rest
    assert "Traceback" not in rest


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("served", [True, False], ids=["serving", "in a cell"])
def test_killed_it_leaves_no_process_and_no_folder_behind(command, environment, tmp_path, served):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    cells = ["1"] if served else ["1", "import time\ntime.sleep(600)"]
    process = subprocess.Popen(
        command(*cells),
        env={**environment, "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    until_said(process.stdout, "Ctrl-C stops" if served else "cell 1 of 2")
    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 2
    process.kill()
    process.wait(SECONDS)
    _, alive = psutil.wait_procs(children, timeout=SECONDS)
    for child in alive:
        child.kill()
    assert not alive
    assert not list(temporary.glob("zfwidgets-lab-*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["demo", "--port", "99999999"],
        ["demo", "--port", "-1"],
        ["index", "--model", "sample", "--images", "sample", "--out", "x", "--by-class", "-1"],
        ["index", "--model", "sample", "--images", "sample", "--out", "x", "--every", "nan"],
        ["verify", "x", "--model", "sample", "--images", "sample", "--sample-seed", "-3"],
        ["report", "--stride", "0"],
        ["report", "--channel", "-1"],
        ["report", "--seed", str(2**70)],
    ],
    ids=lambda a: " ".join(a[-2:]),
)
def test_numbers_that_cant_be_are_named(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert f"argument {arguments[-2]}: {arguments[-1]!r}: expected" in said


def test_a_raising_cell_is_an_error(command, environment):
    result = subprocess.run(
        command("1 / 0"), env=environment, capture_output=True, text=True, timeout=PROGRAM
    )
    assert result.returncode == 1
    assert "ZeroDivisionError" in result.stdout
    assert "http" not in result.stdout.split("ZeroDivisionError")[1]


def test_version_and_help(capsys):
    with pytest.raises(SystemExit) as caught:
        main(["--version"])
    assert caught.value.code == 0
    assert capsys.readouterr().out.strip() == f"zfwidgets {__version__}"
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2


def test_errors_are_one_line_without_a_traceback(monkeypatch, capsys, tmp_path):
    from zfwidgets.demo import lab

    monkeypatch.setattr(lab, "_NEEDED", ("no_such_package",))
    assert main(["demo", "--dir", str(tmp_path)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("zfwidgets: The demo needs no_such_package")
