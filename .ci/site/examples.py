"""The examples' page: that of ``examples/``, and where each notebook opens without an install.

The links to Binder and Colab are made from ``Repository`` in pyproject.toml's ``[project.urls]``;
without it there are none.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from pages import ROOT

sys.path.append(str(ROOT / ".ci"))
from repository import repository

PAGE = ROOT / "examples" / "README.md"


def links(path: str, where: str) -> str:
    """Markdown links that open a notebook of the repository `where`, ``owner/name``."""
    binder = f"https://mybinder.org/v2/gh/{where}/HEAD?labpath={path}"
    colab = f"https://colab.research.google.com/github/{where}/blob/HEAD/{path}"
    return f"[Binder]({binder}) · [Colab]({colab})"


def write(out: Path) -> None:
    """Write the page, and beside it the notebooks and their small pictures."""
    where = repository((ROOT / "pyproject.toml").read_text("utf-8"))
    text = PAGE.read_text("utf-8")
    for path in [*notebooks(), *sorted((ROOT / "examples" / "thumbnails").glob("*.webp"))]:
        copy = out / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    if where is not None:
        text += "\nOpened without an install:\n\n"
        for path in notebooks():
            text += f"- {path.stem}: {links(path.relative_to(ROOT).as_posix(), where)}\n"
    copy = out / PAGE.relative_to(ROOT)
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_text(text, "utf-8")


def notebooks() -> list[Path]:
    """All of them, the quickstart first."""
    found = sorted((ROOT / "examples").rglob("*.ipynb"))
    return sorted(found, key=lambda path: path.stem != "quickstart")
