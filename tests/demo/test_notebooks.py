"""Copies of the quickstart: never over a user's work, executed in a kernel that goes on."""

from __future__ import annotations

import json

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from zfwidgets.demo import notebooks
from zfwidgets.demo.lab import LabError, LabServer
from zfwidgets.errors import InputError, MissingDependency

NAME = "quickstart.ipynb"


def write(path, *cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbformat.write(notebook, path)
    return path


def cells(path):
    return [cell.source for cell in nbformat.read(path, as_version=4).cells]


@pytest.fixture
def example(tmp_path, monkeypatch):
    """An example notebook in the place of the package's own."""
    monkeypatch.setattr(notebooks, "PACKAGE", tmp_path / "package")
    (tmp_path / "package").mkdir()
    return write(tmp_path / "package" / NAME, "1 + 1", "2 + 2")


def test_a_copy_is_made_and_renewed(example, tmp_path):
    path, ours = notebooks.prepare(tmp_path / "new" / "folder", NAME)
    assert ours
    assert path == tmp_path / "new" / "folder" / NAME
    # Outputs are no edit.
    executed = nbformat.read(path, as_version=4)
    executed.cells[0].outputs = [nbformat.v4.new_output("stream", text="2")]
    nbformat.write(executed, path)
    assert notebooks.prepare(path.parent, NAME) == (path, True)
    assert nbformat.read(path, as_version=4).cells[0].outputs == []


def test_an_edited_copy_is_kept(example, tmp_path):
    path, _ = notebooks.prepare(tmp_path / "mine", NAME)
    write(path, "1 + 1", "my own")
    before = path.read_bytes()
    assert notebooks.prepare(path.parent, NAME) == (path, False)
    assert path.read_bytes() == before


def test_what_is_no_notebook_is_not_overwritten(example, tmp_path):
    (tmp_path / NAME).write_text("not JSON")
    with pytest.raises(InputError, match=r"quickstart\.ipynb can't be read .* Move it away"):
        notebooks.prepare(tmp_path, NAME)
    assert (tmp_path / NAME).read_text() == "not JSON"


def test_a_missing_example_says_where_it_was_looked_for(example):
    example.unlink()
    with pytest.raises(InputError, match=r"nothing\.ipynb is missing; looked for .*package"):
        notebooks.source("nothing.ipynb")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_DATA_DIR", str(tmp_path_factory.mktemp("jupyter-data")))
        with LabServer(tmp_path_factory.mktemp("lab"), port=0) as server:
            yield server


def test_executed_in_the_sessions_kernel_which_goes_on(server):
    path = write(
        server.root / "works.ipynb",
        "import os\nfrom IPython.display import display, update_display\nos.getpid()",
        "shown = display('first', display_id=True)\nprint('a'); print('b')",
        "shown.update('second')",
    )
    connection_file = server.open_session(path.name)
    told = []
    assert notebooks.execute(path, connection_file, say=told.append) is None
    assert [text.split(":")[0] for text in told] == [f"cell {i} of 3" for i in (1, 2, 3)]

    notebook = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2, 3]
    assert notebook.cells[1].outputs[0].data["text/plain"] == "'second'"
    assert notebook.cells[1].outputs[1].text == "a\nb\n"
    assert "widgets" not in notebook.metadata
    assert NotebookNotary().check_signature(notebook), "the browser shows what is signed"

    # The session that a page at this path joins, with the same kernel and its variables.
    (session,) = [
        session for session in server.request("GET", "api/sessions") if session["path"] == path.name
    ]
    assert session["kernel"]["id"] in connection_file.name
    pid = notebook.cells[0].outputs[0].data["text/plain"]
    write(path, "os.getpid()")
    assert notebooks.execute(path, connection_file, say=told.append) is None
    assert nbformat.read(path, as_version=4).cells[0].outputs[0].data["text/plain"] == pid


def test_a_raising_cell_stops_and_its_traceback_is_returned(server):
    path = write(server.root / "raises.ipynb", "wrong = 1\nwrong / 0", "print('not reached')")
    traceback = notebooks.execute(path, server.open_session(path.name), say=str)
    assert "ZeroDivisionError" in traceback
    assert "wrong / 0" in traceback
    assert "\x1b" not in traceback
    written = nbformat.read(path, as_version=4)
    assert written.cells[0].outputs[0].ename == "ZeroDivisionError"
    assert written.cells[1].outputs == []


def test_a_dying_kernel_is_noticed_although_the_server_restarts_it(server):
    path = write(server.root / "dies.ipynb", "import os\nos.kill(os.getpid(), 9)")
    error = notebooks.execute(path, server.open_session(path.name), say=str)
    assert "kernel died" in error
    assert "os.kill" in error


# ---------------------------------------------------------------- the server


def test_the_server_is_on_the_loopback_address_and_wants_the_token(server):
    assert server.base_url.startswith("http://127.0.0.1:")
    stranger = LabServer(server.root)
    stranger.base_url = server.base_url
    with pytest.raises(LabError, match="403"):
        stranger.request("GET", "api/sessions")
    assert server.token not in server.log(1000)


def test_a_taken_port_is_named(server, tmp_path):
    port = int(server.base_url.rstrip("/").rsplit(":", 1)[1])
    second = LabServer(tmp_path, port=port)
    with pytest.raises(LabError, match=f"Port {port} is taken: choose another with --port"), second:
        pass


def test_the_users_own_settings_are_neither_read_nor_written(tmp_path, monkeypatch):
    config = tmp_path / "config"
    config.mkdir()
    mine = {"ServerApp": {"port": 1, "base_url": "/elsewhere/", "ip": "0.0.0.0"}}
    (config / "jupyter_server_config.json").write_text(json.dumps(mine))
    monkeypatch.setenv("JUPYTER_CONFIG_DIR", str(config))
    (tmp_path / "root").mkdir()
    with LabServer(tmp_path / "root", port=0) as server:
        assert server.base_url.startswith("http://127.0.0.1:")
        assert "elsewhere" not in server.base_url
    assert [path.name for path in config.iterdir()] == ["jupyter_server_config.json"]
    assert list((tmp_path / "root").iterdir()) == []


def test_missing_packages_are_named(monkeypatch):
    from zfwidgets.demo import lab

    monkeypatch.setattr(lab, "_NEEDED", ("json", "no_such_package"))
    with pytest.raises(MissingDependency, match=r'no_such_package.*pip install "zfwidgets\[lab\]"'):
        lab.require_lab()
