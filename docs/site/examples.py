"""The examples' page: each notebook, and where it can be opened without installing anything.

The links to Binder and Colab are made from ``Repository`` in pyproject.toml's ``[project.urls]``;
without it there are none.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from pages import ROOT

TEXT = """\
# Examples

Notebooks to run and to change. `make demo` opens the first one, already run. Most take minutes;
`ZFWIDGETS_FULL=1` runs those that train at length."""


def repository(pyproject: str) -> str | None:
    """Address of the repository on GitHub, as ``owner/name``."""
    table = re.search(r"^\[project\.urls\]\n((?:.+\n)*)", pyproject, re.MULTILINE)
    found = table and re.search(
        r'^Repository = "https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?"',
        table[1],
        re.MULTILINE,
    )
    return found[1] if found else None


def title(notebook: Path) -> str:
    """First heading of a notebook."""
    for cell in json.loads(notebook.read_text("utf-8"))["cells"]:
        if cell["cell_type"] == "markdown":
            head = re.match(r"#+ (.+)", "".join(cell["source"]))
            if head:
                return head[1]
    return notebook.stem


def links(path: str, where: str | None) -> str:
    """Markdown links that open a notebook of the repository `where`, ``owner/name``."""
    if where is None:
        return ""
    binder = f"https://mybinder.org/v2/gh/{where}/HEAD?labpath={path}"
    colab = f"https://colab.research.google.com/github/{where}/blob/HEAD/{path}"
    return f" · [Binder]({binder}) · [Colab]({colab})"


def write(out: Path) -> None:
    """Write the page, and the notebooks beside it."""
    where = repository((ROOT / "pyproject.toml").read_text("utf-8"))
    lines = []
    for notebook in notebooks():
        path = notebook.relative_to(ROOT).as_posix()
        copy = out / path
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(notebook, copy)
        lines.append(f"- [{title(notebook)}]({path}){links(path, where)}")
    (out / "examples.md").write_text("\n\n".join([TEXT, "\n".join(lines)]) + "\n", "utf-8")


def notebooks() -> list[Path]:
    """All of them, the quickstart first."""
    found = sorted((ROOT / "examples").rglob("*.ipynb"))
    return sorted(found, key=lambda path: path.stem != "quickstart")
