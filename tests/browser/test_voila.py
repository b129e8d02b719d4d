"""The lesson's notebook under Voila, as a pupil meets it where nobody shows code."""

from __future__ import annotations

import csv
import io
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.test_lesson import shot
from tests.classroom.test_deploy import free_port
from tests.waiting import MILLISECONDS, SECONDS


@pytest.fixture
def voila(root: Path, tmp_path: Path) -> Iterator[str]:
    """Where Voila shows the lesson "What does a layer see?"."""
    pytest.importorskip("voila", reason="Voila isn't installed: pip install voila")
    shutil.copy(root / "examples" / "lesson" / "1_seeing.ipynb", tmp_path)
    port, log = free_port(), (tmp_path / "log").open("w")
    command = [sys.executable, "-m", "voila", "1_seeing.ipynb", "--no-browser", f"--port={port}"]
    own = {"JUPYTER_DATA_DIR": str(tmp_path / "data"), "PYTHONPATH": str(root)}
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env={**os.environ, **own},
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}/"
    try:
        end = time.monotonic() + SECONDS
        while not listens(f"{url}voila/static/favicon.ico"):
            assert process.poll() is None, (tmp_path / "log").read_text()[-4000:]
            assert time.monotonic() < end, (tmp_path / "log").read_text()[-4000:]
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        try:
            process.wait(SECONDS)
        finally:
            process.kill()
            log.close()


def listens(url: str) -> bool:
    try:
        httpx.get(url, timeout=5)
    except httpx.TransportError:
        return False
    return True


def test_a_lesson_is_taken_under_voila(voila: str, browser: Browser) -> None:
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    try:
        page.set_default_timeout(MILLISECONDS)
        failures: list[str] = []
        page.on("pageerror", lambda error: failures.append(str(error)))
        page.goto(voila, wait_until="commit")
        box = page.locator(".zf-lesson-box")
        expect(box.locator(".zf-question [data-phase=asked]")).to_have_count(
            5, timeout=MILLISECONDS
        )
        expect(page.locator(".jp-InputArea-editor, .CodeMirror")).to_have_count(0)  # no code
        explorer = page.locator(".zf-explorer")
        expect(explorer).to_have_attribute("data-zf-settled", "true")
        expect(explorer.locator(".zf-patch:not([disabled])")).to_have_count(9)

        # a question is answered, checked in the kernel, and in the file
        question = box.locator(".zf-question").nth(2)
        question.get_by_role("radio").nth(1).check()
        question.get_by_role("button", name="Check my answer").click()
        verdict = question.locator(".zf-lesson-verdict")
        expect(verdict).to_be_visible()
        right = "Right." in verdict.inner_text()
        foot = box.locator(".zf-worksheet-board").last
        expect(foot).to_contain_text(f"{int(right)} of 1 right. 4 to go.")
        with page.expect_download() as download:
            foot.get_by_role("button", name="Save answers (CSV)").click()
        rows = list(csv.DictReader(io.StringIO(download.value.path().read_text("utf-8"))))
        assert [(row["question"], row["correct"]) for row in rows] == [("3", str(right))]
        assert rows[0]["answer"].startswith("B: ")
        shot(page.locator("body"), "voila")
        assert failures == []
    finally:
        page.close()
