"""`zfwidgets serve` as a process, and what is asked of it."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.harness import ROOT
from zfwidgets.widgets import requests

STUDENT, TEACHER = "for-students", "for-the-teacher"
LONGEST = 600.0
"""Seconds for which anything is waited for."""

Unit = tuple[str, int]


class Served:
    """`zfwidgets serve` as a process."""

    def __init__(self, folder: Path, *more: str) -> None:
        self._command = [
            *(sys.executable, "-m", "zfwidgets", "serve", "--token", STUDENT),
            *("--teacher-token", TEACHER, "--answers", str(folder), *more),
        ]
        self.url = ""
        self._port = "0"
        self.start()

    def start(self) -> None:
        """Start it, again on the same port, and wait until it is there."""
        command = [*self._command, "--port", self._port]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"Serving (http://\S+:(\d+))", line):
                self.url, self._port = found[1], found[2]
                return
        raise SystemExit("The server didn't start.")

    def kill(self) -> None:
        """End it without a word."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def memory(self) -> float:
        """MB that are resident."""
        return psutil.Process(self.process.pid).memory_info().rss / 1e6

    def seconds(self) -> float:
        """CPU time that it took."""
        times = psutil.Process(self.process.pid).cpu_times()
        return times.user + times.system

    def metric(self, name: str) -> float:
        """A number of its metrics."""
        headers = {"authorization": f"Bearer {TEACHER}"}
        text = httpx.get(f"{self.url}/v1/metrics", headers=headers, timeout=30).text
        found = re.search(rf"^zfwidgets_{name} (\S+)$", text, flags=re.MULTILINE)
        assert found is not None, name
        return float(found[1])

    def prepared(self) -> float:
        """Wait until nothing is left to be computed ahead; seconds."""
        began = time.monotonic()
        while self.metric("preparing"):
            time.sleep(1.0)
        return time.monotonic() - began


def grid(unit: Unit) -> list[Any]:
    """What a page asks for when a channel is chosen."""
    top = {"layer": unit[0], "channel": unit[1], "k": requests.PATCHES}
    return [("top", top), ("projections", {**top, "rule": "deconvnet"})]
