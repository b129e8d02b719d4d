"""A JupyterLab of our own: on the loopback address, with a token, without the user's settings."""

from __future__ import annotations

import importlib.util
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlencode
from urllib.request import ProxyHandler, Request, build_opener

from ..errors import MissingDependency, ZfError
from . import watched

_NEEDED = ("jupyterlab", "jupyter_server", "ipykernel", "nbclient", "nbformat", "jupyter_client")
# A proxy for the outside world must not see requests to this machine.
_opener = build_opener(ProxyHandler({}))


class LabError(ZfError, RuntimeError):
    """JupyterLab didn't start or didn't do what was asked."""


def require_lab() -> None:
    """Raise MissingDependency unless JupyterLab and what runs notebooks are installed."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingDependency(
            f"The demo needs {', '.join(missing)}, which this Python ({sys.executable}) doesn't "
            'have: `pip install "zfwidgets[lab]"`.'
        )


class LabServer:
    """JupyterLab in a process of its own, stopped with its kernels on leaving the context.

    Parameters
    ----------
    root : Path
        Folder that it serves.
    port : int, optional
        Exactly this port, 0 for any free one; 8888 or the next free one if not given.
    expose_app : bool
        Let scripts in the page reach the application as ``window.jupyterapp`` (for tests).
    extensions : sequence of str
        Server extensions to switch on, beside those that every server in this environment has.
    say : callable
        Told about progress.
    """

    def __init__(
        self,
        root: Path,
        *,
        port: int | None = None,
        expose_app: bool = False,
        extensions: Sequence[str] = ("zfwidgets.server",),
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        self.root = root.resolve()
        self.token = secrets.token_hex(24)
        self.base_url = ""
        self._port = port
        self._expose_app = expose_app
        self._extensions = extensions
        self._say = say
        self._state: Path | None = None
        self._process: subprocess.Popen[bytes] | None = None

    # ------------------------------------------------------------ life

    def __enter__(self) -> LabServer:
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self, timeout: float = 300) -> None:
        """Start the server and wait until it answers."""
        self._say("starting JupyterLab")
        self._state = Path(tempfile.mkdtemp(prefix="zfwidgets-lab-"))
        self._configure(self._state)
        environment = {
            **os.environ,
            "JUPYTER_TOKEN": self.token,  # not an argument: those are for everybody to read
            "JUPYTER_CONFIG_DIR": str(self._state / "config"),
            "JUPYTER_RUNTIME_DIR": str(self._state / "runtime"),
            "JUPYTER_PATH": os.pathsep.join(
                filter(None, [str(self._state / "share"), os.environ.get("JUPYTER_PATH")])
            ),
        }
        # In a process group of its own Ctrl-C reaches us alone, and we stop it in good order.
        group: dict[str, Any] = (
            {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)}
            if os.name == "nt"
            else {"start_new_session": True}
        )
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", watched.__name__, str(self._state), "--no-browser"],
                cwd=self.root,
                env=environment,
                stdin=subprocess.PIPE,  # its end tells that we are no more
                stdout=log,
                stderr=subprocess.STDOUT,
                **group,
            )
        deadline = time.monotonic() + timeout
        while not self._answers():
            if self._process.poll() is not None:
                raise LabError(f"JupyterLab ended while starting.{self._hint()}\n{self.log()}")
            if time.monotonic() > deadline:
                raise LabError(f"JupyterLab didn't answer within {timeout:.0f} s.\n{self.log()}")
            time.sleep(0.1)
        self._say(f"JupyterLab answers on {self.base_url}")

    def _configure(self, state: Path) -> None:
        """Write the configuration that the server sees instead of the user's."""
        ports = {"port": 8888 if self._port is None else self._port}
        ports["port_retries"] = 50 if self._port is None else 0
        server = {
            "ip": "127.0.0.1",
            **ports,
            "root_dir": str(self.root),
            "open_browser": False,
            "allow_root": True,
        }
        lab = {
            "expose_app_in_browser": self._expose_app,
            # Nothing here asks the network for anything.
            "news_url": None,
            "check_for_updates_class": "jupyterlab.NeverCheckForUpdate",
            "extension_manager": "readonly",
        }
        settings = {
            "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
            # Cells out of sight are drawn too, so that widgets are live before one scrolls.
            "notebook-extension/tracker": {"windowingMode": "none"},
        }
        # This interpreter, whatever kernels the user has under the same name.
        kernel = {
            "argv": [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            "display_name": "Python 3",
            "language": "python",
            "metadata": {"debugger": True},
        }
        files: dict[str, Any] = {
            "config/jupyter_server_config.json": {"ServerApp": server},
            "config/jupyter_lab_config.json": {"LabApp": lab},
            "share/kernels/python3/kernel.json": kernel,
        }
        for name, value in settings.items():
            files[f"config/lab/user-settings/@jupyterlab/{name}.jupyterlab-settings"] = value
        for name in self._extensions:
            # What `jupyter server extension enable NAME` writes.
            files[f"config/jupyter_server_config.d/{name}.json"] = {
                "ServerApp": {"jpserver_extensions": {name: True}}
            }
        (state / "runtime").mkdir(mode=0o700)
        for name, content in files.items():
            path = state / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), "utf-8")

    def _answers(self) -> bool:
        """Find out where the server listens, and whether it does."""
        assert self._state is not None
        # The file is named after the server's process, which on Windows isn't the one we started.
        for path in (self._state / "runtime").glob("jpserver-*.json"):
            try:
                self.base_url = json.loads(path.read_text("utf-8"))["url"]
                self.request("GET", "api/status")
            except (ValueError, KeyError, OSError, LabError):
                return False
            return True
        return False

    def wait(self) -> None:
        """Wait until the server ends."""
        assert self._process is not None
        while self._process.poll() is None:
            time.sleep(0.2)  # unlike Popen.wait, lets Ctrl-C through on Windows

    def stop(self) -> None:
        """Stop the server and its kernels, kindly first."""
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                try:
                    self.request("POST", "api/shutdown")
                    process.wait(15)
                except (LabError, ValueError, subprocess.TimeoutExpired):
                    process.terminate()
                    try:
                        process.wait(15)
                    except subprocess.TimeoutExpired:
                        process.kill()
                        process.wait()
            if process.stdin is not None:
                process.stdin.close()
        if self._state is not None:
            shutil.rmtree(self._state, ignore_errors=True)
            self._state = None

    # ------------------------------------------------------------ use

    @property
    def log_file(self) -> Path:
        """File that has what the server prints."""
        assert self._state is not None
        return self._state / "lab.log"

    def log(self, lines: int = 30) -> str:
        """Return the last lines of what the server printed, without the token."""
        text = self.log_file.read_text("utf-8", errors="replace").replace(self.token, "...")
        return "\n".join(text.splitlines()[-lines:])

    def _hint(self) -> str:
        if self._port and "already in use" in self.log():
            return f" Port {self._port} is taken: choose another with --port."
        return ""

    def url(self, path: str) -> str:
        """Address of `path` on this server, token included."""
        return f"{self.base_url}{quote(path)}?{urlencode({'token': self.token})}"

    def request(self, method: str, path: str, body: Any = None) -> Any:
        """Send a request to the server's REST API and return the decoded answer, if any."""
        request = Request(
            self.base_url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"token {self.token}", "Content-Type": "application/json"},
        )
        try:
            with _opener.open(request, timeout=300) as answer:
                content = answer.read()
        except HTTPError as error:
            detail = error.read().decode("utf-8", "replace")[:500]
            raise LabError(f"JupyterLab answered {method} {path} with {error}: {detail}") from error
        except (URLError, OSError) as error:
            raise LabError(f"JupyterLab didn't answer {method} {path}: {error}") from error
        return json.loads(content) if content else None

    def open_session(self, path: str) -> Path:
        """Start a kernel for the notebook at `path` and return its connection file.

        A page that opens the notebook later joins this session, and so this kernel.

        Parameters
        ----------
        path : str
            Notebook, relative to the server's root.
        """
        assert self._state is not None
        session = self.request(
            "POST",
            "api/sessions",
            {"path": path, "name": path, "type": "notebook", "kernel": {"name": "python3"}},
        )
        return self._state / "runtime" / f"kernel-{session['kernel']['id']}.json"
