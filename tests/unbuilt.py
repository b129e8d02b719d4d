"""Empty modules in the place of the built JavaScript, which Python's tests don't need."""

from __future__ import annotations

from pathlib import Path

import pytest

from zfwidgets.widgets import bundle

ENTRIES = Path(__file__).parents[1] / "js" / "src" / "widgets" / "alone"


def stand_in(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Have widgets and reports take their scripts from a folder of empty modules."""
    for module in ("widgets", *(entry.stem for entry in ENTRIES.glob("*.ts")), "report"):
        (folder / f"{module}.js").write_text("export default {};")
    monkeypatch.setattr(bundle, "STATIC", folder)
